"""Files in numbered parts: ``due.1of3.csv``, ``due.2of3.csv``, ``due.3of3.csv`` form one campaign when all are there.

Each part is a file of its own, with its header. Lines are counted on through the parts, as if they lay in one file one
after the other; a result file says at which line each part begins.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from nightmail.contact_files import METADATA_KEY, ContactFileSummary, contact_file_summary
from nightmail.lake import TableFile
from nightmail.lake.schemas import REJECTS
from nightmail.preparation.preparation_settings import Preparation
from nightmail.preparation.stage_tables import StageTables
from nightmail.preparation.stages import read_file
from nightmail.progress import Progress


def read_parts(
    preparation: Preparation, sources: Sequence[Path], tables: StageTables, progress: Progress | None = None
) -> tuple[ContactFileSummary, list[int]]:
    """Stage ``contact_file`` of several files: one table with the columns of all.

    Return the summary of the whole, and for each part the line after which its lines begin.
    """
    folder = tables.contact_file.url.rsplit("/", 1)[0]
    read: list[tuple[ContactFileSummary, StageTables]] = []
    try:
        for number, source in enumerate(sources, start=1):
            aside = replace(
                tables,
                contact_file=TableFile(f"{folder}/.part-{number}.parquet"),
                file_rejects=TableFile(f"{folder}/.part-{number}.rejects.parquet"),
            )
            part = replace(preparation, file_name=source.name)
            read.append((read_file(part, source, aside, progress), aside))
        return _joined(read, tables)
    finally:
        for _, aside in read:
            aside.contact_file.delete()
            aside.file_rejects.delete()


def _joined(
    read: Sequence[tuple[ContactFileSummary, StageTables]], tables: StageTables
) -> tuple[ContactFileSummary, list[int]]:
    columns = list(dict.fromkeys(name for summary, _ in read for name in summary.columns))
    offsets, offset = [], 0
    for _, aside in read:
        offsets.append(offset)
        offset += max(_last_line(aside.contact_file), _last_line(aside.file_rejects))
    first = contact_file_summary(read[0][1].contact_file)
    summaries = [summary for summary, _ in read]
    by_reason: dict[str, int] = {}
    for summary in summaries:
        for reason, count in summary.by_reason.items():
            by_reason[reason] = by_reason.get(reason, 0) + count
    mapping = {header: name for summary in reversed(summaries) for header, name in summary.mapping.items()}
    joined = replace(
        first,
        header=tuple(dict.fromkeys(name for summary in summaries for name in summary.header)),
        mapping=dict(sorted(mapping.items(), key=lambda item: columns.index(item[1]))),
        size=sum(summary.size for summary in summaries),
        sha256=sha256("".join(summary.sha256 for summary in summaries).encode()).hexdigest(),
        rows=sum(summary.rows for summary in summaries),
        rows_read=sum(summary.rows_read for summary in summaries),
        rows_rejected=sum(summary.rows_rejected for summary in summaries),
        by_reason=by_reason,
        warnings=tuple(warning for summary in summaries for warning in summary.warnings),
        decisions=tuple(dict.fromkeys(decision for summary in summaries for decision in summary.decisions)),
    )
    schema = pa.schema(
        [pa.field("line", pa.int64()), *(pa.field(name, pa.string()) for name in columns)],
        metadata={METADATA_KEY: json.dumps(joined.as_dict())},
    )
    with tables.contact_file.writer(schema) as writer, tables.file_rejects.writer(REJECTS) as rejects:
        for (_, aside), start in zip(read, offsets, strict=True):
            for block in aside.contact_file.blocks():
                writer.write(_with_columns(_moved(block, start), schema))
            for block in aside.file_rejects.blocks():
                rejects.write(_moved(block, start))
    return joined, offsets


def _last_line(table: TableFile) -> int:
    return max((int(pc.max(block["line"]).as_py() or 0) for block in table.blocks(["line"])), default=0)


def _moved(block: pa.Table, start: int) -> pa.Table:
    moved = pc.add(block["line"], pa.scalar(start, pa.int64()))
    return block.set_column(block.schema.get_field_index("line"), block.schema.field("line"), moved)


def _with_columns(block: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        block[field.name].cast(field.type) if field.name in block.column_names else pa.nulls(block.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
