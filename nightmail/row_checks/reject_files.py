"""The reject file: the rows that could not be used, as they were, with the reason; correct it and drop it again."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.contact_files.csv_writing import write_csv_rows
from nightmail.contact_files.summary import METADATA_KEY, OWN_COLUMNS, ROW_COLUMN, contact_file_summary
from nightmail.lake import TableFile


def original_headers(contact_file: TableFile) -> dict[str, str]:
    """The columns of a ``contact_file`` table, each with its header as the uploader wrote it, in the file's order."""
    schema = contact_file.schema()
    headers = {name: name for name in schema.names if name != "line"}
    if METADATA_KEY.encode() in (schema.metadata or {}):
        for header, name in contact_file_summary(contact_file).mapping.items():
            if name in headers:
                headers[name] = header
    return headers


def write_rejects_csv(
    contact_file: TableFile, rejects: TableFile, destination: Path | BinaryIO, *, duplicates: bool = False
) -> int:
    """Write the rejected rows of ``contact_file`` as CSV (UTF-8 with a mark, comma, CRLF) and give their number.

    Each row has its columns under their original headers, then ``nightmail_line``, ``nightmail_reason`` and ``nightmail_message``; several
    reasons are joined with ``; ``. The reader knows these three columns and ignores them. Cells that a spreadsheet would run are escaped,
    and the reader takes that off again. Of a row that is broken as a row, nobody can say which value belongs to which column: its
    columns stay blank, so that it is not sent by mistake when it is dropped again, and a fourth column ``nightmail_row`` has its text.

    ``duplicates`` writes the duplicate rows instead, for information: dropped again they would be sent to again.
    """
    if isinstance(destination, Path):
        with destination.open("wb") as handle:
            return write_rejects_csv(contact_file, rejects, handle, duplicates=duplicates)
    text = io.TextIOWrapper(destination, encoding="utf-8-sig", newline="")
    try:
        return _write(contact_file, rejects, text, duplicates)
    finally:
        text.flush()
        text.detach()


def _write(contact_file: TableFile, rejects: TableFile, text: io.TextIOWrapper, duplicates: bool) -> int:
    headers = original_headers(contact_file)
    found = _reasons_by_line(rejects, duplicates)
    broken = found.column("row").null_count < found.num_rows
    header = [*headers.values(), *OWN_COLUMNS, *([ROW_COLUMN] if broken else [])]
    return write_csv_rows(text, header, _rejected_rows(contact_file, found, list(headers), broken))


def _rejected_rows(
    contact_file: TableFile, found: pa.Table, columns: list[str], broken: bool
) -> Iterator[list[str | None]]:
    """The rows to write, in the order of lines; one that is not in ``contact_file`` has blank columns."""

    def own(reason: dict[str, Any]) -> list[str | None]:
        return [str(reason["line"]), reason["reason"], reason["message"], *([reason["row"]] if broken else [])]

    lines = found.column("line").to_numpy()
    done = 0
    for block in contact_file.blocks(["line", *columns]):
        rows = block.filter(pc.is_in(block.column("line"), value_set=found.column("line")))
        if not rows.num_rows:
            continue
        cells = [rows.column(name).to_pylist() for name in columns]
        until = int(np.searchsorted(lines, rows.column("line")[-1].as_py(), side="right"))
        reasons = found.slice(done, until - done).to_pylist()
        at = dict(zip(rows.column("line").to_pylist(), range(rows.num_rows), strict=True))
        for reason in reasons:
            row = at.get(reason["line"])
            values = [None] * len(columns) if row is None else [column[row] for column in cells]
            yield [*values, *own(reason)]
        done = until
    for reason in found.slice(done).to_pylist():
        yield [*([None] * len(columns)), *own(reason)]


def _reasons_by_line(rejects: TableFile, duplicates: bool) -> pa.Table:
    """``line, reason, message, row`` of the rejected (or the duplicate) rows, one row per line, sorted.

    ``row`` is the text of a row that is broken as a row, and null for the others.
    """
    table = rejects.read(["line", "column", "value", "reason", "message"])
    row = pc.if_else(pc.is_null(table.column("column")), table.column("value"), pa.scalar(None, pa.string()))
    is_broken = pc.starts_with(table.column("reason"), "row_")
    table = table.append_column("row", pc.if_else(is_broken, row, pa.scalar(None, pa.string())))
    is_duplicate = pc.starts_with(table.column("reason"), "duplicate_")
    table = table.filter(is_duplicate if duplicates else pc.invert(is_duplicate))
    grouped = table.group_by("line", use_threads=False).aggregate(
        [("reason", "list"), ("message", "list"), ("row", "max")]
    )
    return pa.table(
        {
            "line": grouped.column("line"),
            "reason": pc.binary_join(grouped.column("reason_list"), "; "),
            "message": pc.binary_join(grouped.column("message_list"), " "),
            "row": grouped.column("row_max"),
        }
    ).sort_by("line")
