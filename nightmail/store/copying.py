"""Rows of a query as Arrow tables, by COPY: how bulk leaves PostgreSQL."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
from psycopg import ClientCursor
from sqlalchemy import Connection

_BLOCK_BYTES = 1 << 24


def copy_table(connection: Connection, query: str, values: Mapping[str, Any], schema: pa.Schema) -> pa.Table:
    """Return the rows of ``query`` as one table of ``schema``; ``values`` fill its ``%(name)s``.

    The query names its columns as the schema does, in any order. Decimals, times and dates come exact. An empty string
    stays one; null is null. Lists are not supported: join them into text in the query.

    Raises ``ValueError`` when a column of the schema is missing, or the query gives one that the schema does not have.
    """
    blocks = list(copy_blocks(connection, query, values, schema))
    return pa.concat_tables(blocks) if blocks else schema.empty_table()


def copy_blocks(connection: Connection, query: str, values: Mapping[str, Any], schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield the same in tables of some megabytes, as they come: memory does not grow with the number of rows."""
    raw: Any = connection.connection.driver_connection
    # COPY takes no parameters on the server's side, so the driver binds and quotes them here.
    bound = ClientCursor(raw).mogrify(query, dict(values))
    with raw.cursor() as cursor, cursor.copy(f"copy ({bound}) to stdout (format csv, header, force_quote *)") as copy:
        rows = iter(copy)
        names = _names(next(rows), schema)
        for block in whole_rows(rows):
            yield _table(block, names, schema)


def whole_rows(copy: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """Yield what a COPY sends in blocks of some megabytes. Each row is a message of its own: no block ends within one."""
    rows: list[bytes] = []
    size = 0
    for row in copy:
        rows.append(bytes(row))
        size += len(row)
        if size >= _BLOCK_BYTES:
            yield b"".join(rows)
            rows, size = [], 0
    if rows:
        yield b"".join(rows)


def _names(header: bytes | memoryview, schema: pa.Schema) -> list[str]:
    """Return the query's columns in order; raise ``ValueError`` unless they are the schema's."""
    names = next(csv.reader([bytes(header).decode()]))
    missing = [name for name in schema.names if name not in names]
    surplus = [name for name in names if name not in schema.names]
    if missing or surplus or len(set(names)) < len(names):
        raise ValueError(f"the query lacks {missing} and gives {surplus} beside the schema's columns: {names}")
    return names


def _table(content: bytes, names: list[str], schema: pa.Schema) -> pa.Table:
    # Times come as text: Arrow's CSV reader knows no zone written as +00.
    read_as = pa.schema([pa.field(f.name, pa.string() if pa.types.is_timestamp(f.type) else f.type) for f in schema])
    table = pa_csv.read_csv(
        pa.BufferReader(content),
        read_options=pa_csv.ReadOptions(column_names=names, block_size=_BLOCK_BYTES),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types=read_as,
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            null_values=[""],
            true_values=["t"],
            false_values=["f"],
        ),
    )
    columns = []
    for field in schema:
        column = table[field.name]
        columns.append(_times(column, field.type) if pa.types.is_timestamp(field.type) else column.cast(field.type))
    return pa.table(columns, schema=schema)


def _times(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    return column.cast(pa.timestamp("us", tz="UTC")).cast(kind)
