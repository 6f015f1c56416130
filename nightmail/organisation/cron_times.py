"""The times that a cron expression names in a time zone, on nights when the clocks are changed as well.

An expression whose hour field names every hour (``*``, ``*/1``, ``0-23``) is an **interval**: it comes whenever the
clocks show one of its minutes, in an hour that comes twice both times, and in one that is skipped not at all. So the
time between two of them stays what it is on every other day. Any other expression names **times of day**, and each comes
once a day: of a time that comes twice the first, and one that is skipped as much later as the clocks were set forward.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from nightmail.errors import UsageError

_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_DAY = dt.timedelta(days=1)
_FARTHEST = 366 * 9
"""Days between two times that are looked through: the 29th of February is eight years apart at the most."""


@dataclass(frozen=True, slots=True)
class _Cron:
    """What the five fields name."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    """Whether a day counts that one of the two fields for days names, rather than both."""

    @property
    def is_interval(self) -> bool:
        return len(self.hours) == 24

    def has_day(self, date: dt.date) -> bool:
        if date.month not in self.months:
            return False
        by_date, by_weekday = date.day in self.days, date.isoweekday() % 7 in self.weekdays
        return by_date or by_weekday if self.either_day else by_date and by_weekday


def next_time_of_cron(expression: str, zone: dt.tzinfo, after: dt.datetime) -> dt.datetime:
    """The next moment (UTC) that a five-field cron expression names in ``zone``, at or after ``after``.

    Raises :class:`UsageError` (``schedule_invalid``) for an expression that is malformed or never comes.
    """
    cron = _read(expression)
    # A time that is skipped may be moved over midnight: into the day after its own.
    first = after.astimezone(zone).date() - _DAY
    for date in _days(cron, first, 1):
        # The day's own times, and those of the next day that its moved ones may have come behind.
        found = [moment for moment in _around(cron, zone, date, date + _DAY) if moment >= after]
        if found:
            return min(found)
    raise _wrong_schedule(expression)


def last_time_of_cron(expression: str, zone: dt.tzinfo, until: dt.datetime, reach: dt.timedelta) -> dt.datetime | None:
    """The last moment (UTC) that an expression names at or before ``until``; ``None`` when it is further back than ``reach``.

    Raises :class:`UsageError` (``schedule_invalid``) for an expression that is malformed.
    """
    cron = _read(expression)
    earliest = until - reach
    first = until.astimezone(zone).date()
    for date in _days(cron, first, -1):
        if date < earliest.astimezone(zone).date() - _DAY:
            return None
        found = [moment for moment in _around(cron, zone, date - _DAY, date) if moment <= until]
        if found:
            return max(found) if max(found) >= earliest else None
    return None


def _days(cron: _Cron, first: dt.date, step: int) -> Iterator[dt.date]:
    """The days that an expression names, from ``first`` on, forwards or backwards."""
    for offset in range(_FARTHEST):
        date = first + step * offset * _DAY
        if cron.has_day(date):
            yield date


def _around(cron: _Cron, zone: dt.tzinfo, *dates: dt.date) -> list[dt.datetime]:
    return [moment for date in dates if cron.has_day(date) for moment in _moments(cron, zone, date)]


@lru_cache(maxsize=512)
def _moments(cron: _Cron, zone: dt.tzinfo, date: dt.date) -> tuple[dt.datetime, ...]:
    """The moments of one day in ``zone``, in their order."""
    moments: set[dt.datetime] = set()
    for hour in cron.hours:
        for minute in cron.minutes:
            local = dt.datetime.combine(date, dt.time(hour, minute), tzinfo=zone)
            moment = local.astimezone(dt.UTC)
            if cron.is_interval:
                if moment.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
                    continue
                moments.add(local.replace(fold=1).astimezone(dt.UTC))
            moments.add(moment)
    return tuple(sorted(moments))


@lru_cache(maxsize=512)
def _read(expression: str) -> _Cron:
    """What an expression names. Raises :class:`UsageError` (``schedule_invalid``)."""
    fields = expression.split()
    if len(fields) != len(_RANGES):
        raise _wrong_schedule(expression)
    minutes, hours, days, months, weekdays = (
        _values(text, low, high, expression) for text, (low, high) in zip(fields, _RANGES, strict=True)
    )
    return _Cron(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(day % 7 for day in weekdays),
        either_day=fields[2] != "*" and fields[4] != "*",
    )


def _wrong_schedule(expression: str) -> UsageError:
    return UsageError("schedule_invalid", value=repr(expression))


def _values(text_of_field: str, low: int, high: int, expression: str) -> set[int]:
    values: set[int] = set()
    try:
        for part in text_of_field.split(","):
            span, _, step = part.partition("/")
            first, _, last = span.partition("-")
            begin = low if first == "*" else int(first)
            end = int(last) if last else (high if first == "*" or step else begin)
            every = int(step) if step else 1
            if not (low <= begin <= end <= high and every >= 1):
                raise ValueError
            values.update(range(begin, end + 1, every))
    except ValueError:
        raise _wrong_schedule(expression) from None
    return values
