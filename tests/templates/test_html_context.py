"""Values in HTML: escaped everywhere, refused where escaping does not protect, addresses that lead nowhere bad."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

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


@pytest.mark.parametrize(
    "source",
    [
        # No value may go on with what could become another kind of address
        '<a href="java{{ u }}">x</a>',
        '<a href=" {% if u %}java{% endif %}{{ u }}">x</a>',
        '<a href="{% if u %}{{ u }}{% endif %}{{ v }}">x</a>',
        '<a href="{% for i in u|split %}{{ i }}{% endfor %}">x</a>',
        '<a href="javascript:{{ u }}">x</a>',
        '<a href="data:text/html,{{ u }}">x</a>',
        '<a href="java&#115;cript:{{ u }}">x</a>',
        '<meta http-equiv="refresh" content="0;url={{ u }}">',
        '<base href="{{ u }}">',
        '<svg><animate attributeName="href" values="{{ u }}"/></svg>',
        "<svg><script>{{ u }}</script></svg>",
        "<svg><style>{{ u }}</style></svg>",
        "<template><p>{{ u }}</p></template>",
        '<body><noscript><p title="{{ u }}">{{ u }}</p></noscript>',
        "<script><!--<script></script>{{ u }}--></script>",
        "<p title=a{{ u }}>",
        "<p title = {{ u }}>",
        "<p/{{ u }}>",
        "<!doctype {{ u }}>",
        "<?php {{ u }} ?>",
        '<img srcset="{{ u }}">',
        "<plaintext>{{ u }}",
        '<svg><textarea><style><a href="{{ u }}"></a></textarea>',
        '<svg><title><a href="{{ u }}"></a></title></svg>',
        '<math><mi><xmp><p title="{{ u }}"></xmp>',
    ],
)
def test_ways_around_escaping_are_refused(source: str) -> None:
    """Each is a way in which a value could become code in some reader, though every sign of it be escaped.

    https://html.spec.whatwg.org/multipage/parsing.html#tokenization, https://cheatsheetseries.owasp.org/cheatsheets/
    Cross_Site_Scripting_Prevention_Cheat_Sheet.html.
    """
    with pytest.raises(TemplateError):
        render(source, u="javascript:alert(1)", v="alert(1)")


@pytest.mark.parametrize(
    ("source", "values", "expected"),
    [
        ('<a href="{{ a }}{{ b }}">x</a>', {"a": "java", "b": "script:x"}, '<a href="#">x</a>'),
        (
            '<a href="{{ a }}{{ b }}">x</a>',
            {"a": "https://a.example", "b": "/y"},
            '<a href="https://a.example/y">x</a>',
        ),
        (
            '<a href="{{ a }}://b.example/{{ b }}">x</a>',
            {"a": "https", "b": "y"},
            '<a href="https://b.example/y">x</a>',
        ),
        ('<a href="{{ a }}:{{ b }}">x</a>', {"a": "javascript", "b": "x"}, '<a href="#">x</a>'),
        ('<a href="{{ a }}/{{ b }}">x</a>', {"a": "javascript:x", "b": "y"}, '<a href="#/y">x</a>'),
        (
            '<a href="{{ a }}?q={{ b }}">x</a>',
            {"a": "https://a.example", "b": "1&2"},
            '<a href="https://a.example?q=1&amp;2">x</a>',
        ),
        (
            '<a href="https://a.example/{{ b }}">x</a>',
            {"b": "javascript:x"},
            '<a href="https://a.example/javascript:x">x</a>',
        ),
        ('<a href="/{{ b }}">x</a>', {"b": "y"}, '<a href="/y">x</a>'),
        ('<a href="mailto:{{ b }}">x</a>', {"b": "a@b.example"}, '<a href="mailto:a@b.example">x</a>'),
        ('<a href = "{{ b }}">x</a>', {"b": "https://a.example"}, '<a href = "https://a.example">x</a>'),
        ("<td nowrap {% if b %}class='{{ b }}'{% endif %}>x", {"b": "y"}, "<td nowrap class='y'>x"),
        ("<title>{{ b }} < 1</title>", {"b": "<b>"}, "<title>&lt;b&gt; < 1</title>"),
        ('<object data="{{ b }}">', {"b": "data:text/html,x"}, '<object data="#">'),
        ("<title><style></title>{{ b }}", {"b": "<b>"}, "<title><style></title>&lt;b&gt;"),
        ("<textarea><!--</textarea>{{ b }}-->", {"b": "<b>"}, "<textarea><!--</textarea>&lt;b&gt;-->"),
        ("<!-->{{ b }}", {"b": "<b>"}, "<!-->&lt;b&gt;"),
        ("<p title='>'>{{ b }}</p>", {"b": "<b>"}, "<p title='>'>&lt;b&gt;</p>"),
    ],
)
def test_addresses_put_together_and_odd_places(source: str, values: dict[str, str], expected: str) -> None:
    """The kind of an address is decided over all that begins it; what browsers read as text is text."""
    assert render(source, **values) == expected


def _shape(page: str) -> list[tuple[str, tuple[str, ...]]]:
    """Elements and their attributes, as a browser's parser finds them."""
    root = LexborHTMLParser(page).root
    assert root is not None
    return [(node.tag or "", tuple(node.attributes)) for node in root.traverse()]


_SOURCES = st.sampled_from(
    [
        '<p title="{{ a }}">{{ b }}</p>{% if a %}<a href="{{ a }}" title=\'{{ b }}\'>{{ a|title }}</a>{% endif %}',
        "<title>{{ a }}</title><textarea>{{ b }}</textarea><table><tr><td>{{ a }}<td>{{ b }}</table>",
        '<a href="{{ a }}{{ b }}">{{ a ~ b }}</a><img src="{{ b }}" alt="{{ a }}"><input value="{{ b }}">',
        '<svg><a xlink:href="{{ a }}"><text x="{{ b }}">{{ b }}</text></a></svg>',
        "<style>p{}</style><script>x()</script><!-- c --><p>{{ a }}<p>{{ b }}",
        '<form action="{{ a }}"><button formaction="{{ b }}" name="{{ a }}">{{ b|replace(" ", a) }}</button></form>',
        '{% for i in a|split(";") %}<li id="{{ i }}">{{ i }}{% endfor %}{% set c = a ~ b %}<i lang="{{ c }}">{{ c }}</i>',
        '<p title="{% if a %}{{ a }}{% else %}x{% endif %}" class="y {{ b }}">{{ a if b else b }}</p>',
    ]
)
_HOSTILE = st.one_of(
    st.text(st.sampled_from("<>\"'&;:/=`x \n\t\x0c#{}%-!?\\"), max_size=30),
    st.sampled_from(
        [
            "javascript:alert(1)",
            "</title><script>alert(1)</script>",
            "--><script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "' onmouseover='alert(1)",
            "]]><script>",
            "</style></textarea></svg><b>",
            "&lt;script&gt;",
            "data:text/html;base64,PHNjcmlwdD4=",
            "java\tscript:x",
        ]
    ),
)


@given(source=_SOURCES, a=_HOSTILE, b=_HOSTILE)
def test_no_value_changes_what_a_page_is(source: str, a: str, b: str) -> None:
    """Whatever values hold, a browser sees the template's own tags and attributes, and no address that runs code."""
    page = render(source, a=a, b=b)
    harmless = render(source, a=re.sub(r"[^;\s]", "x", a), b=re.sub(r"[^;\s]", "x", b))
    if page is None or harmless is None:
        assert page is None
        return
    assert _shape(page) == _shape(harmless)
    root = LexborHTMLParser(page).root
    assert root is not None
    for node in root.traverse():
        for name, value in node.attributes.items():
            if name in ("href", "src", "action", "formaction", "xlink:href"):
                begun = re.sub(r"[\t\r\n]", "", value or "").lstrip("".join(map(chr, range(33)))).lower()
                assert not begun.startswith(("javascript:", "data:", "vbscript:"))


@given(
    st.text(st.sampled_from("<>\"'=/! -?ab&;sxtyle"), max_size=40),
    st.text(st.sampled_from("<>\"'=/! -ab"), max_size=20),
)
def test_wherever_a_value_is_let_in_it_stays_a_value(before: str, after: str) -> None:
    """Any page at all around a value: it is refused, or the page has the same shape whatever the value is."""
    source = f"{before}{{{{ a }}}}{after}"
    try:
        plain = render(source, a="x")
    except TemplateError:
        return
    assert plain is not None
    for hostile in ("</b><script>", "'\"><i>", " onx=1 ", "--><u>", "</title></style><s>"):
        page = render(source, a=hostile)
        assert page is not None
        assert _shape(page) == _shape(plain)
