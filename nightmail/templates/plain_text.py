"""The text part of an email whose template has only HTML: tags go, structure and links stay, placeholders stay."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_TAGS = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_BLOCKS = frozenset(
    {"p", "div", "table", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote", "section"}
)
_SILENT = frozenset({"head", "style", "script", "title", "template"})
_FIRST = 0xE000
"""Jinja's tags are held by one sign each of Unicode's private use area while the HTML is taken apart."""


class _Stripper(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag in _BLOCKS:
            self.parts.append("\n\n" if tag[0] in "ph" else "\n")
        elif tag == "br":
            self.parts.append("\n")
        elif tag == "li":
            self.parts.append("\n- ")
        elif tag in ("td", "th"):
            self.parts.append(" ")
        elif tag == "hr":
            self.parts.append("\n---\n")
        elif tag == "img":
            self.parts.append(dict(attrs).get("alt") or "")
        if tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self.parts)))

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(self._silent - 1, 0)
        elif tag in _BLOCKS and tag != "tr":
            self.parts.append("\n\n" if tag[0] in "ph" else "\n")
        elif tag == "a" and self._links:
            address, start = self._links.pop()
            shown = "".join(self.parts[start:]).strip()
            if address and address != shown and not address.startswith("#"):
                self.parts.append(f" ({address.removeprefix('mailto:')})" if shown else address)

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(re.sub(r"[ \t\r\n\f]+", " ", data))


def text_of_html(source: str) -> str:
    """The text of an HTML body's source; what Jinja understands in it is kept as it is."""
    tags: list[str] = []

    def hold(match: re.Match[str]) -> str:
        tags.append(match[0])
        return chr(_FIRST + len(tags) - 1)

    stripper = _Stripper()
    stripper.feed(_TAGS.sub(hold, source))
    stripper.close()
    text = "".join(stripper.parts)
    text = re.sub(r"[ \t]*\n[ \t]*", "\n", text)
    text = re.sub(r"\n{3,}", "\n\n", re.sub(r" {2,}", " ", text)).strip()
    text = re.sub("[\ue000-\uf8ff]", lambda sign: _held(sign[0], tags), text)
    # A block tag alone on its line vanishes with the line; the empty line after it would be one too many.
    return re.sub(r"(\n\{%(?:(?!%\}).)*%\})\n{2,}", r"\1\n", text)


def _held(sign: str, tags: list[str]) -> str:
    position = ord(sign) - _FIRST
    return tags[position] if position < len(tags) else sign
