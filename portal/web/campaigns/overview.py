"""One campaign: its state and what needs a person, its flow from rows to receipts, live while it moves."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from nightmail.access.permissions import Permission
from nightmail.campaigns.approval import waits_for_approval
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.held_channels import held_channels
from nightmail.forecasts.recorded_forecasts import present_forecast
from nightmail.reasons import Surface
from nightmail.reports.campaign_flow import campaign_flow
from nightmail.reports.campaign_messages import ReportLine, report_lines
from nightmail.reports.message_outcomes import pace_now
from nightmail.store.states import CampaignState
from portal.state import PortalState
from portal.web.campaigns.flow_of_campaign import drawn
from portal.web.campaigns.one_campaign import CampaignKey, around, may, seen_campaign
from portal.web.campaigns.words import MOVES_BY_ITSELF
from portal.web.reason_words import reasons_counted
from portal.web.rendering import render
from portal.web.signed_in import SignedIn, needs

router = APIRouter(include_in_schema=False)
Reader = Annotated[SignedIn, needs(Permission.CAMPAIGN_SEE)]
REASONS_SHOWN = 6


@router.get("/campaigns/{campaign}")
def overview(campaign: CampaignKey, request: Request, portal: PortalState, me: Reader) -> Response:
    """The campaign as it is now."""
    with portal.engine.connect() as connection:
        row = seen_campaign(connection, me, campaign)
        values = _progress(connection, me, row)
    return render(
        request,
        "campaigns/overview.html",
        **values,
        rejects=reasons_counted(row.counts.get("rejects_by_reason"))[:REASONS_SHOWN],
        held=reasons_counted(row.counts.get("held_by_reason"))[:REASONS_SHOWN],
        warnings=reasons_counted(row.counts.get("warnings_by_reason"))[:REASONS_SHOWN],
    )


@router.get("/campaigns/{campaign}/progress")
def progress(campaign: CampaignKey, request: Request, portal: PortalState, me: Reader) -> Response:
    """What changes by itself, for a page that is open."""
    with portal.engine.connect() as connection:
        values = _progress(connection, me, seen_campaign(connection, me, campaign))
    return render(request, "campaigns/progress.html", etag=True, **values)


def _progress(connection: Connection, me: SignedIn, row: CampaignRow) -> dict[str, Any]:
    lines = report_lines(connection, row) if row.loaded_at is not None else []
    sending = row.state is CampaignState.SENDING
    held = held_channels(connection, row)
    flow = campaign_flow(row.counts, lines)
    pages = {
        "files": True,
        "contacts": True,
        "rejects": may(me, Permission.FILE_SEE, row),
        "messages": may(me, Permission.MESSAGE_SEE, row),
        "doubts": may(me, Permission.DOUBT_DECIDE, row) and may(me, Permission.MESSAGE_SEE, row),
    }
    return {
        **around(me, row),
        "flow": flow,
        "drawing": drawn(flow, row, pages) if flow else None,
        "costs": costs_so_far(lines),
        "pace": pace_now(connection, [row.id]).get(row.id, 0.0) if sending else 0.0,
        "ending": present_forecast(connection, row, held),
        "suspended": held,
        "waits": waits_for_approval(row, Surface.PAGE),
        "moves": row.state in MOVES_BY_ITSELF,
        "pages": pages,
    }


def costs_so_far(lines: list[ReportLine]) -> list[tuple[str, Decimal]]:
    """What messages that were handed off cost, by currency."""
    costs: dict[str, Decimal] = {}
    for line in lines:
        if line.state == "accepted" and line.cost is not None and line.currency:
            costs[line.currency] = costs.get(line.currency, Decimal()) + line.cost
    return sorted(costs.items())
