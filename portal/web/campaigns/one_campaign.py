"""What the pages of one campaign share: finding it for who asks, its tabs, and what one may do with it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path
from sqlalchemy import Connection

from nightmail.access.decisions import allowed
from nightmail.access.permissions import Permission
from nightmail.campaigns.campaign_lists import visible_campaign
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.errors import UsageError
from nightmail.store.states import CAMPAIGN_TRANSITIONS, CampaignState
from portal.problems import RequestError
from portal.web.signed_in import SignedIn
from portal.web.translating import gettext

CampaignKey = Annotated[str, Path(max_length=250)]
_S = CampaignState


def seen_campaign(
    connection: Connection, me: SignedIn, key: str, permission: Permission = Permission.CAMPAIGN_SEE
) -> CampaignRow:
    """The campaign of a key, for who may see it and holds ``permission`` at its team; for anybody else there is no such page."""
    try:
        row = visible_campaign(connection, me.principal, key.replace("\x00", ""))
    except UsageError:
        raise RequestError("not_found", what="page") from None
    if not allowed(me.principal, permission, row.team).yes:
        raise RequestError("not_found", what="page")
    return row


def may(me: SignedIn, permission: Permission, row: CampaignRow) -> bool:
    """Whether somebody holds ``permission`` at a campaign's team."""
    return allowed(me.principal, permission, row.team).yes


def around(me: SignedIn, row: CampaignRow) -> dict[str, Any]:
    """What every page of a campaign takes besides its own: the campaign, its tabs and its orders."""
    return {"row": row, "tabs_of_campaign": _tabs(me, row), "orders": _orders(me, row)}


def _tabs(me: SignedIn, row: CampaignRow) -> list[tuple[str, str, int | None]]:
    base, counts = f"/campaigns/{row.key}", row.counts
    unusable = int(counts.get("rejects", 0)) + int(counts.get("duplicates", 0)) if "contacts" in counts else None
    tabs = [
        (Permission.CAMPAIGN_SEE, base, gettext("Overview"), None),
        (Permission.FILE_SEE, f"{base}/rejects", gettext("Rejects and duplicates"), unusable),
        (Permission.CAMPAIGN_SEE, f"{base}/contacts", gettext("Planned and held"), counts.get("contacts")),
        (Permission.MESSAGE_SEE, f"{base}/messages", gettext("Messages"), counts.get("messages")),
        (Permission.MESSAGE_SEE, f"{base}/attempts", gettext("Attempts"), None),
        (Permission.REPORT_SEE, f"{base}/costs", gettext("Costs"), None),
        (Permission.CAMPAIGN_SEE, f"{base}/files", gettext("Files"), None),
        (Permission.CAMPAIGN_SEE, f"{base}/history", gettext("History"), None),
    ]
    return [(address, label, count) for permission, address, label, count in tabs if may(me, permission, row)]


def _orders(me: SignedIn, row: CampaignRow) -> frozenset[str]:
    """What somebody may order now: ``approve``, ``schedule``, ``pause``, ``resume``, ``cancel``."""
    ways = CAMPAIGN_TRANSITIONS[row.state]
    found = set()
    if may(me, Permission.CAMPAIGN_APPROVE, row) and row.state is _S.AWAITING_APPROVAL:
        found.add("approve")
    if may(me, Permission.CAMPAIGN_CONTROL, row):
        if _S.PAUSED in ways:
            found.add("pause")
        if _S.CANCELLED in ways:
            found.add("cancel")
        if row.state is _S.PAUSED:
            found.add("resume")
        if row.state is _S.SCHEDULED and row.local_start is None:
            found.add("schedule")
    return frozenset(found)
