"""The organisation as people look at it: a team, those below it, and what stands at each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.organisation.queries import TEAM_IN_TREE, TEAMS_BELOW, TEAMS_NAMED, TEAMS_OF_PATHS


@dataclass(frozen=True, slots=True)
class TeamInTree:
    """A team: ``below`` counts the teams directly below it, ``feeds`` its active feeds."""

    id: int
    path: str
    name: str
    region: str
    country: str | None
    time_zone: str
    currency: str
    retention_days: int
    created_at: dt.datetime
    below: int
    feeds: int

    @property
    def upper_paths(self) -> list[str]:
        """The paths of the teams above, the topmost first."""
        parts = self.path.split(".")
        return [".".join(parts[:length]) for length in range(1, len(parts))]


def team_in_tree(connection: Connection, path: str) -> TeamInTree | None:
    """The team at a path; ``None`` where there is none."""
    row = connection.execute(text(TEAM_IN_TREE), {"path": path}).first()
    return None if row is None else TeamInTree(**row._mapping)


def top_teams(connection: Connection, seen: Sequence[str], after: str = "", limit: int = 100) -> list[TeamInTree]:
    """The topmost teams of who sees the teams at ``seen`` (``""``: all) and below, by path; the next page ``after`` one."""
    values = {"seen": list(seen), "after": after, "limit": limit}
    return [TeamInTree(**row._mapping) for row in connection.execute(text(TEAMS_OF_PATHS), values)]


def teams_below(connection: Connection, team_ids: Sequence[int], after: str = "", limit: int = 100) -> list[TeamInTree]:
    """The teams directly below some, by path; the next page ``after`` one."""
    values = {"parents": list(team_ids), "after": after, "limit": limit}
    return [TeamInTree(**row._mapping) for row in connection.execute(text(TEAMS_BELOW), values)]


def teams_named(connection: Connection, seen: Sequence[str], wanted: str, limit: int = 20) -> list[TeamInTree]:
    """Teams at or below those at ``seen`` whose name or path has ``wanted`` in it, whatever the case; by path."""
    if not seen:
        return []
    values = {"teams": list(seen), "wanted": wanted.lower(), "limit": limit}
    return [TeamInTree(**row._mapping) for row in connection.execute(text(TEAMS_NAMED), values)]
