"""Columns whose values recur: each distinct value is looked at once, and what is said of it holds for all its rows.

Such a column is Arrow's dictionary of strings: the distinct values, and for each row the number of its value. What is
made here never has a value twice or null among the distinct ones, so that numbers can be compared for values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

RECURRING = pa.dictionary(pa.int32(), pa.string())
"""The type of such columns."""


def nulls(rows: int) -> pa.DictionaryArray:
    """A column of nothing."""
    return pa.DictionaryArray.from_arrays(pa.nulls(rows, pa.int32()), pa.array([], pa.string()))


def recurring(column: pa.Array) -> pa.DictionaryArray:
    """``column`` by its distinct values."""
    return column.dictionary_encode()


def plain(column: pa.Array) -> pa.Array:
    """``column`` with a value of its own for each row."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def numbered(numbers: np.ndarray, values: Sequence[str | None]) -> pa.DictionaryArray:
    """The column whose rows have the ``values`` of these ``numbers``; one value may stand there several times."""
    return _renumbered(pa.array(numbers, pa.int32()), values)


def map_distinct(column: pa.Array, verdict: Callable[[str], str | None]) -> pa.DictionaryArray:
    """``verdict`` of each value, asked once for each distinct one; null stays null."""
    column = recurring(column)
    return _renumbered(column.indices, [verdict(value) for value in column.dictionary.to_pylist()])


def distinct_pairs(first: pa.Array, second: pa.Array | None) -> tuple[list[tuple[str | None, str | None]], np.ndarray]:
    """The pairs of values that stand in one row of two columns, and for each row the number of its pair."""
    left = recurring(first)
    values: list[str | None] = [*left.dictionary.to_pylist(), None]
    at = pc.fill_null(left.indices, len(values) - 1).to_numpy(zero_copy_only=False)
    if second is None:
        return [(value, None) for value in values], at
    right = recurring(second)
    others: list[str | None] = [*right.dictionary.to_pylist(), None]
    numbers = at.astype(np.int64) * len(others)
    numbers += pc.fill_null(right.indices, len(others) - 1).to_numpy(zero_copy_only=False)
    if len(values) * len(others) > _MOST_NUMBERS:
        met, which = np.unique(numbers, return_inverse=True)
    else:
        places = np.zeros(len(values) * len(others), dtype=np.int32)
        places[numbers] = 1
        met = np.flatnonzero(places)
        places[met] = np.arange(len(met))
        which = places[numbers]
    return [(values[number // len(others)], others[number % len(others)]) for number in met.tolist()], which


_MOST_NUMBERS = 20_000_000
"""Numbers of pairs up to which a place for each costs less than sorting the rows'."""


def of_distinct(column: pa.Array, question: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """The answer to ``question``, which depends on the value alone, for each row of a column of either kind."""
    if pa.types.is_dictionary(column.type):
        return question(column.dictionary).take(column.indices)
    return question(column)


def coalesce(first: pa.DictionaryArray, *others: pa.DictionaryArray) -> pa.DictionaryArray:
    """For each row the first value that is not null."""
    for other in others:
        if not first.null_count:
            break
        numbers, values = _joined(first, other)
        first = pa.DictionaryArray.from_arrays(pc.coalesce(first.indices, numbers), values)
    return first


def or_else(column: pa.DictionaryArray, value: str | None) -> pa.DictionaryArray:
    """``column`` with ``value``, if there is one, where it is null."""
    if value is None or not column.null_count:
        return column
    return coalesce(column, numbered(np.zeros(len(column), np.int32), [value]))


def equal(left: pa.DictionaryArray, right: pa.DictionaryArray) -> pa.Array:
    """Whether the values of a row are the same; null where one of them is."""
    return pc.equal(left.indices, _joined(left, right)[0])


def replaced(column: pa.DictionaryArray, mask: pa.Array, values: pa.DictionaryArray) -> pa.DictionaryArray:
    """``column`` with ``values``, in their order, where ``mask`` is true."""
    numbers, together = _joined(column, values)
    return pa.DictionaryArray.from_arrays(pc.replace_with_mask(column.indices, mask, numbers), together)


def _joined(first: pa.DictionaryArray, other: pa.DictionaryArray) -> tuple[pa.Array, pa.Array]:
    """The numbers of ``other`` among the distinct values of both, which begin with those of ``first``."""
    known = first.dictionary.to_pylist()
    places = {value: place for place, value in enumerate(known)}
    numbers = [places.setdefault(value, len(places)) for value in other.dictionary.to_pylist()]
    values = first.dictionary if len(places) == len(known) else pa.array(list(places), pa.string())
    return _with_numbers(other.indices, numbers), values


def _renumbered(indices: pa.Array, values: Sequence[str | None]) -> pa.DictionaryArray:
    places: dict[str, int] = {}
    numbers = [None if value is None else places.setdefault(value, len(places)) for value in values]
    return pa.DictionaryArray.from_arrays(_with_numbers(indices, numbers), pa.array(list(places), pa.string()))


def _with_numbers(indices: pa.Array, numbers: Sequence[int | None]) -> pa.Array:
    """``indices`` under new numbers; null where a number is null."""
    if all(number == place for place, number in enumerate(numbers)):
        return indices
    return pa.array(numbers, pa.int32()).take(indices)
