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
        raise UsageError(
            "time_invalid", f"{stated.isoformat()} is out of reach.", "Give a time within the next ten years."
        )
    if not comes:
        raise UsageError(
            "time_invalid",
            f"{stated.isoformat()} never comes in {zone}: clocks are set forward over it.",
            "Give another time, or one with an offset.",
        )
    return moment


def start_of(stated: dt.datetime, zone: str, now: dt.datetime) -> dt.datetime:
    """The moment of a start: :func:`moment_of`, which must not be over for longer than :data:`TOLERANCE`."""
    moment = moment_of(stated, zone, now)
    if moment < now - TOLERANCE:
        raise UsageError(
            "time_invalid",
            f"{stated.isoformat()} is over ({zone if stated.tzinfo is None else stated.tzinfo}).",
            "Give a time to come, or none to send now.",
        )
    return moment
