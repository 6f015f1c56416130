"""Feeds as the database has them: found by id, by name, by SFTP server or by schedule."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, text

from nightmail.errors import UsageError
from nightmail.organisation.cron_times import next_time_of_cron
from nightmail.organisation.feeds import FeedSettings, feed_settings
from nightmail.organisation.queries import FEED_NAMES, FEEDS, FEEDS_AT_OR_BELOW


@dataclass(frozen=True, slots=True)
class FeedRow:
    """An active feed with the names of its team and template, and its settings as one typed value.

    A feed whose files are not sent may have no template, and then has no category.
    """

    id: int
    name: str
    team_id: int
    team: str
    team_country: str | None
    time_zone: str
    template_id: int | None
    template: str | None
    category_id: int | None
    category: str | None
    sftp_server_id: int | None
    folder: str | None
    default_country: str | None
    settings: FeedSettings = field(repr=False)
    schedule: str | None

    @property
    def sent_template(self) -> int:
        """The id of the template that it sends. Raises :class:`UsageError` (``feed_sends_nothing``) for a feed of another kind."""
        if self.template_id is None or not self.settings.sends:
            raise UsageError("feed_sends_nothing", feed=f"{self.team}/{self.name}", kind=self.settings.kind)
        return self.template_id


def _feed(row: Row[Any]) -> FeedRow:
    values = dict(row._mapping)
    values["settings"] = feed_settings(values["settings"], f"{values['team']}/{values['name']}")
    return FeedRow(**values)


def feed_by_id(connection: Connection, feed_id: int) -> FeedRow:
    """The feed of an id. Raises :class:`UsageError` (``feed_unknown``)."""
    row = connection.execute(text(f"{FEEDS} and f.id = :id"), {"id": feed_id}).first()
    if row is None:
        raise feed_unknown(connection, feed_id)
    return _feed(row)


def feed_by_name(connection: Connection, team: str, name: str) -> FeedRow:
    """The feed of a team's path and a name. Raises :class:`UsageError` (``feed_unknown``) that names the team's feeds."""
    row = connection.execute(
        text(f"{FEEDS} and t.path = :team and f.name = :name"),
        {"team": team, "name": name},
    ).first()
    if row is None:
        raise feed_unknown(connection, f"{team}/{name}", team)
    return _feed(row)


def feed_unknown(connection: Connection, value: object, team: str | None = None) -> UsageError:
    """The error ``feed_unknown``; it names the active feeds of ``team`` and of the teams below it, without one of all."""
    known = connection.scalars(text(FEED_NAMES), {"team": team}).all()
    return UsageError("feed_unknown", value=value, known=", ".join(known) or "(none: provision a feed first)")


@dataclass(frozen=True, slots=True)
class FeedPlace:
    """An active feed and the newest version of its template: their ids; ``None`` for a template without a version."""

    id: int
    template_version: int | None


def feeds_at_or_below(connection: Connection, team: str, *, after_id: int, limit: int) -> list[FeedPlace]:
    """The active feeds of a team and of the teams below it, by id, from the first one over ``after_id``."""
    values = {"team": team, "after": after_id, "limit": limit}
    return [FeedPlace(**row._mapping) for row in connection.execute(text(FEEDS_AT_OR_BELOW), values)]


def feeds_of_server(connection: Connection, sftp_server_id: int) -> list[FeedRow]:
    """The active feeds whose folders are on an SFTP server."""
    rows = connection.execute(
        text(f"{FEEDS} and f.sftp_server_id = :server and f.folder is not null order by f.id"),
        {"server": sftp_server_id},
    )
    return [_feed(row) for row in rows]


def feeds_with_schedule(connection: Connection) -> list[FeedRow]:
    """The standing feeds: active ones with a schedule."""
    return [_feed(row) for row in connection.execute(text(f"{FEEDS} and f.schedule is not null order by f.id"))]


def feeds_expecting_files(connection: Connection) -> list[FeedRow]:
    """The active feeds that state ``expected_by``."""
    rows = connection.execute(text(f"{FEEDS} and f.settings ? 'expected_by' order by f.id"))
    return [_feed(row) for row in rows]


def next_run_of(feed: FeedRow, after: dt.datetime) -> dt.datetime | None:
    """The next time (UTC) of a standing feed's schedule, at or after a moment; ``None`` without a schedule."""
    if feed.schedule is None:
        return None
    return next_time_of_cron(feed.schedule, ZoneInfo(feed.time_zone), after)
