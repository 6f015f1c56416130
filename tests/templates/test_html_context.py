"""Values in HTML: escaped everywhere, refused where escaping does not protect, addresses that lead nowhere bad."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightmail.templates import TemplateError
from nightmail.templates.environments import Markup, environment
from nightmail.templates.filters import web_address
from nightmail.templates.language import compiled_body, parse_body, render_row


def render(source: str, **values: object) -> str | None:
    parsed = parse_body(source, "en", Markup.HTML)
    return render_row(compiled_body(parsed.tree, environment("en", Markup.HTML)), values)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("<a href={{ u }}>x</a>", "quoted attribute"),
        ("<p {{ x }}>", "quoted attribute"),
        ("<p title='a' {{ x }}=1>", "quoted attribute"),
        ("<{{ x }}>", "name of a tag"),
        ("</{{ x }}>", "name of a tag"),
        ("<script>var a = '{{ x }}';</script>", "inside <script>"),
        ("<style>p { color: {{ x }} }</style>", "inside <style>"),
        ("<!-- {{ x }} -->", "inside a comment"),
        ("<p onclick=\"f('{{ x }}')\">", "attribute onclick"),
        ('<p style="color: {{ x }}">', "attribute style"),
        ('<iframe srcdoc="{{ x }}">', "attribute srcdoc"),
        ("<b{% if a %}>{% endif %}x</b>", "different places"),
        ('{% for a in x|split %}<b title="{% endfor %}', "halfway"),
        ("<p>{{ x }}</p><p", "ends inside a tag"),
    ],
)
def test_places_where_no_value_is_safe(source: str, words: str) -> None:
    """The author is told when the template is read, not the recipient when it is opened."""
    with pytest.raises(TemplateError) as caught:
        parse_body(source, "en", Markup.HTML, where="en/email/html", line=1)
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<p>{{ x }}</p>", "<p>&lt;b&gt;&amp;&#34;&#39;</p>"),
        ('<p title="{{ x }}">', '<p title="&lt;b&gt;&amp;&#34;&#39;">'),
        ("<p title='{{ x }}'>", "<p title='&lt;b&gt;&amp;&#34;&#39;'>"),
        ("1 < 2 {{ x }}", "1 < 2 &lt;b&gt;&amp;&#34;&#39;"),
        ("<style>p {}</style>{{ x }}", "<style>p {}</style>&lt;b&gt;&amp;&#34;&#39;"),
        ("<!-- a -->{{ x }}", "<!-- a -->&lt;b&gt;&amp;&#34;&#39;"),
        ('<a href="https://a.example/?q={{ x }}">', '<a href="https://a.example/?q=&lt;b&gt;&amp;&#34;&#39;">'),
        ("{{ x|upper }}", "&lt;B&gt;&amp;&#34;&#39;"),
        ("{{ x ~ '<i>' }}", "&lt;b&gt;&amp;&#34;&#39;&lt;i&gt;"),
        ("{{ '<i>' if x else '' }}", "&lt;i&gt;"),
    ],
)
def test_values_are_escaped(source: str, expected: str) -> None:
    """In text and in quoted attributes a value stays a value."""
    assert render(source, x="<b>&\"'") == expected


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        " JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "java\nscript:alert(1)",
        "\x01javascript:alert(1)",
        "&#106;avascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "//evil.example",
        "\\\\evil.example",
        "/\\evil.example",
        "/\t/evil.example",
    ],
)
def test_addresses_that_do_harm_lead_nowhere(address: str) -> None:
    """A link's address comes from a row; what it may start with is decided here."""
    assert render('<a href="{{ u }}">x</a>', u=address) == '<a href="#">x</a>'
    assert render('<a href="{% if u %}{{ u }}{% endif %}">x</a>', u=address) == '<a href="#">x</a>'


@pytest.mark.parametrize(
    "address",
    [
        "https://a.example/b?c=d#e",
        "http://a.example",
        "mailto:a@example.com",
        "tel:+491701234567",
        "/path/x",
        "page.html",
        "#top",
        "",
    ],
)
def test_ordinary_addresses_stay(address: str) -> None:
    """Web, mail and telephone addresses, and such as are relative to ours."""
    assert web_address(address) == address


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(name for name, _ in attrs)))


_SOURCE = '<p title="{{ a }}">{{ b }}</p>{% if a %}<a href="{{ a }}" title=\'{{ b }}\'>{{ a|title }}</a>{% endif %}'
_NASTY = st.text(st.sampled_from("<>\"'&;:/=`x \n#{}%-!"), max_size=30)


@given(a=_NASTY.filter(bool), b=_NASTY)
def test_no_value_makes_a_tag_or_an_attribute(a: str, b: str) -> None:
    """Whatever values hold, a browser sees the template's own tags and attributes."""
    page = render(_SOURCE, a=a, b=b)
    assert page is not None
    parser = _Tags()
    parser.feed(page)
    parser.close()
    assert parser.seen == [("p", ("title",)), ("a", ("href", "title"))]
