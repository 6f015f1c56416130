"""Standing feeds: the campaigns that a schedule starts, and the files that should have come."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from nightmail.campaigns.alerts import resolve_alerts
from nightmail.campaigns.campaigns import CampaignRow, raise_alert
from nightmail.errors import UsageError
from nightmail.intake.arrivals import create_feed_campaign
from nightmail.intake.feed_rows import feeds_expecting_files, feeds_with_schedule, next_time_of_cron
from nightmail.intake.parts import part_name
from nightmail.reasons import sentence

CATCH_UP = dt.timedelta(hours=6)
"""A schedule that was missed while nothing ran is made good so long afterwards, once; an older one is not."""


def start_standing_campaigns(connection: Connection, now: dt.datetime) -> list[CampaignRow]:
    """Make the campaign of each feed on the contact book whose schedule has come by ``now``. Safe to call again.

    Of several times that were missed only the last is made good: a nightly send is not wanted twice in a night.
    """
    made = []
    for feed in feeds_with_schedule(connection):
        if feed.settings.standing_source != "contacts":
            continue
        due = _last_time(feed.schedule or "", feed.time_zone, now)
        if due is None:
            continue
        connection.execute(text("select pg_advisory_xact_lock(hashtext(:f))"), {"f": f"nightmail.standing.{feed.id}"})
        there = connection.scalar(
            text(
                "select exists (select from campaign where feed_id = :feed and source = 'contacts' "
                "and scheduled_at >= :due) "
                "or (select created_at from feed where id = :feed) > :due"
            ),
            {"feed": feed.id, "due": due},
        )
        if there:
            continue
        try:
            made.append(
                create_feed_campaign(connection, feed, source="contacts", actor="schedule", scheduled_at=due, now=now)
            )
        except UsageError as error:
            # Asked again at the next look; other feeds do not wait for it.
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
    """The latest time of a schedule within the time that is caught up, at or before ``now``."""
    latest, after = None, now - CATCH_UP
    zone = ZoneInfo(time_zone)
    while True:
        found = next_time_of_cron(schedule, zone, after)
        if found > now:
            return latest
        latest, after = found, found + dt.timedelta(minutes=1)


def tell_late_feeds(connection: Connection, now: dt.datetime) -> int:
    """Raise an alert for each feed whose file has not come by its ``expected_by`` today; gives how many are late."""
    late = 0
    for feed in feeds_expecting_files(connection):
        zone = ZoneInfo(feed.time_zone)
        local = now.astimezone(zone)
        expected = dt.datetime.combine(
            local.date(), dt.time.fromisoformat(feed.settings.expected_by or "00:00"), tzinfo=zone
        )
        if local < expected:
            continue
        came = connection.scalar(
            text(
                "select exists (select from received_file where feed_id = :feed and state in ('taken', 'judged') "
                "and received_at >= :midnight)"
            ),
            {"feed": feed.id, "midnight": dt.datetime.combine(local.date(), dt.time(), tzinfo=zone)},
        )
        subject = f"feed:{feed.team}/{feed.name}:{local.date()}"
        told = connection.scalar(
            text("select exists (select from alert where reason = 'feed_late' and subject = :subject)"),
            {"subject": subject},
        )
        if not came and not told:
            late += 1
            message = sentence("feed_late", feed=f"{feed.team}/{feed.name}", expected=feed.settings.expected_by)
            raise_alert(connection, reason="feed_late", subject=subject, message=message, team_id=feed.team_id)
    return late


PARTS_WAIT = dt.timedelta(hours=1)
"""A part waits so long for the others before people are told."""


def tell_missing_parts(connection: Connection, now: dt.datetime) -> int:
    """Raise an alert for each file of which parts are still missing after :data:`PARTS_WAIT`; gives how many."""
    rows = connection.execute(
        text(
            "select r.name, r.feed_id, f.name as feed, t.path as team, f.team_id from received_file r "
            "join feed f on f.id = r.feed_id join team t on t.id = f.team_id "
            "where r.state = 'part' and r.received_at < :before order by r.id limit 1000"
        ),
        {"before": now - PARTS_WAIT},
    ).all()
    waiting: dict[tuple[int, str, int], set[int]] = {}
    where = {row.feed_id: row for row in rows}
    for row in rows:
        part = part_name(row.name)
        if part is not None:
            waiting.setdefault((row.feed_id, part.whole, part.total), set()).add(part.number)
    for (feed_id, whole, total), there in waiting.items():
        feed = where[feed_id]
        raise_alert(
            connection,
            reason="parts_missing",
            subject=f"feed:{feed.team}/{feed.feed}:{whole}",
            message=f"{whole}: " + sentence("parts_missing", missing=total - len(there), total=total),
            team_id=feed.team_id,
            again=False,
        )
    return len(waiting)
