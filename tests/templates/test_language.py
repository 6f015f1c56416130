"""The template language: what it can say, what it refuses, and that nothing gets out of it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from jinja2 import Environment

from nightmail.templates import TemplateError
from nightmail.templates.environments import Markup, environment
from nightmail.templates.formats import Money
from nightmail.templates.language import compiled_body, parse_body, render_row


def render(source: str, markup: Markup = Markup.TEXT, language: str = "en", **values: object) -> str | None:
    parsed = parse_body(source, language, markup, where="en/sms", line=1)
    return render_row(compiled_body(parsed.tree, environment(language, markup)), values)


@pytest.mark.parametrize(
    ("source", "values", "expected"),
    [
        ("Dear {{ name }}", {"name": "Ada"}, "Dear Ada"),
        (
            "{{ name|upper }} {{ name|lower }} {{ name|title }}",
            {"name": "ada o'neil"},
            "ADA O'NEIL ada o'neil Ada O'neil",
        ),
        ("{{ name|default('friend') }}", {"name": ""}, "friend"),
        ("{{ name|d('friend') }}", {"name": "Ada"}, "Ada"),
        ("{% if name %}Hi {{ name }}{% else %}Hi{% endif %}!", {"name": ""}, "Hi!"),
        ("{% if name is defined %}yes{% else %}no{% endif %}", {"name": ""}, "no"),
        ("{{ 'child' if age < 18 else 'adult' }}", {"age": Decimal(18)}, "adult"),
        ("{% if a and b %}both{% elif a or b %}one{% else %}none{% endif %}", {"a": "x", "b": ""}, "one"),
        (
            "{% for item in list|split(';') %}{{ loop.index }}. {{ item }}\n{% endfor %}",
            {"list": "a; b;;c"},
            "1. a\n2. b\n3. c\n",
        ),
        ("{{ list|split(';')|join(' and ') }}", {"list": "a;b"}, "a and b"),
        ("{{ list|split(';')|length }}", {"list": "a;b"}, "2"),
        ("{{ text|truncate(8) }}", {"text": "A long sentence"}, "A..."),
        (
            "{{ text|truncate(10) }} {{ text|truncate(8, true) }}",
            {"text": "A long sentence"},
            "A long sentence A lon...",
        ),
        (
            "{{ '%s owes %.2f (%03d)'|format(name, amount, 7) }}",
            {"name": "Ada", "amount": Decimal("1.5")},
            "Ada owes 1.50 (007)",
        ),
        ("{{ amount|float * 2 }} {{ 'x'|float }}", {"amount": "1234.5"}, "2,469 0"),
        ("{{ text|reverse }} {{ text|wordcount }} {{ text|string }}", {"text": "a bc"}, "cb a 2 a bc"),
        ("{{ note or 'none' }}", {"note": ""}, "none"),
        ("{{ 'x' if a }}y", {"a": ""}, "y"),
        ("{% set who = name|upper %}Dear {{ who }}, {{ who }}", {"name": "ada"}, "Dear ADA, ADA"),
        ("{% set a = a ~ '!' %}{{ a }}", {"a": "x"}, "x!"),
        ("{%- if x -%}\n  big \n{%- else -%} small {%- endif -%} .", {"x": "1"}, "big."),
        ("{{ text|replace('a', 'o') }}", {"text": "banana"}, "bonono"),
        ("{{ number|spell }}", {"number": "AB 12"}, "A B 1 2"),
        ("{{ amount }}", {"amount": Money("1234.5", "EUR")}, "€1,234.50"),
        ("{{ amount * 2 }}", {"amount": Decimal("1234.5")}, "2,469"),
        ("{{ amount|round }}", {"amount": Money("1234.5", "EUR")}, "€1,234.00"),
        ("{{ '12.5'|money('JPY') }}", {}, "¥12.5"),
        ("{{ share|number(1) }}%", {"share": Decimal("12.345")}, "12.3%"),
        ("{{ day }} / {{ day|date('short') }}", {"day": date(2026, 12, 1)}, "December 1, 2026 / 12/1/26"),
        ("{{ a ~ '-' ~ b }}", {"a": "x", "b": "y"}, "x-y"),
        ("{{ code in ['A', 'B'] }}", {"code": "B"}, "True"),
        ("{{ q|urlencode }}", {"q": "a b&c/d"}, "a%20b%26c%2Fd"),
        ("{% raw %}{{ braces }}{% endraw %}", {}, "{{ braces }}"),
        ("a {# nobody sees this #}b", {}, "a b"),
        ("one\n{% if x %}\ntwo\n{% endif %}\nthree", {"x": "1"}, "one\ntwo\nthree"),
        ("one{% if x %} two{% endif %}\nthree", {"x": "1"}, "one two\nthree"),
    ],
)
def test_what_it_says(source: str, values: dict[str, object], expected: str) -> None:
    """The language's parts, each by an example."""
    assert render(source, **values) == expected


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("{{ name", 1, "unexpected end of template"),
        ("fine\n\n{{ first name }}", 3, "expected token"),
        ("{% if name %}", 1, "unexpected end of template"),
        ("{% endif %}", 1, "unknown tag 'endif'"),
        ("{{ name|shout }}", 1, "there is no filter shout"),
        ("\n{{ name|safe }}", 2, "there is no filter safe"),
        ("{{ name is callable }}", 1, "there is no test callable"),
        ("{{ name.first }}", 1, "attributes"),
        ("{{ name['first'] }}", 1, "square brackets"),
        ("{{ name() }}", 1, "calls are not available"),
        ("{{ 2 ** 9999999 }}", 1, "powers are not available"),
        ("{{ 'ab' * 9999999 }}", 1, "arithmetic needs numbers"),
        ("{% set a, b = name %}", 1, "set gives one name a value"),
        ("{% set a %}text{% endset %}", 1, "a set with endset is not available"),
        ("{% set a.b = name %}", 1, "set gives one name a value"),
        ("{% include 'other' %}", 1, "include is not available"),
        ("{% import 'os' as os %}", 1, "import is not available"),
        ("{% macro f() %}{% endmacro %}", 1, "macros are not available"),
        ("{% block b %}{% endblock %}", 1, "blocks are not available"),
        ("{% extends 'base' %}", 1, "extends is not available"),
        ("{% filter upper %}x{% endfilter %}", 1, "filter blocks are not available"),
        ("{% autoescape false %}{{ name }}{% endautoescape %}", 1, "autoescape is not available"),
        ("{% for c in name %}{% endfor %}", 1, "a loop goes over the parts"),
        ("{% for a in x|split %}{% for b in y|split %}{% endfor %}{% endfor %}", 1, "a loop may not stand in a loop"),
        ("{% for a in x|split %}{{ loop.cycle('a', 'b') }}{% endfor %}", 1, "calls are not available"),
        ("{{ loop.index }}", 1, "loop.index is not available"),
        ("{{ self }}", 1, "self is not a placeholder's name"),
        ("{{ __class__ }}", 1, "is not a placeholder's name"),
        ("{{ " + "(" * 5000 + "a", 1, "nested too deeply"),
        ("x" * 300_000, 1, "the limit is"),
        ("a\x00b", 1, "control character"),
        ("fine\na\x1bb", 2, "control character"),
        ("half a pair: \ud83d", 1, "control character"),
        ("{{ '\\ud83d' }}", 1, "control character"),
        ("\n{{ a|replace('', 'x') }}", 2, "old of the filter replace must be a text that is not empty"),
        ("{{ a|round(99) }}", 1, "digits of the filter round must be a whole number from 0 to 12"),
        ("{{ a|round(b) }}", 1, "must stand in the template itself"),
        ("{{ a|round(-1) }}", 1, "whole number"),
        ("{{ a|number(digits=1.5) }}", 1, "whole number"),
        ("{{ a|date('loud') }}", 1, "style of the filter date must be one of short, medium, long, full"),
        ("{{ a|money('EURO') }}", 1, "currency of the filter money"),
        ("{{ a|truncate(2) }}", 1, "greater than that of its end"),
        ("{{ a|truncate('9') }}", 1, "length of the filter truncate must be a whole number"),
        ("{{ a|truncate(9, cut=true) }}", 1, "no argument cut"),
        ("{{ a|truncate(9, length=9) }}", 1, "given length twice"),
        ("{{ a|upper(1) }}", 1, "the filter upper takes no argument"),
        ("{{ a|replace('x') }}", 1, "the filter replace needs new"),
        ("{{ a|split('') }}", 1, "separator of the filter split"),
        ("{{ a|join(1) }}", 1, "d of the filter join must be a text"),
        ("{{ a|default(*b) }}", 1, "plain arguments"),
        ("{{ '%s %s'|format(a) }}", 1, "2 directives and 1 values"),
        ("{{ '%d'|format('x') }}", 1, "%d of the filter format needs a number"),
        ("{{ '%9999d'|format(a) }}", 1, "no width over 1,000"),
        ("{{ '%y'|format(a) }}", 1, "directives such as"),
        ("{{ a is even(2) }}", 1, "the test even takes no value"),
        ("{{ a is eq }}", 1, "the test eq takes one value"),
        ("{{ 99999999999 * 99999999999 * 99999999999 * 99999999999 }}", 1, "cannot be computed"),
        ("a\n{{ 1 / 0 }}", 2, "cannot be computed"),
        ("{{ " + "9" * 5000 + " }}", 1, "a number has more than 40 digits"),
        ("{{ 1e99999 }}", 1, "a number has more than 40 digits"),
    ],
)
def test_what_it_refuses(source: str, line: int, words: str) -> None:
    """Each refusal names the line and what is wrong, before anything is rendered."""
    with pytest.raises(TemplateError) as caught:
        parse_body(source, "en", Markup.TEXT, where="en/sms", line=1)
    assert words in caught.value.message
    assert caught.value.line == line
    assert caught.value.message.startswith(f"en/sms (line {line}): ")


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ ''|attr('__class__') }}",
        "{{ name|map('upper')|list }}",
        "{{ config }}{{ cycler.__init__.__globals__ }}",
        "{{ lipsum.__globals__['os'].popen('id').read() }}",
        "{{ request['application']['__globals__'] }}",
        "{{ '%s'.__mod__ }}",
        "{{ '{0.__class__}'.format(name) }}",
        "{{ name.__init__ }}",
        "{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
        "{{ ('_' ~ '_class_' ~ '_') | attr }}",
        "{{ [].append(1) }}",
        "{{ {'a': 1}.items() }}",
        "{{ name | select('attr') }}",
        "{% set ns = namespace(x=1) %}",
        "{% with a = 1 %}{{ a }}{% endwith %}",
        "{% call name() %}{% endcall %}",
        "{{ namespace() }}",
        "{{ joiner() }}",
    ],
)
def test_nothing_gets_out(source: str) -> None:
    """The ways out of Jinja2 that people have found are all refused when the template is read."""
    with pytest.raises(TemplateError):
        parse_body(source, "en", Markup.HTML)


@pytest.mark.parametrize(
    "source",
    [
        "{{ range }}",
        "{{ dict }}",
        "{{ lipsum }}",
        "{{ cycler }}",
        "{{ config }}",
    ],
)
def test_there_are_no_globals(source: str) -> None:
    """A name is a placeholder and nothing else, even where Jinja2 knows one by that name."""
    parsed = parse_body(source, "en", Markup.TEXT)
    assert len(parsed.used) == 1
    assert (
        render_row(compiled_body(parsed.tree, environment("en", Markup.TEXT)), dict.fromkeys(parsed.used, "v")) == "v"
    )


@pytest.mark.parametrize(
    ("source", "values"),
    [
        ("{{ a * b }}", {"a": "x" * 1000, "b": Decimal(10**9)}),
        ("{{ a + b }}", {"a": "x", "b": "y"}),
        ("{{ a % b }}", {"a": "%999999999d", "b": Decimal(1)}),
        ("{{ a // b }}", {"a": Decimal(1), "b": Decimal(0)}),
        ("{{ 'yes' if a > 5 else 'no' }}", {"a": ""}),
        ("{{ a|replace('x', 'yyyyyyyyyyyyyyyyyyyy') }}", {"a": "x" * 100_000}),
        ("{{ a|replace(b, 'x') }}", {"a": "abc", "b": ""}),
        ("{{ a|format(b) }}", {"a": "%999999999d", "b": Decimal(1)}),
        ("{{ a|format(b) }}", {"a": "%(x)s", "b": "y"}),
        ("{{ a|format(b) }}", {"a": "%*d", "b": Decimal(9)}),
        ("{% set a = a ~ a %}" * 12, {"a": "x" * 1000}),
        ("{{ a * a * a * a }}", {"a": Decimal(99999999999)}),
        ("{{ a|int * a|int * a|int * a|int }}", {"a": "99999999999"}),
    ],
)
def test_values_that_a_body_cannot_take_fail_that_row_alone(source: str, values: dict[str, object]) -> None:
    """No exception, no exhausted memory: the row is told to have failed."""
    assert render(source, **values) is None


@pytest.mark.parametrize(
    ("source", "used", "needed"),
    [
        ("{{ a }} {{ b|upper }}", {"a", "b"}, {"a", "b"}),
        ("{{ a|default('x') }}", {"a"}, set()),
        ("{% if a %}{{ a }}{% endif %} {{ b }}", {"a", "b"}, {"b"}),
        ("{{ a if a else b }}", {"a", "b"}, {"b"}),
        ("{{ a or b }}{{ c and d }}", {"a", "b", "c", "d"}, {"b", "d"}),
        ("{% set x = a ~ b %}{{ x }}{% set y = c %}{% if y %}{{ y }}{% endif %}", {"a", "b", "c"}, {"a", "b"}),
        ("{% for a in b|split %}{{ a }}{{ c }}{% endfor %}", {"b", "c"}, {"c"}),
    ],
)
def test_what_a_body_needs(source: str, used: set[str], needed: set[str]) -> None:
    """A placeholder whose emptiness the body copes with is not needed: a row without it is fine."""
    parsed = parse_body(source, "en", Markup.TEXT)
    assert (set(parsed.used), set(parsed.needed)) == (used, needed)


def test_spaces_of_numbers_are_plain_in_a_text_message() -> None:
    """French groups digits with a sign that would cost a text message half its room."""
    amount = Money("1234567.5", "EUR")
    assert render("{{ a }}", Markup.SEGMENTS, "fr", a=amount) == "1 234 567,50 €"
    assert render("{{ a }}", Markup.TEXT, "fr", a=amount) == "1\u202f234\u202f567,50\xa0€"


def test_escaping_by_hand_escapes_once() -> None:
    """In HTML every value is escaped already; in a text message the filter does what it says."""
    assert render("{{ a|e }} {{ a }}", Markup.HTML, a="<b>") == "&lt;b&gt; &lt;b&gt;"
    assert render("{{ a|e|replace('&lt;', '<') }}", Markup.HTML, a="<b>") == "&lt;b&amp;gt;"
    assert render("{% set x = a %}{{ x }}", Markup.HTML, a="<b>") == "&lt;b&gt;"


@pytest.mark.parametrize("source", ["{{ a|title }}", "{{ a|truncate(8) }}", "{{ a|wordcount }}", "{{ a|reverse }}"])
@pytest.mark.parametrize("text", ["o'neil-smith (jr.) a.b c/d", "eine Überraschung", "ǆ ß x", "a", "two words"])
def test_filters_are_jinja2s(source: str, text: str) -> None:
    assert render(source, a=text) == Environment().from_string(source).render(a=text)
