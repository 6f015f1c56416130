"""Times that people and programs state: a start, a cut-off. The same rules hold on the command line and in the API."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from nightmail.errors import UsageError

TOLERANCE = dt.timedelta(minutes=5)
"""A start that is over by no more than this means now: clocks differ, and a file takes a while to come."""
FARTHEST = dt.timedelta(days=3653)


def moment_of(stated: dt.datetime, zone: str, now: dt.datetime) -> dt.datetime:
    """The moment (UTC) that a time means; without an offset it is in ``zone``, the team's.

    Of a time that comes twice, as clocks are set back, the first is meant. Raises :class:`UsageError` (``time_invalid``)
    for one that never comes, as clocks are set forward, and for one that is out of reach.
    """
    try:
        local = stated if stated.tzinfo is not None else stated.replace(tzinfo=ZoneInfo(zone))
        moment = local.astimezone(dt.UTC)
        comes = stated.tzinfo is not None or moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == stated
    except (OverflowError, ValueError):
        moment, comes = None, True
    if moment is None or moment > now + FARTHEST:
        raise UsageError("time_invalid", value=stated.isoformat(), problem="it is more than ten years away")
    if not comes:
        problem = f"it never comes in {zone}, where clocks are set forward over it"
        raise UsageError("time_invalid", value=stated.isoformat(), problem=problem)
    return moment


def start_of(stated: dt.datetime, zone: str, now: dt.datetime) -> dt.datetime:
    """The moment of a start: :func:`moment_of`, which must not be over for longer than :data:`TOLERANCE`."""
    moment = moment_of(stated, zone, now)
    if moment < now - TOLERANCE:
        problem = f"it is over ({zone if stated.tzinfo is None else stated.tzinfo})"
        raise UsageError("time_invalid", value=stated.isoformat(), problem=problem)
    return moment
