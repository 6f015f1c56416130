"""Amounts of money: whose sign is not the template's is never printed as the template's, and marks that a cell shows decide."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from nightmail.organisation.feed_choices import ValueType
from nightmail.row_checks import PlaceholderRule
from nightmail.row_checks.currencies import currencies_of
from nightmail.row_checks.number_cells import take_apart
from tests.row_checks.conftest import Outcome, Prepare


@pytest.mark.parametrize(
    ("cell", "core", "currencies"),
    [
        ("12.50", "12.50", None),
        ("€12.50", "12.50", "EUR"),
        ("12,50 €", "12,50", "EUR"),
        ("EUR 7", "7", "EUR"),
        ("7 eur", "7", "EUR"),
        ("5 Euro", "5", "EUR"),
        ("zł 5", "5", "PLN"),
        ("5 Kč", "5", "CZK"),
        ("R 5", "5", "ZAR"),
        ("R$ 12.50", "12.50", "BRL"),  # https://github.com/JavaMoney/jsr354-ri/issues/149
        ("$50.00 CAD", "50.00", "CAD"),
        ("US$5", "5", "USD"),
        ("kr 350.50", "350.50", "DKK ISK NOK SEK"),
        ("¥35000", "35000", "CNY JPY"),
        ("د.إ. 5", "5", "AED"),
        # A minus in front, behind, and on either side of the currency; brackets, as accountants write
        ("-€5", "-5", "EUR"),
        ("€-5", "-5", "EUR"),
        ("€ -5.00", "-5.00", "EUR"),
        ("5 €-", "-5", "EUR"),
        ("5.00-", "-5.00", None),
        ("− 3.20", "-3.20", None),
        ("(5.00)", "-5.00", None),
        ("(€5.00)", "-5.00", "EUR"),
        ("+3", "3", None),
        # A dash in the place of the cents shows the decimal mark
        ("5.-", "5.", None),
        ("5,--", "5,", None),
        ("1.234,--", "1.234,", None),
        ("CHF 1'200.—", "1200.", "CHF"),
        ("7,– €", "7,", "EUR"),
        ("kr. 5,-", "5,", "DKK ISK NOK SEK"),
        # Spaces and apostrophes between thousands: CLDR's group separators
        ("1 234 567,89", "1234567,89", None),
        ("1\u202f234,50", "1234,50", None),
        ("1\u2009234.50", "1234.50", None),
        ("1’234.50", "1234.50", None),
        ("１，２３４．５０", "1,234.50", None),
        ("١٬٢٣٤٫٥٠", "1234.50", None),
        (".50", ".50", None),
        ("€.50", ".50", "EUR"),
        ("Fr. 50", "50", "CHF"),
    ],
)
def test_a_cell_is_taken_apart(cell: str, core: str, currencies: str | None) -> None:
    """Digits and marks as they are written, the minus in front, and what the sign can mean."""
    cells = take_apart(pa.array([cell]))
    assert (cells.core.to_pylist(), cells.stated.to_pylist()) == ([core], [currencies])


@pytest.mark.parametrize(
    "cell",
    [
        *("--5", "(5", "-(5)", "- 5 -", "5-10", "12 kg", "5%", "7 XYZ", "abc", "1.5E+3"),
        *("€5 USD", "12 3456", "1 2345", "12 34", "50p", "5¢", "kr.50", "Fr.50"),
    ],
)
def test_what_is_no_amount(cell: str) -> None:
    """Two signs that contradict each other, spaces that are none of thousands, pence; crowns that may be half a crown."""
    assert take_apart(pa.array([cell])).wrong.tolist() == [True]


def test_signs_of_one_currency_and_of_several() -> None:
    """CLDR's symbols in the languages of the served countries."""
    assert currencies_of("zł") == {"PLN"}
    assert currencies_of("Ft") == {"HUF"}
    assert currencies_of("₾") == {"GEL"}
    assert {"USD", "CAD", "AUD", "MXN", "TWD"} < currencies_of("$")
    assert currencies_of("NT$") == {"TWD"}
    assert currencies_of("円") == {"JPY"}
    assert currencies_of("Schweizer Franken") == {"CHF"}
    assert currencies_of("kg") == frozenset()


def amounts(
    prepare: Prepare, *cells: str | None, currency: str | None = "EUR", own: list[str | None] | None = None
) -> Outcome:
    """A file of these amounts in a template of one currency, or with a column of currencies."""
    columns: dict[str, list[str | None]] = {
        "external_id": [f"C{at}" for at in range(len(cells))],
        "phone": [f"+44740012341{at}" for at in range(len(cells))],
        "amount": list(cells),
    }
    if own is not None:
        columns["unit"] = own
    rule = PlaceholderRule(
        name="amount", type=ValueType.MONEY, currency=currency, currency_column="unit" if own is not None else None
    )
    return prepare(columns, placeholders=(rule,))


def test_another_currencys_sign_is_never_printed_as_the_templates(prepare: Prepare) -> None:
    """https://github.com/RubyMoney/monetize/issues/149: $, ¥, kr, R$ and CAD are not EUR."""
    out = amounts(prepare, "$1,200.00", "¥35000", "kr 350.50", "$50.00 CAD", "R$ 12.50", "12 GBP", "€5", "7")
    assert out.reasons() == {line: ["value_currency"] for line in range(2, 8)}
    assert out.of("amount") == [Decimal("5.00"), Decimal("7.00")]
    assert out.of("amount_currency") == ["EUR", None]
    assert "is not in EUR" in out.rejects.column("message")[0].as_py()


def test_a_sign_of_several_is_the_templates_if_it_can_be(prepare: Prepare) -> None:
    """The template's currency is one of those that the sign is of."""
    assert amounts(prepare, "$5", "CA$5", "5 CAD", currency="CAD").of("amount_currency") == ["CAD"] * 3
    assert amounts(prepare, "$5", currency="MXN").of("amount_currency") == ["MXN"]
    assert amounts(prepare, "kr 5", "5 kr.", currency="SEK").of("amount_currency") == ["SEK"] * 2
    assert amounts(prepare, "US$5", currency="CAD").reasons() == {2: ["value_currency"]}


def test_each_row_has_its_own_currency_where_the_template_allows_it(prepare: Prepare) -> None:
    """The column decides which dollar is meant; a sign that is not the column's is refused."""
    out = amounts(
        prepare,
        *("$5", "5", "€5", "$5", "5", "5 zł", "5", None),
        currency=None,
        own=["CAD", "USD", "GBP", None, "doubloons", None, "€", "doubloons"],
    )
    assert out.of("amount_currency") == ["CAD", "USD", "PLN", "EUR"]
    assert out.reasons() == {
        4: ["value_ambiguous"],  # euros or pounds
        5: ["value_ambiguous"],  # which dollar
        6: ["value_type"],
        9: ["placeholder_missing"],
    }
    with_default = amounts(prepare, "5", "5 USD", own=[None, None])
    assert with_default.of("amount_currency") == [None, "USD"]


def test_a_template_without_a_currency_takes_the_cells(prepare: Prepare) -> None:
    """A sign of several is left out: the amount is then written without a currency."""
    out = amounts(prepare, "€5", "5 GBP", "$5", "5", currency=None)
    assert out.of("amount_currency") == ["EUR", "GBP", None, None]


def test_an_amount_is_no_plain_number(prepare: Prepare) -> None:
    """What it is an amount of would be lost."""
    out = prepare(
        {"external_id": list("ab"), "phone": ["+447400123410", "+447400123411"], "n": ["€5", "5"]},
        placeholders=(PlaceholderRule(name="n", type=ValueType.NUMBER),),
    )
    assert out.reasons() == {2: ["value_type"]}


def test_a_dash_for_the_cents_decides_the_decimal_mark(prepare: Prepare) -> None:
    """1.234,-- is one thousand and more; and it says how 1.234 of the same column is meant."""
    out = amounts(prepare, "1.234,--", "1.234")
    assert out.of("amount") == [Decimal("1234.00")] * 2
    (decision,) = out.summary.decisions
    assert decision.message == (
        "amount: 1 numbers that can be read in two ways were read with a decimal comma: 1 have no other reading, none contradicts."
    )
    assert amounts(prepare, "1.234").reasons() == {2: ["value_ambiguous"]}
    assert amounts(prepare, "1,234.-").of("amount") == [Decimal("1234.00")]
