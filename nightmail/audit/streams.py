"""Reading many rows with few of them in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, text

READ_AT_ONCE = 2_000


def stream(connection: Connection, statement: str, values: Mapping[str, Any]) -> Iterator[Any]:
    """The rows of a statement, fetched by :data:`READ_AT_ONCE`. The connection may run others meanwhile."""
    # By the statement's own options: those of a connection would hold for what it runs afterwards, too.
    yield from connection.execute(text(statement), dict(values), execution_options={"yield_per": READ_AT_ONCE})
