"""When a feed's campaign is released and cut off, also where each recipient's own clock decides."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from nightmail.organisation.feeds import FeedSettings, next_time_of_day

WEST_OF_ALL = dt.timedelta(hours=14)
"""A wall-clock time comes in the easternmost zone so long before it comes in UTC."""


def start_times(
    feed: FeedSettings, time_zone: str, after: dt.datetime, schedule: dt.datetime | None = None
) -> tuple[dt.datetime | None, dt.datetime | None]:
    """When a campaign is released and when it is cut off (UTC): ``None`` is at once, and never.

    ``schedule`` is the next time of a standing feed's schedule. A start in each recipient's own zone is released when
    that time comes first anywhere; each message then waits for its own zone.
    """
    starts = schedule
    if feed.send_at is not None:
        starts = next_time_of_day(feed.send_at, time_zone, starts or after)
        if feed.send_in == "recipient":
            starts = local_start_of(starts, time_zone).replace(tzinfo=dt.UTC) - WEST_OF_ALL
            starts = max(starts, after)
    cut_off = None
    if feed.cut_off_after_s is not None:
        cut_off = (starts or after) + dt.timedelta(seconds=feed.cut_off_after_s)
    if feed.cut_off is not None:
        at_time = next_time_of_day(feed.cut_off, time_zone, (starts or after) + dt.timedelta(seconds=1))
        cut_off = min(cut_off, at_time) if cut_off else at_time
    return starts, cut_off


def local_start_of(starts_at: dt.datetime, time_zone: str) -> dt.datetime:
    """The wall-clock time of ``starts_at`` in the team's zone, without a zone: when it comes in each recipient's own."""
    return starts_at.astimezone(ZoneInfo(time_zone)).replace(tzinfo=None)


def recipient_start(feed: FeedSettings, starts_at: dt.datetime | None) -> dt.datetime | None:
    """The wall-clock time at which each recipient's messages of a campaign go; ``None`` where the team's zone decides.

    ``starts_at`` is when that time comes first anywhere (:func:`start_times`).
    """
    if feed.send_at is None or feed.send_in != "recipient" or starts_at is None:
        return None
    wanted = dt.time.fromisoformat(feed.send_at)
    return local_start_of(starts_at, "Pacific/Kiritimati").replace(hour=wanted.hour, minute=wanted.minute)
