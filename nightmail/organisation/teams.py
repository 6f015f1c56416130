"""Teams by their path: ``acme.billing`` is the team ``billing`` below ``acme``, and sees itself and the teams below it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.errors import UsageError

LISTED = 20
"""Teams that an error names at the most."""


@dataclass(frozen=True, slots=True)
class TeamRow:
    """A team: ``country`` (ISO 3166-1 alpha-2) is that of its national phone numbers, ``time_zone`` an IANA name."""

    id: int
    path: str
    country: str | None
    time_zone: str


def find_team(connection: Connection, path: str) -> TeamRow | None:
    """The team at a path; ``None`` where there is none."""
    row = connection.execute(text("select id, path, country, time_zone from team where path = :path"), {"path": path})
    found = row.first()
    return None if found is None else TeamRow(**found._mapping)


def first_team(connection: Connection) -> TeamRow | None:
    """The first team, by its path, that is below no other; ``None`` before there is any."""
    row = connection.execute(
        text("select id, path, country, time_zone from team where strpos(path, '.') = 0 order by path limit 1")
    ).first()
    return None if row is None else TeamRow(**row._mapping)


def get_team(connection: Connection, path: str) -> TeamRow:
    """The team at a path. Raises :class:`UsageError` (``team_unknown``) that names the teams there are."""
    found = find_team(connection, path)
    if found is None:
        known = ", ".join(list_team_paths(connection)) or "(none: provision an organisation first)"
        raise UsageError("team_unknown", team=path, known=known)
    return found


def team_id_of(connection: Connection, path: str) -> int:
    """The id of the team at a path. Raises what :func:`get_team` does."""
    return get_team(connection, path).id


def list_team_paths(connection: Connection, limit: int = LISTED) -> list[str]:
    """The paths of the first teams, sorted."""
    return list(connection.scalars(text("select path from team order by path limit :limit"), {"limit": limit}))


def top_team_paths(connection: Connection, limit: int = 2) -> list[str]:
    """The paths of the first teams that are below no other, sorted: one where there is one organisation."""
    statement = text("select path from team where strpos(path, '.') = 0 order by path limit :limit")
    return list(connection.scalars(statement, {"limit": limit}))


def team_paths(connection: Connection, team_ids: Iterable[int]) -> dict[int, str]:
    """The paths of teams by their ids; those that do not exist are left out."""
    rows = connection.execute(text("select id, path from team where id = any(:ids)"), {"ids": list(team_ids)})
    return {row.id: row.path for row in rows}


def team_name(connection: Connection, team_id: int) -> str:
    """What a team is called."""
    return str(connection.scalar(text("select name from team where id = :id"), {"id": team_id}))


def team_ids_upwards(connection: Connection, team_path: str) -> list[int]:
    """The ids of a team and of every team above it, the team itself first."""
    parts = team_path.split(".")
    paths = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    rows = connection.execute(text("select path, id from team where path = any(:paths)"), {"paths": paths})
    by_path = {row.path: int(row.id) for row in rows}
    return [by_path[path] for path in paths if path in by_path]


def is_at_or_below(team: str, upper: str) -> bool:
    """Whether the team at path ``team`` is the one at ``upper`` or below it."""
    return team == upper or team.startswith(f"{upper}.")
