"""Contacts taken out as a file: CSV, XLSX or Parquet, with the columns that an import takes again.

The rows go from the database to the file in blocks: memory does not grow with the book. No cell runs as a formula.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet
from sqlalchemy import Connection

from nightmail.access.decisions import require
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.audit import record_look, write_entry
from nightmail.contact_files.csv_writing import escape_formula, escape_formulas
from nightmail.contacts import contact_queries as queries
from nightmail.contacts.contact_fields import FIELDS
from nightmail.contacts.contact_listing import attributes_below
from nightmail.contacts.import_lists import FURTHER
from nightmail.errors import UsageError
from nightmail.organisation.teams import get_team
from nightmail.store.copying import copy_blocks

FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
"""The formats, each with its media type."""
MOST_ROWS_OF_A_SHEET = 1_048_575
AROUND = ("team", "nightmail_id", *FIELDS, "tags", *FURTHER, "source", "created_at", "updated_at")
"""The columns before those of the attributes."""


def export_contacts(
    connection: Connection,
    destination: Path,
    format_: str,
    *,
    by: Principal,
    team: str,
    tag: str | None = None,
    group: int | None = None,
) -> int:
    """Write the contacts of a team and of those below it into ``destination``; how many there are.

    Whoever takes them out sees what is personal: raises :class:`~nightmail.errors.NightmailError` (``not_permitted``) without
    ``contact.export`` and ``personal.see`` there, and :class:`UsageError` (``team_unknown``, ``contacts_too_many_for_a_sheet``).
    """
    require(by, Permission.CONTACT_EXPORT, team)
    require(by, Permission.PERSONAL_SEE, team)
    owner = get_team(connection, team)
    attributes = [name for name in attributes_below(connection, team) if name not in AROUND]
    columns = [*AROUND, *attributes]
    selected = "".join(f", c.attributes ->> %(a{number})s as a{number}" for number in range(len(attributes)))
    values: dict[str, Any] = {f"a{number}": name for number, name in enumerate(attributes)}
    values |= {"teams": [team], "tag": tag, "group": group}
    read_as = pa.schema([pa.field(name, pa.string()) for name in (*AROUND, *(f"a{n}" for n in range(len(attributes))))])
    blocks = copy_blocks(connection, queries.EXPORT.format(attributes=selected), values, read_as)
    named = (block.rename_columns(columns) for block in blocks)
    destination.touch(0o600)
    rows = _WRITERS[format_](named, columns, destination)
    detail = {
        "contacts": rows,
        "format": format_,
        "filters": [name for name, value in (("group", group), ("tag", tag)) if value],
    }
    write_entry(
        connection, actor=by.actor, action="contacts.exported", subject="contacts", team_id=owner.id, detail=detail
    )
    record_look(connection, actor=by.actor, subject="contacts", team_id=owner.id, shown=("address", "name"), count=rows)
    return rows


def _write_csv(blocks: Iterator[pa.Table], columns: Sequence[str], destination: Path) -> int:
    rows = 0
    schema = pa.schema([pa.field(name, pa.string()) for name in columns])
    with destination.open("wb") as handle:
        handle.write(b"\xef\xbb\xbf")
        with arrow_csv.CSVWriter(handle, schema) as writer:
            for block in blocks:
                writer.write_table(pa.table([escape_formulas(each) for each in block.itercolumns()], schema=schema))
                rows += block.num_rows
    return rows


def _write_parquet(blocks: Iterator[pa.Table], columns: Sequence[str], destination: Path) -> int:
    rows = 0
    schema = pa.schema([pa.field(name, pa.string()) for name in columns])
    with parquet.ParquetWriter(destination, schema, compression="zstd") as writer:
        for block in blocks:
            writer.write_table(block)
            rows += block.num_rows
    return rows


def _write_xlsx(blocks: Iterator[pa.Table], columns: Sequence[str], destination: Path) -> int:
    from openpyxl import Workbook

    rows = 0
    book = Workbook(write_only=True)
    sheet = book.create_sheet("contacts")
    sheet.append([escape_formula(name) for name in columns])
    for block in blocks:
        rows += block.num_rows
        if rows > MOST_ROWS_OF_A_SHEET:
            raise UsageError("contacts_too_many_for_a_sheet", most=MOST_ROWS_OF_A_SHEET)
        for row in zip(*(column.to_pylist() for column in block.itercolumns()), strict=True):
            sheet.append([None if cell is None else escape_formula(cell) for cell in row])
    book.save(destination)
    return rows


_WRITERS = {"csv": _write_csv, "parquet": _write_parquet, "xlsx": _write_xlsx}
