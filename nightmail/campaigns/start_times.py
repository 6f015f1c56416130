"""When a campaign is released and cut off, also where each recipient's own clock decides."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from nightmail.organisation.feeds import FeedSettings, next_time_of_day
from nightmail.stated_times import StatedStart


@dataclass(frozen=True, slots=True)
class CampaignTimes:
    """When a campaign is sent."""

    start: StatedStart | None = None
    """``None``: at once."""
    cut_off_at: dt.datetime | None = None
    """When the rest is dropped (UTC); ``None``: never."""

    @property
    def scheduled_at(self) -> dt.datetime | None:
        """When it is released (UTC); ``None``: at once."""
        return None if self.start is None else self.start.moment

    @property
    def local_start(self) -> dt.datetime | None:
        """The wall-clock time at which each recipient is sent to; ``None`` where one moment holds for all."""
        return None if self.start is None else self.start.local


def start_times(
    feed: FeedSettings, time_zone: str, after: dt.datetime, schedule: dt.datetime | None = None
) -> CampaignTimes:
    """When a feed's campaign that is made at ``after`` is sent, by the feed alone; ``time_zone`` is its team's.

    ``schedule`` is the next time of a standing feed's schedule, which is always the team's; a time of day follows it. A
    start in each recipient's own zone is released when that time comes first anywhere; each message then waits for its
    own zone.
    """
    start = None if schedule is None else StatedStart(schedule)
    if feed.send_at is not None:
        starts = next_time_of_day(feed.send_at, time_zone, schedule or after)
        start = StatedStart(starts)
        if feed.send_in == "recipient":
            day = starts.astimezone(ZoneInfo(time_zone)).date()
            local = dt.datetime.combine(day, dt.time.fromisoformat(feed.send_at))
            start = StatedStart.by_each_clock(local, schedule or after)
    return CampaignTimes(start, cut_off_of(feed, time_zone, start, after))


def cut_off_of(feed: FeedSettings, time_zone: str, start: StatedStart | None, after: dt.datetime) -> dt.datetime | None:
    """When the rest of a feed's campaign is dropped that starts so, or at ``after``; ``None``: never.

    Seconds count from where the start comes last, so that nobody's own time is cut off. A time of day is the team's.
    """
    cut_off = None
    if feed.cut_off_after_s is not None:
        cut_off = (after if start is None else start.last) + dt.timedelta(seconds=feed.cut_off_after_s)
    if feed.cut_off is not None:
        begins = after if start is None else start.for_team(time_zone)
        at_time = next_time_of_day(feed.cut_off, time_zone, begins + dt.timedelta(seconds=1))
        cut_off = min(cut_off, at_time) if cut_off else at_time
    return cut_off
