"""The earliest time at which each contact may be sent to: its time zone, quiet hours, the start, the cut-off."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.audience.choices import Choices
from nightmail.audience.policy import AudiencePolicy
from nightmail.audience.quiet_hours import earliest_time, hours_that_bind, local_moment, zone_for
from nightmail.audience.verdicts import Positions
from nightmail.lake.masks import present
from nightmail.lake.schemas import UTC_TIME

Times = npt.NDArray[np.int64]
"""Microseconds since 1970 (UTC), :data:`AT_ONCE` or :data:`NEVER`."""

AT_ONCE = np.iinfo(np.int64).min
"""As soon as the campaign starts."""
NEVER = np.iinfo(np.int64).max
"""Not before the cut-off."""


def times_of(microseconds: Times) -> pa.Array:
    """Times as a column has them, null for :data:`AT_ONCE`."""
    return pa.array(microseconds, mask=microseconds == AT_ONCE).cast(pa.timestamp("us")).cast(UTC_TIME)


class StartTimes:
    """The times of a block of contacts; those of channels that quiet hours bind, and those of the others."""

    def __init__(self, policy: AudiencePolicy, zone: pa.Array, choices: Choices) -> None:
        self._policy, self._zone, self._choices = policy, zone, choices
        self._moment = policy.moment
        self._made: dict[bool, Times] = {}

    def on(self, channel: str) -> Times:
        """The earliest time of each row on a channel."""
        binding = channel in self._policy.quiet_channels
        if binding not in self._made:
            self._made[binding] = self._times(binding)
        return self._made[binding]

    def on_used(self, used: Positions) -> Times:
        """The earliest times of each row's channels, place by place: each channel's own."""
        times = np.full(used.shape, AT_ONCE, dtype=np.int64)
        for place in range(used.shape[1]):
            for position, name in enumerate(self._policy.channels):
                here = used[:, place] == position
                if here.any():
                    times[here, place] = self.on(name)[here]
        return times

    def _times(self, binding: bool) -> Times:
        own_from, own_until = self._choices.quiet_from, self._choices.quiet_until
        if self._policy.local_start is None and (self._policy.quiet_hours is None or not binding):
            own = present(own_from) & present(own_until)
            if not own.any():
                return np.full(len(self._zone), AT_ONCE, dtype=np.int64)
        keys = pc.binary_join_element_wise(
            self._zone, own_from, own_until, "|", null_handling="replace", null_replacement=""
        ).dictionary_encode()
        times = np.array([self._time(key, binding) for key in keys.dictionary.to_pylist()], dtype=np.int64)
        found: Times = times[keys.indices.to_numpy(zero_copy_only=False)]
        return found

    def _time(self, key: str, binding: bool) -> int:
        """The time of all contacts with the same time zone and quiet hours of their own, which are ``key``."""
        policy = self._policy
        zone_name, own_from, own_until = key.split("|")
        zone = zone_for(zone_name, policy.default_time_zone)
        start = self._moment
        if policy.local_start is not None:
            start = max(start, local_moment(policy.local_start, zone))
        quiet = hours_that_bind(policy.quiet_hours if binding else None, own_from, own_until)
        earliest = earliest_time(start, zone, quiet)
        if earliest is None or (policy.cut_off is not None and earliest >= policy.cut_off):
            return NEVER
        return AT_ONCE if earliest <= self._moment else int(earliest.timestamp() * 1_000_000)
