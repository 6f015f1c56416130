"""Where in an HTML page a character stands, as browsers read pages: the states of the HTML standard's tokenizer.

A page is read in pieces, since the tags of a template stand between them: :func:`read` takes a place and a piece, and gives
what the piece consists of, each part with the place after it. Tokens alone are followed, no tree: what an element means is
for those who ask. Source: https://html.spec.whatwg.org/multipage/parsing.html#tokenization.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

RAW_ELEMENTS = frozenset({"style", "xmp", "iframe", "noembed", "noframes", "plaintext", "script"})
"""Elements whose content is text up to their own end tag, with no character references."""
ESCAPABLE_ELEMENTS = frozenset({"title", "textarea"})
"""Elements whose content is text up to their own end tag, with character references."""


class Kind(Enum):
    """What is being read at a place."""

    TEXT = "text"
    """Text between tags; also that of a title or text area."""
    RAW = "raw"
    """The content of an element of :data:`RAW_ELEMENTS`."""
    OPENING = "opening"
    """After ``<``, ``</``, ``<!`` or ``<!-``: a tag, a comment or text, as the next character says."""
    COMMENT = "comment"
    BOGUS_COMMENT = "bogus comment"
    """A doctype, ``<?...>`` and what else ends at the next ``>``."""
    TAG_NAME = "tag name"
    TAG = "tag"
    """In a tag, where an attribute may begin."""
    ATTRIBUTE = "attribute"
    """In an attribute's name."""
    AFTER_ATTRIBUTE = "after attribute"
    """After an attribute's name and blanks: a ``=`` would still give it a value."""
    BEFORE_VALUE = "before value"
    VALUE = "value"


class Place(NamedTuple):
    """A place in a page."""

    kind: Kind = Kind.TEXT
    tag: str = ""
    """The name of the tag that is being read, or of the raw or escapable element."""
    closing: bool = False
    """Whether the tag is an end tag."""
    attribute: str = ""
    quote: str = ""
    """What the attribute's value is quoted with."""
    pending: str = ""
    """What was read last and may go on to mean something: ``<!-`` or ``--``."""
    escaped: bool = False
    """In a script, after ``<!--``."""
    double: bool = False
    """In a script, after ``<!--`` and ``<script``: the next end tag does not end the script."""

    def between(self) -> Place:
        """The place as a tag of the template finds it, which ends what was read so far of an attribute's name."""
        return self._replace(kind=Kind.TAG, attribute="") if self.kind is Kind.AFTER_ATTRIBUTE else self


class Part(NamedTuple):
    """A part of a page that was read: its text, the place in which it stands, and the place after it."""

    text: str
    within: Place
    after: Place


_SPACES = "\t\n\f\r "
_NAME_END = re.compile(r"[\t\n\f\r />]")
_ATTRIBUTE_END = re.compile(r"[\t\n\f\r />=]")
_UNQUOTED_END = re.compile(r"[\t\n\f\r >]")
_LETTER = re.compile(r"[A-Za-z]")


def read(place: Place, text: str) -> Iterator[Part]:
    """The parts of ``text``, which begins at ``place``."""
    at = 0
    while at < len(text):
        end, after = _STEPS[place.kind](place, text, at)
        yield Part(text[at:end], place, after)
        place, at = after, end


def after(place: Place, text: str) -> Place:
    """The place after ``text``, which begins at ``place``."""
    for part in read(place, text):
        place = part.after
    return place


Step = tuple[int, Place]


def _text(place: Place, text: str, at: int) -> Step:
    end = text.find("<", at)
    if end == at:
        return at + 1, place._replace(kind=Kind.OPENING, pending="<")
    return (len(text) if end < 0 else end), place


def _opening(place: Place, text: str, at: int) -> Step:
    character, pending = text[at], place.pending
    back = Place() if place.tag not in ESCAPABLE_ELEMENTS else place._replace(kind=Kind.TEXT, pending="")
    if place.tag in ESCAPABLE_ELEMENTS:
        return _opening_in_escapable(place, text, at, back)
    if pending == "<":
        if _LETTER.match(character):
            return at, Place(Kind.TAG_NAME)
        if character in "/!":
            return at + 1, place._replace(pending=pending + character)
        return (at, Place(Kind.BOGUS_COMMENT)) if character == "?" else (at, back)
    if pending == "</":
        if _LETTER.match(character):
            return at, Place(Kind.TAG_NAME, closing=True)
        return (at + 1, back) if character == ">" else (at, Place(Kind.BOGUS_COMMENT))
    if character == "-":
        done = pending == "<!-"
        return at + 1, Place(Kind.COMMENT, pending="<!--") if done else place._replace(pending=pending + character)
    return at, Place(Kind.BOGUS_COMMENT)


def _opening_in_escapable(place: Place, text: str, at: int, back: Place) -> Step:
    """In a title or text area only its own end tag is one."""
    ending = f"</{place.tag}"
    pending = place.pending + text[at].lower()
    if len(pending) <= len(ending):
        return (at + 1, place._replace(pending=pending)) if ending.startswith(pending) else (at, back)
    if _NAME_END.match(text[at]):
        return at, Place(Kind.TAG, tag=place.tag, closing=True)
    return at, back


_COMMENT_ENDS = ("-->", "--!>")


def _comment(place: Place, text: str, at: int) -> Step:
    character = text[at]
    pending = place.pending
    if pending.startswith("<!--"):
        # Right after its beginning, a comment ends at > and ->.
        if character == ">":
            return at + 1, Place()
        if character == "-":
            pending = "--" if pending == "<!---" else "<!---"
            return at + 1, place._replace(pending=pending)
        return at, place._replace(pending="")
    if pending:
        grown = pending + character
        if grown in _COMMENT_ENDS:
            return at + 1, Place()
        if any(ending.startswith(grown) for ending in _COMMENT_ENDS):
            return at + 1, place._replace(pending=grown)
        if grown == "---":
            return at + 1, place
        return (at + 1, place._replace(pending="-")) if grown == "--!-" else (at, place._replace(pending=""))
    end = text.find("-", at)
    if end < 0:
        return len(text), place
    return end + 1, place._replace(pending="-")


def _bogus_comment(place: Place, text: str, at: int) -> Step:
    end = text.find(">", at)
    return (len(text), place) if end < 0 else (end + 1, Place())


def _raw(place: Place, text: str, at: int) -> Step:
    if place.tag == "plaintext":
        return len(text), place
    if not place.pending:
        end = _first(text, at, "<-" if place.tag == "script" else "<")
        if end < 0:
            return len(text), place
        return end + 1, place._replace(pending=text[end])
    character = text[at]
    grown = place.pending + character.lower()
    ending = f"</{place.tag}"
    known = [ending, "<!--", "<script", "-->"] if place.tag == "script" else [ending]
    if place.pending in (ending, "<script"):
        return _after_raw_tag(place, character, at, ending)
    if grown == "<!--":
        return at + 1, place._replace(pending="--", escaped=True)
    if grown == "-->":
        return at + 1, place._replace(pending="", escaped=False, double=False)
    if grown == "---":
        return at + 1, place
    if any(entry.startswith(grown) for entry in known):
        return at + 1, place._replace(pending=grown)
    return at, place._replace(pending="")


def _after_raw_tag(place: Place, character: str, at: int, ending: str) -> Step:
    """After ``</script`` or ``<script`` in a script, or after the name of another raw element's end tag."""
    if not _NAME_END.match(character):
        return at, place._replace(pending="")
    if place.pending == ending and not place.double:
        return at, Place(Kind.TAG, tag=place.tag, closing=True)
    return at, place._replace(pending="", double=place.escaped and place.pending != ending)


def _first(text: str, at: int, characters: str) -> int:
    found = [end for end in (text.find(character, at) for character in characters) if end >= 0]
    return min(found, default=-1)


def _tag_name(place: Place, text: str, at: int) -> Step:
    end = _NAME_END.search(text, at)
    if end is None:
        return len(text), place._replace(tag=place.tag + text[at:].lower())
    if end.start() > at:
        return end.start(), place._replace(tag=place.tag + text[at : end.start()].lower())
    return at, place._replace(kind=Kind.TAG)


def _tag(place: Place, text: str, at: int) -> Step:
    character = text[at]
    if character == ">":
        return at + 1, _end_of_tag(place)
    if character in _SPACES or character == "/":
        return at + 1, place
    # A = at the beginning belongs to the name.
    return at + 1, place._replace(kind=Kind.ATTRIBUTE, attribute=character.lower(), quote="")


def _attribute(place: Place, text: str, at: int) -> Step:
    end = _ATTRIBUTE_END.search(text, at)
    if end is None:
        return len(text), place._replace(attribute=place.attribute + text[at:].lower())
    if end.start() > at:
        return end.start(), place._replace(attribute=place.attribute + text[at : end.start()].lower())
    return at, place._replace(kind=Kind.AFTER_ATTRIBUTE)


def _after_attribute(place: Place, text: str, at: int) -> Step:
    character = text[at]
    if character in _SPACES:
        return at + 1, place
    if character == "=":
        return at + 1, place._replace(kind=Kind.BEFORE_VALUE)
    return at, place._replace(kind=Kind.TAG, attribute="")


def _before_value(place: Place, text: str, at: int) -> Step:
    character = text[at]
    if character in _SPACES:
        return at + 1, place
    if character in "\"'":
        return at + 1, place._replace(kind=Kind.VALUE, quote=character)
    if character == ">":
        return at + 1, _end_of_tag(place)
    return at, place._replace(kind=Kind.VALUE, quote="")


def _value(place: Place, text: str, at: int) -> Step:
    if place.quote:
        end = text.find(place.quote, at)
        if end == at:
            return at + 1, place._replace(kind=Kind.TAG, attribute="", quote="")
        return (len(text) if end < 0 else end), place
    found = _UNQUOTED_END.search(text, at)
    if found is None:
        return len(text), place
    if found.start() > at:
        return found.start(), place
    return at, place._replace(kind=Kind.TAG, attribute="")


def _end_of_tag(place: Place) -> Place:
    if place.closing:
        return Place()
    if place.tag in RAW_ELEMENTS:
        return Place(Kind.RAW, tag=place.tag)
    return Place(Kind.TEXT, tag=place.tag) if place.tag in ESCAPABLE_ELEMENTS else Place()


_STEPS = {
    Kind.TEXT: _text,
    Kind.RAW: _raw,
    Kind.OPENING: _opening,
    Kind.COMMENT: _comment,
    Kind.BOGUS_COMMENT: _bogus_comment,
    Kind.TAG_NAME: _tag_name,
    Kind.TAG: _tag,
    Kind.ATTRIBUTE: _attribute,
    Kind.AFTER_ATTRIBUTE: _after_attribute,
    Kind.BEFORE_VALUE: _before_value,
    Kind.VALUE: _value,
}
