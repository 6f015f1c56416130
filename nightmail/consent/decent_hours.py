"""When a contact may be asked for something: not within a pause of theirs, nor in their own quiet hours."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from nightmail.consent.preference_statements import Chosen


def not_before(chosen: Chosen, time_zone: str, now: dt.datetime) -> dt.datetime | None:
    """Until when what a contact chose keeps a message back at ``now``, in their zone; ``None``: it may go.

    >>> chosen = Chosen(quiet_from="21:00", quiet_until="08:00")
    >>> not_before(chosen, "UTC", dt.datetime(2026, 11, 23, 23, tzinfo=dt.UTC))
    datetime.datetime(2026, 11, 24, 8, 0, tzinfo=zoneinfo.ZoneInfo(key='UTC'))
    >>> not_before(chosen, "UTC", dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)) is None
    True
    """
    zone = ZoneInfo(time_zone)
    if chosen.paused_until is not None and chosen.paused_until > now:
        return chosen.paused_until.astimezone(zone)
    if not chosen.quiet_from or not chosen.quiet_until or chosen.quiet_from == chosen.quiet_until:
        return None
    local = now.astimezone(zone)
    begin, end = dt.time.fromisoformat(chosen.quiet_from), dt.time.fromisoformat(chosen.quiet_until)
    time = local.time()
    quiet = begin <= time < end if begin < end else time >= begin or time < end
    if not quiet:
        return None
    day = local.date() + dt.timedelta(days=1 if time >= end else 0)
    return dt.datetime.combine(day, end, zone)
