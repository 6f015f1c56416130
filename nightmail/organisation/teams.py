"""Teams by their path: ``acme.billing`` is the team ``billing`` below ``acme``, and sees itself and the teams below it."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, text

from nightmail.errors import UsageError

LISTED = 20
"""Teams that an error names at the most."""


def find_team(connection: Connection, path: str) -> int | None:
    """The id of the team at a path; ``None`` where there is none."""
    found = connection.scalar(text("select id from team where path = :path"), {"path": path})
    return None if found is None else int(found)


def team_id_of(connection: Connection, path: str) -> int:
    """The id of the team at a path. Raises :class:`UsageError` (``team_unknown``) that names the teams there are."""
    found = find_team(connection, path)
    if found is None:
        query = text("select path from team order by path limit :limit")
        known = connection.scalars(query, {"limit": LISTED}).all()
        raise UsageError("team_unknown", team=path, known=", ".join(known) or "(none: provision an organisation first)")
    return found


def team_paths(connection: Connection, team_ids: Iterable[int]) -> dict[int, str]:
    """The paths of teams by their ids; those that do not exist are left out."""
    rows = connection.execute(text("select id, path from team where id = any(:ids)"), {"ids": list(team_ids)})
    return {row.id: row.path for row in rows}


def team_country(connection: Connection, path: str) -> str | None:
    """The country (ISO 3166-1 alpha-2) in which a team's national phone numbers are; ``None`` where it states none."""
    found = connection.scalar(text("select country from team where path = :path"), {"path": path})
    return None if found is None else str(found)


def is_at_or_below(team: str, upper: str) -> bool:
    """Whether the team at path ``team`` is the one at ``upper`` or below it."""
    return team == upper or team.startswith(f"{upper}.")
