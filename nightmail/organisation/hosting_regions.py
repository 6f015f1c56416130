"""Which hosting region a team is in: a deployment works for the teams of its own region alone."""

from __future__ import annotations

from sqlalchemy import Connection, text

from nightmail.errors import UsageError
from nightmail.settings import settings


def refuse_other_region(connection: Connection, team_id: int) -> None:
    """Refuse work for a team that another region hosts. Raises :class:`UsageError` (``team_of_other_region``)."""
    row = connection.execute(text("select path, region from team where id = :id"), {"id": team_id}).one()
    refuse_region(row.path, row.region)


def refuse_region(team: str, region: str) -> None:
    """Do the same for a team whose region is known."""
    own = settings().region
    if region != own:
        raise UsageError("team_of_other_region", team=team, region=region, own=own)
