"""Dates, numbers and money: read exactly, or named."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightmail.row_checks.currencies import judge_currencies
from nightmail.row_checks.date_orders import DAY_FIRST, MONTH_FIRST, YEAR_FIRST, DateConvention, usual_order
from nightmail.row_checks.dates import DateColumn
from nightmail.row_checks.money import NumberConvention, judge_numbers, usual_decimal_mark

TODAY = date(2026, 11, 23)


def dates(*texts: str, birth: bool = False, stated: str | None = None, usual: str | None = None) -> list[object]:
    """Each date of a column, or what is wrong with it."""
    values = pa.array(texts, pa.string())
    convention = DateConvention(stated, usual)
    convention.look_at(values)
    found = DateColumn(convention, TODAY, birth).judge(values)
    rows = zip(found.dates.to_pylist(), found.invalid, found.ambiguous, strict=True)
    return [day if day else ("invalid" if wrong else "ambiguous" if twice else None) for day, wrong, twice in rows]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-02-28", date(2026, 2, 28)),
        ("2026/2/8", date(2026, 2, 8)),
        ("20261224", date(2026, 12, 24)),
        ("24.12.2026", date(2026, 12, 24)),
        ("4.3.2026", date(2026, 3, 4)),
        ("24/12/2026", date(2026, 12, 24)),
        ("12/24/2026", date(2026, 12, 24)),
        ("24-12-26", "ambiguous"),  # the year may stand first
        ("24-12-32", date(2032, 12, 24)),
        ("24.12.26", date(2026, 12, 24)),
        ("3. März 2026", date(2026, 3, 3)),
        ("1er janvier 2026", date(2026, 1, 1)),
        ("5 de mayo de 2026", date(2026, 5, 5)),
        ("Dec 3, 2026", date(2026, 12, 3)),
        ("3rd of December 2026", date(2026, 12, 3)),
        ("03-Dec-2026", date(2026, 12, 3)),
        ("2026-12-24T10:00:00Z", date(2026, 12, 24)),
        ("2026-12-24 00:00:00", date(2026, 12, 24)),
        ("2026-02-30", "invalid"),
        ("2025-02-29", "invalid"),
        ("31.04.2026", "invalid"),
        ("13/13/2026", "invalid"),
        ("soon", "invalid"),
        ("46000", "invalid"),
        ("03/04/2026", "ambiguous"),
        ("03/03/2026", date(2026, 3, 3)),
    ],
)
def test_one_date(text: str, day: object) -> None:
    """Each way of writing a date, alone in its column."""
    assert dates(text) == [day]


def test_the_column_tells_the_order() -> None:
    """One date that can be read in one way only decides for the others."""
    assert dates("24/12/2026", "03/04/2026") == [date(2026, 12, 24), date(2026, 4, 3)]
    assert dates("12/24/2026", "03/04/2026") == [date(2026, 12, 24), date(2026, 3, 4)]
    assert dates("12/24/2026", "24/12/2026", "03/04/2026") == [date(2026, 12, 24), date(2026, 12, 24), "ambiguous"]


def test_the_feed_and_its_country_tell_the_order() -> None:
    """What is stated wins; what is usual counts where the column shows nothing."""
    assert dates("03/04/2026", stated=MONTH_FIRST) == [date(2026, 3, 4)]
    assert dates("03/04/2026", usual=DAY_FIRST) == [date(2026, 4, 3)]
    assert dates("12/24/2026", "03/04/2026", usual=DAY_FIRST) == [date(2026, 12, 24), date(2026, 3, 4)]
    assert (usual_order("US"), usual_order("GB"), usual_order("DE"), usual_order("JP")) == (
        MONTH_FIRST,
        DAY_FIRST,
        DAY_FIRST,
        YEAR_FIRST,
    )


def test_birth_dates_lie_in_the_past() -> None:
    """Two digits mean the latest past year, and of two readings the later is taken: a minor is never taken for an adult."""
    assert dates("12.03.85", "12.03.15", birth=True) == [date(1985, 3, 12), date(2015, 3, 12)]
    assert dates("03/04/2010", birth=True) == [date(2010, 4, 3)]
    assert dates("2030-01-01", "1700-01-01", birth=True) == ["invalid", "invalid"]
    assert dates("23.11.26", "24.11.26", birth=True) == [date(2026, 11, 23), date(1926, 11, 24)]


@settings(max_examples=200, deadline=None)
@given(st.dates(date(1990, 1, 1), date(2040, 12, 31)), st.booleans())
def test_a_written_date_comes_back(day: date, month_first: bool) -> None:
    """Whatever the order, a date that is written in the stated order is read as itself."""
    text = day.strftime("%m/%d/%Y" if month_first else "%d/%m/%Y")
    assert dates(text, stated=MONTH_FIRST if month_first else DAY_FIRST) == [day]
    assert dates(day.isoformat(), str(day + timedelta(days=1))) == [day, day + timedelta(days=1)]


def numbers(*texts: str, stated: str | None = None, usual: str | None = None, least: int = 0) -> list[object]:
    """Each number of a column, or what is wrong with it."""
    values = pa.array(texts, pa.string())
    convention = NumberConvention(stated, usual, least)
    convention.look_at(values)
    found = judge_numbers(values, convention)
    rows = zip(found.numbers.to_pylist(), found.invalid, found.ambiguous, strict=True)
    return [
        str(number) if number is not None else ("invalid" if wrong else "ambiguous" if twice else None)
        for number, wrong, twice in rows
    ]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["12.50"], ["12.50"]),
        (["5", "12.5"], ["5.0", "12.5"]),
        (["1,234.50", "1,234"], ["1234.50", "1234.00"]),
        (["1.234,50", "1.234"], ["1234.50", "1234.00"]),
        (["12,5"], ["12.5"]),
        (["1'234.50"], ["1234.50"]),
        (["1\u202f234,50", "1 234 567,5"], ["1234.50", "1234567.50"]),
        (["1,234,567"], ["1234567"]),
        (["-3.20", "3.20-", "(3.20)", "- 3.20", "+3.20"], ["-3.20", "-3.20", "-3.20", "-3.20", "3.20"]),
        (["5.-", "5,--", "CHF 1'200.—", "7,– €"], ["5", "5", "1200", "7"]),
        (["0.125"], ["0.125"]),
        (["1234.567"], ["1234.567"]),
        (["1.234"], ["ambiguous"]),
        (["1,234"], ["ambiguous"]),
        (["1.5", "1,5", "1,234"], ["1.5", "1.5", "ambiguous"]),
        (["1.5E+3"], ["invalid"]),
        (["abc", "1.2.3", "--5", "1,2,3", "7 XYZ", "5%"], ["invalid"] * 6),
        (["9" * 20 + ".5"], ["9" * 20 + ".5"]),
        (["9" * 21], ["invalid"]),
        (["0." + "1" * 19], ["invalid"]),
    ],
)
def test_numbers(texts: list[str], expected: list[str]) -> None:
    """Columns of numbers as people write them; the column's decimal places are those of its longest value."""
    assert numbers(*texts) == expected


def test_a_convention_grows_block_by_block() -> None:
    """What one block shows counts for all, whatever an earlier one showed."""
    convention = NumberConvention()
    for block in (["12,50"], ["3"], ["12.5"], ["1,234"]):
        convention.look_at(pa.array(block))
    assert (convention.mixed, convention.mark, convention.decimals) == (True, None, 2)
    dated = DateConvention()
    for texts in (["2026-01-02"], ["13/01/2026"], [None], ["01/02/2026"]):
        dated.look_at(pa.array(texts, pa.string()))
    assert (dated.mixed, dated.order, dated.seen) == (False, DAY_FIRST, {DAY_FIRST: 1})


def test_the_feed_and_its_country_tell_the_decimal_mark() -> None:
    """What is stated wins; what is usual counts where the column shows nothing."""
    assert numbers("1.234", stated=".") == ["1.234"]
    assert numbers("1.234", stated=",") == ["1234"]
    assert numbers("1.234", usual=",") == ["1234"]
    assert numbers("1.5", "1.234", usual=",") == ["1.500", "1.234"]
    assert (usual_decimal_mark("DE"), usual_decimal_mark("US"), usual_decimal_mark("CH")) == (",", ".", ".")


def test_money_states_its_currency() -> None:
    """A sign or code that means one currency is kept; one that means several is not guessed at."""
    values = pa.array(["€12.50", "12,50 €", "EUR 7", "7 GBP", "$5", "5 kr", "CHF 1'000.00", "12"])
    convention = NumberConvention(least_decimals=2)
    convention.look_at(values)
    found = judge_numbers(values, convention)
    currency = judge_currencies(found.stated, None, None)
    assert currency.codes.to_pylist() == ["EUR", "EUR", "EUR", "GBP", None, None, "CHF", None]
    assert found.numbers.to_pylist() == [
        Decimal(text) for text in ("12.50", "12.50", "7.00", "7.00", "5.00", "5.00", "1000.00", "12.00")
    ]
    assert not found.invalid.any()


@settings(max_examples=200, deadline=None)
@given(st.decimals(Decimal(-(10**15)), Decimal(10**15), places=2, allow_nan=False), st.sampled_from(["en", "de", "fr"]))
def test_a_written_amount_comes_back_exactly(amount: Decimal, language: str) -> None:
    """Amounts as Babel writes them, thousands and all, are the amounts again: no float is in between."""
    from babel.numbers import format_decimal

    text = format_decimal(amount, "#,##0.00", locale=language)
    assert numbers(text) == [f"{amount:.2f}" if amount else "0.00"]
