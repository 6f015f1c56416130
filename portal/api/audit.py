"""The audit log over HTTP: a page of it, or all of it as JSON lines."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from nightmail.audit import write_entry
from nightmail.audit.listing import AuditRow, EntryFilter, export_entries, list_entries
from portal.api.authentication import AuditReader
from portal.api.errors import errors
from portal.api.pages_of import Cursor, Limit, Page, cursor_of, link_to_next, position_of
from portal.api.strict_query import refuse_unknown_query
from portal.api.visibility import sees_those_of_all
from portal.state import Portal, PortalState

router = APIRouter(prefix="/v1/audit", tags=["audit"], dependencies=[Depends(refuse_unknown_query)])

Text = Annotated[str | None, Query(max_length=300, pattern=r"^[^\x00]+$")]


class AuditEntryOut(BaseModel):
    """Who did what, when, from where."""

    id: int
    at: dt.datetime
    actor: str = Field(
        description="A person, an API key, the machine's user or a part of the product", examples=["person:17"]
    )
    action: str = Field(description="A noun and what was done", examples=["campaign.paused"])
    subject: str = Field(description="What it was done to", examples=["2026-11-23.acme.billing.7f3a9c"])
    team: str | None = Field(description="Whose it is; null: the deployment's as a whole", examples=["acme.billing"])
    origin: str | None = Field(description="From which address or machine", examples=["192.0.2.7"])
    detail: dict[str, Any]
    before: dict[str, Any] | None = Field(description="What a change found")
    after: dict[str, Any] | None = Field(description="What a change left")


def _wanted(
    program: AuditReader,
    portal: PortalState,
    *,
    team: Annotated[Text, Query(description="Only of this team and those below")] = None,
    actor: Annotated[Text, Query(description="Only by this one")] = None,
    action: Annotated[Text, Query(description="Only this action; `campaign.` means all of a noun")] = None,
    subject: Annotated[Text, Query(description="Only what was done to this")] = None,
    origin: Annotated[Text, Query(description="Only from this address")] = None,
    since: Annotated[dt.datetime | None, Query(description="Only from this time on")] = None,
    until: Annotated[dt.datetime | None, Query(description="Only before this time")] = None,
) -> EntryFilter:
    with portal.engine.connect() as connection:
        of_all = sees_those_of_all(connection, program)
    return EntryFilter(
        teams=(program.team_path,),
        and_of_all=of_all,
        team=team,
        actor=actor,
        action=action,
        subject=subject,
        origin=origin,
        since=_in_reach(since),
        until=_in_reach(until),
    )


def _in_reach(moment: dt.datetime | None) -> dt.datetime | None:
    """A moment that PostgreSQL's calendar and ours both have; without an offset it is in UTC."""
    if moment is None:
        return None
    # In UTC first: what is compared must not depend on an offset that leads out of the calendar.
    bounded = (
        moment.replace(year=min(max(moment.year, 2000), 9000), day=min(moment.day, 28)) if _far(moment) else moment
    )
    return bounded.replace(tzinfo=moment.tzinfo or dt.UTC)


def _far(moment: dt.datetime) -> bool:
    return not 2000 <= moment.year <= 9000


Wanted = Annotated[EntryFilter, Depends(_wanted)]


@router.get("", summary="Who did what, the newest first", responses=errors())
def list_all(
    *,
    request: Request,
    response: Response,
    wanted: Wanted,
    portal: PortalState,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[AuditEntryOut]:
    """Of your team and of the teams below; for a key of the one team at the top also what is the deployment's as a whole."""
    with portal.engine.connect() as connection:
        rows = list_entries(connection, wanted, after=position_of(cursor), limit=limit + 1)
    following = cursor_of(rows[limit - 1].position) if len(rows) > limit else None
    link_to_next(request, response, following)
    return Page(items=[_out(row) for row in rows[:limit]], next=following)


@router.get(
    "/export",
    summary="All of it as JSON lines, the oldest first",
    responses=errors() | {200: {"content": {"application/x-ndjson": {}}, "description": "One entry a line"}},
    response_class=StreamingResponse,
)
def export(wanted: Wanted, program: AuditReader, portal: PortalState) -> StreamingResponse:
    """The same filters as the list. That it was taken is an entry itself."""
    with portal.engine.begin() as connection:
        stated = {name: getattr(wanted, name) for name in wanted.__dataclass_fields__}
        write_entry(
            connection,
            actor=program.actor,
            action="audit.exported",
            subject="audit",
            team_id=program.team_id,
            detail={name: str(value) for name, value in stated.items() if value},
        )
    return StreamingResponse(
        _lines(portal, wanted), media_type="application/x-ndjson", headers={"Cache-Control": "no-store"}
    )


def _lines(portal: Portal, wanted: EntryFilter) -> Iterator[str]:
    with portal.engine.connect() as connection:
        for row in export_entries(connection, wanted):
            yield json.dumps(row.as_dict(), ensure_ascii=False) + "\n"


def _out(row: AuditRow) -> AuditEntryOut:
    return AuditEntryOut(**row.as_dict())
