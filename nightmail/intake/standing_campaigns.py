"""Standing feeds: the campaigns that a schedule starts."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from nightmail.campaigns.alerts import raise_alert, resolve_alerts
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.errors import UsageError
from nightmail.intake import queries
from nightmail.intake.feed_campaigns import create_feed_campaign
from nightmail.organisation.cron_times import next_time_of_cron
from nightmail.organisation.stored_feeds import feeds_with_schedule

CATCH_UP = dt.timedelta(hours=6)
"""A schedule that was missed while nothing ran is made good so long afterwards, once; an older one is not."""


def start_standing_campaigns(connection: Connection, now: dt.datetime) -> list[CampaignRow]:
    """Make the campaign of each feed on the contact book whose schedule has come by ``now``. Safe to call again.

    Of several times that were missed only the last is made good: a nightly send must not go out twice in a night.
    """
    made = []
    for feed in feeds_with_schedule(connection):
        if feed.settings.standing_source != "contacts":
            continue
        due = _last_time(feed.schedule or "", feed.time_zone, now)
        if due is None:
            continue
        connection.execute(text(queries.LOCK), {"name": f"nightmail.standing.{feed.id}"})
        made_before = connection.scalar(text(queries.STANDING_CAMPAIGN_MADE), {"feed": feed.id, "due": due})
        if made_before:
            continue
        try:
            made.append(
                create_feed_campaign(connection, feed, source="contacts", actor="schedule", scheduled_at=due, now=now)
            )
        except UsageError as error:
            # The next look tries again; other feeds do not wait for it.
            raise_alert(
                connection,
                reason=error.reason,
                subject=f"feed:{feed.team}/{feed.name}",
                message=str(error),
                team_id=feed.team_id,
            )
        else:
            resolve_alerts(connection, subject=f"feed:{feed.team}/{feed.name}")
    return made


def _last_time(schedule: str, time_zone: str, now: dt.datetime) -> dt.datetime | None:
    """The latest time of a schedule at or before ``now``; ``None`` when it is longer ago than :data:`CATCH_UP`."""
    latest, after = None, now - CATCH_UP
    zone = ZoneInfo(time_zone)
    while True:
        found = next_time_of_cron(schedule, zone, after)
        if found > now:
            return latest
        latest, after = found, found + dt.timedelta(minutes=1)
