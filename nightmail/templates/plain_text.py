"""The text part of an email whose template has only HTML: tags go, structure and links stay, placeholders stay.

The page is read by Lexbor, as browsers read it: optional tags may be left out, and what stands in a style or a comment is
no text. The template's own tags are put into the page as marks, and taken out of the tree in the order of the page.

Browsers move text out of tables and into the body; under the conditions of a template that would change what is sent to
whom. So the elements whose content is moved are read under other names, which no parser knows (:data:`_MOVING`). Should a mark
nevertheless be lost or moved, the page is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from nightmail.templates.environments import Markup, environment
from nightmail.templates.html_places import ESCAPABLE_ELEMENTS, Kind, Place, read
from nightmail.templates.lexing import RawToken
from nightmail.templates.link_texts import shown_address
from nightmail.templates.text_layout import MARK, Layout, marked

_MOVING = frozenset(
    {
        *("html", "head", "body", "frameset", "template", "select", "option", "optgroup"),
        *("table", "caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr", "td", "th"),
    }
)
"""Elements from which browsers move content, or whose content they keep apart."""
_RENAMED = "nm-"

_PARAGRAPHS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "listing", "xmp", "figure", "dl", "fieldset"}
)
_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "body", "center", "dd", "details", "dialog", "dir", "div", "dt", "figcaption"),
        *("footer", "form", "header", "hgroup", "legend", "main", "menu", "nav", "ol", "optgroup", "option", "search"),
        *("section", "summary", "ul", "table", "caption", "tr", "html", "li", "hr"),
    }
)
"""Elements that stand on lines of their own: https://html.spec.whatwg.org/multipage/rendering.html#flow-content-3."""
_SILENT = frozenset({"style", "script", "title", "template", "iframe", "noembed", "noframes", "datalist", "desc"})
"""Elements whose content no browser shows."""
_KEEPING_SPACES = frozenset({"pre", "listing", "xmp", "textarea", "plaintext"})
_HIDING = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)\b", re.IGNORECASE)
_HREF_AGAIN = "href\ufdd2"
"""``href`` of a tag that has conditions in it: each under a name of its own, since browsers keep the first alone."""


class TextPartError(Exception):
    """The text part cannot be made of an HTML body: conditions stand across its tags. ``line`` is the body's."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


def text_of_html(source: str) -> str:
    """The text of an HTML body's source, with the template's tags in it.

    Raises :class:`TextPartError` where a condition opens or closes a tag halfway, and Jinja2's ``TemplateSyntaxError``.
    """
    page = _Page(source)
    layout = Layout(page.tags)
    _Walk(page, layout).run()
    if layout.turns:
        layout = Layout(page.tags, layout.turns)
        _Walk(page, layout).run()
    if layout.marks != sorted(page.in_text):
        lost = next((mark for mark in sorted(page.in_text) if mark not in layout.marks), min(page.in_text, default=0))
        raise TextPartError(page.lines[lost])
    return layout.text()


# --- The page with marks ------------------------------------------------------------------------------------------------


@dataclass
class _Tag:
    """A tag or a value of the template, as it is to stand in the text."""

    source: str
    keyword: str
    """``if``, ``else`` and so on; empty for a value."""
    line: int


class _Page:
    """The page to parse: marks for the template's tags, other names for elements that browsers move."""

    def __init__(self, source: str) -> None:
        self.tags: list[str] = []
        self.lines: list[int] = []
        self.in_text: set[int] = set()
        """Marks that must come out of the tree, each once and in order: those outside of HTML's tags."""
        self.keywords: list[str] = []
        self._parts: list[str] = []
        self._place = Place()
        self._branches: list[Place] = []
        self._is_conditional = False
        """Whether the HTML tag that is being read has a tag of the template between its attributes."""
        for unit in _units(source):
            if isinstance(unit, str):
                self._data(unit)
            else:
                self._tag(unit)
        self.html = "".join(self._parts)

    def _tag(self, tag: _Tag) -> None:
        number = len(self.tags)
        self.tags.append(tag.source)
        self.lines.append(tag.line)
        self.keywords.append(tag.keyword)
        self._place = self._place.between()
        self._follow_branches(tag)
        kind, mark = self._place.kind, marked(number)
        if kind in (Kind.TEXT, Kind.OPENING, Kind.RAW, Kind.COMMENT, Kind.BOGUS_COMMENT):
            if tag.keyword or kind in (Kind.TEXT, Kind.OPENING):
                self.in_text.add(number)
            is_markup = kind is Kind.TEXT and self._place.tag not in ESCAPABLE_ELEMENTS
            self._parts.append(f"<!--{mark}-->" if tag.keyword and is_markup else mark)
        elif kind is Kind.VALUE:
            self._parts.append(mark)
        elif kind is Kind.TAG:
            self._is_conditional = True
            self._parts.append(f" {mark} ")
        else:
            raise TextPartError(tag.line)

    def _follow_branches(self, tag: _Tag) -> None:
        if tag.keyword in ("if", "for"):
            self._branches.append(self._place)
        elif tag.keyword in ("elif", "else", "endif", "endfor"):
            start = self._branches[-1] if self._branches else self._place
            if start != self._place:
                raise TextPartError(tag.line)
            if tag.keyword.startswith("end") and self._branches:
                self._branches.pop()

    def _data(self, data: str) -> None:
        for part in read(self._place, data):
            text = part.text
            if part.within.kind is Kind.TAG_NAME and text:
                self._is_conditional = False
                if part.after.tag in _MOVING:
                    # What stands after </body> is shown as if it stood before it.
                    ends_page = part.after.closing and part.after.tag in ("html", "head", "body")
                    text = f"{_RENAMED}end-{text}" if ends_page else f"{_RENAMED}{text}"
            elif self._is_conditional and part.within.kind is Kind.ATTRIBUTE and part.after.kind is not Kind.ATTRIBUTE:
                text = f"\ufdd2{len(self._parts)}{text}" if part.within.attribute == "href" else text
            self._parts.append(text)
            self._place = part.after


_OPENINGS = {"block_begin": "block_end", "variable_begin": "variable_end"}


def _units(source: str) -> Iterator[str | _Tag]:
    """The texts of a body, and its tags and values without the signs that strip spaces: those have been stripped."""
    tokens: list[RawToken] = []
    for token in environment("en", Markup.HTML).lexer.tokeniter(source, None):
        kind = token[1]
        if tokens:
            tokens.append(token)
            if kind == _OPENINGS[tokens[0][1]]:
                yield _tag_of(tokens)
                tokens = []
        elif kind in _OPENINGS:
            tokens = [token]
        elif kind == "data":
            yield token[2]


def _tag_of(tokens: Sequence[RawToken]) -> _Tag:
    inside = "".join(text for _, _, text in tokens[1:-1]).strip()
    if tokens[0][1] == "variable_begin":
        return _Tag(f"{{{{ {inside} }}}}", "", tokens[0][0])
    return _Tag(f"{{% {inside} %}}", inside.split(maxsplit=1)[0], tokens[0][0])


# --- The tree -----------------------------------------------------------------------------------------------------------


class _Walk:
    """Goes through the tree of a page and writes its text into a layout."""

    def __init__(self, page: _Page, layout: Layout) -> None:
        self._page = page
        self._layout = layout
        self._silent = 0
        self._keeping = 0
        self._links: list[tuple[str, int]] = []

    def run(self) -> None:
        waiting: list[tuple[LexborNode | None, bool]] = [
            (LexborHTMLParser(f"<!doctype html><body>{self._page.html}").root, False)
        ]
        while waiting:
            node, is_left = waiting.pop()
            if node is None:
                continue
            if is_left:
                self._leave(node)
                continue
            waiting.append((node.next, False))
            if node.is_element_node:
                self._enter(node)
                waiting.append((node, True))
                waiting.append((node.first_child, False))
            elif node.is_text_node:
                self._text(node.text_content or "")
            elif node.is_comment_node:
                self._tags_of(node.comment_content or "")

    def _text(self, text: str) -> None:
        if self._silent:
            self._tags_of(text)
        else:
            self._layout.write(text, keep_spaces=self._keeping > 0)

    def _tags_of(self, text: str) -> None:
        """The tags of the template in a text that nobody sees: what they set or open holds for the rest as well."""
        for mark in MARK.finditer(text):
            number = int(mark[1])
            if self._page.keywords[number]:
                self._layout.write(mark[0])
            else:
                self._layout.marks.append(number)

    def _enter(self, node: LexborNode) -> None:
        name, attributes = _name(node), dict(node.attributes)
        self._silent += _is_silent(name, attributes)
        self._keeping += name in _KEEPING_SPACES
        if self._silent:
            return
        self._break_for(name)
        if name in ("a", "area"):
            self._links.append((_address(attributes), self._layout.position))
        if name in ("td", "th"):
            self._layout.write(" ")
        elif name == "br":
            self._layout.end_line()
        elif name == "li":
            self._layout.write("- ")
        elif name == "hr":
            self._layout.write("---")
            self._layout.break_line(1)
        elif name in ("img", "area"):
            self._layout.write(attributes.get("alt") or "")
        elif name == "input" and (attributes.get("type") or "").lower() in ("submit", "button", "reset"):
            self._layout.write(attributes.get("value") or "")

    def _leave(self, node: LexborNode) -> None:
        name, attributes = _name(node), dict(node.attributes)
        if not self._silent:
            self._leave_shown(name)
        self._silent -= _is_silent(name, attributes)
        self._keeping -= name in _KEEPING_SPACES

    def _leave_shown(self, name: str) -> None:
        if name in ("a", "area"):
            address, start = self._links.pop()
            shown = self._layout.written_since(start).strip()
            if self._layout.filled(address) != self._layout.filled(shown):
                self._show(shown_address(address, self._page.tags), beside=bool(shown))
        self._break_for(name)

    def _break_for(self, name: str) -> None:
        if name in _PARAGRAPHS:
            self._layout.break_line(2)
        elif name in _BLOCKS:
            self._layout.break_line(1)

    def _show(self, address: str, *, beside: bool) -> None:
        if address:
            self._layout.write(f" ({address})" if beside else address, is_address=True)


def _name(node: LexborNode) -> str:
    return (node.tag or "").lower().removeprefix(_RENAMED)


def _is_silent(name: str, attributes: dict[str, str | None]) -> bool:
    style = attributes.get("style") or ""
    return name in _SILENT or "hidden" in attributes or (_HIDING.search(style) is not None and not MARK.search(style))


def _address(attributes: dict[str, str | None]) -> str:
    """The address of a link, with the conditions under which it has it."""
    if not any(MARK.fullmatch(name) for name in attributes):
        return attributes.get("href") or ""
    parts: list[str] = []
    for name, value in attributes.items():
        if MARK.fullmatch(name):
            parts.append(name)
        elif name == "href" or name.startswith(_HREF_AGAIN):
            parts.append(value or "")
    return "".join(parts)
