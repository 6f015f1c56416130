"""Teams as the store has them, found by path."""

from __future__ import annotations

from sqlalchemy import Connection, text

from nightmail.errors import UsageError


def team_id_of(connection: Connection, path: str) -> int:
    """The id of a team's path. Raises :class:`UsageError` (``team_unknown``) that names the teams there are."""
    found = connection.scalar(text("select id from team where path = :path"), {"path": path})
    if found is None:
        known = connection.scalars(text("select path from team order by path limit 20")).all()
        raise UsageError(
            "team_unknown",
            f"There is no team {path}.",
            f"Use one of: {', '.join(known)}." if known else "Provision an organisation first.",
        )
    return int(found)
