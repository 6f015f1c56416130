"""Whose contacts, segments and lists a team uses: its own, and those that a team above shares with the teams below it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from zoneinfo import available_timezones

from sqlalchemy import Connection, text

from nightmail.channels import EMAIL_FIELD
from nightmail.contacts import list_queries
from nightmail.contacts.segment_reading import Vocabulary
from nightmail.contacts.segment_rules import Kind
from nightmail.organisation.categories import category_names
from nightmail.organisation.feed_choices import ValueType
from nightmail.organisation.teams import TeamRow

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


def visible_teams(connection: Connection, team_id: int) -> list[int]:
    """The ids of the teams whose contacts a team uses: itself first."""
    return list(connection.scalars(text(list_queries.VISIBLE_TEAMS), {"team": team_id}))


def groups_of(connection: Connection, teams: list[int]) -> dict[str, int]:
    """The groups of teams by name."""
    return {row.name: row.id for row in connection.execute(text(list_queries.GROUPS), {"teams": teams})}


def attributes_of(connection: Connection, teams: list[int]) -> dict[str, Kind]:
    """The attributes that contacts of teams may have, with their types."""
    rows = connection.execute(text(list_queries.ATTRIBUTES), {"teams": teams})
    return {row.name: _KINDS.get(row.type, Kind.TEXT) for row in rows}


def vocabulary_of(connection: Connection, team: TeamRow) -> Vocabulary:
    """What the rules of a team may name."""
    teams = visible_teams(connection, team.id)
    return Vocabulary(
        fields=FIELDS,
        attributes=attributes_of(connection, teams),
        categories=frozenset(category_names(connection, team.path)),
        groups=frozenset(groups_of(connection, teams)),
        zones=_zones(),
    )


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
