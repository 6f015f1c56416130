"""Days that people type, as moments."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def end_of_day(typed: str, zone: ZoneInfo) -> datetime | None:
    """The end of a typed day in the person's zone; ``None`` for none. Raises ``ValueError`` for what is no day."""
    if not typed:
        return None
    day = date.fromisoformat(typed)
    if day >= date.max:
        raise ValueError("too far away")
    return datetime.combine(day + timedelta(days=1), time(), zone)
