"""Parquet as a contact file: typed columns become exact text, block by block.

Rows have no physical lines; the first row counts as line 2, as if a header stood on line 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nightmail.contact_files.arrow_texts import holds_bytes, text_column, without_text
from nightmail.contact_files.failures import file_error
from nightmail.contact_files.reading_order import ReadingOrder

_BATCH = 20_000
"""Few enough that rows of ten thousand bytes, which a dictionary and runs make of nothing, fit into the memory."""
FIRST_LINE = 2


class ParquetContacts:
    """A Parquet file that was uploaded. Raises ContactFileError when it cannot be opened."""

    def __init__(self, order: ReadingOrder) -> None:
        try:
            self._file = pq.ParquetFile(order.path, thrift_string_size_limit=2**26, thrift_container_size_limit=2**22)
            schema = self._file.schema_arrow
        except MemoryError:
            raise
        except (pa.ArrowException, OSError, ValueError) as error:
            raise file_error("file_unreadable", detail="the Parquet file is damaged") from error
        if self._file.metadata.num_rows > order.row_limit:
            raise file_error("file_too_many_rows", limit=order.row_limit)
        self._expanded_limit = order.expanded_limit
        index = _pandas_index(schema)
        self._names = [name for name in schema.names if not (name in index and name.startswith("__index_level_"))]
        if len(set(self._names)) < len(self._names):
            twice = next(name for name in self._names if self._names.count(name) > 1)
            raise file_error("file_column_twice", first=twice, second=twice, field=twice)
        self._fields = [schema.field(name) for name in self._names]
        self._intervals = {
            leaf.path.partition(".")[0]
            for leaf in map(self._file.schema.column, range(len(self._file.schema)))
            if leaf.converted_type == "INTERVAL"
        }

    def head(self) -> dict[str, Any]:
        """The names of the columns, which of them have no text or hold bytes, and how many rows the file says it has."""
        return {
            "header": self._names,
            "without_text": {
                field.name: why for field in self._fields if (why := self._without_text(field)) is not None
            },
            "bytes": [field.name for field in self._fields if holds_bytes(field.type)],
            "total": self._file.metadata.num_rows,
        }

    def _without_text(self, field: pa.Field) -> str | None:
        if field.name in self._intervals:
            return "Parquet's type INTERVAL, which has no text of its own"
        return without_text(field)

    def blocks(self, left_out: list[str]) -> Iterator[dict[str, Any]]:
        """All rows; the columns ``left_out`` are empty. Raises ContactFileError for damage inside."""
        line = FIRST_LINE
        expanded = 0
        try:
            for batch in self._file.iter_batches(batch_size=_BATCH, columns=self._names):
                expanded += batch.nbytes
                if expanded > self._expanded_limit:
                    raise file_error("file_expands_too_far", limit=f"{self._expanded_limit} bytes")
                lines = list(range(line, line + batch.num_rows))
                line += batch.num_rows
                yield {"lines": lines, "too_large": [], "arrow": _serialized(batch, self._names, left_out)}
        except MemoryError:
            raise
        except (pa.ArrowException, OSError, UnicodeDecodeError, ValueError) as error:
            raise file_error("file_unreadable", detail="the Parquet file is damaged") from error


def _serialized(batch: pa.RecordBatch, names: list[str], left_out: list[str]) -> pa.Buffer:
    columns = [
        pa.nulls(batch.num_rows, pa.string()) if name in left_out else text_column(batch.column(name), name)
        for name in names
    ]
    table = pa.table(columns, names=names)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def _pandas_index(schema: pa.Schema) -> set[str]:
    """The columns that pandas keeps its index in; none where its note cannot be read."""
    try:
        columns = (schema.pandas_metadata or {}).get("index_columns", [])
        return {name for name in columns if isinstance(name, str)}
    except (ValueError, AttributeError, TypeError):
        return set()
