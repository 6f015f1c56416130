"""The stage ``contact_file``: any supported file in, one table of strings with line numbers out."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import pyarrow as pa

from nightmail.contact_files.header import plan_columns
from nightmail.contact_files.summary import METADATA_KEY, ContactFileSummary, ReadOptions
from nightmail.errors import ContactFileError
from nightmail.lake import TableFile
from nightmail.lake_schemas import REJECTS
from nightmail.progress import Progress
from nightmail.reasons import remedy, sentence


def read_contact_file(
    source: Path, destination: TableFile, options: ReadOptions, progress: Progress | None = None
) -> ContactFileSummary:
    """Read ``source`` into ``destination``: ``line`` and one string column per column of the file.

    Rows that are broken as rows go to ``options.rejects``. Raises ContactFileError when the file as a whole cannot be
    used; then nothing is written.
    """
    content = source.read_bytes()
    if not content:
        raise ContactFileError("file_empty", sentence("file_empty"), remedy("file_empty"))
    reader = csv.reader(content.decode("utf-8-sig").splitlines(keepends=True))
    header = next(reader)
    plan = plan_columns(header, options.mapping, options.known_placeholders)
    lines: list[int] = []
    columns: list[list[str | None]] = [[] for _ in header]
    before = reader.line_num
    for row in reader:
        if row and len(row) == len(header):
            lines.append(before + 1)
            for column, value in zip(columns, row, strict=True):
                column.append(value or None)
        before = reader.line_num
    if not lines:
        raise ContactFileError("file_no_rows", sentence("file_no_rows"), remedy("file_no_rows"))
    arrays = {
        target: pa.array(column, pa.string())
        for target, column in zip(plan.targets, columns, strict=True)
        if target is not None
    }
    arrays |= {name: arrays[field] for name, field in plan.copies.items()}
    summary = ContactFileSummary(
        format="csv",
        container=None,
        inner_name=None,
        encoding="utf-8",
        encoding_certainty="likely",
        encoding_evidence=None,
        delimiter=",",
        line_end="LF",
        sheet=None,
        header_line=1,
        header=plan.header,
        mapping=plan.mapping,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        rows=len(lines),
        rows_read=len(lines),
        rows_rejected=0,
        by_reason={},
        warnings=plan.warnings,
        own_rejects=plan.own_rejects,
    )
    options.rejects.write(REJECTS.empty_table())
    table = pa.table({"line": pa.array(lines, pa.int64()), **arrays})
    with destination.writer(table.schema) as writer:
        writer.write(table)
        writer.set_metadata(METADATA_KEY, json.dumps(summary.as_dict(), ensure_ascii=False))
    return summary
