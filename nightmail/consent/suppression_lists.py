"""Suppressions over many addresses, as people look through them: by team, channel, reason and day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

from nightmail.consent.suppression_list_queries import (
    LIFTED_SUPPRESSION,
    LIST_OF_ALL,
    LIST_OF_TEAMS,
    SEEN_SUPPRESSION,
)
from nightmail.consent.suppressions import SuppressionRow, suppression_unknown
from nightmail.privacy import AddressHash

Place = tuple[dt.datetime, int]
"""When a suppression was made, and its id: a page of the list goes on after it."""


@dataclass(frozen=True, slots=True)
class SuppressionFilter:
    """Which suppressions in force: of ``teams`` (paths; the empty one stands for all), those below, those above, and those for all.

    With ``team`` only those that were made for it or for a team below it.
    """

    teams: tuple[str, ...]
    team: str | None = None
    channel: str | None = None
    reason: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    hashed: AddressHash | None = field(default=None, repr=False)
    """Only of the address with this keyed hash."""


@dataclass(frozen=True, slots=True)
class Lifting:
    """When a suppression was lifted, by whom where that is known, and why."""

    lifted_at: dt.datetime
    lifted_by: str | None
    lifted_why: str | None


def list_suppressions(
    connection: Connection, wanted: SuppressionFilter, *, after: Place | None = None, limit: int = 100
) -> list[SuppressionRow]:
    """Suppressions in force, the newest first; a page begins ``after`` a place."""
    at, number = after or (None, None)
    values = {
        "teams": list(wanted.teams),
        "team": wanted.team,
        "channel": wanted.channel,
        "reason": wanted.reason,
        "since": wanted.since,
        "until": wanted.until,
        "hash": wanted.hashed,
        "at": at,
        "after": number,
        "limit": min(limit, 1001),
    }
    everywhere = wanted.teams == ("",) and wanted.team is None
    rows = connection.execute(text(LIST_OF_ALL if everywhere else LIST_OF_TEAMS), values)
    return [SuppressionRow(**row._mapping) for row in rows]


def seen_suppression(connection: Connection, suppression_id: int, *, teams: Sequence[str]) -> SuppressionRow:
    """A suppression in force that somebody sees who sees those of ``teams``. Raises :class:`UsageError` (``suppression_unknown``)."""
    row = connection.execute(text(SEEN_SUPPRESSION), {"id": suppression_id, "teams": list(teams)}).first()
    if row is None:
        raise suppression_unknown(suppression_id)
    return SuppressionRow(**row._mapping)


def lifting_of(connection: Connection, suppression_id: int, *, teams: Sequence[str]) -> Lifting | None:
    """How a suppression of ``teams`` ended; ``None`` where it is in force, or none of theirs."""
    row = connection.execute(text(LIFTED_SUPPRESSION), {"id": suppression_id, "teams": list(teams)}).first()
    return None if row is None else Lifting(**row._mapping)
