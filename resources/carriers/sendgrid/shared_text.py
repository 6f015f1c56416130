"""What the texts of many emails have in common: sent once in a request, with what differs as substitutions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_WORTH_COMPARING = 600
"""Characters from which a text is compared word by word."""
_SHORTEST_LITERAL = 200
_TAG_BYTES = 24
_WORDS = re.compile(r"\S+\s*|\s+")


@dataclass(frozen=True)
class SharedText:
    """Texts taken apart: ``text = literals[0] + middles[0] + literals[1] + ... + literals[-1]``, for each text.

    The literals are the same in all texts; ``middles`` has one tuple per gap, with one entry per text.
    """

    literals: tuple[str, ...]
    middles: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, texts: Sequence[str]) -> SharedText:
        """Take texts apart. One gap suffices for short texts; long ones are compared word by word for what they share."""
        first = texts[0]
        start = _common_start(texts)
        if start == len(first) and all(len(text) == start for text in texts):
            return cls((first,), ())
        shortest = min(len(text) for text in texts)
        end = min(_common_end(texts), shortest - start)
        rests = [text[start : len(text) - end] for text in texts]
        inner, middles = _inner_literals(rests)
        return cls((first[:start], *inner, first[len(first) - end :]), middles)

    def sizes(self, count: int) -> list[int]:
        """The bytes of each text's substitutions, tags included."""
        sizes = [_TAG_BYTES * len(self.middles)] * count
        for gap in self.middles:
            for index, middle in enumerate(gap):
                sizes[index] += len(middle) if middle.isascii() else len(middle.encode())
        return sizes

    def holds(self, piece: str) -> bool:
        """Whether a short piece occurs in any of the texts; what they share is looked through once."""
        if any(piece in literal for literal in self.literals):
            return True
        reach = len(piece)
        return any(
            piece in f"{before[-reach:]}{middle}{after[:reach]}"
            for before, gap, after in zip(self.literals, self.middles, self.literals[1:], strict=False)
            for middle in gap
        )

    def tagged(self, prefix: str) -> tuple[str, list[str]]:
        """The text with a tag in every gap, and the tags."""
        tags = [f"{prefix}{number}-" for number in range(len(self.middles))]
        pieces = [self.literals[0]]
        for tag, literal in zip(tags, self.literals[1:], strict=True):
            pieces += (tag, literal)
        return "".join(pieces), tags


def _inner_literals(texts: Sequence[str]) -> tuple[list[str], tuple[tuple[str, ...], ...]]:
    """Further long pieces that all texts have in one order, and what is left between them."""
    inner: list[str] = []
    gaps: list[tuple[str, ...]] = []
    cursors = [0] * len(texts)
    if len(texts) > 1 and max(map(len, texts)) > _WORTH_COMPARING:
        for literal in _shared_pieces(texts):
            places = [text.find(literal, cursor) for text, cursor in zip(texts, cursors, strict=True)]
            if min(places) < 0:
                continue
            gaps.append(tuple(text[cursor:place] for text, cursor, place in zip(texts, cursors, places, strict=True)))
            inner.append(literal)
            cursors = [place + len(literal) for place in places]
    gaps.append(tuple(text[cursor:] for text, cursor in zip(texts, cursors, strict=True)))
    return inner, tuple(gaps)


def _shared_pieces(texts: Sequence[str]) -> list[str]:
    """Long pieces that a few of the texts, spread over all, have in one order; whether all have them is to be seen."""
    pieces = [_WORDS.findall(texts[0])]
    count = len(texts)
    for sample in dict.fromkeys((count - 1, count // 2, count // 4, 3 * count // 4, 1)):
        words = _WORDS.findall(texts[sample])
        pieces = [
            piece[block.a : block.a + block.size]
            for piece in pieces
            for block in SequenceMatcher(None, piece, words).get_matching_blocks()
            if sum(map(len, piece[block.a : block.a + block.size])) >= _SHORTEST_LITERAL
        ]
    return ["".join(piece) for piece in pieces]


def _common_start(texts: Sequence[str]) -> int:
    """How many characters all texts begin with alike."""
    length = _alike(texts[0], texts[-1])
    start = texts[0][:length]
    for text in texts:
        if not text.startswith(start):
            length = _alike(start, text)
            start = start[:length]
    return length


def _common_end(texts: Sequence[str]) -> int:
    """How many characters all texts end with alike."""
    end = _end_alike(texts[0], texts[-1])
    for text in texts:
        if not text.endswith(end):
            end = _end_alike(end, text)
    return len(end)


def _end_alike(one: str, other: str) -> str:
    length = _alike(one[::-1], other[::-1])
    return one[len(one) - length :]


def _alike(one: str, other: str) -> int:
    """How many characters two texts begin with alike, found by halving."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
