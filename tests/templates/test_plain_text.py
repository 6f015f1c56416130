"""The text part made from an HTML body: all of the body's text, block elements apart, links seen, nothing dangerous."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from nightmail.templates import EmailBody, TemplateError, load_template
from nightmail.templates.environments import Markup, environment
from nightmail.templates.language import compiled_body, parse_body, render_row
from nightmail.templates.plain_text import TextPartError, text_of_html


def render(html: str, **values: object) -> str:
    """The text part of a page with one row's values."""
    tree = parse_body(text_of_html(html), "en", Markup.TEXT).tree
    text = render_row(compiled_body(tree, environment("en", Markup.TEXT)), values)
    assert text is not None
    return text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two<br>three</p>", "One\n\nTwo\nthree"),
        ("<h1>Title</h1>\n<p>Text   with\n spaces</p>", "Title\n\nText with spaces"),
        ('<a href="https://a.example">Pay</a>', "Pay (https://a.example)"),
        ('<a href="https://a.example">https://a.example</a>', "https://a.example"),
        ('<a href="{{ pay_url }}">Pay {{ amount }}</a>', "Pay {{ amount }} ({{ pay_url|web_address }})"),
        ('<a href="{{ unsubscribe_url }}">Stop</a>', "Stop ({{ unsubscribe_url }})"),
        ('<a href="mailto:a@example.com">Write</a>', "Write (a@example.com)"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<style>p {}</style><title>t</title>x &amp; y &lt;", "x & y <"),
        ('<img src="a.png" alt="A picture">', "A picture"),
        ("a{% if b %}<p>{{ b }}</p>{% endif %}", "a{% if b %}\n\n{{ b }}\n\n{% endif %}"),
        ("{% if a < b %}x{% endif %}", "{% if a < b %}x{% endif %}"),
        ("", ""),
    ],
)
def test_text_of_html(html: str, text: str) -> None:
    """Structure and links stay, tags go, what Jinja2 reads is kept."""
    assert text_of_html(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        # https://github.com/Mailtrain-org/mailtrain/pull/922, https://github.com/premailer/premailer/issues/384;
        # tags that may be left out: https://html.spec.whatwg.org/multipage/syntax.html#optional-tags
        ("<!doctype html><html><head><title>T</title><style>p{}</style><body><p>Dear<p>Pay now", "Dear\n\nPay now"),
        ("<head><title>T</title><p>Dear<p>Pay", "Dear\n\nPay"),
        ("<title>T</title>Dear<p>Pay", "Dear\n\nPay"),
        ("<ul><li>a<li>b<ul><li>c</ul></ul>d", "- a\n- b\n- c\nd"),
        ("<table><tr><td>a<td>b<tr><th>c<td>d</table>e", "a b\nc d\ne"),
        ("<table><thead><tr><th>h<tbody><tr><td>a<tfoot><tr><td>f</table>", "h\na\nf"),
        ("<dl><dt>a<dd>b<dt>c<dd>d</dl>", "a\nb\nc\nd"),
        ("<select><option>a<option>b</select>", "a\nb"),
        ("<p>a<div>b</div>c<h2>d</h2>e<blockquote>f</blockquote>g", "a\n\nb\nc\n\nd\n\ne\n\nf\n\ng"),
        ("<div>a</div><div>b</div><section>c</section>", "a\nb\nc"),
        ("<body>a</body>b</html>c", "abc"),
        # Text that browsers move out of tables: https://html.spec.whatwg.org/multipage/parsing.html#foster-parent
        ("<table>stray<tr><td>cell</table>", "stray\ncell"),
        # Comments: https://html.spec.whatwg.org/multipage/parsing.html#comment-start-state
        ("a<!-- b -->c<!-->d<!--->e<!-- f --!>g<!-->h", "acdegh"),
        ("a<!--[if mso]>mso<![endif]-->b<![if !mso]>c<![endif]>d", "abcd"),
        ("a<?php no ?>b</ no>c<!no>d", "abcd"),
        # What no browser shows
        ("<script>no()</script>a<template><p>no</p></template>b<iframe>no</iframe>", "ab"),
        ("<p hidden>no</p>a<div style='color:red;display:none'>no</div><i style='visibility: hidden'>no</i>b", "ab"),
        ("<svg><title>no</title><text>a</text></svg>", "a"),
        # What mail programs show: they run no scripts
        ("<noscript>a</noscript>", "a"),
        ("<pre>a\n  b</pre>c<textarea>\nd  e</textarea>", "a\n  b\n\ncd  e"),
        ("a&nbsp;b &#8364; &notin; &amp;lt;", "a\xa0b € ∉ &lt;"),
        ("<input type=submit value=Pay><input type=hidden value=no><button>Go</button>", "PayGo"),
        ("<b>bo</b>ld <i> and</i>  <u>so </u> on", "bold and so on"),
        ("a<hr>b", "a\n---\nb"),
        ("<a href='https://a.example'><img alt='Pay now'></a> <a href='https://a.example'><img></a>",
         "Pay now (https://a.example) https://a.example"),
        ("<map><area href='https://a.example' alt='North'></map>", "North (https://a.example)"),
        ("<a href='tel:+4912'>Call</a> <a href='#top'>Up</a> <a name=x>x</a>", "Call (tel:+4912) Up x"),
        ("<a href='mailto:a@b.example?subject=x'>Write</a>", "Write (a@b.example)"),
        ("<a href='https://a.example/?b=1&amp;c=2'>x</a>", "x (https://a.example/?b=1&c=2)"),
    ],
)  # fmt: skip
def test_pages_are_read_as_browsers_read_them(html: str, text: str) -> None:
    assert text_of_html(html) == text


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        " JaVaScRiPt:alert(1)",
        "java&#10;script:alert(1)",
        "java\tscript:alert(1)",
        "&#1;javascript:alert(1)",
        "&#106;avascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:https://a.example/x",
    ],
)
def test_addresses_that_run_code_are_not_shown(address: str) -> None:
    assert text_of_html(f'<a href="{address}">x</a>') == "x"


@pytest.mark.parametrize("bad", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "vbscript:x"])
def test_a_value_that_is_no_web_address_is_not_shown_as_a_link(bad: str) -> None:
    """As in the HTML, it becomes ``#``; also where an address is put together of values."""
    assert render('<a href="{{ u }}">x</a>', u=bad) == "x (#)"
    assert render('<a href="{% if u %}{{ u }}{% endif %}">x</a>', u=bad) == "x (#)"
    assert render('<a href="{{ a }}{{ b }}">x</a>', a=bad[:4], b=bad[4:]) == "x (#)"
    assert render('<a href="{{ a }}:{{ b }}">x</a>', a="javascript", b="alert(1)") == "x (#)"
    assert render('<a href="{{ s }}://a.example/{{ b }}">x</a>', s="https", b="y") == "x (https://a.example/y)"


@pytest.mark.parametrize(
    ("html", "values", "text"),
    [
        ("<p>A</p>{% if x %}<p>B</p>{% endif %}<p>C</p>", {"x": "1"}, "A\n\nB\n\nC"),
        ("<p>A</p>{% if x %}<p>B</p>{% endif %}<p>C</p>", {"x": ""}, "A\n\nC"),
        ("<p>A</p>{%- if x -%}<p>B</p>{%- endif -%}<p>C</p>", {"x": "1"}, "A\n\nB\n\nC"),
        ("<p>A</p>\n{% if x %}\n<p>B</p>\n{% else %}\n<p>D</p>\n{% endif %}\n<p>C</p>", {"x": ""}, "A\n\nD\n\nC"),
        ("<ul>{% for i in x|split %}<li>{{ i }}{% endfor %}</ul>C", {"x": "1;2"}, "\n- 1\n- 2\nC"),
        ("A<ul>{% for i in x|split %}<li>{{ i }}</li>{% endfor %}</ul>C", {"x": "1;2"}, "A\n- 1\n- 2\nC"),
        ("<p>A</p>{% for i in x|split %}<p>{{ i }}{% endfor %}<p>C", {"x": "1;2"}, "A\n\n1\n\n2\n\nC"),
        ("<p>A</p>{% for i in x|split %}<p>{{ i }}{% endfor %}<p>C", {"x": ""}, "A\n\nC"),
        ("A{% for i in x|split %}<br>{{ i }}{% endfor %}", {"x": "1;2"}, "A\n1\n2"),
        ("A{% for i in x|split %}{{ i }}<br>{% endfor %}B", {"x": "1;2"}, "A1\n2\nB"),
        ("A {% for i in x|split %}{{ i }}, {% endfor %}B", {"x": "1;2"}, "A 1, 2, B"),
        ("<table>{% for i in x|split %}<tr><td>{{ i }}<td>x{% endfor %}</table>B", {"x": "1;2"}, "\n1 x\n2 x\nB"),
        ("<table>{% if x %}stray{% endif %}<tr><td>a</table>", {"x": ""}, "\na"),
        ("<head>{% set n = x or 'you' %}</head><p>Hi {{ n }}", {"x": ""}, "Hi you"),
        ("<title>{% if x %}{{ x }}{% endif %}</title><style>{% if x %}a{}{% endif %}</style>Hi", {"x": "1"}, "Hi"),
        ("<!-- {% if x %} c {% endif %} -->Hi", {"x": "1"}, "Hi"),
        ("<p hidden>{% set n = 'x' %}secret {{ x }}</p>{{ n }}", {"x": "1"}, "x"),
        ("<td nowrap {% if x %}class='a'{% endif %}>t", {"x": "1"}, "t"),
        ("<a {% if x %}href='https://a.example'{% else %}href='https://b.example'{% endif %}>y</a>", {"x": ""},
         "y (https://b.example)"),
        ("<p>{<b>{{ x }}</b>} &#123;&#123; y }} &#123;% z", {"x": "1"}, "{1} {{ y }} {% z"),
        ("{% raw %}<p>{{ x }} {% if %}</p>{% endraw %}", {}, "{{ x }} {% if %}"),
        ("<body>a{% if x %}b{% endif %}</body>{% if x %}c{% endif %}</html>d", {"x": "1"}, "abcd"),
        ("<b>a{% if x %}<p>b</b>c{% endif %}d", {"x": "1"}, "a\n\nbcd"),
    ],
)  # fmt: skip
def test_conditions_and_loops_hold_in_the_text_as_in_the_page(html: str, values: dict[str, str], text: str) -> None:
    """What is not in the page for a row is not in its text, and blocks are apart for every row."""
    assert render(html, **values) == text


@pytest.mark.parametrize(
    "html",
    [
        '<a href="{% if x %}https://a.example">A</a>{% else %}https://b.example">B</a>{% endif %}',
        "<p {% if x %}class='a'>A{% else %}>B{% endif %}</p>",
    ],
)
def test_conditions_across_tags_have_no_text_part(html: str) -> None:
    """The author is told to write one, with the line; the HTML alone would do for a browser."""
    with pytest.raises(TextPartError):
        text_of_html(html)
    email = {"subject": "s", "html": f"\n{html}"}
    with pytest.raises(TemplateError, match="no text part can be made"):
        load_template({"languages": {"en": {"email": email}}})
    template = load_template({"languages": {"en": {"email": {**email, "text": "t"}}}})
    assert isinstance(template.languages["en"].by_channel["email"], EmailBody)


_WORDS = st.integers(0, 99).map(lambda number: f"w{number:02d}")
_INLINE = st.sampled_from(["b", "i", "span", "font", "u"])
_BLOCK = st.sampled_from(["p", "div", "h1", "section", "center", "blockquote", "li", "td", "tr", "table", "ul", "dd"])


def _element(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(inner, max_size=4).map("".join),
        st.builds("<{0}>{1}</{0}>".format, st.one_of(_INLINE, _BLOCK), inner),
        st.builds("<{0}>{1}".format, st.one_of(_INLINE, _BLOCK), inner),
        st.builds("<{0}>{1}</{2}>".format, st.one_of(_INLINE, _BLOCK), inner, st.one_of(_INLINE, _BLOCK)),
        st.builds("<{0} style='{1}'>no</{0}>".format, st.just("div"), st.just("display:none")),
        st.builds("<!--{0}-->{1}".format, st.just(" no "), inner),
        st.builds("<style>no{0}</style>{1}".format, st.just("{}"), inner),
        st.builds("{{% if x %}}{0}{{% endif %}}".format, inner),
        st.builds("{{% if x %}}{0}{{% else %}}{1}{{% endif %}}".format, inner, inner),
    )


_PAGES = st.recursive(_WORDS, _element, max_leaves=12)


@given(html=_PAGES, x=st.sampled_from(["", "1"]))
def test_the_text_part_has_the_words_of_the_page(html: str, x: str) -> None:
    """Whatever tags are left out or nested wrongly, and whatever conditions hold: the words a browser shows."""
    try:
        text = render(html, x=x)
    except TextPartError:
        return
    page = render_row(compiled_body(parse_body(html, "en", Markup.HTML).tree, environment("en", Markup.HTML)), {"x": x})
    assert page is not None
    parsed = LexborHTMLParser(f"<body>{page}")
    for silent in parsed.css("style, [style]"):
        silent.decompose()
    shown = parsed.body.text(separator=" ") if parsed.body is not None else ""
    assert sorted(re.findall(r"w\d\d", text)) == sorted(re.findall(r"w\d\d", shown))
    assert re.findall(r"w\d\d", text) == re.findall(r"w\d\d", page)
    assert "no" not in text


@given(st.lists(st.tuples(_BLOCK.filter(lambda name: name != "td"), _WORDS), min_size=2, max_size=6))
def test_blocks_are_apart(blocks: list[tuple[str, str]]) -> None:
    """Each on lines of its own, with and without end tags."""
    words = [word for _, word in blocks]
    for pattern in ("<{0}>{1}</{0}>", "<{0}>{1}"):
        lines = text_of_html("".join(pattern.format(name, word) for name, word in blocks)).split("\n")
        assert [line.removeprefix("- ") for line in lines if line] == words


@given(st.text(st.sampled_from("<>/!-?&;:\"'=ab {}%# \nptdiv"), max_size=60))
def test_any_page_has_a_text_part_or_is_refused(html: str) -> None:
    """No traceback, whatever the page."""
    try:
        load_template({"languages": {"en": {"email": {"subject": "s", "html": html}}}})
    except TemplateError as refused:
        assert refused.message
