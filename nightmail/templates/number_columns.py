"""Whole columns of decimals written in a language: the digits of :class:`Formats`, set by table look-ups.

Only for columns that are decimal with few decimals and amounts below a trillion; everything else goes value by value.
Both ways give the same text, which a property test holds.
"""

from __future__ import annotations

from functools import lru_cache
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_LARGEST = 10**12
_MAXIMUM_SCALE = 4

_Ints = npt.NDArray[np.int64]


def scaled_integers(column: pa.Array) -> tuple[_Ints, int] | None:
    """A decimal column as integers and the number of decimals they were scaled by; nothing if it does not fit. Null is 0."""
    scale = column.type.scale
    if not 0 <= scale <= _MAXIMUM_SCALE:
        return None
    words = np.frombuffer(column.buffers()[1], dtype=np.int64).reshape(-1, 2)[
        column.offset : column.offset + len(column)
    ]
    low = words[:, 0]
    limit = _LARGEST * 10**scale
    fits = (words[:, 1] == low >> 63) & (np.abs(low) < limit)
    if column.null_count:
        missing = pc.is_null(column).to_numpy(zero_copy_only=False)
        if not (fits | missing).all():
            return None
        return np.where(missing, 0, low), scale
    return (low, scale) if fits.all() else None


@lru_cache(maxsize=64)
def _table(digits: int, before: str = "") -> pa.Array:
    """All numbers of so many digits, zeros in front, with a sign before each."""
    return pa.array([f"{before}{number:0{digits}d}" for number in range(10**digits)], pa.string())


@lru_cache(maxsize=4)
def _plain_table() -> pa.Array:
    return pa.array([str(number) for number in range(1000)], pa.string())


@lru_cache(maxsize=64)
def _decimals_table(scale: int, least: int, mark: str) -> pa.Array:
    """What stands after the whole number, for each value of the decimals: the mark and at least so many digits."""
    entries = []
    for number in range(10**scale):
        digits = f"{number:0{scale}d}".rstrip("0") if scale else ""
        digits = digits.ljust(least, "0")
        entries.append(f"{mark}{digits}" if digits else "")
    return pa.array(entries, pa.string())


def digits_column(scaled: _Ints, scale: int, least_decimals: int, group: str, mark: str) -> pa.Array:
    """The digits of amounts that are not negative, in groups of three."""
    whole, decimals = np.divmod(scaled, 10**scale)
    tail = _decimals_table(scale, least_decimals, mark).take(pa.array(decimals))
    largest = int(whole.max()) if len(whole) else 0
    if largest < 1000:
        head = _plain_table().take(pa.array(whole))
        return pc.binary_join_element_wise(head, tail, "")
    groups = [whole % 1000]
    rest = whole // 1000
    while rest.any():
        groups.append(rest % 1000)
        rest = rest // 1000
    found: pa.Array | None = None
    for count in range(1, len(groups) + 1):
        pieces = [_plain_table().take(pa.array(groups[count - 1]))]
        pieces += [_table(3, group).take(pa.array(groups[place])) for place in reversed(range(count - 1))]
        text = pc.binary_join_element_wise(*pieces, "") if len(pieces) > 1 else pieces[0]
        has = whole >= (1000 ** (count - 1) if count > 1 else 0)
        found = text if found is None else pc.if_else(pa.array(has), text, found)
    return pc.binary_join_element_wise(cast(pa.Array, found), tail, "")
