"""Arrow tables into PostgreSQL by COPY: how bulk comes in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
from sqlalchemy import Connection

_BLOCK_ROWS = 50_000
_PIECE_BYTES = 1 << 20


def copy_in(connection: Connection, target: str, rows: pa.Table) -> None:
    """Write ``rows`` to ``target``, a table with its columns such as ``person (name, phone)``, in the order of ``rows``.

    Null is null and an empty text is one. ``target`` is SQL, never input. Runs in the caller's transaction.
    """
    raw: Any = connection.connection.driver_connection
    with raw.cursor() as cursor, cursor.copy(f"copy {target} from stdin (format csv)") as copy:
        for block in _as_csv(rows):
            # The driver takes a large block in pieces: it keeps no copy of the whole of it.
            for start in range(0, len(block), _PIECE_BYTES):
                copy.write(block[start : start + _PIECE_BYTES])


def _as_csv(rows: pa.Table) -> Iterator[memoryview]:
    options = pa_csv.WriteOptions(include_header=False, quoting_style="needed")
    for batch in rows.to_batches(max_chunksize=_BLOCK_ROWS):
        sink = pa.BufferOutputStream()
        pa_csv.write_csv(batch, sink, options)
        yield memoryview(sink.getvalue())
