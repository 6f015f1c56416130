"""Delivery reports that are dropped on SFTP servers: which are due, and what they hold.

A report is of one day of the team's calendar and holds the rows of the team and the teams below it, or of one feed. It comes
once, at the team's time of day; days that were missed, as nothing ran, come later, seven at the most.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv
from pyarrow import parquet
from sqlalchemy import Connection, text

from nightmail.lake import Lake
from nightmail.lake.schemas import DELIVERY_REPORT, conformed
from nightmail.organisation.team_settings import ReportDrop
from nightmail.reports import queries

MISSED_DAYS = 7
DROPPED_REPORT = DELIVERY_REPORT.insert(0, pa.field("day", pa.date32(), nullable=False))
"""The columns of a dropped report: it lies in no folder that would say the UTC day of a row."""


@dataclass(frozen=True, slots=True)
class DueReport:
    """A report that is to be dropped: of a team's day, in a folder of a server."""

    team: str
    feed: str | None
    folder: str
    format: str
    day: dt.date

    @property
    def scope(self) -> str:
        """Whose it is: ``acme.billing``, or ``acme.billing/invoices`` for one feed."""
        return self.team if self.feed is None else f"{self.team}/{self.feed}"

    @property
    def name(self) -> str:
        """``delivery_report.acme.billing.2026-11-29.csv``."""
        return f"delivery_report.{self.scope.replace('/', '.')}.{self.day}.{self.format}"


def due_reports(connection: Connection, sftp_server_id: int, now: dt.datetime) -> list[DueReport]:
    """The reports that are due on a server, oldest first. One dropped at the same place before is not due again."""
    found = []
    for row in connection.execute(text(queries.REPORT_ORDERS), {"server": sftp_server_id}):
        order = ReportDrop.model_validate(row.report)
        local = now.astimezone(ZoneInfo(row.time_zone))
        yesterday = local.date() - dt.timedelta(days=1)
        if local.time() < dt.time.fromisoformat(order.at):
            yesterday -= dt.timedelta(days=1)
        first = yesterday
        if row.last_day is not None:
            first = max(row.last_day + dt.timedelta(days=1), yesterday - dt.timedelta(days=MISSED_DAYS - 1))
        for number in range((yesterday - first).days + 1):
            day = first + dt.timedelta(days=number)
            found.append(DueReport(row.team, row.feed, order.folder, order.format, day))
    return found


def record_dropped(connection: Connection, sftp_server_id: int, report: DueReport) -> None:
    """Record that a report lies on the server."""
    values = {"server": sftp_server_id, "folder": report.folder, "scope": report.scope, "day": report.day}
    connection.execute(text(queries.RECORD_DROPPED), values)


def write_dropped_report(lake: Lake, report: DueReport, destination: Path) -> int:
    """Write a report at ``destination``: the columns of ``delivery_report`` after the UTC day; returns the number of rows."""
    rows = 0
    if report.format == "parquet":
        writer = parquet.ParquetWriter(destination, DROPPED_REPORT, compression="zstd")
    else:
        writer = arrow_csv.CSVWriter(destination, DROPPED_REPORT)
    with writer:
        for block in _rows(lake, report):
            writer.write_table(block)
            rows += block.num_rows
    return rows


def _rows(lake: Lake, report: DueReport) -> Iterator[pa.Table]:
    # A team's day lies in the UTC days around it.
    for shift in (-1, 0, 1):
        day = report.day + dt.timedelta(days=shift)
        table = lake.table("delivery_report", str(day), "day")
        if not table.exists():
            continue
        for block in table.blocks():
            team = block["team"]
            wanted = pc.or_(pc.equal(team, report.team), pc.starts_with(team, f"{report.team}."))
            if report.feed is not None:
                wanted = pc.and_(pc.equal(team, report.team), pc.equal(block["feed"], report.feed))
            wanted = pc.and_(wanted, pc.equal(block["team_date"], report.day))
            found = conformed(block.filter(wanted), DELIVERY_REPORT)
            days = pa.repeat(pa.scalar(day, pa.date32()), found.num_rows)
            yield found.add_column(0, DROPPED_REPORT.field("day"), days)
