"""What messages came from: an account with the address and reply address that it sent under, noted once and never changed.

A sender's address may be changed or given to another team, and an account may state another number. A message that was
handed off keeps what it said it came from: replies to it are found by that.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import Connection, text

from nightmail.organisation.queries import FIND_SENT_FROM, INSERT_SENT_FROM
from nightmail.organisation.routes import Route


class SentFrom(NamedTuple):
    """An account, and the address and reply address that messages over it come from."""

    account: int
    address: str
    reply_to: str


def sent_from(route: Route) -> SentFrom:
    """What messages that take a route come from."""
    address = route.sender or str(route.account.settings.get("sender") or "")
    return SentFrom(route.account.id, address, route.reply_to or "")


def with_sent_from(
    connection: Connection, routes: Iterable[Route], known: MutableMapping[SentFrom, int] | None = None
) -> list[Route]:
    """The routes, each with the id of what its messages come from; one that is new is noted, and added to ``known``."""
    known = {} if known is None else known
    found = []
    for route in routes:
        origin = sent_from(route)
        if origin not in known:
            known[origin] = _id_of(connection, origin)
        found.append(replace(route, sent_from_id=known[origin]))
    return found


def _id_of(connection: Connection, origin: SentFrom) -> int:
    values = origin._asdict()
    found = connection.scalar(text(FIND_SENT_FROM), values)
    if found is None:
        connection.execute(text(INSERT_SENT_FROM), values)
        # Not what the insert returns: another process may have been first.
        found = connection.execute(text(FIND_SENT_FROM), values).scalar_one()
    return int(found)
