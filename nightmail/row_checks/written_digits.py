"""The digits of a column of phone numbers, found in the bytes of the whole column at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from nightmail.lake.masks import present
from nightmail.row_checks.numbering_plans import MOST_DIGITS

_PUNCTUATION, _PLUS, _OTHER = range(3)
_BYTES = np.full(256, _OTHER, dtype=np.uint8)
_BYTES[ord("+")] = _PLUS
_BYTES[np.frombuffer(b" ()-./", dtype=np.uint8)] = _PUNCTUATION


@dataclass(frozen=True)
class WrittenNumbers:
    """The digits of a column's numbers, one after the other, and how each number is written."""

    digits: np.ndarray
    start: np.ndarray
    length: np.ndarray
    plus: np.ndarray
    plain: np.ndarray
    """Whether a number is decided here; nothing else is known of the others."""
    bare: np.ndarray
    """Whether a number is written in digits alone, as a spreadsheet writes a quantity."""

    def text(self, row: int) -> str:
        """The digits of one row."""
        start = int(self.start[row])
        return (self.digits[start : start + int(self.length[row])] + 48).tobytes().decode("ascii")


def read_digits(values: pa.Array) -> WrittenNumbers:
    """The digits of every value, found in the bytes of the whole column."""
    rows = len(values)
    if values.offset:
        values = pa.concat_arrays([values])
    _, offset_buffer, data_buffer = values.buffers()
    offsets = np.frombuffer(offset_buffer, dtype=np.int32, count=rows + 1)
    begin, end = int(offsets[0]), int(offsets[-1])
    if data_buffer is None or begin == end:
        nothing = np.zeros(rows, dtype=np.int32)
        return WrittenNumbers(np.zeros(1, dtype=np.uint8), nothing, nothing, *[nothing > 0] * 3)
    data = np.frombuffer(data_buffer, dtype=np.uint8, count=end)[begin:]
    offsets = offsets - begin
    is_digit = (data - np.uint8(48)) < 10  # what is below "0" wraps around
    counted = np.zeros(len(data) + 1, dtype=np.int32)
    np.cumsum(is_digit, out=counted[1:])
    at = counted[offsets]
    start, length = at[:-1], np.diff(at)
    sizes = np.diff(offsets)
    plain = (length >= 3) & (length <= MOST_DIGITS) & (sizes <= 250)
    between = np.flatnonzero(~is_digit)
    kind = _BYTES[data[between]]
    first = data[np.minimum(offsets[:-1], len(data) - 1)]
    plus = (first == ord("+")) & (sizes > 0)
    signs = between[kind == _PLUS]
    if len(signs) > np.count_nonzero(plus):
        row = np.searchsorted(offsets, signs, side="right") - 1
        leading = counted[signs] == start[row]
        plus[row] = True
        plain[row[~leading]] = False
        plain[row[1:][row[1:] == row[:-1]]] = False  # two plus signs
    others = between[kind == _OTHER]
    if len(others):
        plain[np.searchsorted(offsets, others, side="right") - 1] = False
    # Digits in brackets behind a number may be a note: the library is not asked about them either.
    closing = (data[np.maximum(offsets[1:], 1) - 1] == ord(")")) & (sizes > 0)
    if closing.any():
        opening = between[data[between] == ord("(")]
        row = np.searchsorted(offsets, opening, side="right") - 1
        plain[row[closing[row] & (counted[opening] > start[row])]] = False
    # A spreadsheet's quantity: it ends in .0 or .00
    dots = between[data[between] == ord(".")]
    if len(dots):
        row = np.searchsorted(offsets, dots, side="right") - 1
        zeros = offsets[row + 1] - dots - 1
        plain[row[((zeros == 1) | (zeros == 2)) & (data[offsets[row + 1] - 1] == ord("0")) & (sizes[row] >= 3)]] = False
    if values.null_count:
        plain &= present(values)
    return WrittenNumbers(
        data[is_digit] - 48 if at[-1] else np.zeros(1, dtype=np.uint8), start, length, plus, plain, sizes == length
    )
