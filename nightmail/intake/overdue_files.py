"""Files that should have come: feeds whose file is late, and parts that wait for the others."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from nightmail.campaigns.alerts import raise_alert
from nightmail.contact_files.part_names import part_name
from nightmail.intake import queries
from nightmail.organisation.stored_feeds import feeds_expecting_files
from nightmail.reasons import sentence

PARTS_WAIT = dt.timedelta(hours=1)
"""For how long a part waits for the others before people are alerted."""


def alert_late_feeds(connection: Connection, now: dt.datetime) -> int:
    """Raise an alert, once a day, for each feed whose file has not come by its ``expected_by``; return how many."""
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
        alerted = connection.scalar(
            text("select exists (select from alert where reason = 'feed_late' and subject = :subject)"),
            {"subject": subject},
        )
        if not came and not alerted:
            late += 1
            message = sentence("feed_late", feed=f"{feed.team}/{feed.name}", expected=feed.settings.expected_by)
            raise_alert(connection, reason="feed_late", subject=subject, message=message, team_id=feed.team_id)
    return late


def alert_missing_parts(connection: Connection, now: dt.datetime) -> int:
    """Raise an alert for each file of which parts are still missing after :data:`PARTS_WAIT`; return how many."""
    rows = connection.execute(text(queries.OVERDUE_PARTS), {"before": now - PARTS_WAIT}).all()
    waiting: dict[tuple[int, str, int], set[int]] = {}
    feeds = {row.feed_id: row for row in rows}
    for row in rows:
        part = part_name(row.name)
        if part is not None:
            waiting.setdefault((row.feed_id, part.whole, part.total), set()).add(part.number)
    for (feed_id, whole, total), there in waiting.items():
        feed = feeds[feed_id]
        raise_alert(
            connection,
            reason="parts_missing",
            subject=f"feed:{feed.team}/{feed.feed}:{whole}",
            message=f"{whole}: " + sentence("parts_missing", missing=total - len(there), total=total),
            team_id=feed.team_id,
            again=False,
        )
    return len(waiting)
