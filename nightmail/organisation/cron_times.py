"""The times that a cron expression names in a time zone."""

from __future__ import annotations

import datetime as dt

from nightmail.errors import UsageError


def next_time_of_cron(expression: str, zone: dt.tzinfo, after: dt.datetime) -> dt.datetime:
    """The next moment (UTC) that a five-field cron expression names in ``zone``, at or after ``after``.

    Raises :class:`UsageError` (``schedule_invalid``) for an expression that is malformed or never comes.
    """
    fields = expression.split()
    ranges = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
    if len(fields) != len(ranges):
        raise _wrong_schedule(expression)
    minutes, hours, days, months, weekdays = (
        _cron_values(text, low, high, expression) for text, (low, high) in zip(fields, ranges, strict=True)
    )
    weekdays = {day % 7 for day in weekdays}
    either_day = fields[2] != "*" and fields[4] != "*"
    start = after.astimezone(zone)
    for offset in range(366 * 5):
        date = start.date() + dt.timedelta(days=offset)
        if date.month not in months:
            continue
        by_date, by_weekday = date.day in days, date.isoweekday() % 7 in weekdays
        if not ((by_date or by_weekday) if either_day else (by_date and by_weekday)):
            continue
        for hour in sorted(hours):
            for minute in sorted(minutes):
                moment = dt.datetime.combine(date, dt.time(hour, minute), tzinfo=zone).astimezone(dt.UTC)
                if moment >= after:
                    return moment
    raise _wrong_schedule(expression)


def _wrong_schedule(expression: str) -> UsageError:
    return UsageError("schedule_invalid", value=repr(expression))


def _cron_values(text_of_field: str, low: int, high: int, expression: str) -> set[int]:
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
