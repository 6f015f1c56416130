"""Where a campaign comes from and who did what with it: its files and how they were read, its history."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from nightmail.access.permissions import Permission
from nightmail.campaigns.history import campaign_history
from nightmail.intake.campaign_files import files_of_campaign
from nightmail.intake.list_sends import source_of_campaign
from portal.state import PortalState
from portal.web.actors import actor_names
from portal.web.campaigns.one_campaign import CampaignKey, around, may, seen_campaign
from portal.web.rendering import render
from portal.web.signed_in import SignedIn, needs

router = APIRouter(include_in_schema=False)
PAGE = 50
Reader = Annotated[SignedIn, needs(Permission.CAMPAIGN_SEE)]


@router.get("/campaigns/{campaign}/files")
def files(campaign: CampaignKey, request: Request, portal: PortalState, me: Reader) -> Response:
    """The files that came in, and how they were understood."""
    with portal.engine.connect() as connection:
        row = seen_campaign(connection, me, campaign)
        made_of = source_of_campaign(connection, row)
        found = files_of_campaign(connection, row.id) if made_of is None else []
    return render(
        request,
        "campaigns/files.html",
        **around(me, row),
        files=found,
        made_of=made_of,
        read_as=row.counts.get("read_as") or {},
    )


@router.get("/campaigns/{campaign}/history")
def history(
    campaign: CampaignKey,
    request: Request,
    portal: PortalState,
    me: Reader,
    after: Annotated[str, Query(pattern=r"^[0-9]{0,18}$")] = "",
) -> Response:
    """Who did what with the campaign, and when it changed from state to state; the newest first."""
    with portal.engine.connect() as connection:
        row = seen_campaign(connection, me, campaign)
        found = campaign_history(connection, row, after=int(after) if after else None, limit=PAGE + 1)
        names = actor_names(connection, [entry.actor for entry in found])
    shown, base = found[:PAGE], f"/campaigns/{row.key}/history"
    return render(
        request,
        "campaigns/history.html",
        **around(me, row),
        entries=[(entry, names[entry.actor]) for entry in shown],
        sees_log=may(me, Permission.AUDIT_SEE, row),
        newer=base if after else None,
        older=f"{base}?after={shown[-1].position}" if found[PAGE:] else None,
    )
