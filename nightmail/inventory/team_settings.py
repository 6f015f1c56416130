"""Teams' settings as administrators see them: what a team states itself, what it takes from those above, and from which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightmail.inventory import price_queries as queries
from nightmail.organisation.team_settings import TeamSettings

VALUES = ("region", "country", "time_zone", "currency", "retention_days")
"""What every team has a value for: its own, or that of the team above when it was set up."""

ADDING_UP = ("four_eyes", "audience")
"""Settings that a team adds to what those above it state, rather than replacing it."""


@dataclass(frozen=True, slots=True)
class TeamValues:
    """A team and what it states; ``settings`` are those of its own."""

    id: int
    path: str
    name: str
    region: str
    country: str | None
    time_zone: str
    currency: str
    retention_days: int
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class HeldSetting:
    """A setting that holds for a team: its name, what it says, and the path of the team that states it."""

    name: str
    description: str
    value: Any
    stated_by: str


@dataclass(frozen=True, slots=True)
class TeamWithSettings:
    """A team, and every setting that holds for it: of each the nearest team's that states it."""

    team: TeamValues
    above: TeamValues | None
    held: tuple[HeldSetting, ...]


def teams(
    connection: Connection,
    seen: Sequence[str],
    *,
    stating: bool = False,
    after: str | None = None,
    limit: int = 100,
) -> list[TeamValues]:
    """The teams that are seen, by path; with ``stating`` only those that state settings of their own."""
    values = {"seen": list(seen), "stating": stating, "after": after, "limit": limit}
    return [TeamValues(**row._mapping) for row in connection.execute(text(queries.TEAMS), values)]


def team_with_settings(connection: Connection, path: str) -> TeamWithSettings | None:
    """The team at a path with what holds for it; ``None`` where there is none.

    Four eyes and rules of the audience are what each team above demands on its own: all that state them are listed.
    """
    parts = path.split(".")
    paths = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
    rows = [TeamValues(**row._mapping) for row in connection.execute(text(queries.TEAM_WITH_UPPER), {"paths": paths})]
    if not rows or rows[-1].path != path:
        return None
    held: list[HeldSetting] = []
    for name, field in TeamSettings.model_fields.items():
        stating = [row for row in rows if row.settings.get(name) is not None]
        held += [
            HeldSetting(name, field.description or "", row.settings[name], row.path)
            for row in (stating if name in ADDING_UP else stating[-1:])
        ]
    return TeamWithSettings(rows[-1], rows[-2] if len(rows) > 1 else None, tuple(held))
