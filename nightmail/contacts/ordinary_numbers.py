"""Numbers as programs write most of them, ``1249.50``, read eight bytes at a time.

Ordinary is what has at most eight characters, digits and at most one dot before one or two decimals, and no zero in front of
other digits: it can be read in one way only, whatever the rest of its column shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nightmail.contacts.byte_spans import WORD, Spans, Words, word

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


def read_ordinary(values: pa.Array) -> OrdinaryNumbers:
    """Read the ordinary numbers of a column of strings."""
    spans = Spans.of(values)
    size = np.minimum(spans.length, WORD)
    written = spans.first_words()
    # Aligned to the right and filled with zeros on the left, a number of any length is one of eight digits.
    aligned = (written << _SHIFT[size]) | _FILL[size]
    shape = np.where(_byte(aligned, 5) == _DOT, 2, np.where(_byte(aligned, 6) == _DOT, 1, 0))
    digits = ((aligned & _WHOLE[shape]) << _OVER_DOT[shape]) | (aligned & _DECIMALS[shape]) | _FIRST[shape]
    whole_digits = spans.length - _NOT_WHOLE[shape]
    zero_first = _byte(written, 0) == _ZERO
    found = (
        (spans.length <= WORD)
        & (((digits + _ABOVE_NINE) | (digits - _ZEROS)) & _TOP_BITS == 0)
        & ((whole_digits == 1) | ((whole_digits > 1) & ~zero_first))
    )
    decimals = next((count for count in (2, 1) if (found & (shape == count)).any()), 0)
    return OrdinaryNumbers(found, _value(digits - _ZEROS) * _TO_HUNDREDTHS[shape], decimals)


def _byte(words: Words, place: int) -> npt.NDArray[np.uint8]:
    return words.view(np.uint8)[place::WORD]


def _value(digits: Words) -> npt.NDArray[np.int64]:
    """Eight digits as a number: neighbours are joined to pairs, pairs to fours, fours to the whole."""
    pairs = (digits * np.uint64(10)) + (digits >> np.uint64(8))
    upper = (pairs & _EVERY_FOURTH) * np.uint64(100 + (1_000_000 << 32))
    lower = ((pairs >> np.uint64(16)) & _EVERY_FOURTH) * np.uint64(1 + (10_000 << 32))
    return ((upper + lower) >> np.uint64(32)).astype(np.int64)


_DOT, _ZERO = ord("."), ord("0")
_ZEROS = word(b"0" * WORD)
_ABOVE_NINE = word(bytes([0x7F - ord("9")] * WORD))
_TOP_BITS = word(b"\x80" * WORD)
_EVERY_FOURTH = word(b"\xff\0\0\0\xff\0\0\0")
_SHIFT = np.array([0, *(8 * (WORD - size) for size in range(1, WORD + 1))], np.uint64)
_FILL = np.array([word(b"0" * (WORD - size)) for size in range(WORD + 1)], np.uint64)

# By the number of decimals, 0 to 2: the bytes before the dot, how far they move over it, the bytes behind it, the zero that
# comes in at the front, the characters that are no whole digits, and what makes hundredths of the number.
_WHOLE = np.array([word(b"\xff" * size) for size in (8, 6, 5)], np.uint64)
_OVER_DOT = np.array([0, 8, 8], np.uint64)
_DECIMALS = np.array([0, word(b"\0" * 7 + b"\xff"), word(b"\0" * 6 + b"\xff" * 2)], np.uint64)
_FIRST = np.array([0, _ZERO, _ZERO], np.uint64)
_NOT_WHOLE = np.array([0, 2, 3], np.int64)
_TO_HUNDREDTHS = np.array([100, 10, 1], np.int64)
