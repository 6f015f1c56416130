"""The earliest time at which each contact may be sent to: its time zone, quiet hours, the start, the cut-off."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.audience.choices import Choices
from nightmail.audience.closed_days import ClosedDays
from nightmail.audience.policy import AudiencePolicy
from nightmail.audience.quiet_hours import earliest_time, hours_that_bind, local_moment, zone_for
from nightmail.audience.verdicts import Positions, Verdicts, mark
from nightmail.lake.masks import present
from nightmail.lake.schemas import UTC_TIME

Times = npt.NDArray[np.int64]
"""Microseconds since 1970 (UTC), :data:`AT_ONCE` or :data:`NEVER`."""

AT_ONCE = np.iinfo(np.int64).min
"""As soon as the campaign starts."""
NEVER = np.iinfo(np.int64).max
"""Not before the cut-off, for quiet hours or the start in a contact's own zone."""
_PAST_CUT_OFF = {NEVER: "quiet_hours_past_cut_off", NEVER - 1: "holiday", NEVER - 2: "blackout_day"}
"""Why there is no time before the cut-off."""
_NEVER_FOR = {reason: time for time, reason in _PAST_CUT_OFF.items()}


def times_of(microseconds: Times) -> pa.Array:
    """Times as a column has them, null for :data:`AT_ONCE`."""
    return pa.array(microseconds, mask=microseconds == AT_ONCE).cast(pa.timestamp("us")).cast(UTC_TIME)


_Known = dict[tuple[bool, ClosedDays], dict[str, int]]


class Calendar:
    """What all blocks of a campaign share: the rules on days of each channel, and the times that were worked out."""

    def __init__(self, policy: AudiencePolicy) -> None:
        self.policy = policy
        self.moment = policy.moment
        self.closed = {name: ClosedDays.on(policy.rules, policy.category, name) for name in policy.channels}
        self.known: _Known = {}


class StartTimes:
    """The times of a block of contacts; those of channels that quiet hours bind, and those of the others."""

    def __init__(self, calendar: Calendar, zone: pa.Array, country: pa.Array, choices: Choices) -> None:
        self._policy, self._calendar = calendar.policy, calendar
        self._zone, self._country, self._choices = zone, country, choices
        self._made: dict[tuple[bool, ClosedDays], Times] = {}

    def on(self, channel: str) -> Times:
        """The earliest time of each row on a channel."""
        rules = channel in self._policy.quiet_channels, self._calendar.closed[channel]
        if rules not in self._made:
            self._made[rules] = self._times(*rules)
        return self._made[rules]

    def mark_late(self, channel: str, verdicts: Verdicts) -> None:
        """Mark the rows that have no time before the cut-off on a channel."""
        times = self.on(channel)
        for never, reason in _PAST_CUT_OFF.items():
            mark(verdicts, times == never, reason)

    def on_used(self, used: Positions) -> Times:
        """The earliest times of each row's channels, place by place: each channel's own."""
        times = np.full(used.shape, AT_ONCE, dtype=np.int64)
        for place in range(used.shape[1]):
            for position, name in enumerate(self._policy.channels):
                here = used[:, place] == position
                if here.any():
                    times[here, place] = self.on(name)[here]
        return times

    def _times(self, binding: bool, closed: ClosedDays) -> Times:
        own_from, own_until = self._choices.quiet_from, self._choices.quiet_until
        if not closed and self._policy.local_start is None and (self._policy.quiet_hours is None or not binding):
            own = present(own_from) & present(own_until)
            if not own.any():
                return np.full(len(self._zone), AT_ONCE, dtype=np.int64)
        country = self._country if closed else pa.scalar("", pa.string())
        keys = pc.binary_join_element_wise(
            self._zone, own_from, own_until, country, "|", null_handling="replace", null_replacement=""
        ).dictionary_encode()
        known = self._calendar.known.setdefault((binding, closed), {})
        for key in keys.dictionary.to_pylist():
            if key not in known:
                known[key] = self._time(key, binding, closed)
        times = np.array([known[key] for key in keys.dictionary.to_pylist()], dtype=np.int64)
        found: Times = times[keys.indices.to_numpy(zero_copy_only=False)]
        return found

    def _time(self, key: str, binding: bool, closed: ClosedDays) -> int:
        """The time of all contacts with the same time zone, quiet hours of their own and country, which are ``key``."""
        policy, moment = self._policy, self._calendar.moment
        zone_name, own_from, own_until, country = key.split("|")
        zone = zone_for(zone_name, policy.default_time_zone)
        start = moment
        if policy.local_start is not None:
            start = max(start, local_moment(policy.local_start, zone))
        quiet = hours_that_bind(policy.quiet_hours if binding else None, own_from, own_until)
        earliest = earliest_time(start, zone, quiet, lambda day: closed.why(day, country or None) is not None)
        if earliest is not None and (policy.cut_off is None or earliest < policy.cut_off):
            return AT_ONCE if earliest <= moment else int(earliest.timestamp() * 1_000_000)
        open_days = earliest_time(start, zone, quiet)
        if open_days is None or (policy.cut_off is not None and open_days >= policy.cut_off):
            return NEVER
        # The first day that quiet hours alone would have let it go on, or one after it, is closed.
        day = open_days.astimezone(zone).date()
        return _NEVER_FOR[closed.why(day, country or None) or "holiday"]
