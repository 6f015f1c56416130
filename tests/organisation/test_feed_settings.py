"""A feed's settings: checked when they are stored, and times of day in its zone."""

from __future__ import annotations

import datetime as dt

import pytest

from nightmail.errors import ConfigurationError
from nightmail.organisation.feeds import FeedSettings, feed_settings, next_time_of_day


@pytest.mark.parametrize(
    ("zone", "after", "expected"),
    [
        ("Europe/Berlin", "2026-03-29T00:00+00:00", "2026-03-29T01:30+00:00"),
        ("Europe/Berlin", "2026-10-25T00:40+00:00", "2026-10-26T01:30+00:00"),
        ("America/New_York", "2026-07-01T06:30+00:00", "2026-07-01T06:30+00:00"),
    ],
)
def test_a_time_of_day_comes_every_day_whatever_the_clocks_do(zone: str, after: str, expected: str) -> None:
    """02:30 on the nights when clocks change."""
    assert next_time_of_day("02:30", zone, dt.datetime.fromisoformat(after)) == dt.datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"chanels": ["sms"]}, "chanels"),
        ({"channels": ["fax"]}, "channels"),
        ({"keep": "most_recent"}, "keep_by"),
        ({"quiet_hours": "late"}, "quiet_hours"),
        ({"send_at": "25:00"}, "send_at"),
        ({"default_time_zone": "Mars/Olympus"}, "default_time_zone"),
        ({"approval": {"first": True}}, "approval.first"),
        ({"reject_limit": 2}, "reject_limit"),
    ],
)
def test_a_wrong_setting_is_named(values: dict[str, object], named: str) -> None:
    """Before it is stored."""
    with pytest.raises(ConfigurationError) as caught:
        feed_settings(values, "acme/x")
    assert caught.value.reason == "feed_settings_invalid"
    assert named in caught.value.message


def test_settings_come_back_as_they_were_stored() -> None:
    """Only what is not a default is stored."""
    settings = feed_settings({"channels": ["sms"], "keep": "last", "approval": {"always": True}})
    assert settings.stored() == {"channels": ["sms"], "keep": "last", "approval": {"always": True}}
    assert feed_settings(settings.stored()) == settings
    assert FeedSettings().stored() == {}
