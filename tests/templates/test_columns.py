"""Rendering by columns gives what Jinja2 gives, body by body and value by value."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightmail.templates.columns import CompiledText, escape_column
from nightmail.templates.environments import Markup, environment
from nightmail.templates.language import parse_body
from nightmail.templates.model import Placeholder, PlaceholderType
from nightmail.templates.value_columns import ValueColumn

SPECS = {
    "a": Placeholder("a"),
    "b": Placeholder("b", fallbacks={"": "nobody <b>", "de": "niemand"}),
    "n": Placeholder("n", PlaceholderType.NUMBER),
    "m": Placeholder("m", PlaceholderType.MONEY, currency="EUR"),
    "d": Placeholder("d", PlaceholderType.DATE, fallbacks={"": "soon"}),
}
TYPES = {"a": pa.string(), "b": pa.string(), "n": pa.decimal128(38, 2), "m": pa.decimal128(38, 3), "d": pa.date32()}

_TEXT = st.one_of(
    st.none(),
    st.sampled_from(["", " ", "Ada", "x & y", "<i>'\"", "Ünï", "\x01\x02z", "a\nb", "日本"]),
    st.sampled_from(["1e5", "1e10000000", "1,234", "12.50", "-0", "{{ a }}", "{% if x %}", "{# a #}", "javascript:x"]),
    st.text(max_size=8),
)
_CENTS = st.one_of(st.none(), st.integers(-(10**8), 10**8).map(lambda value: Decimal(value).scaleb(-2)))
_ROW = st.fixed_dictionaries(
    {
        "a": _TEXT,
        "b": _TEXT,
        "n": _CENTS,
        "m": _CENTS,
        "d": st.one_of(st.none(), st.dates(date(1900, 1, 1), date(2100, 1, 1))),
    }
)
_ATOMS = st.sampled_from(
    [
        "text ",
        "& <b>bold</b> ",
        "{{ a }}",
        "{{ b }}",
        "{{ n }}",
        "{{ m }}",
        "{{ d }}",
        "{{ a|upper }}",
        "{{ b|title|default('x') }}",
        "{{ a|truncate(5) }}",
        "{{ n|round(1) }}",
        "{{ m|money('USD') }}",
        "{{ d|date('short') }}",
        "{{ a ~ '!' }}",
        "{{ n * 2 }}",
        "{{ 'y' if a == 'Ada' else 'n' }}",
        "{{ 'big' if n > 10 else 'small' }}",
        "{{ a if b else n }}",
        "{{ 1 + 2 }}",
        "{{ a|length }}",
        "{{ a|replace('x', '<') }}",
        "{{ a|int }}",
        "{{ a|int(7) + 0.5 }}",
        "{{ a|float }}",
        "{{ a|number(2) }}",
        "{{ a|money('EUR') }}",
        "{{ n / 3 }}",
        "{{ -n }}",
        "{{ m|abs }}",
        "{{ '%.2f'|format(n) if n else '' }}",
        "{{ '%5s'|format(a) }}",
        "{{ a|web_address }}",
        "{{ a ~ 1.5 ~ '<' }}",
        "{# {% if a %}not this{% endif %} #}",
        "\n{# a line of it #}\n",
        "\n{% if a %}\n{{ a }}\n{% endif %}\n",
        "{% raw %}{{ a }}{% endraw %}",
    ]
)
_TESTS = st.sampled_from(
    [
        "a",
        "not a",
        "a and b",
        "a or n",
        "n > 5",
        "n and n > 5",
        "not (a and b)",
        "a == 'Ada' or m > 3",
        "b is defined",
        "d",
        "a in ['Ada', '']",
        "m",
    ]
)


def _block(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(inner, max_size=3).map("".join),
        st.builds("{{% if {} %}}{}{{% endif %}}".format, _TESTS, inner),
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, _TESTS, inner, inner),
        st.builds(
            "{{% if {} %}}{}{{% elif {} %}}{}{{% else %}}{}{{% endif %}}".format, _TESTS, inner, _TESTS, inner, inner
        ),
    )


_BODIES = st.recursive(_ATOMS, _block, max_leaves=8)


def _columns(rows: list[dict[str, Any]], language: str) -> dict[str, ValueColumn]:
    return {
        name: ValueColumn(pa.array([row[name] for row in rows], TYPES[name]), len(rows), SPECS[name], language, None)
        for name in SPECS
    }


@given(
    source=_BODIES,
    rows=st.lists(_ROW, min_size=1, max_size=6),
    markup=st.sampled_from(list(Markup)),
    language=st.sampled_from(["en", "de", "fr"]),
)
def test_columns_give_what_jinja2_gives(source: str, rows: list[dict[str, Any]], markup: Markup, language: str) -> None:
    """Any body of the mappable language over any values: the same text, and failing rows fail in both."""
    text = CompiledText(parse_body(source, language, markup).tree, environment(language, markup))
    assert text.maps
    by_columns = text.by_columns(_columns(rows, language), len(rows)).to_pylist()
    assert by_columns == text.by_rows(_columns(rows, language), range(len(rows)))


_ADDRESS = st.one_of(
    st.just(""),
    st.sampled_from(
        ["https://a.example/?b=1&c=2", " https://a.example", "http://a", "javascript:x", "https://a\n", "/x\u2003"]
    ),
)


@given(st.lists(_ADDRESS, min_size=1, max_size=4))
def test_addresses_by_columns_are_checked_as_one_by_one(addresses: list[str]) -> None:
    """The quick look at a whole column lets nothing through that a single look would not."""
    source = '<a href="{{ a }}">{{ a }}</a>'
    text = CompiledText(parse_body(source, "en", Markup.HTML).tree, environment("en", Markup.HTML))
    columns = {"a": ValueColumn(pa.array(addresses), len(addresses), SPECS["a"], "en", None)}
    assert text.by_columns(columns, len(addresses)).to_pylist() == text.by_rows(columns, range(len(addresses)))


@pytest.mark.parametrize(
    "source",
    ["{% for x in a|split %}{{ x }}{% endfor %}", "{{ a ~ b }}", "{{ n + m }}", "{% if a == b %}x{% endif %}"],
)
def test_what_does_not_map_is_left_to_jinja2(source: str) -> None:
    """Loops and expressions over two placeholders."""
    text = CompiledText(parse_body(source, "en", Markup.TEXT).tree, environment("en", Markup.TEXT))
    assert not text.maps


def test_values_are_ready_for_bodies() -> None:
    """Fallbacks by language, blanks as nothing, control signs out, exact numbers."""
    rows = [{"a": "  ", "b": None, "n": Decimal("5.00"), "m": Decimal("5.000"), "d": None}]
    columns = _columns(rows, "de-AT")
    assert [columns[name].at(0) for name in SPECS] == ["", "niemand", Decimal(5), Decimal(5), "soon"]
    cleaned = ValueColumn(pa.array(["a\x00b\x1bc\x7f\ufffe", "line\nbreak\tand tab"]), 2, SPECS["a"], "en", None)
    assert [cleaned.at(0), cleaned.at(1)] == ["abc", "line\nbreak\tand tab"]


def test_money_with_a_column_of_currencies() -> None:
    """Each row in its own currency, the template's where the row states none."""
    column = ValueColumn(
        pa.array([Decimal("1.5"), Decimal(2), None], pa.decimal128(38, 2)),
        3,
        SPECS["m"],
        "en",
        pa.array(["USD", None, "USD"]),
    )
    assert column.text(environment("en", Markup.TEXT).formats).to_pylist() == ["$1.50", "€2.00", ""]


def test_a_missing_column_is_all_empty() -> None:
    """A placeholder that the file does not have takes its fallback in every row."""
    column = ValueColumn(None, 2, SPECS["b"], "en", None)
    assert [column.at(0), column.at(1)] == ["nobody <b>", "nobody <b>"]


@given(st.lists(_TEXT.filter(lambda text: text is not None), max_size=6))
def test_columns_are_escaped_as_values_are(texts: list[str]) -> None:
    """The same signs, written the same way."""
    from markupsafe import escape

    assert escape_column(pa.array(texts, pa.string())).to_pylist() == [str(escape(text)) for text in texts]
