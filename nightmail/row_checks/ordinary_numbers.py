"""Numbers as programs write most of them, ``1249.50``, read eight bytes at a time.

Ordinary is what has at most eight characters, digits and at most one dot before one or two decimals, and no zero in front of
other digits: it can be read in one way only, whatever the rest of its column shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nightmail.row_checks.byte_spans import WORD, Spans, Words, word

MOST_DECIMALS = 2


@dataclass(frozen=True)
class OrdinaryNumbers:
    """What is ordinary in a column."""

    found: npt.NDArray[np.bool_]
    """A mask of the ordinary ones."""
    hundredths: npt.NDArray[np.int64]
    """Their values times a hundred; anything elsewhere."""
    decimals: int
    """The most decimals that one of them has."""
    with_decimals: npt.NDArray[np.bool_]
    """A mask of those that have decimals."""


def read_ordinary(values: pa.Array) -> OrdinaryNumbers:
    """Read the ordinary numbers of a column of strings."""
    spans = Spans.of(values)
    size = np.minimum(spans.length, WORD)
    written = spans.first_words()
    # Aligned to the right and filled with zeros on the left, a number of any length is one of eight digits.
    aligned = (written << _SHIFT[size]) | _FILL[size]
    one_zero_at_most = (_byte(written, 0) != _ZERO) | (_byte(written, 1) - _ZERO > _NINE)
    whole_word = one_zero_at_most & (spans.length <= WORD)
    with_two, with_one = _byte(aligned, 5) == _DOT, _byte(aligned, 6) == _DOT
    found = np.zeros(len(values), np.bool_)
    hundredths = np.zeros(len(values), np.int64)
    most = 0
    with_decimals = np.zeros(len(values), np.bool_)
    for decimals, shaped in ((2, with_two), (1, with_one & ~with_two), (0, ~(with_two | with_one))):
        rows = np.flatnonzero(shaped & whole_word & (spans.length > (decimals + 1 if decimals else 0)))
        digits = _without_dot(aligned[rows], decimals)
        sound = ((digits + _ABOVE_NINE) | (digits - _ZEROS)) & _TOP_BITS == 0
        rows = rows[sound]
        if len(rows):
            most = max(most, decimals)
            with_decimals[rows] = decimals > 0
            found[rows] = True
            hundredths[rows] = _value(digits[sound] - _ZEROS) * 10 ** (MOST_DECIMALS - decimals)
    return OrdinaryNumbers(found, hundredths, most, with_decimals)


def _without_dot(aligned: Words, decimals: int) -> Words:
    """Eight digits of what had a dot before so many decimals."""
    if not decimals:
        return aligned
    before_dot, behind_dot = _DIGITS[WORD - 1 - decimals], _DIGITS[WORD] ^ _DIGITS[WORD - decimals]
    return np.asarray(((aligned & before_dot) << _ONE_BYTE) | (aligned & behind_dot) | _ZERO_FIRST)


def _byte(words: Words, place: int) -> npt.NDArray[np.uint8]:
    return words.view(np.uint8)[place::WORD]


def _value(digits: Words) -> npt.NDArray[np.int64]:
    """Eight digits as a number: neighbours are joined to pairs, pairs to fours, fours to the whole."""
    pairs = (digits * np.uint64(10)) + (digits >> np.uint64(8))
    upper = (pairs & _EVERY_FOURTH) * np.uint64(100 + (1_000_000 << 32))
    lower = ((pairs >> np.uint64(16)) & _EVERY_FOURTH) * np.uint64(1 + (10_000 << 32))
    return ((upper + lower) >> np.uint64(32)).astype(np.int64)


_DOT, _ZERO, _NINE = np.uint8(ord(".")), np.uint8(ord("0")), np.uint8(9)
_ZEROS = word(b"0" * WORD)
_ZERO_FIRST = word(b"0")
_ABOVE_NINE = word(bytes([0x7F - ord("9")] * WORD))
_TOP_BITS = word(b"\x80" * WORD)
_EVERY_FOURTH = word(b"\xff\0\0\0\xff\0\0\0")
_ONE_BYTE = np.uint64(8)
_DIGITS = [word(b"\xff" * size) for size in range(WORD + 1)]
"""For each number of bytes the bits of the first ones."""
_SHIFT = np.array([0, *(8 * (WORD - size) for size in range(1, WORD + 1))], np.uint64)
_FILL = np.array([word(b"0" * (WORD - size)) for size in range(WORD + 1)], np.uint64)
