"""Which channels a contact gets: the first good ones in its order, and each address once where that is asked for."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from nightmail.audience.addressing import Addressed
from nightmail.audience.verdicts import CODE, GOOD, Positions, Records, Verdicts
from nightmail.lake.masks import Mask
from nightmail.privacy.hash_groups import HashGroups
from nightmail.privacy.keyed_hashes import Hashes

_Value = TypeVar("_Value", bound=np.generic)


def in_order(values: npt.NDArray[_Value], order: Positions) -> npt.NDArray[_Value]:
    """What stands by row and channel, in each row's own order."""
    found: npt.NDArray[_Value] = values[np.arange(len(values))[:, None], order]
    return found


def used_channels(verdicts: Verdicts, order: Positions, *, fallbacks: bool) -> Positions:
    """The channels of each row in order, as positions; -1 fills up. Without ``fallbacks`` the first good one alone."""
    good = in_order(verdicts, order) == GOOD
    used = np.full(order.shape, -1, dtype=np.int64)
    if not fallbacks:
        open_rows = np.ones(len(order), dtype=bool)
        for place in range(order.shape[1]):
            here = open_rows & good[:, place]
            used[here, 0] = order[here, place]
            open_rows &= ~here
        return used
    filled = np.zeros(len(order), dtype=np.int64)
    for place in range(order.shape[1]):
        rows = np.flatnonzero(good[:, place])
        used[rows, filled[rows]] = order[rows, place]
        filled[rows] += 1
    return used


class OncePerAddress:
    """Gives each address to the first row of the campaign that uses it."""

    def __init__(self, *, fallbacks: bool) -> None:
        self._fallbacks = fallbacks
        self._used: list[Hashes] = []
        self._lines: list[Records] = []

    def apply(
        self, channels: list[Addressed], verdicts: Verdicts, order: Positions, lines: Records
    ) -> list[tuple[Mask, Records]]:
        """Mark where an address is another row's: such a row looks for another channel, or is held.

        Returns where that is, channel by channel, and the line of the row that has the address.
        """
        marked = [(np.zeros(len(order), dtype=bool), np.full(len(order), -1, dtype=np.int64)) for _ in channels]
        before = HashGroups(np.concatenate([np.empty((0, 2), dtype=np.uint64), *self._used]))
        # One more at the end, for what is not found.
        known_lines = np.concatenate([*self._lines, np.array([-1])])
        lines_before = known_lines[before.first_rows(np.arange(len(before.of_rows)))]
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
            owner_lines = np.empty(len(rows), dtype=np.int64)
            owner_lines[by_address] = lines[owners]
            lost = np.empty(len(rows), dtype=bool)
            lost[by_address] = owners != rows[by_address]
            found = before.find(hashes)
            lost |= found >= 0
            owner_lines = np.where(found >= 0, lines_before[found], owner_lines)
            if not lost.any():
                self._used.append(ordered[starts])
                self._lines.append(lines[rows[by_address][starts]])
                return marked
            verdicts[rows[lost], positions[lost]] = CODE["address_already_used"]
            for position, (where, of_whom) in enumerate(marked):
                here = lost & (positions == position)
                where[rows[here]] = True
                of_whom[rows[here]] = owner_lines[here]
