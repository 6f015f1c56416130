"""Reports over HTTP: the figures that the portal's page shows, and the same as files."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field
from sqlalchemy import Connection
from starlette.background import BackgroundTask

from nightmail.access.api_keys import Program
from nightmail.access.permissions import Permission
from nightmail.reports.report_export import FORMATS, export_name, export_table, record_export, write_export
from nightmail.reports.report_figures import ReportFigures
from nightmail.reports.stored_figures import Asked, ask, read_figures
from portal.api.authentication import ReportExporter, ReportReader
from portal.api.errors import errors
from portal.api.strict_query import refuse_unknown_query
from portal.state import PortalState

router = APIRouter(prefix="/v1/reports", tags=["reports"], dependencies=[Depends(refuse_unknown_query)])
Text = Annotated[str | None, Query(max_length=400, pattern=r"^[^\x00]+$")]
ByOutcome = dict[str, int]


class ReasonOut(BaseModel):
    """Rows that did not arrive for one reason."""

    outcome: str = Field(examples=["undelivered"])
    reason: str = Field(description="A reason's code, or a carrier's", examples=["30005"])
    rows: int


class ReportOut(BaseModel):
    """The figures of a range of UTC days. Rows are messages, and contacts that were held before there was one."""

    since: dt.date
    until: dt.date
    written_at: dt.datetime | None = Field(description="When the newest of the days was counted")
    rows: int
    sent: int = Field(description="Messages that a carrier took")
    delivered_share: float | None = Field(description="Of what is final")
    outcomes: ByOutcome = Field(description="Rows by what became of them")
    numbers: dict[str, int] = Field(description="Segments, openings, answers, and how soon receipts came")
    counts: dict[str, int] = Field(description="Rows of files, contacts, opt-outs, replies of these days")
    costs: dict[str, str] = Field(description="By currency")
    campaigns: int = Field(description="How many campaigns; `by_campaign` has those of most rows")
    by_day: dict[str, ByOutcome]
    by_hour: dict[str, ByOutcome] = Field(description="By UTC hour of hand-off")
    by_channel: dict[str, ByOutcome]
    by_feed: dict[str, ByOutcome]
    by_country: dict[str, ByOutcome]
    by_campaign: dict[str, ByOutcome]
    reasons: list[ReasonOut]


class Filters:
    """What is asked for, as the query says it."""

    def __init__(
        self,
        since: Annotated[
            dt.date | None, Query(description="The first UTC day; by default six days before the last")
        ] = None,
        until: Annotated[dt.date | None, Query(description="The last UTC day; by default today")] = None,
        team: Annotated[Text, Query(description="Only this team and those below")] = None,
        feed: Annotated[Text, Query(description="Only this feed: `team.path/name`")] = None,
        campaign: Annotated[Text, Query(description="Only this campaign, by its key")] = None,
    ) -> None:
        self.until = until or dt.datetime.now(dt.UTC).date()
        self.since = since or max(self.until, dt.date(1970, 1, 7)) - dt.timedelta(days=6)
        self.names = {"team": team, "feed": feed, "campaign": campaign}

    def asked(self, connection: Connection, program: Program, permission: Permission) -> Asked:
        """The same as the domain asks for it, within what the key may see."""
        return ask(connection, program.principal, self.since, self.until, permission=permission, **self.names)


Wanted = Annotated[Filters, Depends(Filters)]


@router.get("", summary="The figures of a range of days", responses=errors("report_of_nothing", "report_days_wrong"))
def figures(program: ReportReader, portal: PortalState, wanted: Wanted) -> ReportOut:
    """Of your team and of those below it: what the portal's page of reports shows. At most 366 days."""
    with portal.engine.connect() as connection:
        asked = wanted.asked(connection, program, Permission.REPORT_SEE)
        return _out(asked, read_figures(connection, asked))


@router.get(
    "/export",
    summary="The same as a file",
    responses=errors("report_of_nothing", "report_days_wrong", "report_too_large")
    | {200: {"content": {media: {} for media in FORMATS.values()}, "description": "The file"}},
    response_class=FileResponse,
)
def export(
    program: ReportExporter,
    portal: PortalState,
    wanted: Wanted,
    what: Annotated[Literal["shown", "sums"], Query(description="The figures, or the sums behind them")] = "shown",
    format_: Annotated[Literal["csv", "xlsx", "parquet"], Query(alias="format")] = "csv",
) -> FileResponse:
    """Of the teams for which the key holds `report.export`. That it was taken is in the audit log."""
    folder = tempfile.TemporaryDirectory(prefix="nightmail-report-")
    try:
        with portal.engine.begin() as connection:
            asked = wanted.asked(connection, program, Permission.REPORT_EXPORT)
            file = Path(folder.name) / export_name(asked, what, format_)
            write_export(export_table(connection, asked, what), format_, file)
            record_export(connection, program.actor, asked, what, format_)
    except BaseException:
        folder.cleanup()
        raise
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    gone = BackgroundTask(folder.cleanup)
    return FileResponse(file, headers=headers, media_type=FORMATS[format_], filename=file.name, background=gone)


def _out(asked: Asked, found: ReportFigures) -> ReportOut:
    said = found.as_dict()
    return ReportOut(
        since=asked.since,
        until=asked.until,
        outcomes=found.outcomes,
        numbers=found.totals.numbers,
        counts=found.totals.counts,
        **{name: said[name] for name in ReportOut.model_fields if name in said},
    )
