"""A plain text as it is laid out: blanks collapsed, lines broken, the template's tags in it as marks.

A tag of the template that stands alone on its line vanishes with the line (:mod:`nightmail.templates.lexing`); the layout
counts on it, so that a condition leaves the same empty lines whether it holds or not. In a loop every turn needs its own line
breaks: there the tags end in ``+%}``, which keeps them, and those that a turn begins with are not written before the loop.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

MARK = re.compile("\ufdd0([0-9]+)\ufdd1")
"""A tag of the template, by its number, between two code points that stand in no text."""

_BLANKS = re.compile(r"[ \t\r\n\f]+")
_TAG_CHARACTERS = re.compile(r"\{(?=[{%#]|\Z)|#\}")


def marked(number: int) -> str:
    """The mark of a tag."""
    return f"\ufdd0{number}\ufdd1"


class Layout:
    """Collects a text. ``tags`` are the sources of the template's tags by number.

    ``turns`` says for the ``for`` of each loop how many line breaks its turns begin with: :attr:`turns` of a first layout
    of the same text.
    """

    def __init__(self, tags: Sequence[str], turns: Mapping[int, int] | None = None) -> None:
        self._tags = tags
        self._known_turns = turns or {}
        self.turns: dict[int, int] = {}
        """The line breaks that a turn of each loop begins with, by the number of its ``for``."""
        self._loop: int | None = None
        """The ``for`` of the present loop."""
        self._breaks_before_loop = 0
        self._keeping: set[int] = set()
        """Tags that keep the line break after them."""
        self._parts: list[str] = []
        self._breaks = 0
        """Line breaks that come before what is written next."""
        self._blank = False
        """Whether a blank comes before what is written next."""
        self._at_line_start = True
        self._tag_breaks: int | None = None
        """Line breaks before the tags that stand alone on the present line; none where other text stands there."""
        self.marks: list[int] = []
        """The marks written so far, in order; those of links' addresses are not among them."""

    @property
    def position(self) -> int:
        """Where the next text will stand, for :meth:`written_since`."""
        return len(self._parts)

    def written_since(self, position: int) -> str:
        """What was written since then."""
        return "".join(self._parts[position:])

    def break_line(self, breaks: int) -> None:
        """Have at least so many line breaks before what comes."""
        self._breaks = max(self._breaks, breaks)
        self._blank = False

    def end_line(self) -> None:
        """One line break more, as ``<br>`` makes it."""
        self._flush()
        self._parts.append("\n")
        self._begin_line()

    def write(self, text: str, *, keep_spaces: bool = False, is_address: bool = False) -> None:
        """Add a text with marks in it; those of a link's address are not counted among :attr:`marks`."""
        counted = len(self.marks)
        at = 0
        for mark in MARK.finditer(text):
            self._plain(text[at : mark.start()], keep_spaces)
            self._mark(int(mark[1]), mark[0])
            at = mark.end()
        self._plain(text[at:], keep_spaces)
        if is_address:
            del self.marks[counted:]

    def text(self) -> str:
        """The whole text, with the tags in place of the marks."""
        return self.filled("".join(self._parts).strip())

    def filled(self, text: str) -> str:
        """A text with the tags in place of its marks, and braces that would begin a tag written as values."""
        filled: list[str] = []
        at = 0
        for mark in MARK.finditer(text):
            filled += [_literal(text[at : mark.start()]), self._tag(int(mark[1]))]
            at = mark.end()
        last = text[at:]
        return "".join([*filled, _literal(last[:-1]) + last[-1:] if last.endswith("{") else _literal(last)])

    def _tag(self, number: int) -> str:
        source = self._tags[number]
        return f"{source.removesuffix('%}')}+%}}" if number in self._keeping else source

    def _mark(self, number: int, mark: str) -> None:
        self.marks.append(number)
        source = self._tags[number]
        if not source.startswith("{%"):
            self._flush()
            self._append_mark(mark)
            self._tag_breaks = None
        elif source.startswith("{% for"):
            self._begin_loop(number, mark)
        elif source.startswith("{% endfor"):
            self._end_loop(number, mark)
        else:
            breaks = self._breaks if self._parts else 2
            self._flush()
            if self._at_line_start and self._tag_breaks is None:
                self._tag_breaks = breaks or 1
            self._append_mark(mark)
            if self._loop is not None:
                self._keeping.add(number)

    def _append_mark(self, mark: str) -> None:
        self._parts.append(mark)
        self._at_line_start = False

    def _begin_loop(self, number: int, mark: str) -> None:
        self._breaks_before_loop = self._breaks
        self._breaks = max(self._breaks - self._known_turns.get(number, 0), 0)
        self._flush()
        self._append_mark(mark)
        self._loop, self._tag_breaks = number, None
        self._keeping.add(number)

    def _end_loop(self, number: int, mark: str) -> None:
        begun = self._known_turns.get(self._loop, 0) if self._loop is not None else 0
        carried = 0
        if not self._breaks or self._breaks > begun:
            self._flush()
        else:
            carried, self._breaks, self._blank = self._breaks, 0, False
        self._append_mark(mark)
        self._loop, self._tag_breaks = None, None
        self._keeping.add(number)
        self._breaks = max(carried, self._breaks_before_loop if begun else 0)

    def _plain(self, text: str, keep_spaces: bool) -> None:
        if keep_spaces:
            if text:
                self._flush()
                self._parts.append(text)
                self._at_line_start, self._tag_breaks = text.endswith("\n"), None
            return
        collapsed = _BLANKS.sub(" ", text)
        bare = collapsed.strip(" ")
        if not bare:
            self._blank = self._blank or bool(collapsed)
            return
        self._blank = self._blank or collapsed.startswith(" ")
        self._flush()
        self._parts.append(bare)
        self._at_line_start, self._tag_breaks = False, None
        self._blank = collapsed.endswith(" ")

    def _flush(self) -> None:
        if self._loop is not None:
            self.turns.setdefault(self._loop, self._breaks)
        if self._breaks and self._parts:
            breaks = self._breaks
            if self._tag_breaks is not None:
                # The line of tags vanishes with its own line break, and with the breaks before it that is enough.
                breaks = max(breaks - self._tag_breaks, 0) + (self._loop is None)
            elif self._at_line_start:
                breaks -= 1
            self._parts.append("\n" * breaks)
            self._begin_line()
        elif self._blank and not self._at_line_start and self._tag_breaks is None:
            self._parts.append(" ")
        self._breaks, self._blank = 0, False

    def _begin_line(self) -> None:
        self._at_line_start, self._tag_breaks = True, None


def _literal(text: str) -> str:
    return _TAG_CHARACTERS.sub(lambda found: f'{{{{ "{found[0]}" }}}}', text)
