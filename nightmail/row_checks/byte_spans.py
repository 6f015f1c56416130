"""Spans of bytes in the buffer of a column of strings: hashed, compared and counted eight bytes at a time, without copies.

A span is a place in a buffer and a length. Columns of strings are one buffer with a span per row, and a part of each
value, such as the domain of an address, is another span of the same buffer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

WORD = 8
"""Bytes that are looked at at once."""
_MULTIPLIERS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93))
_HALF = np.uint64(32)
_KEEP = np.array([(1 << (8 * size)) - 1 for size in range(WORD)] + [2**64 - 1], dtype=np.uint64)
"""For each number of bytes the bits of a word that they fill."""

Places = npt.NDArray[np.int64]


Words = npt.NDArray[np.uint64]


def windows(data: npt.NDArray[np.uint8]) -> Words:
    """The word that begins at each byte of ``data``, its first byte lowest; what is set here is set there."""
    return np.ndarray(len(data) - WORD + 1, "<u8", data, strides=(1,))


def word(data: bytes) -> np.uint64:
    """At most eight bytes as such a word."""
    return np.uint64(int.from_bytes(data, "little"))


def mixed(words: Words, into: Words) -> Words:
    """The hashes ``into`` with one more word each."""
    found = (into ^ words) * _MULTIPLIERS[0]
    return np.asarray((found ^ (found >> _HALF)) * _MULTIPLIERS[1])


@dataclass(frozen=True)
class Spans:
    """One span per row, of a buffer that goes on for at least a word beyond each of them."""

    data: npt.NDArray[np.uint8]
    start: Places
    length: Places

    @classmethod
    def of(cls, column: pa.Array, rows: Places | None = None) -> Spans:
        """The values of a column of strings, or of some of its rows; null is any span."""
        count = len(column)
        _, offset_buffer, data_buffer = column.buffers()
        kind = np.int64 if column.type == pa.large_string() else np.int32
        if data_buffer is None or offset_buffer is None or not count:
            nothing = np.zeros(count if rows is None else len(rows), np.int64)
            return cls(np.zeros(WORD, np.uint8), nothing, nothing)
        offsets: npt.NDArray[Any] = np.frombuffer(offset_buffer, kind, count=column.offset + count + 1)[column.offset :]
        data = np.frombuffer(data_buffer, np.uint8)
        if len(data) < offsets[-1] + WORD:
            data = np.concatenate([data[: offsets[-1]], np.zeros(WORD, np.uint8)])
        if rows is None:
            ends = offsets.astype(np.int64)
            return cls(data, ends[:-1], np.diff(ends))
        start = offsets[rows].astype(np.int64)
        return cls(data, start, offsets[rows + 1].astype(np.int64) - start)

    def texts(self, rows: npt.NDArray[np.int64]) -> list[str]:
        """The spans of some rows as text."""
        data = self.data
        return [
            data[start : start + length].tobytes().decode()
            for start, length in zip(self.start[rows].tolist(), self.length[rows].tolist(), strict=True)
        ]

    def first_words(self) -> npt.NDArray[np.uint64]:
        """The first bytes of each span as one number, the first one lowest; nothing where a span has no more."""
        return windows(self.data)[self.start] & _KEEP[np.minimum(self.length, WORD)]

    def words(self) -> Iterator[tuple[Places | None, npt.NDArray[np.uint64]]]:
        """Word after word the rows that are as long as that (None: all of them), and their bytes there as one number."""
        at = windows(self.data)
        longest = int(self.length.max()) if len(self.length) else 0
        rows: Places | None = None
        for offset in range(0, max(longest, 1), WORD):
            if offset:
                rows = np.flatnonzero(self.length > offset)
            start = self.start if rows is None else self.start[rows]
            length = self.length if rows is None else self.length[rows]
            yield rows, at[start + offset] & _KEEP[np.minimum(length - offset, WORD)]

    def hashes(self) -> npt.NDArray[np.uint64]:
        """A hash of each span: equal spans have equal hashes, and others hardly ever."""
        return self._hashes(self.words())

    def _hashes(self, words: Iterable[tuple[Places | None, Words]]) -> npt.NDArray[np.uint64]:
        found = self.length.astype(np.uint64)
        for rows, word in words:
            if rows is None:
                found = mixed(word, found)
            else:
                found[rows] = mixed(word, found[rows])
        return found ^ (found >> _HALF)

    def distinct(self) -> tuple[Places, npt.NDArray[np.int32]]:
        """A row for each distinct span, and for each row which of them is equal to its own."""
        words = list(self.words())
        first, which = _first_places(pa.array(self._hashes(words)))
        if self._equal(words, first, which):
            return first, which
        # Two spans of one hash: only the bytes themselves tell them apart.
        return _first_places(pa.array(self.texts(np.arange(len(which)))))

    def _equal(self, words: Iterable[tuple[Places | None, Words]], first: Places, which: npt.NDArray[np.int32]) -> bool:
        """Whether each span equals the one of the rows ``first`` that ``which`` names."""
        if not np.array_equal(self.length, self.length[first][which]):
            return False
        word_of = np.zeros(len(which), np.uint64)
        for rows, word in words:
            if rows is None:
                if not np.array_equal(word, word[first][which]):
                    return False
                continue
            word_of[rows] = word
            if not np.array_equal(word, word_of[first][which[rows]]):
                return False
        return True


def _first_places(values: pa.Array) -> tuple[Places, npt.NDArray[np.int32]]:
    """The first row of each distinct value, and for each row which of them is its own."""
    encoded = values.dictionary_encode()
    which = encoded.indices.to_numpy()
    first = np.empty(len(encoded.dictionary), np.int64)
    # Of several rows written to one place the last one stays.
    first[which[::-1]] = np.arange(len(which))[::-1]
    return first, which


def may_recur(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """A mask of the rows whose hash may stand there more than once; few others are among them."""
    short = (hashes >> _HALF).astype(np.uint32)
    in_order = np.sort(short)
    twice = in_order[1:][in_order[1:] == in_order[:-1]]
    mask = np.zeros(1 << _BUCKET_BITS, np.bool_)
    mask[twice >> _TO_BUCKET] = True
    return np.asarray(mask[short >> _TO_BUCKET])


_BUCKET_BITS = 22
_TO_BUCKET = np.uint32(32 - _BUCKET_BITS)
