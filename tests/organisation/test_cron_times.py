"""When a cron expression comes next."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightmail.errors import UsageError
from nightmail.organisation.cron_times import last_time_of_cron, next_time_of_cron

NOON = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        ("0 2 * * *", "UTC", "2026-11-23T02:00+00:00", "2026-11-23T02:00+00:00"),
        ("0 2 * * *", "UTC", "2026-11-23T02:01+00:00", "2026-11-24T02:00+00:00"),
        ("0 2 * * *", "Europe/Berlin", "2026-07-01T00:00+00:00", "2026-07-01T00:00+00:00"),
        ("*/15 9-17 * * 1-5", "UTC", "2026-11-21T10:00+00:00", "2026-11-23T09:00+00:00"),
        ("30 6 1,15 * *", "UTC", "2026-11-02T00:00+00:00", "2026-11-15T06:30+00:00"),
        ("0 0 29 2 *", "UTC", "2026-03-01T00:00+00:00", "2028-02-29T00:00+00:00"),
        ("0 8 1 * 1", "UTC", "2026-11-24T00:00+00:00", "2026-11-30T08:00+00:00"),
        ("0 8 * * 7", "UTC", "2026-11-23T00:00+00:00", "2026-11-29T08:00+00:00"),
    ],
)
def test_the_next_time_of_a_schedule(cron: str, zone: str, after: str, expected: str) -> None:
    """Five fields, steps, ranges, lists, Sunday as 0 and 7, either day field, the team's zone."""
    found = next_time_of_cron(cron, ZoneInfo(zone), dt.datetime.fromisoformat(after))
    assert found == dt.datetime.fromisoformat(expected)


@pytest.mark.parametrize("cron", ["", "0 2 * *", "61 2 * * *", "0 2 31 2 *", "a b c d e", "*/0 * * * *"])
def test_a_malformed_schedule_is_refused(cron: str) -> None:
    """Before it is stored, not at the night when nothing goes out."""
    with pytest.raises(UsageError) as caught:
        next_time_of_cron(cron, dt.UTC, NOON)
    assert caught.value.reason == "schedule_invalid"


BERLIN = ZoneInfo("Europe/Berlin")
CHANGES = {
    "spring": dt.datetime(2026, 3, 29, 0, 0, tzinfo=dt.UTC),
    "autumn": dt.datetime(2026, 10, 25, 0, 0, tzinfo=dt.UTC),
}
MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)


def _times(cron: str, zone: dt.tzinfo, after: dt.datetime, until: dt.datetime) -> list[dt.datetime]:
    found: list[dt.datetime] = []
    while (moment := next_time_of_cron(cron, zone, after)) < until:
        found.append(moment)
        after = moment + dt.timedelta(seconds=1)
    return found


@pytest.mark.parametrize(
    ("cron", "change", "utc"),
    [
        # Clocks go from 02:00 to 03:00 at 01:00 UTC: half past two is half past three.
        ("30 2 * * *", "spring", ["01:30"]),
        # The moved time is one that the expression names as well.
        ("30 2,3 * * *", "spring", ["01:30"]),
        ("0 3 * * *", "spring", ["01:00"]),
        # Clocks go from 03:00 to 02:00 at 01:00 UTC: the first of two.
        ("30 2 * * *", "autumn", ["00:30"]),
        ("*/30 2 * * *", "autumn", ["00:00", "00:30"]),
        # Intervals keep their distance.
        ("0 * * * *", "spring", ["00:00", "01:00", "02:00"]),
        ("0 * * * *", "autumn", ["00:00", "01:00", "02:00"]),
        ("*/30 * * * *", "autumn", ["00:00", "00:30", "01:00", "01:30", "02:00", "02:30"]),
        ("*/30 0-23 * * *", "spring", ["00:00", "00:30", "01:00", "01:30", "02:00", "02:30"]),
    ],
)
def test_the_night_when_the_clocks_are_changed(cron: str, change: str, utc: list[str]) -> None:
    """In Berlin, between 0:00 and 3:00 UTC of that night."""
    midnight = CHANGES[change]
    found = _times(cron, BERLIN, midnight, midnight + dt.timedelta(hours=3))
    assert [f"{moment:%H:%M}" for moment in found] == utc


_MINUTES = st.sampled_from(["0", "30", "*/15", "*/20", "59", "5,45"])
_HOURS = st.sampled_from(["*", "0-23", "*/2", "0", "1", "2", "3", "23", "0,2,3", "1-3", "23,0"])
_DAYS = st.sampled_from(["* * *", "* * 0", "* * 1-5", "*/2 * *", "29,30,31 * *", "1 * 6", "* 3,10,11 *"])


def _minute_by_minute(cron: str, zone: ZoneInfo, start: dt.datetime, minutes: int) -> list[dt.datetime]:
    """A plain model: walk through all minutes and look at the clock on the wall."""
    minute_field, hour_field, *day_fields = cron.split()

    def named(clock: dt.datetime) -> bool:
        return _named(clock, minute_field, hour_field, day_fields)

    came: set[dt.datetime] = set()
    due: set[dt.datetime] = set()
    before = (start - MINUTE).astimezone(zone).replace(tzinfo=None)
    for offset in range(minutes):
        moment = start + offset * MINUTE
        shown = moment.astimezone(zone).replace(tzinfo=None)
        if hour_field in ("*", "0-23"):
            if named(shown):
                due.add(moment)
        else:
            skipped, later = before + MINUTE, moment
            while skipped < shown:
                if named(skipped) and skipped not in came:
                    due.add(later)
                skipped, later = skipped + MINUTE, later + MINUTE
            if named(shown) and shown not in came:
                due.add(moment)
        came.add(shown)
        before = shown
    return sorted(due)


def _named(clock: dt.datetime, minute: str, hour: str, days: list[str]) -> bool:
    in_day = _in(clock.day, days[0], 1, 31), _in(clock.isoweekday() % 7, days[2], 0, 6)
    by_day = any(in_day) if days[0] != "*" and days[2] != "*" else all(in_day)
    return (
        by_day
        and _in(clock.month, days[1], 1, 12)
        and _in(clock.hour, hour, 0, 23)
        and _in(clock.minute, minute, 0, 59)
    )


def _in(value: int, field: str, low: int, high: int) -> bool:
    for part in field.split(","):
        if part.startswith("*/") and (value - low) % int(part[2:]) == 0:
            return True
        first, _, last = part.partition("-")
        if part == "*" or (first.isdigit() and int(first) <= value <= int(last or first)):
            return True
    return False


@lru_cache(maxsize=1000)
def _changes_of_clocks(zone: ZoneInfo, year: int) -> list[dt.datetime]:
    hours = [dt.datetime(year, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=hour) for hour in range(24 * 366)]
    offsets = [hour.astimezone(zone).utcoffset() for hour in hours]
    return [hour for hour, now, then in zip(hours, offsets, offsets[1:], strict=False) if now != then]


ZONES = sorted(
    name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix", "right"))
)


@settings(max_examples=30)
@given(
    zone=st.sampled_from(ZONES)
    | st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia"]),
    year=st.integers(1975, 2037),
    which=st.integers(0, 3),
    day=st.integers(0, 360),
    cron=st.builds("{} {} {}".format, _MINUTES, _HOURS, _DAYS),
)
def test_a_plain_model_agrees(zone: str, year: int, which: int, day: int, cron: str) -> None:
    """In every zone and year, around the nights when clocks change there and on days when they do not."""
    here = ZoneInfo(zone)
    changes = _changes_of_clocks(here, year)
    middle = (
        changes[which % len(changes)] if changes and day % 5 else dt.datetime(year, 1, 1, tzinfo=dt.UTC) + day * DAY
    )
    start, end = middle - DAY, middle + 2 * DAY
    expected = _minute_by_minute(cron, here, start - DAY, 4 * 1440)
    expected = [moment for moment in expected if start <= moment < end]
    assert _times(cron, here, start, end) == expected
    for until in (middle, end - MINUTE):
        last = max((moment for moment in expected if moment <= until), default=None)
        assert last_time_of_cron(cron, here, until, until - start) == last


def test_the_last_time_within_reach() -> None:
    """At the moment itself, a day ago, and none where it is further back."""
    at_two = dt.datetime(2026, 11, 23, 2, 0, tzinfo=dt.UTC)
    assert last_time_of_cron("0 2 * * *", dt.UTC, at_two, dt.timedelta()) == at_two
    later = at_two + dt.timedelta(hours=23)
    assert last_time_of_cron("0 2 * * *", dt.UTC, later, dt.timedelta(days=1)) == at_two
    assert last_time_of_cron("0 2 * * *", dt.UTC, later, dt.timedelta(hours=22)) is None
    assert last_time_of_cron("0 2 1 1 *", dt.UTC, later, dt.timedelta(days=30)) is None
