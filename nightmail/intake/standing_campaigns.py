"""Standing feeds: the campaigns that a schedule starts from a team's contact book."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from nightmail.campaigns.alerts import raise_alert, resolve_alerts
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.errors import UsageError
from nightmail.intake import queries
from nightmail.intake.feed_campaigns import campaign_times, create_feed_campaign
from nightmail.organisation.cron_times import last_time_of_cron
from nightmail.organisation.stored_feeds import FeedRow, feeds_with_schedule
from nightmail.reasons import explain

REACH = dt.timedelta(days=31)
"""A schedule's time that was missed longer ago is forgotten."""


def start_standing_campaigns(connection: Connection, now: dt.datetime) -> list[CampaignRow]:
    """Make the campaign of each feed on the contact book whose schedule has come by ``now``. Safe to call again.

    Of several times that were missed only the last is made good: a nightly send must not go out twice in a night. One
    that is long past asks a person before it sends (:mod:`nightmail.campaigns.late_starts`), and of one whose cut-off is
    over people are told instead. Times before the schedule was set are none of it.
    """
    made = []
    for feed in feeds_with_schedule(connection):
        if feed.settings.standing_source != "contacts":
            continue
        due = last_time_of_cron(feed.schedule or "", ZoneInfo(feed.time_zone), now, REACH)
        if due is None:
            continue
        connection.execute(text(queries.LOCK), {"name": f"nightmail.standing.{feed.id}"})
        if connection.scalar(text(queries.STANDING_CAMPAIGN_MADE), {"feed": feed.id, "due": due}):
            continue
        cut_off_at = campaign_times(feed, now, schedule_time=due).cut_off_at
        if cut_off_at is not None and cut_off_at <= now:
            _tell_of_missed(connection, feed, due, cut_off_at)
            continue
        try:
            made.append(
                create_feed_campaign(connection, feed, source="contacts", actor="schedule", schedule_time=due, now=now)
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


def _tell_of_missed(connection: Connection, feed: FeedRow, due: dt.datetime, cut_off_at: dt.datetime) -> None:
    """Raise an alert, once, for a time of a feed's schedule that was missed until after its cut-off."""
    subject = f"feed:{feed.team}/{feed.name}:{due:%Y-%m-%dT%H:%MZ}"
    if connection.scalar(text("select exists (select from alert where subject = :subject)"), {"subject": subject}):
        return
    raise_alert(
        connection,
        reason="schedule_missed",
        subject=subject,
        message=explain(
            "schedule_missed",
            feed=f"{feed.team}/{feed.name}",
            due=f"{due:%Y-%m-%d %H:%M} UTC",
            cut_off=f"{cut_off_at:%Y-%m-%d %H:%M} UTC",
        ),
        team_id=feed.team_id,
    )
