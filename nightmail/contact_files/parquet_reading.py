"""Parquet as a contact file: typed columns become exact text, block by block.

Rows have no physical lines; the first row counts as line 2, as if a header stood on line 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nightmail.contact_files.cell_text import cell_text, float_text
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

    def head(self) -> dict[str, Any]:
        """The names of the columns, and how many rows the file says it has."""
        return {"header": self._names, "total": self._file.metadata.num_rows}

    def blocks(self) -> Iterator[dict[str, Any]]:
        """All rows. Raises ContactFileError for damage inside."""
        line = FIRST_LINE
        expanded = 0
        try:
            for batch in self._file.iter_batches(batch_size=_BATCH, columns=self._names):
                expanded += batch.nbytes
                if expanded > self._expanded_limit:
                    raise file_error("file_expands_too_far", limit=f"{self._expanded_limit} bytes")
                lines = list(range(line, line + batch.num_rows))
                line += batch.num_rows
                yield {"lines": lines, "too_large": [], "arrow": _serialized(batch, self._names)}
        except MemoryError:
            raise
        except (pa.ArrowException, OSError, UnicodeDecodeError, ValueError) as error:
            raise file_error("file_unreadable", detail="the Parquet file is damaged") from error


def _serialized(batch: pa.RecordBatch, names: list[str]) -> pa.Buffer:
    table = pa.table([_texts(batch.column(name)) for name in names], names=names)
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


def _texts(column: pa.Array) -> pa.Array:
    """A column as exact text; empty text is null."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.string())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        text = column.cast(pa.string())
        text.validate(full=True)
    elif pa.types.is_integer(kind) or pa.types.is_date(kind):
        text = column.cast(pa.string())
    elif pa.types.is_boolean(kind):
        text = pc.if_else(column, "true", "false")
    elif pa.types.is_decimal(kind):
        text = pa.array([cell_text(value) for value in column.to_pylist()], pa.string())
    elif pa.types.is_timestamp(kind) and kind.unit == "ns":
        text = _python_texts(column.cast(pa.timestamp("us", kind.tz), safe=False))
    elif pa.types.is_float32(kind) or pa.types.is_float16(kind):
        text = _short_floats(column)
    else:
        text = _python_texts(column)
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _python_texts(column: pa.Array) -> pa.Array:
    values: list[Any] = column.to_pylist()
    return pa.array([cell_text(value) for value in values], pa.string())


def _short_floats(column: pa.Array) -> pa.Array:
    """Floats of fewer than 64 bits, with the digits that they were made from and no more."""
    values = column.to_numpy(zero_copy_only=False)
    texts = [None if value is None else float_text(float(str(value))) for value in values]
    return pa.array(texts, pa.string())
