"""Feeds as the database has them: which there are, and the one that a folder or a name means."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, text

from nightmail.errors import UsageError
from nightmail.organisation.cron_times import next_time_of_cron
from nightmail.organisation.feeds import FeedSettings, feed_settings

_QUERY = """
    select f.id, f.name, f.team_id, t.path as team, t.country as team_country, t.time_zone, f.template_id,
        p.name as template, p.category_id, g.name as category, f.sftp_server_id, f.folder, f.default_country, f.settings,
        f.schedule
    from feed f join team t on t.id = f.team_id join template p on p.id = f.template_id
    join category g on g.id = p.category_id
    where f.active
"""


@dataclass(frozen=True, slots=True)
class FeedRow:
    """An active feed with the names of its team and template, and its settings as one typed value."""

    id: int
    name: str
    team_id: int
    team: str
    team_country: str | None
    time_zone: str
    template_id: int
    template: str
    category_id: int
    category: str
    sftp_server_id: int | None
    folder: str | None
    default_country: str | None
    settings: FeedSettings = field(repr=False)
    schedule: str | None


def _feed(row: Row[Any]) -> FeedRow:
    values = dict(row._mapping)
    values["settings"] = feed_settings(values["settings"], f"{values['team']}/{values['name']}")
    return FeedRow(**values)


def feed_by_id(connection: Connection, feed_id: int) -> FeedRow:
    """The feed of an id. Raises :class:`UsageError` (``feed_unknown``)."""
    row = connection.execute(text(f"{_QUERY} and f.id = :id"), {"id": feed_id}).first()
    if row is None:
        raise UsageError("feed_unknown", f"There is no active feed {feed_id}.", "Look at the team's feeds.")
    return _feed(row)


def feed_by_name(connection: Connection, team: str, name: str) -> FeedRow:
    """The feed of a team's path and a name. Raises :class:`UsageError` (``feed_unknown``) that names the team's feeds."""
    row = connection.execute(
        text(f"{_QUERY} and t.path = :team and f.name = :name"),
        {"team": team, "name": name},
    ).first()
    if row is None:
        known = connection.scalars(
            text(
                "select f.name from feed f join team t on t.id = f.team_id where t.path = :team and f.active order by 1"
            ),
            {"team": team},
        ).all()
        raise UsageError(
            "feed_unknown",
            f"The team {team} has no feed {name}.",
            f"Use one of: {', '.join(known)}." if known else "Provision a feed for the team first.",
        )
    return _feed(row)


def feeds_of_server(connection: Connection, sftp_server_id: int) -> list[FeedRow]:
    """The active feeds whose folders are on an SFTP server."""
    rows = connection.execute(
        text(f"{_QUERY} and f.sftp_server_id = :server and f.folder is not null order by f.id"),
        {"server": sftp_server_id},
    )
    return [_feed(row) for row in rows]


def feeds_with_schedule(connection: Connection) -> list[FeedRow]:
    """The standing feeds: active ones with a schedule."""
    return [_feed(row) for row in connection.execute(text(f"{_QUERY} and f.schedule is not null order by f.id"))]


def feeds_expecting_files(connection: Connection) -> list[FeedRow]:
    """The active feeds that state ``expected_by``."""
    rows = connection.execute(text(f"{_QUERY} and f.settings ? 'expected_by' order by f.id"))
    return [_feed(row) for row in rows]


def next_run_of(feed: FeedRow, after: dt.datetime) -> dt.datetime | None:
    """When a standing feed's schedule comes next (UTC), at or after a moment; ``None`` without a schedule."""
    if feed.schedule is None:
        return None
    from zoneinfo import ZoneInfo

    return next_time_of_cron(feed.schedule, ZoneInfo(feed.time_zone), after)
