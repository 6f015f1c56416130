"""Times that people and programs state: a start, a cut-off. The same rules hold on the command line and in the API."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from nightmail.errors import UsageError

TOLERANCE = dt.timedelta(minutes=5)
"""A start that is over by no more than this means now: clocks differ, and a file takes a while to come."""
FARTHEST = dt.timedelta(days=3653)
FIRST_ANYWHERE = dt.timedelta(hours=14)
"""A wall-clock time comes in the easternmost zone so long before it comes in UTC."""
LAST_ANYWHERE = dt.timedelta(hours=12)
"""And in the westernmost one so long after it."""

SendIn = Literal["team", "recipient"]
"""Whose clocks a start is read from."""


@dataclass(frozen=True, slots=True)
class StatedStart:
    """A start that a person or a program stated, or that a feed states."""

    moment: dt.datetime
    """When the campaign is released (UTC); of a time by each recipient's own clock, when it comes first anywhere."""
    local: dt.datetime | None = None
    """A wall-clock time, without a zone: each recipient is sent to when their own clock shows it."""

    @classmethod
    def by_each_clock(cls, local: dt.datetime, now: dt.datetime) -> StatedStart:
        """The start at a wall-clock time for each recipient; where it is over already, that is at once."""
        return cls(max(local.replace(tzinfo=dt.UTC) - FIRST_ANYWHERE, now), local)

    def for_team(self, zone: str) -> dt.datetime:
        """When the time comes in the team's own zone (UTC)."""
        return self.moment if self.local is None else self.local.replace(tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)

    @property
    def last(self) -> dt.datetime:
        """When the time has come for everybody, wherever they are (UTC)."""
        return self.moment if self.local is None else self.local.replace(tzinfo=dt.UTC) + LAST_ANYWHERE


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


def stated_start(stated: dt.datetime, zone: str, now: dt.datetime, send_in: SendIn) -> StatedStart:
    """The start that a stated time means, in the team's ``zone`` or by each recipient's own clock.

    By each recipient's clock it must not be over in the team's zone; where it is over already, the recipient is sent to
    at once. Where clocks are set forward over it, it is as much later; of a time that comes twice it is the first.
    Raises :class:`UsageError` (``time_invalid``) like :func:`start_of`, and for a time with an offset that is to be read
    from each recipient's clock: it means one moment, or many.
    """
    if send_in == "team":
        return StatedStart(start_of(stated, zone, now))
    if stated.tzinfo is not None:
        problem = (
            "its offset from UTC makes it one moment for all, but it is to be each recipient's own time; leave the offset "
            "out, or ask for the team's time (send_in: team)"
        )
        raise UsageError("time_invalid", value=stated.isoformat(), problem=problem)
    try:
        moment = stated.replace(tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)
    except (OverflowError, ValueError):
        moment = None
    if moment is None or moment > now + FARTHEST:
        raise UsageError("time_invalid", value=stated.isoformat(), problem="it is more than ten years away")
    if moment < now - TOLERANCE:
        raise UsageError("time_invalid", value=stated.isoformat(), problem=f"it is over ({zone})")
    return StatedStart.by_each_clock(stated, now)
