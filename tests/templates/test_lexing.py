"""Lines of tags, comments, ``raw`` and CSS: what is printed and what is not. Each case with where it comes from.

What Jinja2 does with spaces: https://jinja.palletsprojects.com/en/stable/templates/#whitespace-control.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from nightmail.templates import TemplateError
from nightmail.templates.environments import Markup, environment
from nightmail.templates.language import compiled_body, parse_body, render_row


def render(source: str, markup: Markup = Markup.TEXT, **values: object) -> str | None:
    parsed = parse_body(source, "en", markup, where="en/sms", line=1)
    return render_row(compiled_body(parsed.tree, environment("en", markup)), values)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        # Comments: https://jinja.palletsprojects.com/en/stable/templates/#comments
        ("Hi\n{#\n{% if x %}\nsecret\n{% endif %}\n#}\nBye", "Hi\nBye"),
        ("Hi\n{# {% if x %}secret{% endif %} #}\nBye", "Hi\nBye"),
        ("Hi\n{#\nold line\n{% endif %}\nolder line\n#}\nBye", "Hi\nBye"),
        ("Hi\n{#\n{% if x %}\n#}\nBye", "Hi\nBye"),
        ("Hi {# note #}there\nBye", "Hi there\nBye"),
        ("Hi\n  {# note #}\nBye", "Hi\nBye"),
        ("Hi\n{# one #} {# two #}\nBye", "Hi\nBye"),
        ("Hi\n{#- note -#}\nBye", "HiBye"),
        ("Hi\n{# {% raw %} #}\nBye", "Hi\nBye"),
        ("Hi\n{# }} %} {{ #}\nBye", "Hi\nBye"),
        # raw: https://jinja.palletsprojects.com/en/stable/templates/#escaping
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("Hi\n{% raw %}\n{{ x }}\n{% endraw %}\nBye", "Hi\n\n{{ x }}\nBye"),
        ("Hi\n{% raw -%}\n{{ x }}\n{% endraw %}\nBye", "Hi\n{{ x }}\nBye"),
        ("Hi\n{% raw %}\n{% if x %}\n{# kept #}\n{% endraw %}\nBye", "Hi\n\n{% if x %}\n{# kept #}\nBye"),
        # Lines of tags: trim_blocks and lstrip_blocks, but for lines that hold other text too
        ("Hi\n{% if x %}\nyes\n{% endif %}\nBye", "Hi\nyes\nBye"),
        ("Hi\n  {% if x %}\n  yes\n  {% endif %}\nBye", "Hi\n  yes\nBye"),
        ("Hi\n{% if x %}{% if x %}\nyes\n{% endif %} {% endif %}\nBye", "Hi\nyes\nBye"),
        ("Hi{% if x %}, yes{% endif %}\nBye", "Hi, yes\nBye"),
        ("Hi{% if x %}\nyes{% endif %}\nBye", "Hi\nyes\nBye"),
        ("Hi\n{% if x +%}\nyes\n{% endif +%}\nBye", "Hi\n\nyes\n\nBye"),
        ("Hi\n  {%+ if x %}\nyes\n{% endif %}\nBye", "Hi\n  yes\nBye"),
        ("Hi\n{%- if x -%}\n yes\n{%- endif %} Bye", "Hiyes Bye"),
        ("Hi\r\n{% if x %}\r\nyes\r\n{% endif %}\r\nBye", "Hi\nyes\nBye"),
        ("Hi\n{% if x\n  and x %}\nyes\n{% endif %}\nBye", "Hi\nyes\nBye"),
        ("{% set y = '%} {# no #}' %}\n{{ y }}", "%} {# no #}"),
        ("{% if x %}\nyes\n{% endif %}", "yes\n"),
    ],
)
def test_what_is_printed(source: str, expected: str) -> None:
    assert render(source, x="1") == expected


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("Hi\n{# a {# b #} secret #}", 2, "a comment stands inside a comment"),
        ("Hi\n{#\n{# b #}\nsecret #}", 3, "a comment stands inside a comment"),
        ("Hi\nnote #} there", 2, "#} ends a comment that did not begin"),
        ("Hi {# never closed", 1, "missing end of comment"),
        ("{% raw %} never closed", 1, "missing end of raw"),
        # Handlebars and Mustache: https://handlebarsjs.com/guide/#html-escaping
        ("Hi\n{{{name}}}", 2, "Handlebars"),
        ("Hi\n{{#if name}}x{{/if}}", 2, "Handlebars"),
        ("Hi {{> footer}}", 1, "Handlebars"),
    ],
)
def test_what_has_two_readings_is_refused(source: str, line: int, words: str) -> None:
    """Nothing that an author took out may be sent."""
    with pytest.raises(TemplateError) as caught:
        render(source)
    assert words in str(caught.value)
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        # https://github.com/grow/grow/issues/663, https://github.com/hyde/hyde/issues/61
        ("<style>@media screen{#hero{width:100%}}</style>", "<style>@media screen{#hero{width:100%}}</style>"),
        ("<style>@media a{#b{c:d}#e{f:g}}</style>{# n #}", "<style>@media a{#b{c:d}#e{f:g}}</style>"),
        ("<style>@media a{#b{}}{# note #}{#note#}</style>", "<style>@media a{#b{}}</style>"),
        ("<style>{# .old{color:red} #}</style>x", "<style></style>x"),
        ("<STYLE TYPE='text/css'>@media a{#b{}}</STYLE>", "<STYLE TYPE='text/css'>@media a{#b{}}</STYLE>"),
        (
            "<!--[if mso]><style>@media a{#b{}}</style><![endif]-->",
            "<!--[if mso]><style>@media a{#b{}}</style><![endif]-->",
        ),
        ("<style>a{b:c}{% if x %}d{e:f}{% endif %}</style>", "<style>a{b:c}d{e:f}</style>"),
        ("<script>class A{#b=1}</script>", "<script>class A{#b=1}</script>"),
        ("{# <style>a{b:c}</style> #}x", "x"),
    ],
)
def test_css_is_no_comment(source: str, expected: str) -> None:
    """A rule by an id right after a brace, as minifiers write it."""
    assert render(source, Markup.HTML, x="1") == expected


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("<style>\n@media a{#b{c:#}}</style>", 2),
        ("<style>a{# b</style>\n{# c #}", 1),
        ("<style>@media a{# b{}}</style>", 1),
    ],
)
def test_css_that_may_be_a_comment_is_refused(source: str, line: int) -> None:
    """The words say that it stands in the style and how to write either."""
    with pytest.raises(TemplateError, match=r"\{# in <style> can begin a comment") as caught:
        render(source, Markup.HTML)
    assert caught.value.line == line


_PIECES = st.lists(
    st.sampled_from(
        ["a", "b ", " ", "\n", "\n\n", "{{ x }}", "{% if x %}", "{% endif %}", "{# c #}", "{#\n{% if x %}\n#}"]
    ),
    max_size=14,
)


@given(_PIECES)
def test_only_lines_of_tags_differ_from_jinja2(pieces: list[str]) -> None:
    """Beside spaces and line breaks, a body prints what Jinja2 prints, and is refused where Jinja2 refuses it."""
    source = "".join(pieces)
    try:
        expected = Environment().from_string(source).render(x="X")
    except Exception:
        with pytest.raises(TemplateError):
            render(source, x="X")
        return
    found = render(source, x="X")
    assert found is not None
    assert "".join(found.split()) == "".join(expected.split())
    assert len(found) <= len(expected)
