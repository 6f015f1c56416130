"""The permission that each command needs: the same names as for pages and the API.

At the machine its user holds all of them (:func:`commands.local.principal`) and is named in the audit log. What somebody may be given
in place of a shell is read from here.
"""

from __future__ import annotations

from collections.abc import Mapping

MACHINE = "the machine"
"""For what only the machine's administrator does: its processes, its database, an organisation's file."""

NEEDED: Mapping[str, str] = {
    **dict.fromkeys(("up", "demo", "doctor", "provision", "feed draft"), MACHINE),
    **dict.fromkeys(("sandbox status", "sandbox off", "sandbox on"), MACHINE),
    **dict.fromkeys(
        ("db upgrade", "db backup", "db restore", "db tally", "people first-administrator", "explain"), MACHINE
    ),
    **dict.fromkeys(("check", "send"), "file.upload"),
    "approve": "campaign.approve",
    **dict.fromkeys(("contacts list", "contacts show", "contacts duplicates"), "contact.see"),
    **dict.fromkeys(
        (
            *("contacts add", "contacts change", "contacts remove", "contacts restore", "contacts attribute"),
            *("contacts merge", "contacts unmerge", "contacts import"),
        ),
        "contact.edit",
    ),
    "contacts export": "contact.export",
    **dict.fromkeys(("pause", "resume", "cancel"), "campaign.control"),
    **dict.fromkeys(("suspend", "lift"), "channel.suspend"),
    **dict.fromkeys(("suppress", "unsuppress"), "suppression.edit"),
    "suppressions": "suppression.see",
    "campaigns": "campaign.see",
    "alerts": "alert.see",
    **dict.fromkeys(("doubts", "recipient"), "message.see"),
    "decide": "doubt.decide",
    "replies": "reply.see",
    "report": "report.see",
    **dict.fromkeys(("people invite", "people invite-again"), "people.invite"),
    **dict.fromkeys(("people list", "access roles", "access explain", "access who"), "people.see"),
    **dict.fromkeys(("people disable", "people enable", "people reset"), "people.edit"),
    **dict.fromkeys(("access grant", "access withdraw"), "people.grant"),
    **dict.fromkeys(("lists list", "lists show", "segments list", "segments show"), "contact.see"),
    **dict.fromkeys(("groups list", "groups show"), "contact.see"),
    **dict.fromkeys(("groups make", "groups change", "groups remove"), "contact.edit"),
    **dict.fromkeys(("lists make", "lists change", "lists remove"), "list.edit"),
    **dict.fromkeys(("segments make", "segments change", "segments remove"), "list.edit"),
    **dict.fromkeys(("consents show", "consents evidence", "preferences show"), "contact.see"),
    **dict.fromkeys(
        (
            "consents give",
            "consents ask",
            "consents withdraw",
            "consents text",
            "preferences set",
            "preferences import",
        ),
        "consent.edit",
    ),
    "keys list": "key.see",
    **dict.fromkeys(("keys new", "keys rotate", "keys revoke"), "key.edit"),
    **dict.fromkeys(("imports list", "imports show"), "contact.see"),
    **dict.fromkeys(("imports new", "imports apply", "imports discard", "imports undo"), "contact.edit"),
    **dict.fromkeys(("audit list", "audit export", "audit verify"), "audit.see"),
}
"""By the command's whole name; :data:`MACHINE` where no permission stands for it."""
