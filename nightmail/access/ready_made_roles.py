"""The roles that the product brings, by what their people do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nightmail.access.permissions import Permission

P = Permission


@dataclass(frozen=True, slots=True)
class ReadyMade:
    """A role that the product brings."""

    name: str
    title: str
    description: str
    permissions: frozenset[Permission]


_VIEWER = frozenset(
    {
        *(P.CAMPAIGN_SEE, P.MESSAGE_SEE, P.FILE_SEE, P.CONTACT_SEE, P.SUPPRESSION_SEE, P.TEMPLATE_SEE, P.FEED_SEE),
        *(P.REPLY_SEE, P.REPORT_SEE, P.ALERT_SEE, P.TEAM_SEE),
    }
)
_OPERATION = {P.CAMPAIGN_CONTROL, P.DOUBT_DECIDE, P.CHANNEL_SUSPEND, P.SUPPRESSION_EDIT, P.ALERT_CLOSE, P.PIPELINE_SEE}
_CONTACTS = {P.CONTACT_EDIT, P.CONTACT_EXPORT, P.LIST_EDIT, P.CONSENT_EDIT, P.SUPPRESSION_EDIT, P.ERASURE_ASK}
_AUDIT = {P.AUDIT_SEE, P.PEOPLE_SEE, P.KEY_SEE, P.CARRIER_SEE, P.PRICE_SEE, P.REPORT_EXPORT}
_OF_THE_DEPLOYMENT = {P.CARRIER_EDIT, P.PRICE_EDIT, P.LOGIN_EDIT, P.ERASURE_APPROVE, P.PIPELINE_SEE, P.PIPELINE_OPERATE}

READY_MADE: tuple[ReadyMade, ...] = (
    ReadyMade("viewer", "Viewer", "Sees what is sent and what becomes of it, without personal data.", _VIEWER),
    ReadyMade("analyst", "Analyst", "Sees and takes out reports, without personal data.", _VIEWER | {P.REPORT_EXPORT}),
    ReadyMade(
        "operator",
        "Operator",
        "Keeps sends going: pauses, resumes, cancels, suspends channels, decides doubts. No personal data.",
        _VIEWER | _OPERATION,
    ),
    ReadyMade(
        "dispatcher",
        "Dispatcher",
        "Sends: uploads files, sends to lists and single recipients, reads and answers replies.",
        _VIEWER | {P.CAMPAIGN_SEND, P.FILE_UPLOAD, P.REPLY_ANSWER, P.PRICE_SEE, P.PERSONAL_SEE},
    ),
    ReadyMade("author", "Author", "Writes and publishes templates.", _VIEWER | {P.TEMPLATE_EDIT, P.TEMPLATE_PUBLISH}),
    ReadyMade(
        "approver", "Approver", "Approves what others want to send.", _VIEWER | {P.CAMPAIGN_APPROVE, P.PRICE_SEE}
    ),
    ReadyMade(
        "contact_manager",
        "Contact manager",
        "Keeps contacts, lists, consents and suppressions.",
        _VIEWER | _CONTACTS | {P.PERSONAL_SEE},
    ),
    ReadyMade(
        "team_administrator",
        "Team administrator",
        "Everything at a team but carriers, prices, the ways to log in, approval of erasures and the pipeline.",
        frozenset(Permission) - _OF_THE_DEPLOYMENT,
    ),
    ReadyMade(
        "organisation_administrator",
        "Organisation administrator",
        "Everything.",
        frozenset(Permission),
    ),
    ReadyMade("auditor", "Auditor", "Sees who may do what and who did what, without personal data.", _VIEWER | _AUDIT),
)
"""The roles that the product brings, by what their people do. No one but their administrators holds more than needed."""

READY_MADE_BY_NAME: Mapping[str, ReadyMade] = {role.name: role for role in READY_MADE}
ADMINISTRATOR = "organisation_administrator"
