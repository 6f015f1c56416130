"""Who is in a list or segment now, while somebody waits for it: within seconds, and about how many where that does not do.

>>> with engine.begin() as connection:
...     members = members_within(connection, membership, 10, seconds=2)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg.errors import QueryCanceled
from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import OperationalError

from nightmail.contacts import list_queries as queries
from nightmail.contacts.list_membership import Membership
from nightmail.errors import UsageError


@dataclass(frozen=True, slots=True)
class Members:
    """How many are in it, and the first few: ``id, contact_id, external_id, phone, landline, email, country, language``."""

    count: int
    sample: Sequence[Row[Any]] = field(repr=False)
    """Personal data."""


def members_within(connection: Connection, membership: Membership, limit: int, *, seconds: float) -> Members:
    """Who is in it now, and the first ``limit`` of them.

    Raises :class:`UsageError` (``count_takes_long``) where the database has not found that out within ``seconds``: the transaction,
    which is to be used for nothing else, is over then.
    """
    connection.execute(text(queries.TIME_LIMIT), {"limit": f"{max(1, round(seconds * 1000))}ms"})
    statement = membership.statement(queries.COUNT_AND_SAMPLE, limit=str(int(limit)))
    try:
        rows = connection.execute(text(statement), dict(membership.parameters)).all()
    except OperationalError as error:
        if isinstance(error.orig, QueryCanceled):
            raise UsageError("count_takes_long", seconds=f"{seconds:g}") from None
        raise
    return Members(int(rows[0].members), [row for row in rows if row.id is not None])


def estimated_members(connection: Connection, membership: Membership) -> int:
    """About how many are in it, as the database's planner reckons without counting: the figure may be far off."""
    statement = membership.statement(queries.ESTIMATE)
    plan = connection.scalar(text(statement), dict(membership.parameters))
    return int(plan[0]["Plan"]["Plan Rows"]) if plan else 0
