"""Days that people type, as moments."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def beginning_of_day(typed: str, zone: ZoneInfo) -> datetime | None:
    """The beginning of a typed day in the person's zone; ``None`` for none. Raises ``ValueError`` for what is no day."""
    return datetime.combine(_day(typed), time(), zone) if typed else None


def end_of_day(typed: str, zone: ZoneInfo) -> datetime | None:
    """The end of a typed day in the person's zone; ``None`` for none. Raises ``ValueError`` for what is no day."""
    if not typed:
        return None
    return datetime.combine(_day(typed) + timedelta(days=1), time(), zone)


def _day(typed: str) -> date:
    day = date.fromisoformat(typed)
    if not 2000 <= day.year <= 9000:
        raise ValueError("out of reach")
    return day
