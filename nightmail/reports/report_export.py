"""Reports as files: what a page shows, or the sums behind it, as CSV, XLSX and Parquet with the types kept.

>>> table = shown_table(read_figures(connection, asked))
>>> write_export(table, "xlsx", Path("report.xlsx"))

A file names nobody. No cell of a CSV or XLSX file runs as a formula: names of teams, feeds and campaigns are texts from outside.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv
from pyarrow import parquet
from sqlalchemy import Connection

from nightmail.audit import write_entry
from nightmail.contact_files.csv_writing import escape_formula, escape_formulas
from nightmail.errors import UsageError
from nightmail.organisation.teams import team_id_of
from nightmail.reports import sum_queries
from nightmail.reports.outcomes import OUTCOMES
from nightmail.reports.report_figures import ReportFigures
from nightmail.reports.report_sums import NUMBERS
from nightmail.reports.stored_figures import Asked, read_figures
from nightmail.store.copying import copy_table

FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
"""The formats of exports, each with its media type."""
WHAT = ("shown", "sums")
"""What is exported: the figures as the page shows them, or the sums that they are made of, one row for each day, campaign,
channel, country, outcome, reason and currency."""
_XLSX_ROWS = 1_048_575
"""Rows of a sheet below its header."""
_AMOUNT = pa.decimal128(38, 6)

SHOWN = pa.schema(
    [
        pa.field("part", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("rows", pa.int64()),
        *(pa.field(name, pa.int64()) for name in OUTCOMES),
        pa.field("delivered_share", pa.float64()),
        pa.field("number", pa.int64()),
        pa.field("amount", _AMOUNT),
    ]
)
"""The columns of what is shown. ``part`` is ``all``, ``day``, ``hour``, ``channel``, ``feed``, ``country``, ``campaign`` or
``reason`` for rows by outcome, ``number`` for one figure, ``cost`` for an amount in the currency that is its name."""
SUMS = pa.schema(
    [
        pa.field("day", pa.date32(), nullable=False),
        pa.field("team", pa.string(), nullable=False),
        pa.field("feed", pa.string()),
        pa.field("campaign", pa.string(), nullable=False),
        *(pa.field(name, pa.string()) for name in ("channel", "country", "outcome", "reason", "currency")),
        *(pa.field(name, pa.int64(), nullable=False) for name in NUMBERS),
        pa.field("cost", _AMOUNT),
    ]
)
"""The columns of the sums."""


def shown_table(figures: ReportFigures) -> pa.Table:
    """The figures of a report as one table, with the columns of :data:`SHOWN`."""
    rows: list[dict[str, Any]] = []
    everything = figures.totals
    rows.append({"part": "all", "name": "all", **_by_outcome(everything.outcomes, everything.delivered_share)})
    for part, found in (
        ("day", figures.days),
        ("hour", figures.hours),
        ("channel", figures.channels),
        ("feed", figures.feeds),
        ("country", figures.countries),
        ("campaign", figures.campaigns),
    ):
        rows += [
            {"part": part, "name": each.name, **_by_outcome(each.outcomes, each.delivered_share)} for each in found
        ]
    reasons: dict[str, dict[str, int]] = {}
    for outcome, reason, count in figures.reasons:
        reasons.setdefault(reason, dict.fromkeys(OUTCOMES, 0))[outcome] += count
    rows += [{"part": "reason", "name": name, **_by_outcome(counts, None)} for name, counts in reasons.items()]
    numbers = {"sent": everything.sent, **everything.numbers, **everything.counts}
    rows += [{"part": "number", "name": name, "number": number} for name, number in numbers.items()]
    rows += [{"part": "cost", "name": name or "unknown", "amount": amount} for name, amount in figures.costs.items()]
    return pa.Table.from_pylist(rows, schema=SHOWN)


def sums_table(connection: Connection, asked: Asked) -> pa.Table:
    """The sums that a report is made of, with the columns of :data:`SUMS`."""
    return copy_table(connection, sum_queries.SUM_ROWS, asked.values(), SUMS)


def export_table(connection: Connection, asked: Asked, what: str) -> pa.Table:
    """What is asked for as one of :data:`WHAT`."""
    return shown_table(read_figures(connection, asked)) if what == "shown" else sums_table(connection, asked)


def write_export(table: pa.Table, format_: str, destination: Path) -> None:
    """Write a table as one of :data:`FORMATS`.

    A spreadsheet gets numbers as numbers and days as days; what has parts, a sheet for each. Raises :class:`UsageError`
    (``report_too_large``) for more rows than a sheet has.
    """
    if format_ == "parquet":
        parquet.write_table(table, destination, compression="zstd")
    elif format_ == "csv":
        with destination.open("wb") as handle:
            handle.write(b"\xef\xbb\xbf")
            arrow_csv.write_csv(_without_formulas(table), handle)
    else:
        _write_xlsx(table, destination)


def record_export(connection: Connection, actor: str, asked: Asked, what: str, format_: str) -> None:
    """Record in the audit log that a report was taken out: its days, whose, and in which form."""
    (upper, *_) = asked.teams or ("",)
    detail = {
        "since": asked.since.isoformat(),
        "until": asked.until.isoformat(),
        "team": asked.team,
        "feed": asked.feed,
        "campaign": asked.campaign,
        "what": what,
        "format": format_,
    }
    write_entry(
        connection,
        actor=actor,
        action="report.exported",
        subject="report",
        team_id=team_id_of(connection, upper) if upper else None,
        detail=detail,
    )


def export_name(asked: Asked, what: str, format_: str) -> str:
    """The name of a file: ``report.2026-11-01.2026-11-30.xlsx``, ``report-sums...`` for sums."""
    days = str(asked.since) if asked.days == 1 else f"{asked.since}.{asked.until}"
    return f"report{'-sums' if what == 'sums' else ''}.{days}.{format_}"


def _by_outcome(outcomes: dict[str, int], share: float | None) -> dict[str, Any]:
    return {**outcomes, "rows": sum(outcomes.values()), "delivered_share": share}


def _without_formulas(table: pa.Table) -> pa.Table:
    columns = [escape_formulas(column) if pa.types.is_string(column.type) else column for column in table.itercolumns()]
    return pa.table(columns, names=table.column_names)


def _write_xlsx(table: pa.Table, destination: Path) -> None:
    from openpyxl import Workbook

    if table.num_rows > _XLSX_ROWS:
        raise UsageError("report_too_large", rows=table.num_rows, most=_XLSX_ROWS)
    book = Workbook(write_only=True)
    for name, part in _sheets(table):
        sheet = book.create_sheet(name)
        sheet.append(part.column_names)
        for batch in part.to_batches(max_chunksize=10_000):
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                sheet.append([_cell(value) for value in row])
    book.save(destination)


def _sheets(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """The sheets of a table by their names: one for each part, without the columns that it leaves empty."""
    if "part" not in table.column_names:
        yield "sums", table
        return
    for part in pc.unique(table["part"]).to_pylist():
        rows = table.filter(pc.equal(table["part"], part)).drop_columns(["part"])
        used = [name for name in rows.column_names if rows[name].null_count < rows.num_rows]
        yield part, rows.select(used)


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return escape_formula(value)
    if isinstance(value, Decimal):
        return float(value)
    return value.replace(tzinfo=None) if isinstance(value, dt.datetime) else value
