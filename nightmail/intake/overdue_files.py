"""Files that should have come: feeds whose file is late, and parts that wait for the others."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from nightmail.campaigns.alerts import raise_alert
from nightmail.contact_files.part_names import part_name
from nightmail.organisation.stored_feeds import feeds_expecting_files
from nightmail.reasons import sentence


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
