"""Which channels a contact gets: the first good ones in its order, and each address once where that is asked for."""

from __future__ import annotations

import numpy as np

from nightmail.audience.addressing import Addressed
from nightmail.audience.verdicts import CODE, GOOD, Positions, Verdicts
from nightmail.privacy.keyed_hashes import Hashes, HashIndex


def used_channels(verdicts: Verdicts, order: Positions, *, fallbacks: bool) -> Positions:
    """The channels of each row in order, as positions; -1 fills up. Without ``fallbacks`` the first good one alone."""
    good = np.take_along_axis(verdicts, order, axis=1) == GOOD
    if not fallbacks:
        first = good.argmax(axis=1)
        only = np.zeros_like(good)
        only[np.arange(len(good)), first] = good[np.arange(len(good)), first]
        good = only
    ranks = np.argsort(~good, axis=1, kind="stable")
    return np.where(np.take_along_axis(good, ranks, axis=1), np.take_along_axis(order, ranks, axis=1), -1)


class OncePerAddress:
    """Gives each address to the first row of the campaign that uses it."""

    def __init__(self, *, fallbacks: bool) -> None:
        self._fallbacks = fallbacks
        self._used: list[Hashes] = []

    def apply(self, channels: list[Addressed], verdicts: Verdicts, order: Positions) -> None:
        """Mark where an address is another row's: such a row looks for another channel, or is held."""
        used_before = HashIndex(np.concatenate(self._used)) if self._used else None
        while True:
            used = used_channels(verdicts, order, fallbacks=self._fallbacks)
            rows, places = np.nonzero(used >= 0)
            positions = used[rows, places]
            hashes = np.empty((len(rows), 2), dtype=np.uint64)
            for position, addressed in enumerate(channels):
                of_channel = positions == position
                hashes[of_channel] = addressed.hashes[rows[of_channel]]
            by_address = np.lexsort((rows, hashes[:, 1], hashes[:, 0]))
            ordered = hashes[by_address]
            starts = np.ones(len(rows), dtype=bool)
            starts[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
            owners = rows[by_address][np.maximum.accumulate(np.where(starts, np.arange(len(rows)), 0))]
            lost = np.empty(len(rows), dtype=bool)
            lost[by_address] = owners != rows[by_address]
            if used_before is not None:
                lost |= used_before.contains(hashes)
            if not lost.any():
                self._used.append(ordered[starts])
                return
            verdicts[rows[lost], positions[lost]] = CODE["address_already_used"]
