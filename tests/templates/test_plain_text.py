"""The text part made from an HTML body."""

from __future__ import annotations

import pytest

from nightmail.templates.plain_text import text_of_html


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two<br>three</p>", "One\n\nTwo\nthree"),
        ("<h1>Title</h1>\n<p>Text   with\n spaces</p>", "Title\n\nText with spaces"),
        ('<a href="https://a.example">Pay</a>', "Pay (https://a.example)"),
        ('<a href="https://a.example">https://a.example</a>', "https://a.example"),
        ('<a href="{{ pay_url }}">Pay {{ amount }}</a>', "Pay {{ amount }} ({{ pay_url|web_address }})"),
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
