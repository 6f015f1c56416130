"""Quiet hours and starts in a contact's own time zone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from nightmail.organisation.quiet_hours import QuietHours


@lru_cache(maxsize=1000)
def zone_of(name: str) -> ZoneInfo | None:
    """The time zone of an IANA name, or ``None`` where there is no such zone."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def zone_for(*names: str | None) -> ZoneInfo:
    """The first of these names that is a time zone, else UTC."""
    return next((zone for name in names if name and (zone := zone_of(name)) is not None), ZoneInfo("UTC"))


@lru_cache(maxsize=1000)
def _own_hours(start: str, end: str) -> QuietHours | None:
    try:
        return QuietHours(time.fromisoformat(start.strip().zfill(5)), time.fromisoformat(end.strip().zfill(5)))
    except ValueError:
        return None


def hours_that_bind(feed: QuietHours | None, own_from: str | None, own_until: str | None) -> list[QuietHours]:
    """All quiet hours of a contact on a channel: the feed's, where they bind that channel, and the contact's own.

    Planning and hand-off both go by this rule: the contact's hours come on top of the feed's and never shorten them.
    Hours of a contact that cannot be read are ignored.
    """
    own = _own_hours(own_from, own_until) if own_from and own_until else None
    return [hours for hours in (feed, own) if hours is not None]


def is_quiet(local: datetime, hours: QuietHours) -> bool:
    """Whether a wall-clock time lies in the quiet hours. Hours that end when they start hold no time."""
    clock = local.time()
    if hours.start <= hours.end:
        return hours.start <= clock < hours.end
    return clock >= hours.start or clock < hours.end


def _end(local: datetime, hours: QuietHours) -> datetime:
    """The end of the quiet hours that ``local`` lies in, in UTC."""
    day = local.date()
    if hours.start > hours.end and local.time() >= hours.start:
        day += timedelta(days=1)
    return datetime.combine(day, hours.end, tzinfo=local.tzinfo).astimezone(UTC)


def earliest_time(
    moment: datetime,
    zone: ZoneInfo,
    quiet: Sequence[QuietHours],
    is_closed: Callable[[date], bool] | None = None,
) -> datetime | None:
    """The first time from ``moment`` on (UTC) that lies in none of the quiet hours of ``zone``, and on no closed day there.

    ``None`` when there is no such time within two days of open ones: the hours cover the whole day between them. Nor
    is it looked for further than two months ahead.
    """
    found, latest = moment, moment + timedelta(days=2)
    furthest = moment + timedelta(days=62)
    while found <= min(latest, furthest):
        local = found.astimezone(zone)
        if is_closed is not None and is_closed(local.date()):
            next_day = datetime.combine(local.date() + timedelta(days=1), time(), tzinfo=zone).astimezone(UTC)
            # Where a zone skips its midnight, that is read as the moment before the skip.
            later = next_day if next_day > found else found + timedelta(minutes=15)
            latest, found = latest + (later - found), later
            continue
        binding = [hours for hours in quiet if is_quiet(local, hours)]
        if not binding:
            return found
        later = max(_end(local, hours) for hours in binding)
        # Where clocks are put back an hour comes twice: the end may lie before the moment it is asked for.
        found = later if later > found else found + timedelta(minutes=15)
    return None


def local_moment(wall_clock: datetime, zone: ZoneInfo) -> datetime:
    """A wall-clock time in ``zone`` as UTC; a time that a change of clocks skips is moved on by the skipped hour."""
    return wall_clock.replace(tzinfo=zone).astimezone(UTC)
