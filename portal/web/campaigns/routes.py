"""The list of campaigns: with filters, live while any of them moves, and as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import Engine

from nightmail.access.permissions import Permission
from nightmail.audit import write_entry
from nightmail.campaigns.campaign_lists import (
    CampaignFilter,
    CampaignOrder,
    CampaignPlace,
    every_campaign,
    feeds_with_campaigns,
    find_campaigns,
)
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.organisation.teams import team_id_of
from nightmail.reports.progress import progress_of
from portal.state import Portal, PortalState
from portal.web.campaigns.list_filters import Asked, Filters, wanted_by
from portal.web.campaigns.words import MOVES_BY_ITSELF, state_choices
from portal.web.channel_words import channel_choices
from portal.web.csv_answers import Cell, csv_answer
from portal.web.rendering import render
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import gettext

router = APIRouter(include_in_schema=False)
PAGE = 25
Reader = Annotated[SignedIn, needs(Permission.CAMPAIGN_SEE)]
_ORDERS = {
    CampaignOrder.NEWEST: lambda: gettext("The newest first"),
    CampaignOrder.OLDEST: lambda: gettext("The oldest first"),
    CampaignOrder.CHANGED: lambda: gettext("By their last change"),
}
COLUMNS = (
    "campaign",
    "team",
    "feed",
    "category",
    "state",
    "source",
    "rows",
    "rejects",
    "duplicates",
    "contacts",
    "planned",
    "held",
    "messages",
    "created_at",
    "scheduled_at",
    "first_hand_off_at",
    "finished_at",
)


@router.get("/campaigns")
def list_of_campaigns(request: Request, portal: PortalState, me: Reader, filters: Filters) -> Response:
    """Those that this person may see and that fit."""
    wanted, errors = wanted_by(me, filters)
    values = {**filters.values, "order": str(filters.order)}
    return render(
        request,
        "campaigns/list.html",
        422 if errors else 200,
        **_shown(portal, me, wanted, filters, nothing=bool(errors)),
        values=values,
        errors=errors,
        filtered=bool(filters.chosen),
        states=state_choices(),
        channels=channel_choices(),
        export=filters.address("/campaigns.csv"),
    )


@router.get("/campaigns/rows")
def rows_of_list(request: Request, portal: PortalState, me: Reader, filters: Filters) -> Response:
    """The table alone, for a page that is open while campaigns move."""
    wanted, errors = wanted_by(me, filters)
    values = _shown(portal, me, wanted, filters, nothing=bool(errors))
    return render(request, "campaigns/rows.html", etag=True, **values)


@router.get("/campaigns.csv")
def export(request: Request, portal: PortalState, me: Reader, filters: Filters) -> Response:
    """Every campaign that fits, in the order of the list."""
    wanted, _errors = wanted_by(me, filters)
    (upper, *_) = wanted.teams
    with portal.engine.begin() as connection:
        write_entry(
            connection,
            actor=me.principal.actor,
            action="campaigns.exported",
            subject="campaigns",
            team_id=team_id_of(connection, upper) if upper else None,
            detail={"filters": sorted(filters.chosen)},
        )
    return csv_answer(request, "campaigns", COLUMNS, _lines(portal.engine, wanted, filters.order))


def _shown(
    portal: Portal, me: SignedIn, wanted: CampaignFilter, filters: Asked, *, nothing: bool = False
) -> dict[str, Any]:
    """A page of the list, as both templates take it."""
    with portal.engine.connect() as connection:
        found: Sequence[CampaignRow] = ()
        if not nothing:
            found = find_campaigns(connection, wanted, order=filters.order, after=filters.place, limit=PAGE + 1)
        shown = found[:PAGE]
        far = progress_of(connection, [row.id for row in shown if row.loaded_at is not None])
        feeds = feeds_with_campaigns(connection, me.teams(Permission.CAMPAIGN_SEE))
    other = CampaignOrder.OLDEST if filters.order is CampaignOrder.NEWEST else CampaignOrder.NEWEST
    return {
        "rows": [(row, far.get(row.id)) for row in shown],
        "moves": any(row.state in MOVES_BY_ITSELF for row in shown),
        "again": filters.address("/campaigns/rows", after=filters.after),
        "order": str(filters.order),
        "sorts": {
            "newest": filters.address("/campaigns", order=str(other)),
            "changed": filters.address("/campaigns", order=str(CampaignOrder.CHANGED)),
        },
        "shown": _ORDERS[filters.order](),
        "feeds": [("", gettext("Any")), *((name, name) for name in feeds)],
        "newer": filters.address("/campaigns") if filters.after else None,
        "older": filters.after_row(CampaignPlace.of(shown[-1])) if found[PAGE:] else None,
    }


def _lines(engine: Engine, wanted: CampaignFilter, order: CampaignOrder) -> Iterator[Sequence[Cell]]:
    with engine.connect() as connection:
        for row in every_campaign(connection, wanted, order=order):
            counts = [row.counts.get(name) for name in COLUMNS[6:13]]
            times = (row.created_at, row.scheduled_at, row.first_hand_off_at, row.finished_at)
            yield (row.key, row.team, row.feed, row.category, str(row.state), row.source, *counts, *times)
