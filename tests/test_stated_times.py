"""Times that people state: what they mean in the team's zone, and which of them are refused."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightmail.errors import UsageError
from nightmail.stated_times import FARTHEST, TOLERANCE, moment_of, start_of

NOW = dt.datetime(2026, 11, 27, 18, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("stated", "meant"),
    [
        ("2026-12-01T08:00", "2026-12-01T07:00"),
        ("2026-12-01T08:00+00:00", "2026-12-01T08:00"),
        ("2027-03-28T01:59", "2027-03-28T00:59"),
        ("2027-03-28T03:00", "2027-03-28T01:00"),
        ("2027-10-31T02:30", "2027-10-31T00:30"),
        ("2027-03-28T02:30+01:00", "2027-03-28T01:30"),
    ],
)
def test_a_time_is_the_teams_without_an_offset(stated: str, meant: str) -> None:
    """Of one that comes twice the first is meant."""
    moment = moment_of(dt.datetime.fromisoformat(stated), "Europe/Berlin", NOW)
    assert moment == dt.datetime.fromisoformat(meant).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize("stated", ["2027-03-28T02:00", "2027-03-28T02:30", "2027-03-28T02:59:59"])
def test_a_time_that_never_comes_is_refused(stated: str) -> None:
    with pytest.raises(UsageError, match="never comes in Europe/Berlin"):
        moment_of(dt.datetime.fromisoformat(stated), "Europe/Berlin", NOW)


@pytest.mark.parametrize("offset_s", [-300, 0, 60])
def test_a_start_that_is_just_over_means_now(offset_s: int) -> None:
    stated = NOW + dt.timedelta(seconds=offset_s)
    assert start_of(stated, "Europe/Berlin", NOW) == stated


def test_a_start_that_is_over_is_refused() -> None:
    with pytest.raises(UsageError, match="is over"):
        start_of(NOW - TOLERANCE - dt.timedelta(seconds=1), "Europe/Berlin", NOW)


@given(
    st.datetimes(
        timezones=st.one_of(st.none(), st.integers(-14, 14).map(lambda h: dt.timezone(dt.timedelta(hours=h))))
    ),
    st.sampled_from(["Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago"]),
)
def test_any_time_is_a_moment_within_reach_or_refused(stated: dt.datetime, zone: str) -> None:
    try:
        moment = start_of(stated, zone, NOW)
    except UsageError as error:
        assert error.reason == "time_invalid"
    else:
        assert NOW - TOLERANCE <= moment <= NOW + FARTHEST
