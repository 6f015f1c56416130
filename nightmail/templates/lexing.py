"""The lexer of bodies: Jinja2's own, with two rules on top of its tokens.

- A line that holds nothing but tags and comments leaves nothing behind, its line break included, as with Jinja2's
  ``trim_blocks`` and ``lstrip_blocks``; a line that holds other text keeps its line break, which ``trim_blocks`` alone would
  take away. The rule is applied to the tokens, so that what stands inside a comment or ``raw`` is never mistaken for a tag. The line
  break after ``{% raw %}`` stands in ``raw`` already and is printed.
- In the styles and scripts of HTML, ``{#hero{...}`` is CSS and no comment. Where both could be meant, the body is refused.

Comments do not nest: a ``{#`` inside a comment, or a ``#}`` without one, would send what the author took out, so both are
refused. https://jinja.palletsprojects.com/en/stable/templates/#whitespace-control describes the signs in ``{%-`` and ``+%}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jinja2 import Environment, TemplateSyntaxError
from jinja2.lexer import Lexer

NUMBER_CHARACTERS = 40
"""The most characters of a number written in a body."""

RawToken = tuple[int, str, str]
"""A token as Jinja2's lexer makes it: line, kind, text."""

_CSS_MARK = "\ufdd0"
"""Put between ``{`` and ``#`` where they are CSS: no character of any text, taken out of the tokens again."""

_OPENING = {"block_begin": "block_end", "comment_begin": "comment_end", "variable_begin": "variable_end"}
_SIGNED_END = re.compile(r"([-+])[%#]\}\s*\Z")
"""Tags that end in ``-%}`` or ``+%}`` say themselves what becomes of the line break after them."""


class BodyLexer(Lexer):
    """Jinja2's lexer with the rules of this module. ``html`` says that styles and scripts are those of a page."""

    def __init__(self, environment: Environment, *, html: bool) -> None:
        super().__init__(environment)
        self._html = html

    def tokeniter(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> Iterator[RawToken]:
        """The tokens of a body. Raises ``TemplateSyntaxError`` with the line of what cannot be read in one way only."""
        if self._html:
            source = _with_css_marked(source)
        tokens = list(super().tokeniter(source, name, filename, state))
        if self._html and _CSS_MARK in source:
            tokens = [(line, kind, text.replace(_CSS_MARK, "")) for line, kind, text in tokens]
        _check(tokens)
        return iter(_without_lines_of_tags(tokens))


def _check(tokens: Sequence[RawToken]) -> None:
    in_raw = False
    for line, kind, text in tokens:
        if kind in ("raw_begin", "raw_end"):
            in_raw = kind == "raw_begin"
        elif kind == "comment" and "{#" in text:
            at = line + text.count("\n", 0, text.index("{#"))
            raise TemplateSyntaxError("a comment stands inside a comment, which would end at the first #}", at)
        elif kind == "data" and "#}" in text and not in_raw:
            at = line + text.count("\n", 0, text.index("#}"))
            raise TemplateSyntaxError("#} ends a comment that did not begin", at)
        elif kind in ("integer", "float") and (len(text) > NUMBER_CHARACTERS or _exponent(text) > NUMBER_CHARACTERS):
            raise TemplateSyntaxError(f"a number has more than {NUMBER_CHARACTERS} digits", line)


def _exponent(number: str) -> int:
    _, mark, exponent = number.lower().replace("_", "").partition("e")
    return abs(int(exponent)) if mark and not number.lower().startswith("0x") else 0


# --- Lines of tags ------------------------------------------------------------------------------------------------------


@dataclass
class _Unit:
    """What stands between two others: text, a tag with all its tokens, or a value."""

    kind: str
    """``data``, ``tag`` or ``value``."""
    tokens: list[RawToken]
    cut: str = ""
    """What is left of a text."""

    def __post_init__(self) -> None:
        self.cut = self.text

    @property
    def text(self) -> str:
        return self.tokens[0][2]

    @property
    def last_line(self) -> int:
        line, _, text = self.tokens[-1]
        return line + text.count("\n")

    def remaining(self) -> list[RawToken]:
        if self.kind != "data":
            return self.tokens
        line, kind, text = self.tokens[0]
        # Only what follows a tag loses a line break, and it loses its first.
        return [(line + text.count("\n") - self.cut.count("\n"), kind, self.cut)] if self.cut else []


def _units(tokens: Sequence[RawToken]) -> list[_Unit]:
    units: list[_Unit] = []
    until: str | None = None
    for token in tokens:
        kind = token[1]
        if until is not None:
            units[-1].tokens.append(token)
            if kind == until:
                until = None
        elif kind == "data":
            units.append(_Unit("data", [token]))
        elif kind in _OPENING:
            units.append(_Unit("value" if kind == "variable_begin" else "tag", [token]))
            until = _OPENING[kind]
        else:
            units.append(_Unit("tag", [token]))  # raw_begin and raw_end are tokens of their own
    return units


def _without_lines_of_tags(tokens: Sequence[RawToken]) -> list[RawToken]:
    units = _units(tokens)
    at = 0
    while at < len(units):
        if units[at].kind != "tag":
            at += 1
            continue
        end = _end_of_run(units, at)
        signed = _SIGNED_END.search(units[end - 1].tokens[-1][2])
        sign = "" if signed is None else signed[1]
        if sign != "-" and _begins_line(units, at) and _ends_line(units, end):
            begins_raw = units[end - 1].tokens[-1][1] == "raw_begin"
            _cut(units, at, end, keeps_break=sign == "+" or begins_raw)
        at = end
    return [token for unit in units for token in unit.remaining()]


def _end_of_run(units: Sequence[_Unit], start: int) -> int:
    """The position after the last of the tags that follow each other with only blanks between them."""
    end = at = start + 1
    while at < len(units):
        if units[at].kind == "tag":
            end = at + 1
        elif units[at].kind != "data" or units[at].text.strip(" \t"):
            break
        at += 1
    return end


def _begins_line(units: Sequence[_Unit], at: int) -> bool:
    if at == 0:
        return True
    before = units[at - 1]
    if before.last_line < units[at].tokens[0][0]:
        return True  # {%- has taken the line break away
    if before.kind != "data":
        return False
    _, line_break, rest = before.text.rpartition("\n")
    if rest.strip(" \t"):
        return False
    return bool(line_break) or at == 1 or units[at - 2].last_line > units[at - 2].tokens[-1][0]


def _ends_line(units: Sequence[_Unit], end: int) -> bool:
    if end == len(units):
        return True
    after = units[end]
    if after.kind != "data":
        return False
    blank, line_break, _ = after.text.partition("\n")
    return not blank.strip(" \t") and (bool(line_break) or end + 1 == len(units))


def _cut(units: Sequence[_Unit], at: int, end: int, *, keeps_break: bool) -> None:
    if at and not units[at].text.startswith(("{%+", "{#+")):
        units[at - 1].cut = units[at - 1].cut.rstrip(" \t")
    for unit in units[at + 1 : end]:
        unit.cut = ""
    if end < len(units):
        _, line_break, rest = units[end].cut.partition("\n")
        units[end].cut = f"{line_break}{rest}" if keeps_break else rest


# --- Styles and scripts -------------------------------------------------------------------------------------------------

_STYLES = re.compile(r"<(style|script)\b[^>]*>(.*?)(?:</\1|\Z)", re.IGNORECASE | re.DOTALL)
_BEGINS_NAME = re.compile(r"[A-Za-z_\\-]|[^\x00-\x7f]")
"""How a name begins in CSS (https://www.w3.org/TR/css-syntax-3/#ident-token-diagram); a comment's blank does not."""


def _with_css_marked(source: str) -> str:
    if "{#" not in source:
        return source
    parts: list[str] = []
    done = 0
    for element in _STYLES.finditer(source):
        parts.append(source[done : element.start(2)])
        parts.append(_css_marked(source, element.start(2), element.end(2), element[1].lower()))
        done = element.end(2)
    parts.append(source[done:])
    return "".join(parts)


def _css_marked(source: str, start: int, end: int, element: str) -> str:
    content = source[start:end]
    parts: list[str] = []
    done = 0
    while (opening := content.find("{#", done)) >= 0:
        closing, following = content.find("#}", opening + 2), content.find("{#", opening + 2)
        is_closed = closing >= 0 and (following < 0 or closing < following)
        inside = content[opening + 2 : closing] if is_closed else ""
        names = _BEGINS_NAME.match(content, opening + 2) is not None
        line = source.count("\n", 0, start + opening) + 1
        if is_closed and (not names or not re.search("[{}]", inside)):
            parts.append(content[done : closing + 2])
            done = closing + 2
            continue
        if is_closed or not names:
            raise TemplateSyntaxError(
                f"{{# in <{element}> can begin a comment of the template as well as a rule; "
                "write { # for the rule, with a space, or {# ... #} without braces for the comment",
                line,
            )
        parts.append(f"{content[done:opening]}{{{_CSS_MARK}#")
        done = opening + 2
    return "".join(parts) + content[done:]
