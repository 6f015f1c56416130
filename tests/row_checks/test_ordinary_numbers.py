"""Numbers that are read eight bytes at a time are those that the pattern says, with the values that Python reads."""

from __future__ import annotations

import re
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightmail.row_checks.money import NumberConvention, judge_numbers
from nightmail.row_checks.ordinary_numbers import read_ordinary

ORDINARY = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]{1,2})?")
TEXT = st.one_of(
    st.none(),
    st.text("0123456789.", max_size=9),
    st.text("019./:-,+ é", max_size=9),
    st.decimals(0, 10**7, places=2).map(str),
)


def _is_ordinary(text: str | None) -> bool:
    return text is not None and len(text) <= 8 and ORDINARY.fullmatch(text) is not None


@given(st.lists(TEXT, max_size=9))
def test_what_is_ordinary_and_its_value(texts: list[str | None]) -> None:
    """Whatever stands beside it in the column."""
    read = read_ordinary(pa.array(texts, pa.string()))
    assert read.found.tolist() == [_is_ordinary(text) for text in texts]
    values = [Decimal(text) * 100 for text in texts if text is not None and _is_ordinary(text)]
    assert read.hundredths[read.found].tolist() == values
    decimals = [len(text.partition(".")[2]) for text in texts if text is not None and _is_ordinary(text)]
    assert read.decimals == max(decimals, default=0)


@pytest.mark.parametrize("decimals", [0, 2, 4, 10, 11, 18])
def test_the_largest_values_fit_every_scale(decimals: int) -> None:
    """A column may have up to eighteen decimals: hundredths that would not fit 64 bits are read otherwise."""
    convention = NumberConvention(stated=".", least_decimals=decimals)
    found = judge_numbers(pa.array(["99999999", "0", None, "x"]), convention)
    assert found.numbers.to_pylist() == [Decimal(99999999), Decimal(0), None, None]
    assert found.numbers.type == convention.type
    assert found.invalid.tolist() == [False, False, False, True]


def test_a_column_by_its_distinct_values_is_judged_like_any_other() -> None:
    """Prices recur; what is odd about one holds for each of its rows."""
    texts = pa.array(["9.99", None, "1.234,50 €", "9.99", "free", "1.234,50 €", "free", None])
    conventions = [NumberConvention(), NumberConvention()]
    conventions[0].look_at(texts)
    conventions[1].look_at(texts.dictionary_encode())
    assert conventions[0] == conventions[1]
    plain = judge_numbers(texts, conventions[0])
    distinct = judge_numbers(texts.dictionary_encode(), conventions[1])
    assert distinct.numbers.equals(plain.numbers)
    assert distinct.stated.to_pylist() == plain.stated.to_pylist()
    assert distinct.invalid.tolist() == plain.invalid.tolist()
    assert distinct.ambiguous.tolist() == plain.ambiguous.tolist()
