"""Rows of a query as an Arrow table, by COPY: how bulk leaves PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
from psycopg import ClientCursor
from sqlalchemy import Connection

_BLOCK_BYTES = 1 << 24


def copy_table(connection: Connection, query: str, values: Mapping[str, Any], schema: pa.Schema) -> pa.Table:
    """The rows of ``query`` as a table of ``schema``, column by column in order. ``values`` fill ``%(name)s``.

    Decimals, times and dates come exact. An empty string stays one; null is null. Lists are not supported: join them
    into text in the query.
    """
    blocks = list(copy_blocks(connection, query, values, schema))
    return pa.concat_tables(blocks) if blocks else schema.empty_table()


def copy_blocks(connection: Connection, query: str, values: Mapping[str, Any], schema: pa.Schema) -> Iterator[pa.Table]:
    """The same in blocks of a few megabytes, as they come: memory does not grow with the number of rows."""
    raw: Any = connection.connection.driver_connection
    # COPY takes no parameters on the server's side, so the driver binds and quotes them here.
    bound = ClientCursor(raw).mogrify(query, dict(values))
    with raw.cursor() as cursor, cursor.copy(f"copy ({bound}) to stdout (format csv, force_quote *)") as copy:
        for block in whole_rows(copy):
            yield _table(block, schema)


def whole_rows(copy: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """What a COPY sends, joined to blocks of some megabytes. Each row is a message of its own: no block ends within one."""
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


def _table(content: bytes, schema: pa.Schema) -> pa.Table:
    # Times come as text: Arrow's CSV reader knows no zone written as +00.
    read_as = pa.schema([pa.field(f.name, pa.string() if pa.types.is_timestamp(f.type) else f.type) for f in schema])
    table = pa_csv.read_csv(
        pa.BufferReader(content),
        read_options=pa_csv.ReadOptions(column_names=schema.names, block_size=_BLOCK_BYTES),
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
    import pyarrow.compute as pc

    # The session's zone is UTC, so every value ends in +00.
    bare = pc.replace_substring_regex(column, r"\+00$", "")
    return bare.cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC")).cast(kind)
