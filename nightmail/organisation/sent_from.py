"""What messages came from: an account with the address and reply address that it sent under, noted once and never changed.

A sender's address may be changed or given to another team, and an account may state another number. A message that was
handed off keeps what it said it came from: replies to it are found by that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection, text

from nightmail.organisation.queries import FIND_SENT_FROM, INSERT_SENT_FROM
from nightmail.organisation.routes import Route


def with_sent_from(connection: Connection, routes: Iterable[Route]) -> list[Route]:
    """The routes, each with the id of what its messages come from; one that is new is noted."""
    return [replace(route, sent_from_id=_sent_from_id(connection, route)) for route in routes]


def _sent_from_id(connection: Connection, route: Route) -> int:
    values = {
        "account": route.account.id,
        "address": route.sender or str(route.account.settings.get("sender") or ""),
        "reply_to": route.reply_to or "",
    }
    found = connection.scalar(text(FIND_SENT_FROM), values)
    if found is None:
        connection.execute(text(INSERT_SENT_FROM), values)
        # Not what the insert returns: another process may have been first.
        found = connection.execute(text(FIND_SENT_FROM), values).scalar_one()
    return int(found)
