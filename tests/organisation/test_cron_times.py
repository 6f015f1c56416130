"""When a cron expression comes next."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from nightmail.errors import UsageError
from nightmail.organisation.cron_times import next_time_of_cron

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
