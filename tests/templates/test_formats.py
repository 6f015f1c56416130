"""Numbers, money and dates by language: Babel is the authority, value by value and by the column."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal
from hypothesis import given
from hypothesis import strategies as st

from nightmail.templates.formats import Formats, Money, parse_typed

LANGUAGES = [
    "en",
    "en-GB",
    "en-IN",
    "de",
    "de-CH",
    "fr",
    "es",
    "pt-BR",
    "pt-PT",
    "pl",
    "it-CH",
    "nb",
    "sv",
    "he",
    "ar",
    "ja",
    "zh-Hant-HK",
    "xx",
]
AMOUNTS = ["0", "1", "-1", "12.5", "999", "1000", "1234.5", "12345.67", "-1234567.89", "100000000", "0.05"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_values_are_written_as_babel_does(language: str) -> None:
    """Separators, signs, the place of the currency, grouping in lakhs."""
    formats = Formats(language)
    for text in AMOUNTS:
        number = Decimal(text)
        assert formats.number(number) == format_decimal(number, locale=formats.locale, decimal_quantization=False)
        for currency in ("EUR", "JPY", "KWD"):
            expected = format_currency(number, currency, locale=formats.locale, decimal_quantization=False)
            assert formats.money(number, currency) == expected
    day = date(2026, 11, 3)
    assert formats.date(day) == format_date(day, "long", locale=formats.locale)


@given(
    language=st.sampled_from(LANGUAGES),
    plain=st.booleans(),
    scale=st.integers(0, 4),
    currency=st.sampled_from([None, "EUR", "JPY", "USD", "KWD"]),
    values=st.lists(st.one_of(st.integers(-(10**6), 10**6), st.integers(-(10**15), 10**15)), min_size=1, max_size=20),
)
def test_columns_are_written_as_values_are(
    language: str, plain: bool, scale: int, currency: str | None, values: list[int]
) -> None:
    """The quick way for whole columns gives the same text, or says that it does not apply."""
    formats = Formats(language, plain_spaces=plain)
    numbers = [Decimal(value).scaleb(-scale) for value in values]
    column = pa.array(numbers, pa.decimal128(38, scale))
    money = formats.money_column(column, currency)
    assert money is None or money.to_pylist() == [formats.money(number, currency) for number in numbers]
    plain_numbers = formats.number_column(column)
    assert plain_numbers is None or plain_numbers.to_pylist() == [formats.number(number) for number in numbers]
    if language in ("en", "de", "fr") and all(abs(number) < 10**12 for number in numbers):
        assert money is not None


def test_a_slice_of_a_column_is_written_from_its_start() -> None:
    """Blocks are slices of larger tables."""
    column = pa.array([Decimal(number) for number in range(10)], pa.decimal128(38, 0)).slice(4, 3)
    written = Formats("en").money_column(column, "EUR")
    assert written is not None
    assert written.to_pylist() == ["€4.00", "€5.00", "€6.00"]


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("12.50", "money", Money("12.50", "EUR")),
        ("USD 12.50", "money", Money("12.50", "USD")),
        ("12.50 USD", "money", Money("12.50", "USD")),
        ("0.300000000000000040", "money", Money("0.30000000000000004", "EUR")),
        ("USD 99999999999999999999.990000000000000000", "money", Money("99999999999999999999.99", "USD")),
        ("12,50", "money", "12,50"),
        ("-3", "number", Decimal(-3)),
        ("1e9", "number", "1e9"),
        ("NaN", "number", "NaN"),
        ("2026-02-28", "date", date(2026, 2, 28)),
        ("2026-02-30", "date", "2026-02-30"),
        ("12.50", "text", "12.50"),
    ],
)
def test_texts_as_types(text: str, kind: str, expected: object) -> None:
    """What reads plainly as its type is one; everything else is shown as it is."""
    found = parse_typed(text, kind, "EUR")
    assert found == expected
    assert type(found) is type(expected)
    if isinstance(expected, Money):
        assert isinstance(found, Money)
        assert found.currency == expected.currency
