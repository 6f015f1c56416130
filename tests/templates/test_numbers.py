"""Numbers in bodies: no amount is rounded or guessed, and nothing computes or expands without bound."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightmail.templates.environments import Markup, environment
from nightmail.templates.formats import Money
from nightmail.templates.language import TEXT_CHARACTERS, compiled_body, parse_body, render_row
from nightmail.templates.numbers import number_of


def render(source: str, language: str = "en", **values: object) -> str | None:
    parsed = parse_body(source, language, Markup.TEXT, where="en/sms", line=1)
    return render_row(compiled_body(parsed.tree, environment(language, Markup.TEXT)), values)


LONG = Decimal("12345678901234567890123456789012345678")


@pytest.mark.parametrize(
    ("source", "value", "expected"),
    [
        ("{{ v|float }}", "1e5", "100,000"),
        ("{{ v|int }}", "1e5", "100000"),
        ("{{ v|float }}", "1E5", "100,000"),
        ("{{ v|float }}", " 12.50 ", "12.5"),
        ("{{ v|float }}", "-.5", "-0.5"),
        ("{{ v|int }}", "12.9", "12"),
        ("{{ v|int }}", "n/a", "0"),
        ("{{ v|float(1) }}", "1,234", "1"),
        ("{{ v|int('?') }}", "1,234", "?"),
        ("{{ v|number }}", "1e5", "100,000"),
        ("{{ v|number }}", "1,234", "1,234"),
        ("{{ v|money('EUR') }}", "1234.5", "€1,234.50"),
        # A text with digits that is no plain number may be an amount: 0 would be another one.
        ("{{ v|int }}", "1,234", None),
        ("{{ v|float }}", "1.234,50", None),
        ("{{ v|float }}", "12 EUR", None),
        ("{{ v|int }}", "1_000", None),
        ("{{ v|int }}", "1e10000000", None),
        ("{{ v|float }}", "1e-10000000", None),
        ("{{ v|round(2) }}", "1e99999999", None),
        ("{{ v|number }}", "1e10000000", None),
        ("{{ v|int }}", "9" * 100_000, None),
        # Exact: more than the 28 digits to which Python rounds
        ("{{ v }}", LONG, "12,345,678,901,234,567,890,123,456,789,012,345,678"),
        ("{{ v + 1 }}", LONG, "12,345,678,901,234,567,890,123,456,789,012,345,679"),
        ("{{ -v }}", LONG, "-12,345,678,901,234,567,890,123,456,789,012,345,678"),
        ("{{ v|abs }}", LONG.copy_negate(), "12,345,678,901,234,567,890,123,456,789,012,345,678"),
        ("{{ v|round(1) }}", LONG, "12,345,678,901,234,567,890,123,456,789,012,345,678"),
        ("{{ v }}", Money(LONG, "EUR"), "€12,345,678,901,234,567,890,123,456,789,012,345,678.00"),
        ("{{ '%.2f'|format(v) }}", Decimal("12345678901234567890.12"), "12345678901234567890.12"),
        ("{{ '%8.2f|%-8.2f|%+.1f|%08.3f'|format(v, v, v, v) }}", Decimal("1.5"), "    1.50|1.50    |+1.5|0001.500"),
        ("{{ v|abs }}", Money("-5", "EUR"), "€5.00"),
        # Decimal, never binary: 0.1 + 0.2 is 0.3
        ("{{ v + 0.2 }}", Decimal("0.1"), "0.3"),
        ("{{ v|int * 0.1 }}", "3", "0.3"),
        ("{{ v|int / 100 }}", "1234567", "12,345.67"),
        ("{{ 'more' if v > 5.1 else 'not' }}", Decimal("5.1"), "not"),
        ("{{ 'same' if v == 0.1 else 'not' }}", Decimal("0.1"), "same"),
        ("{{ v|int % 7 }} {{ v|int // 7 }}", "30", "2 4"),
    ],
)
def test_numbers(source: str, value: object, expected: str | None) -> None:
    """A row whose number cannot be told or taken fails: it is held."""
    assert render(source, v=value) == expected


def test_literals_print_by_language() -> None:
    """``1.5`` is a number like any other."""
    assert render("{{ 1.5 }} {{ 1234.5 }}", "de") == "1,5 1.234,5"


BIG = "x" * 1_000_000


@pytest.mark.parametrize(
    ("source", "values"),
    [
        ("{{ n|int }}", {"n": "1e10000000"}),
        ("{{ n|float * n|float * n|float }}", {"n": "1e38"}),
        ("{{ '%d'|format(n|int) }}", {"n": "1e9999999"}),
        ("{{ n * n * n * n }}", {"n": Decimal("1E+38")}),
        ("{{ n // m }}", {"n": Decimal("1E+38"), "m": Decimal("1E-38")}),
        ("{{ " + " ~ ".join(["a"] * 5000) + " }}", {"a": BIG}),
        ("{{ [" + ", ".join(["a"] * 5000) + "]|join }}", {"a": BIG}),
        ("{{ a|replace('x', a) }}", {"a": BIG}),
        ("{{ a|format(b) }}", {"a": "%999999999s", "b": "x"}),
        ("{{ a|format(b) }}", {"a": "%1000s" * 10_000, "b": "x"}),
        ("{% set a = a ~ a %}" * 40, {"a": BIG}),
        ("{% for i in a|split(';') %}{{ i }}{% endfor %}", {"a": "x;" * 501}),
        ("{{ a|urlencode }}", {"a": "é" * 500_000}),
        ("{{ a|int }}", {"a": BIG + "1"}),
        ("{{ a is even }}", {"a": "9" * 100_000}),
    ],
)
def test_what_goes_beyond_its_bounds_fails_the_row(source: str, values: dict[str, object]) -> None:
    """The others are sent; nothing computes for minutes or fills the memory."""
    assert render(source, **values) is None


@pytest.mark.parametrize(
    "source",
    [
        "{{ a }}" * 5000,
        "{% for i in b|split(';') %}{{ a }}{% endfor %}",
        "{% for i in b|split %}{{ a ~ i }}{% endfor %}",
    ],
)
def test_a_text_beyond_every_limit_is_cut_off_and_so_found_too_long(source: str) -> None:
    """Rendering stops there; the message is then held as ``body_too_long``."""
    text = render(source, a=BIG, b=";".join("i" * 500))
    assert text is not None and len(text) == TEXT_CHARACTERS


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**30), max_value=10**30))
def test_a_plain_number_is_read_as_it_is_written(number: Decimal) -> None:
    assert number_of(f"{number:f}") == number
    assert number_of(f" {number:e} ") == number


@given(st.text(st.sampled_from("0123456789.,eE+-_ €x"), max_size=20))
def test_no_text_is_read_as_another_number(text: str) -> None:
    """What is no plain number is none, or fails; nothing is guessed."""
    from jinja2.exceptions import TemplateRuntimeError

    try:
        number = number_of(text)
    except TemplateRuntimeError:
        return
    if number is not None:
        assert number == Decimal(text.strip())
