"""Many keyed hashes with the rows that have them, in which blocks of hashes are looked up.

Hashes are spread evenly, so that their first bits tell nearly where each one stands: a look-up takes two or three reads.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nightmail.privacy.keyed_hashes import Hashes

Places = npt.NDArray[np.int64]


class HashGroups:
    """The distinct hashes of some rows, numbered; of each row the number of its hash."""

    def __init__(self, hashes: Hashes) -> None:
        rows = len(hashes)
        order = _sorted_places(hashes)
        first, second = hashes[order, 0], hashes[order, 1]
        new = np.ones(rows, dtype=bool)
        new[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
        self.of_rows: Places = np.empty(rows, dtype=np.int64)
        self.of_rows[order] = np.cumsum(new) - 1
        self._first, self._second = first[new], second[new]
        bits = max(1, len(self._first).bit_length())
        self._shift = np.uint64(64 - bits)
        edges = np.arange(1 << bits, dtype=np.uint64) << self._shift
        self._starts = np.append(np.searchsorted(self._first, edges), len(self._first))

    def __len__(self) -> int:
        return len(self._first)

    def find(self, hashes: Hashes) -> Places:
        """The number of each hash, or -1."""
        found = np.full(len(hashes), -1, dtype=np.int64)
        if not len(self._first) or not len(hashes):
            return found
        buckets = (hashes[:, 0] >> self._shift).astype(np.int64)
        at, ends = self._starts[buckets], self._starts[buckets + 1]
        rows = np.flatnonzero((at < ends) & hashes.any(axis=1))
        at, ends = at[rows], ends[rows]
        while len(rows):
            hits = self._first[at] == hashes[rows, 0]
            hits[hits] = self._second[at[hits]] == hashes[rows[hits], 1]
            found[rows[hits]] = at[hits]
            at += 1
            open_rows = ~hits & (at < ends)
            rows, at, ends = rows[open_rows], at[open_rows], ends[open_rows]
        return found

    def first_rows(self, rows: Places) -> Places:
        """Of each number the first of some rows that has it, or -1; and -1 at the end, where what is not found looks."""
        found = np.full(len(self) + 1, -1, dtype=np.int64)
        found[self.of_rows[rows[::-1]]] = rows[::-1]
        return found


def _sorted_places(hashes: Hashes) -> Places:
    """The places of hashes in order. Only those with an equal first half are compared further: there are few."""
    order: Places = np.argsort(hashes[:, 0])
    first = hashes[order, 0]
    same = first[1:] == first[:-1]
    if same.any():
        several = np.zeros(len(order), dtype=bool)
        several[1:] |= same
        several[:-1] |= same
        at = np.flatnonzero(several)
        some = order[at]
        order[at] = some[np.lexsort((some, hashes[some, 1], hashes[some, 0]))]
    return order
