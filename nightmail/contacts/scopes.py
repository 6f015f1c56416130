"""Whose contacts, segments and lists a team uses: its own, and those that a team above shares with the teams below it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar
from zoneinfo import available_timezones

from sqlalchemy import Connection, Row, text

from nightmail.channels import EMAIL_FIELD
from nightmail.contacts import list_queries
from nightmail.contacts.segment_reading import Vocabulary
from nightmail.contacts.segment_rules import Kind
from nightmail.organisation.feed_choices import ValueType
from nightmail.organisation.teams import TeamRow, get_team

Found = TypeVar("Found")

FIELDS: Mapping[str, Kind] = {
    "external_id": Kind.TEXT,
    "name": Kind.TEXT,
    "phone": Kind.ADDRESS,
    "phone_2": Kind.ADDRESS,
    "landline": Kind.ADDRESS,
    EMAIL_FIELD: Kind.ADDRESS,
    "country": Kind.COUNTRY,
    "language": Kind.TEXT,
    "time_zone": Kind.ZONE,
    "birth_date": Kind.DATE,
}
"""The standard fields that a rule may name."""

_KINDS: Mapping[str, Kind] = {
    ValueType.NUMBER: Kind.NUMBER,
    ValueType.MONEY: Kind.NUMBER,
    ValueType.DATE: Kind.DATE,
    "boolean": Kind.BOOLEAN,
}


@dataclass(frozen=True, slots=True)
class Scope:
    """What a team uses: the contacts of ``teams``, itself first, and what its rules may name."""

    team: TeamRow
    teams: list[int]
    attributes: Mapping[str, Kind]
    categories: frozenset[str]
    groups: Mapping[str, int]
    """The groups by name; of two of one name that of the nearest team."""
    now: dt.datetime
    """When the transaction began in which it was looked at."""

    @property
    def vocabulary(self) -> Vocabulary:
        """What the rules of the team may name."""
        return Vocabulary(
            fields=FIELDS,
            attributes=self.attributes,
            categories=self.categories,
            groups=frozenset(self.groups),
            zones=_zones(),
        )


def visible_teams(connection: Connection, team_id: int) -> list[int]:
    """The ids of the teams whose contacts a team uses: itself first."""
    return list(connection.scalars(text(list_queries.VISIBLE_TEAMS), {"team_id": team_id}))


def find_used(
    connection: Connection, statement: str, made: Callable[..., Found], teams: list[int], which: str | int
) -> Found | None:
    """What one of ``teams`` has by a name or number, as ``statement`` finds it; of two of one name the nearest team's."""
    number = which if isinstance(which, int) else None
    values = {"teams": teams, "id": number, "name": None if number is not None else which, "limit": len(teams)}
    rows = connection.execute(text(statement), values).all()
    nearest = min(rows, key=lambda row: teams.index(row.team_id), default=None)
    return None if nearest is None else made(**nearest._mapping)


def groups_of(connection: Connection, teams: list[int]) -> dict[str, int]:
    """The groups of teams by name."""
    return {row.name: row.id for row in connection.execute(text(list_queries.GROUPS), {"teams": teams})}


def scopes_of(connection: Connection, teams: Iterable[str]) -> dict[str, Scope]:
    """What teams use, by their paths, in one statement; a team that there is not is left out."""
    rows = connection.execute(text(list_queries.SCOPES), {"paths": sorted(set(teams))})
    return {row.path: _scope(row) for row in rows}


def scope_of(connection: Connection, team: str) -> Scope:
    """What the team at a path uses. Raises :class:`UsageError` (``team_unknown``)."""
    found = scopes_of(connection, [team]).get(team)
    if found is None:
        get_team(connection, team)
        raise AssertionError("a team that is there was not found")
    return found


def vocabulary_of(connection: Connection, team: str) -> Vocabulary:
    """What the rules of the team at a path may name. Raises what :func:`scope_of` does."""
    return scope_of(connection, team).vocabulary


def _scope(row: Row[Any]) -> Scope:
    return Scope(
        TeamRow(row.id, row.path, row.country, row.time_zone),
        list(row.teams),
        {name: _KINDS.get(kind, Kind.TEXT) for name, kind in row.attributes or ()},
        frozenset(row.categories),
        dict(row.groups or ()),
        row.now,
    )


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
