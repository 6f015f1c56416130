"""Quiet hours in every zone: the time found is never quiet, never early, and the first that is not."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightmail.audience.quiet_hours import earliest_time, is_quiet, local_moment
from nightmail.errors import UsageError
from nightmail.organisation.quiet_hours import QuietHours

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Chatham",
    "America/St_Johns",
]
_CLOCK = st.times().map(lambda clock: clock.replace(second=0, microsecond=0, tzinfo=None))


@given(
    moment=st.datetimes(dt.datetime(2026, 1, 1), dt.datetime(2027, 12, 31), timezones=st.just(dt.UTC)),  # noqa: DTZ001
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    hours=st.lists(st.builds(QuietHours, start=_CLOCK, end=_CLOCK), min_size=1, max_size=2),
)
def test_the_time_found_is_the_first_that_is_not_quiet(
    moment: dt.datetime, zone: ZoneInfo, hours: list[QuietHours]
) -> None:
    """Stepping through the minutes by hand finds nothing earlier."""
    found = earliest_time(moment, zone, hours)
    if found is None:
        found = moment + dt.timedelta(days=1)
    else:
        assert found >= moment
        assert not any(is_quiet(found.astimezone(zone), entry) for entry in hours)
    step = moment
    while step < found - dt.timedelta(minutes=16):
        # An end that falls into an hour which the clocks repeat is taken at its later turn, at most one hour late.
        local = step.astimezone(zone)
        quiet = any(is_quiet(local, entry) for entry in hours)
        assert quiet or local.utcoffset() != found.astimezone(zone).utcoffset()
        step += dt.timedelta(minutes=7)


@pytest.mark.parametrize("text", ["", "21-8", "25:00-08:00", "21:00", "21:60-08:00", "21:00–08:00"])
def test_hours_that_are_none_are_refused(text: str) -> None:
    """A typing error in a feed is found when it is read."""
    with pytest.raises(UsageError) as caught:
        QuietHours.parse(text)
    assert caught.value.reason == "quiet_hours_invalid"


def test_a_skipped_time_is_moved_on() -> None:
    """Half past two does not exist in the night of the change: it is half past three."""
    skipped = local_moment(dt.datetime(2026, 3, 29, 2, 30), ZoneInfo("Europe/Berlin"))  # noqa: DTZ001
    assert skipped.astimezone(ZoneInfo("Europe/Berlin")).hour == 3
