"""When a day's report is written again."""

from __future__ import annotations

import datetime as dt

from nightmail.reports.waiting_days import WaitingDays

NOW = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)


def test_today_is_written_when_quiet_and_then_at_most_every_interval() -> None:
    """The first report comes seconds after the last change; a send of hours is reported every interval."""
    waiting, today = WaitingDays(), NOW.date()
    waiting.note([today], NOW)
    assert waiting.take_due(NOW + dt.timedelta(seconds=5), 600) == []
    assert waiting.take_due(NOW + dt.timedelta(seconds=11), 600) == [today]
    assert waiting.take_due(NOW + dt.timedelta(seconds=12), 600) == []
    last_asked = NOW + dt.timedelta(seconds=11)
    asked = []
    for second in range(12, 2000):
        now = NOW + dt.timedelta(seconds=second)
        waiting.note([today], now)
        if waiting.take_due(now, 600):
            asked.append((now - last_asked).total_seconds())
            last_asked = now
    assert len(asked) == 3
    assert all(600 <= gap <= 602 for gap in asked)


def test_days_of_the_week_are_written_hourly_and_older_ones_at_night() -> None:
    """Yesterday changes with every late receipt; ten days ago is the nightly round's."""
    waiting = WaitingDays()
    yesterday, long_ago = NOW.date() - dt.timedelta(days=1), NOW.date() - dt.timedelta(days=10)
    waiting.note([yesterday, long_ago], NOW)
    assert waiting.take_due(NOW + dt.timedelta(seconds=20), 600) == [yesterday]
    waiting.note([yesterday], NOW + dt.timedelta(seconds=30))
    assert waiting.take_due(NOW + dt.timedelta(seconds=1800), 600) == []
    assert waiting.take_due(NOW + dt.timedelta(seconds=3700), 600) == [yesterday]


def test_a_day_that_is_being_written_is_not_asked_for_again() -> None:
    """A report that takes longer than its interval must not leave a queue of requests behind it."""
    waiting, today = WaitingDays(), NOW.date()
    waiting.note([today], NOW)
    later = NOW + dt.timedelta(seconds=100)
    assert waiting.take_due(later, 10, under_way=frozenset([today])) == []
    assert waiting.take_due(later, 10) == [today]


def test_a_long_report_rests_while_its_day_changes() -> None:
    """A day of a million messages takes a minute to write: its senders get the rest, until all is quiet."""
    waiting, today = WaitingDays(), NOW.date()
    waiting.note([today], NOW)
    assert waiting.take_due(NOW + dt.timedelta(seconds=20), 10) == [today]
    took = {today: 60.0}
    for second in range(21, 600):
        now = NOW + dt.timedelta(seconds=second)
        waiting.note([today], now)
        assert waiting.take_due(now, 10, seconds=took) == []
    assert waiting.take_due(NOW + dt.timedelta(seconds=611), 10, seconds=took) == [today]
    waiting.note([today], NOW + dt.timedelta(seconds=620))
    assert waiting.take_due(NOW + dt.timedelta(seconds=631), 10, seconds=took) == [today], "quiet: nobody waits for it"


def test_waiting_days_survive_as_a_cursor() -> None:
    """What is remembered between ticks comes back as it was."""
    waiting = WaitingDays()
    waiting.note([NOW.date()], NOW)
    waiting.take_due(NOW + dt.timedelta(seconds=30), 600)
    waiting.note([NOW.date()], NOW + dt.timedelta(seconds=40))
    assert WaitingDays.from_json(waiting.to_json()) == waiting
    assert WaitingDays.from_json(None) == WaitingDays()
