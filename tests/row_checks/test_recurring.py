"""Columns by their distinct values say the same as columns of a value for each row."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given
from hypothesis import strategies as st

from nightmail.row_checks.recurring import coalesce, equal, map_distinct, nulls, numbered, of_distinct, plain, replaced

VALUES = st.lists(st.tuples(*[st.sampled_from([None, "a", "b", "c", "A"])] * 3), max_size=12)


def _columns(rows: list[tuple[str | None, ...]]) -> list[pa.Array]:
    return [pa.array([row[place] for row in rows], pa.string()) for place in range(3)]


def _is_sound(column: pa.DictionaryArray) -> bool:
    values = column.dictionary.to_pylist()
    return None not in values and len(values) == len(set(values))


@given(VALUES)
def test_the_first_value_there_is(rows: list[tuple[str | None, ...]]) -> None:
    """Whatever distinct values the columns have, and in whatever order."""
    columns = _columns(rows)
    found = coalesce(*(column.dictionary_encode() for column in columns))
    assert _is_sound(found)
    assert plain(found).equals(pc.coalesce(*columns))


@given(VALUES)
def test_equal_values_have_different_numbers_in_different_columns(rows: list[tuple[str | None, ...]]) -> None:
    """Values are compared, not their numbers; null equals nothing."""
    left, right, _ = _columns(rows)
    assert equal(left.dictionary_encode(), right.dictionary_encode()).equals(pc.equal(left, right))


@given(VALUES)
def test_verdicts_that_agree_are_one_value(rows: list[tuple[str | None, ...]]) -> None:
    """Two spellings of one thing are one distinct value afterwards; a value without a verdict is null."""
    column, other, _ = _columns(rows)
    found = map_distinct(column, {"a": "x", "A": "x", "b": "y"}.get)
    assert _is_sound(found)
    assert plain(found).to_pylist() == [{"a": "x", "A": "x", "b": "y"}.get(value or "") for value in column.to_pylist()]
    longer = of_distinct(other.dictionary_encode(), lambda text: pc.equal(text, "A"))
    assert longer.equals(of_distinct(other, lambda text: pc.equal(text, "A")))


@given(VALUES)
def test_rows_are_replaced_in_order(rows: list[tuple[str | None, ...]]) -> None:
    """As Arrow does it with plain columns."""
    column, values, marks = _columns(rows)
    mask = pc.is_valid(marks)
    wanted = values.filter(mask)
    found = replaced(column.dictionary_encode(), mask, wanted.dictionary_encode())
    assert _is_sound(found)
    assert plain(found).equals(pc.replace_with_mask(column, mask, wanted))


def test_numbers_of_the_same_value_become_one() -> None:
    """The verdicts on phones name a type for each country; the types are fewer."""

    found = numbered(np.array([2, 0, 1, 3], np.int16), ["mobile", "fixed", "mobile", None])
    assert found.dictionary.to_pylist() == ["mobile", "fixed"]
    assert plain(found).to_pylist() == ["mobile", "mobile", "fixed", None]
    assert plain(nulls(2)).to_pylist() == [None, None]
