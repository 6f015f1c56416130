"""The page of reports, and what it shows as files."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from sqlalchemy import Connection
from starlette.background import BackgroundTask

from nightmail.access.permissions import Permission
from nightmail.reports.periods import PERIODS
from nightmail.reports.report_export import (
    FORMATS,
    export_name,
    export_table,
    record_export,
    write_export,
)
from nightmail.reports.report_figures import ReportFigures, Totals
from nightmail.reports.stored_figures import Asked, read_compared, read_figures
from portal.state import PortalState
from portal.web.rendering import page_headers, render
from portal.web.reports import figures_shown as shown
from portal.web.reports.asked import ADDRESS, Understood, Wanted, WantedReport, understood
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import gettext, marked

router = APIRouter(prefix=ADDRESS, include_in_schema=False)
_PERIOD_LABELS = {
    "today": marked("Today"),
    "yesterday": marked("Yesterday"),
    "last_7_days": marked("7 days"),
    "last_30_days": marked("30 days"),
    "this_month": marked("This month"),
    "last_month": marked("Last month"),
}


@router.get("")
def reports(
    request: Request, portal: PortalState, me: Annotated[SignedIn, needs(Permission.REPORT_SEE)], report: WantedReport
) -> Response:
    """The figures of a period."""
    with portal.engine.connect() as connection:
        found = understood(connection, me, report, Permission.REPORT_SEE)
        if found.asked is None:
            return _refused(request, report, found)
        asked = found.asked
        figures, before = _read(connection, asked, report.compared)
    return render(
        request,
        "reports/reports.html",
        **_frame(report, asked, {}),
        figures=figures,
        tiles=shown.tiles_of(figures.totals, before),
        whole=shown.parts_of_whole(figures),
        days=shown.days_chart(figures, asked),
        hours=shown.hours_chart(figures),
        tables=_tables(report, figures),
        reasons=shown.reason_lines(figures),
        may_export=me.may(Permission.REPORT_EXPORT),
    )


@router.get("/export")
def export(
    request: Request,
    portal: PortalState,
    me: Annotated[SignedIn, needs(Permission.REPORT_EXPORT)],
    report: WantedReport,
    what: Literal["shown", "sums"] = "shown",
    format_: Annotated[Literal["csv", "xlsx", "parquet"], Query(alias="format")] = "csv",
) -> Response:
    """What the page shows, or the sums behind it, as a file."""
    with portal.engine.begin() as connection:
        found = understood(connection, me, report, Permission.REPORT_EXPORT)
        if found.asked is None:
            return _refused(request, report, found)
        asked = found.asked
        table = export_table(connection, asked, what)
        folder = tempfile.TemporaryDirectory(prefix="nightmail-report-")
        file = Path(folder.name) / export_name(asked, what, format_)
        try:
            write_export(table, format_, file)
        except BaseException:
            folder.cleanup()
            raise
        record_export(connection, me.principal.actor, asked, what, format_)
    headers = page_headers(request)
    gone = BackgroundTask(folder.cleanup)
    return FileResponse(file, headers=headers, media_type=FORMATS[format_], filename=file.name, background=gone)


def _read(connection: Connection, asked: Asked, compared: bool) -> tuple[ReportFigures, Totals | None]:
    return read_compared(connection, asked) if compared else (read_figures(connection, asked), None)


def _refused(request: Request, report: Wanted, found: Understood) -> Response:
    return render(
        request,
        "reports/reports.html",
        found.status,
        **_frame(report, None, found.errors),
        figures=None,
        may_export=False,
    )


def _frame(report: Wanted, asked: Asked | None, errors: dict[str, str]) -> dict[str, Any]:
    """What the page has with figures or without."""
    names = tuple(name for name in (report.team, report.feed, report.campaign) if name)
    periods = [(gettext(_PERIOD_LABELS[name]), report.of_period(name), name == report.period) for name in PERIODS]
    files = [
        (what, [(format_, report.address(f"{ADDRESS}/export", what=what, format=format_)) for format_ in FORMATS])
        for what in ("shown", "sums")
    ]
    values = report.values
    if asked is not None:
        values = {**values, "since": asked.since.isoformat(), "until": asked.until.isoformat()}
    return {
        "asked": asked,
        "values": values,
        "errors": errors,
        "periods": periods,
        "names": names,
        "files": files,
        "clear": ADDRESS if names or report.period == "days" else None,
        "outcomes": shown.OUTCOME_LABELS,
        "series": shown.SERIES_OF_OUTCOME,
    }


def _tables(report: Wanted, figures: ReportFigures) -> list[tuple[str, list[shown.Line], int]]:
    """The tables of parts: their titles, their lines, and how many there are that have no line."""

    def of_feed(name: str) -> str:
        return report.address(feed=name) if "/" in name else report.address(team=name)

    def of_campaign(name: str) -> str:
        return report.address(campaign=name)

    return [
        (gettext("Channels"), shown.channel_lines(figures.channels), 0),
        (gettext("Feeds and teams"), shown.named_lines(figures.feeds, of_feed), 0),
        (gettext("Countries"), shown.country_lines(figures.countries), 0),
        (
            gettext("Campaigns"),
            shown.named_lines(figures.campaigns, of_campaign),
            figures.campaign_count - len(figures.campaigns),
        ),
    ]
