"""The earliest time at which each contact may be sent to: its time zone, quiet hours, the start, the cut-off."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nightmail.audience.addressing import Addressed
from nightmail.audience.choices import Choices
from nightmail.audience.closed_days import ClosedDays
from nightmail.audience.policy import AudiencePolicy
from nightmail.audience.quiet_hours import earliest_time, hours_that_bind, local_moment, zone_for
from nightmail.audience.verdicts import QUIET_HOURS, DeciderNames, Positions, codes_of
from nightmail.lake.schemas import UTC_TIME

Times = npt.NDArray[np.int64]
"""Microseconds since 1970 (UTC), :data:`AT_ONCE` or :data:`NEVER`."""

AT_ONCE = np.iinfo(np.int64).min
"""As soon as the campaign starts."""
NEVER = np.iinfo(np.int64).max
"""Not before the cut-off, for quiet hours or the start in a contact's own zone."""
_MOST_RULES = 10_000
"""Fewer rules than this can stand in the way of a time: each has a number of its own just below :data:`NEVER`."""


def times_of(microseconds: Times) -> pa.Array:
    """Times as a column has them, null for :data:`AT_ONCE`."""
    return pa.array(microseconds, mask=microseconds == AT_ONCE).cast(pa.timestamp("us")).cast(UTC_TIME)


_Rules = tuple[bool, ClosedDays]
_Key = tuple[str | None, tuple[str, str] | None, str | None]
"""Time zone, quiet hours of one's own, and country or part of one."""


class Calendar:
    """What all blocks of a campaign share: the rules on days of each channel, and the times that were worked out."""

    def __init__(self, policy: AudiencePolicy) -> None:
        self.policy = policy
        self.moment = policy.moment
        self.closed = {name: ClosedDays.on(policy.rules, policy.category, name) for name in policy.channels}
        self.known: dict[_Rules, dict[_Key, int]] = {}
        self.never = [("quiet_hours_past_cut_off", QUIET_HOURS)]
        """Why there is no time before the cut-off, and which rule says so: by how much the time is less than :data:`NEVER`."""

    def never_for(self, why: tuple[str, str]) -> int:
        """The time that stands for a reason."""
        if why not in self.never:
            self.never.append(why)
        return NEVER - self.never.index(why)


class StartTimes:
    """The times of a block of contacts; those of channels that quiet hours bind, and those of the others."""

    def __init__(
        self, calendar: Calendar, zone: pa.DictionaryArray, where: pa.DictionaryArray, choices: Choices
    ) -> None:
        self._policy, self._calendar = calendar.policy, calendar
        self._zone, self._where, self._choices = zone, where, choices
        self._made: dict[_Rules, Times] = {}

    def on(self, channel: str) -> Times:
        """The earliest time of each row on a channel."""
        rules = channel in self._policy.quiet_channels, self._calendar.closed[channel]
        if rules not in self._made:
            self._made[rules] = self._times(*rules)
        return self._made[rules]

    def mark_late(self, addressed: Addressed, deciders: DeciderNames) -> None:
        """Mark the rows that have no time before the cut-off on a channel."""
        times = self.on(addressed.channel.name)
        late = times > NEVER - _MOST_RULES
        if not late.any():
            return
        for never in np.unique(times[late]).tolist():
            reason, place = self._calendar.never[NEVER - never]
            addressed.mark(times == never, reason, deciders.code(place))

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
        quiet, hours = self._choices.quiet, self._choices.hours
        of_feed = self._policy.quiet_hours is not None and binding
        if not (closed or of_feed or self._policy.local_start is not None or (quiet >= 0).any()):
            return np.full(len(self._zone), AT_ONCE, dtype=np.int64)
        zones, places = self._zone.dictionary.to_pylist(), self._where.dictionary.to_pylist()
        # One more than there are, for null, which is -1.
        keys = (codes_of(self._zone) + 1).astype(np.int64) * (len(hours) + 1) + quiet + 1
        if closed:
            keys = keys * (len(places) + 1) + codes_of(self._where) + 1
        encoded = pa.array(keys).dictionary_encode()
        known = self._calendar.known.setdefault((binding, closed), {})
        times = []
        for number in encoded.dictionary.to_pylist():
            rest, at = divmod(number, len(places) + 1) if closed else (number, 0)
            place = places[at - 1] if at else None
            zone, own = divmod(rest, len(hours) + 1)
            key = zones[zone - 1] if zone else None, hours[own - 1] if own else None, place
            if key not in known:
                known[key] = self._time(key, binding, closed)
            times.append(known[key])
        found: Times = np.array(times, dtype=np.int64)[codes_of(encoded)]
        return found

    def _time(self, key: _Key, binding: bool, closed: ClosedDays) -> int:
        """The time of all contacts with the same time zone, quiet hours of their own and country, which are ``key``."""
        policy, moment = self._policy, self._calendar.moment
        zone_name, own, where = key
        zone = zone_for(zone_name, policy.default_time_zone)
        start = moment
        if policy.local_start is not None:
            start = max(start, local_moment(policy.local_start, zone))
        quiet = hours_that_bind(policy.quiet_hours if binding else None, *(own or (None, None)))
        earliest = earliest_time(start, zone, quiet, lambda day: closed.closed_by(day, where) is not None)
        if earliest is not None and (policy.cut_off is None or earliest < policy.cut_off):
            return AT_ONCE if earliest <= moment else int(earliest.timestamp() * 1_000_000)
        open_days = earliest_time(start, zone, quiet)
        if open_days is None or (policy.cut_off is not None and open_days >= policy.cut_off):
            return NEVER
        # The first day that quiet hours alone would have let it go on, or one after it, is closed.
        day = open_days.astimezone(zone).date()
        return self._calendar.never_for(closed.closed_by(day, where) or ("holiday", closed.places[0]))
