"""The vocabulary of rights: one for people and programs, for pages, API and commands alike.

A permission reads ``noun.verb``. Roles and API keys are sets of them. What it allows, it allows at a team and below.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from nightmail.errors import UsageError


class Permission(StrEnum):
    """One right. :data:`PERMISSION_MEANINGS` says what each lets somebody do."""

    CAMPAIGN_SEE = "campaign.see"
    CAMPAIGN_SEND = "campaign.send"
    CAMPAIGN_APPROVE = "campaign.approve"
    CAMPAIGN_CONTROL = "campaign.control"
    MESSAGE_SEE = "message.see"
    DOUBT_DECIDE = "doubt.decide"
    FILE_UPLOAD = "file.upload"
    FILE_SEE = "file.see"
    CONTACT_SEE = "contact.see"
    CONTACT_EDIT = "contact.edit"
    CONTACT_EXPORT = "contact.export"
    LIST_EDIT = "list.edit"
    CONSENT_EDIT = "consent.edit"
    SUPPRESSION_SEE = "suppression.see"
    SUPPRESSION_EDIT = "suppression.edit"
    TEMPLATE_SEE = "template.see"
    TEMPLATE_EDIT = "template.edit"
    TEMPLATE_PUBLISH = "template.publish"
    FEED_SEE = "feed.see"
    FEED_EDIT = "feed.edit"
    REPLY_SEE = "reply.see"
    REPLY_ANSWER = "reply.answer"
    REPORT_SEE = "report.see"
    REPORT_EXPORT = "report.export"
    PERSONAL_SEE = "personal.see"
    ALERT_SEE = "alert.see"
    ALERT_CLOSE = "alert.close"
    CHANNEL_SUSPEND = "channel.suspend"
    CARRIER_SEE = "carrier.see"
    CARRIER_EDIT = "carrier.edit"
    PRICE_SEE = "price.see"
    PRICE_EDIT = "price.edit"
    WEBHOOK_EDIT = "webhook.edit"
    TEAM_SEE = "team.see"
    TEAM_EDIT = "team.edit"
    PEOPLE_SEE = "people.see"
    PEOPLE_INVITE = "people.invite"
    PEOPLE_EDIT = "people.edit"
    PEOPLE_GRANT = "people.grant"
    ROLE_EDIT = "role.edit"
    KEY_SEE = "key.see"
    KEY_EDIT = "key.edit"
    LOGIN_EDIT = "login.edit"
    AUDIT_SEE = "audit.see"
    ERASURE_ASK = "erasure.ask"
    ERASURE_APPROVE = "erasure.approve"
    PIPELINE_SEE = "pipeline.see"
    PIPELINE_OPERATE = "pipeline.operate"


PERMISSION_MEANINGS: Mapping[Permission, str] = {
    Permission.CAMPAIGN_SEE: "see campaigns, uploaded files' states, counts and forecasts",
    Permission.CAMPAIGN_SEND: "send: single messages, lists and files through a form",
    Permission.CAMPAIGN_APPROVE: "approve campaigns that wait for it",
    Permission.CAMPAIGN_CONTROL: "pause, resume and cancel campaigns",
    Permission.MESSAGE_SEE: "see what became of each message, and which are in doubt",
    Permission.DOUBT_DECIDE: "decide about messages in doubt",
    Permission.FILE_UPLOAD: "upload contact files to feeds, which send them",
    Permission.FILE_SEE: "see contact files and, with `personal.see`, the rows that were not taken",
    Permission.CONTACT_SEE: "see the contact book",
    Permission.CONTACT_EDIT: "change and import contacts and groups",
    Permission.CONTACT_EXPORT: "take contacts out as a file",
    Permission.LIST_EDIT: "change distribution lists",
    Permission.CONSENT_EDIT: "record and withdraw consents",
    Permission.SUPPRESSION_SEE: "see why an address is not used",
    Permission.SUPPRESSION_EDIT: "suppress addresses and lift suppressions",
    Permission.TEMPLATE_SEE: "see templates",
    Permission.TEMPLATE_EDIT: "write templates",
    Permission.TEMPLATE_PUBLISH: "make a template's new version the one that is sent",
    Permission.FEED_SEE: "see feeds and what their templates take",
    Permission.FEED_EDIT: "change feeds",
    Permission.REPLY_SEE: "see that recipients answered and, with `personal.see`, what they said",
    Permission.REPLY_ANSWER: "answer recipients",
    Permission.REPORT_SEE: "see delivery and usage reports",
    Permission.REPORT_EXPORT: "take reports out as files",
    Permission.PERSONAL_SEE: "see personal data: addresses, names, what was written; masked or left out without it",
    Permission.ALERT_SEE: "see what people must look at",
    Permission.ALERT_CLOSE: "close alerts",
    Permission.CHANNEL_SUSPEND: "suspend channels and use them again",
    Permission.CARRIER_SEE: "see carrier accounts and senders, without their secrets",
    Permission.CARRIER_EDIT: "change carrier accounts and senders",
    Permission.PRICE_SEE: "see price lists and budgets",
    Permission.PRICE_EDIT: "change price lists and budgets",
    Permission.WEBHOOK_EDIT: "see webhooks, register and end them",
    Permission.TEAM_SEE: "see teams and their settings",
    Permission.TEAM_EDIT: "make teams and change their settings",
    Permission.PEOPLE_SEE: "see people and what they may do",
    Permission.PEOPLE_INVITE: "invite people",
    Permission.PEOPLE_EDIT: "disable and enable people, end their sessions, reset their factors",
    Permission.PEOPLE_GRANT: "give roles and withdraw them, up to what one holds oneself",
    Permission.ROLE_EDIT: "make roles and change them, up to what one holds oneself",
    Permission.KEY_SEE: "see API keys, without their secrets",
    Permission.KEY_EDIT: "make, rotate and revoke API keys, up to what one holds oneself",
    Permission.LOGIN_EDIT: "set how people log in: second factor, single sign-on, identity providers",
    Permission.AUDIT_SEE: "see the audit log",
    Permission.ERASURE_ASK: "ask for the erasure of a person's data",
    Permission.ERASURE_APPROVE: "approve an erasure",
    Permission.PIPELINE_SEE: "see Dagster's runs, assets and schedules",
    Permission.PIPELINE_OPERATE: "start and stop Dagster's runs",
}
"""What each permission lets somebody do; begins with a verb."""

PERMISSIONS_OF_SCOPE: Mapping[str, tuple[Permission, ...]] = {
    "files:write": (Permission.FILE_UPLOAD,),
    "messages:write": (Permission.CAMPAIGN_SEND,),
    "campaigns:read": (Permission.CAMPAIGN_SEE, Permission.MESSAGE_SEE, Permission.FEED_SEE),
    "campaigns:write": (Permission.CAMPAIGN_APPROVE, Permission.CAMPAIGN_CONTROL),
    "doubts:write": (Permission.DOUBT_DECIDE,),
    "rejects:read": (Permission.FILE_SEE, Permission.PERSONAL_SEE),
    "reports:read": (Permission.REPORT_SEE,),
    "replies:read": (Permission.REPLY_SEE, Permission.PERSONAL_SEE),
    "channels:write": (Permission.CHANNEL_SUSPEND,),
    "suppressions:read": (Permission.SUPPRESSION_SEE,),
    "suppressions:write": (Permission.SUPPRESSION_EDIT,),
    "alerts:read": (Permission.ALERT_SEE,),
    "alerts:write": (Permission.ALERT_CLOSE,),
    "webhooks:write": (Permission.WEBHOOK_EDIT, Permission.PERSONAL_SEE),
}
"""The scopes of API keys before there were permissions, and what each stands for."""

_KNOWN = frozenset(str(permission) for permission in Permission)


def permissions_named(names: Iterable[str]) -> frozenset[Permission]:
    """The permissions that names mean; those of scopes are taken too.

    Raises :class:`UsageError` (``permission_unknown``) for a name that is neither, and for none at all.
    """
    found: set[Permission] = set()
    unknown: list[str] = []
    for name in names:
        if name in PERMISSIONS_OF_SCOPE:
            found.update(PERMISSIONS_OF_SCOPE[name])
        elif name in _KNOWN:
            found.add(Permission(name))
        else:
            unknown.append(str(name))
    if unknown or not found:
        raise UsageError("permission_unknown", value=", ".join(unknown) or "(none given)", known=", ".join(Permission))
    return frozenset(found)


def permission_named(name: str) -> Permission:
    """The permission of a name. Raises :class:`UsageError` (``permission_unknown``)."""
    if name not in _KNOWN:
        raise UsageError("permission_unknown", value=name[:60], known=", ".join(Permission))
    return Permission(name)


def scopes_among(names: Iterable[str]) -> list[str]:
    """Those of the names that are scopes of earlier versions."""
    return sorted({name for name in names if name in PERMISSIONS_OF_SCOPE})


def known_permissions(stored: Iterable[str]) -> frozenset[Permission]:
    """Those of stored names that are permissions; one of a later version is left out, and so allows nothing."""
    return frozenset(Permission(name) for name in stored if name in _KNOWN)
