"""Patterns over digits as one table of transitions, so that numpy can run them over a whole column at once.

The metadata of ``phonenumbers`` says with regular expressions what a number of each country and type looks like. They use a small
part of the language: digits, classes, groups, alternatives and counts. :func:`parse` reads that part and refuses everything else;
:class:`Automaton` runs many patterns at the same time, and tells which of them match a whole string of digits. There is no backtracking and
nothing is tried twice: one look-up per digit, however many patterns there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_ALL_DIGITS = 0b11_1111_1111


class UnknownSyntaxError(ValueError):
    """The pattern uses more of the language of regular expressions than is understood here."""


class _Part(NamedTuple):
    """A piece of a pattern as its positions: where it may begin and end, and whether it may be empty. Sets are bits of an int."""

    first: int
    last: int
    empty: bool


class Positions:
    """The positions of several patterns: what digit each takes and which may follow it (Glushkov's construction)."""

    def __init__(self) -> None:
        self.takes: list[int] = []
        self.follow: list[int] = []

    def position(self, digits: int) -> _Part:
        """A new position that takes one of ``digits`` (bits)."""
        bit = 1 << len(self.takes)
        self.takes.append(digits)
        self.follow.append(0)
        return _Part(bit, bit, False)

    def after(self, left: _Part, right: _Part) -> _Part:
        """``left`` and then ``right``."""
        for index in bits(left.last):
            self.follow[index] |= right.first
        return _Part(
            left.first | right.first if left.empty else left.first,
            left.last | right.last if right.empty else right.last,
            left.empty and right.empty,
        )


def bits(mask: int) -> list[int]:
    """The indices of the bits set in ``mask``."""
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found


_EMPTY = _Part(0, 0, True)


class _Parser:
    def __init__(self, pattern: str, positions: Positions) -> None:
        self._pattern = pattern
        self._at = 0
        self._positions = positions

    def whole(self) -> _Part:
        part = self._alternatives()
        if self._at != len(self._pattern):
            raise UnknownSyntaxError(self._pattern)
        return part

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _alternatives(self) -> _Part:
        first, last, empty = 0, 0, False
        while True:
            part = self._sequence()
            first, last, empty = first | part.first, last | part.last, empty or part.empty
            if self._peek() != "|":
                return _Part(first, last, empty)
            self._at += 1

    def _sequence(self) -> _Part:
        part = _EMPTY
        while self._peek() not in ("", "|", ")"):
            part = self._positions.after(part, self._counted())
        return part

    def _counted(self) -> _Part:
        begin = self._at
        part = self._single()
        end = self._at
        least, most = self._count()
        if (least, most) == (1, 1):
            return part
        after = self._at
        whole = _EMPTY
        for repetition in range(most):
            if repetition:
                self._at = begin
                part = self._single()
                if self._at != end:
                    raise UnknownSyntaxError(self._pattern)
            whole = self._positions.after(whole, part if repetition < least else _Part(part.first, part.last, True))
        self._at = after
        return whole

    def _count(self) -> tuple[int, int]:
        following = self._peek()
        if following == "?":
            self._at += 1
            return 0, 1
        if following in ("*", "+"):
            raise UnknownSyntaxError(self._pattern)
        if following != "{":
            return 1, 1
        end = self._closing("}")
        least, _, most = self._pattern[self._at + 1 : end].partition(",")
        if not least.isdigit() or (most and not most.isdigit()) or (not most and "," in self._pattern[self._at : end]):
            raise UnknownSyntaxError(self._pattern)
        self._at = end + 1
        return int(least), int(most or least)

    def _closing(self, bracket: str) -> int:
        end = self._pattern.find(bracket, self._at)
        if end < 0:
            raise UnknownSyntaxError(self._pattern)
        return end

    def _single(self) -> _Part:
        sign = self._peek()
        self._at += 1
        if sign.isascii() and sign.isdigit():
            return self._positions.position(1 << int(sign))
        if sign == "\\" and self._peek() == "d":
            self._at += 1
            return self._positions.position(_ALL_DIGITS)
        if sign == "[":
            return self._positions.position(self._digit_class())
        if sign == "(":
            if self._peek() == "?":
                if self._pattern[self._at : self._at + 2] != "?:":
                    raise UnknownSyntaxError(self._pattern)
                self._at += 2
            part = self._alternatives()
            if self._peek() != ")":
                raise UnknownSyntaxError(self._pattern)
            self._at += 1
            return part
        raise UnknownSyntaxError(self._pattern)

    def _digit_class(self) -> int:
        end = self._closing("]")
        text = self._pattern[self._at : end]
        self._at = end + 1
        digits = 0
        while text:
            low = text[0]
            high = text[2:3] if text[1:2] == "-" else low
            if not (low.isascii() and low.isdigit() and high.isascii() and high.isdigit()):
                raise UnknownSyntaxError(self._pattern)
            for digit in range(int(low), int(high) + 1):
                digits |= 1 << digit
            text = text[3:] if text[1:2] == "-" else text[1:]
        return digits


def literals(pattern: str, most: int) -> tuple[str, ...] | None:
    """All strings that ``pattern`` matches, if they are at most ``most`` and none of them begins another, else None.

    Then it does not matter in which order a regular expression would try them.
    """
    if pattern.isascii() and pattern.isdigit():
        return (pattern,)
    try:
        automaton = Automaton([pattern], [False])
    except UnknownSyntaxError:
        return None
    found: list[str] = []
    waiting = [("", 1)]
    while waiting:
        text, state = waiting.pop()
        leads_on = [(f"{text}{digit}", int(to)) for digit, to in enumerate(automaton.transitions[state]) if to]
        if automaton.matches[state]:
            if leads_on or not text or len(found) == most:
                return None
            found.append(text)
        elif len(waiting) > most:
            return None
        waiting.extend(leads_on)
    return tuple(sorted(found))


class Automaton:
    """Several patterns at once. States are numbers from 0, which is where nothing can match any more; 1 is the start.

    ``transitions`` is a table of ten columns, one per digit. ``matches[state]`` has bit ``i`` set if pattern ``i`` matches what was
    read up to that state.
    """

    def __init__(self, patterns: Sequence[str], prefixes: Sequence[bool]) -> None:
        """Raises :class:`UnknownSyntaxError`. A pattern whose ``prefixes`` is true matches whatever begins with it."""
        positions = Positions()
        owner_last: list[int] = []
        start = 0
        matches_empty = 0
        for index, (pattern, is_prefix) in enumerate(zip(patterns, prefixes, strict=True)):
            part = _Parser(pattern, positions).whole()
            if is_prefix:
                rest = positions.position(_ALL_DIGITS)
                positions.follow[-1] |= rest.first
                part = positions.after(part, _Part(rest.first, rest.last, True))
            start |= part.first
            matches_empty |= int(part.empty) << index
            owner_last.append(part.last)
        # A state is the set of positions that may come next. What was matched goes with it, hence the pair.
        states: dict[tuple[int, int], int] = {(0, 0): 0, (start, matches_empty): 1}
        queue = [(start, matches_empty)]
        rows: list[list[int]] = [[0] * 10, [0] * 10]
        matches = [0, matches_empty]
        ends = [0] * len(positions.takes)
        for index, last in enumerate(owner_last):
            for position in bits(last):
                ends[position] |= 1 << index
        takes, follow = positions.takes, positions.follow
        digits_of = {digits: bits(digits) for digits in set(takes)}
        for state in queue:
            row = rows[states[state]]
            # Positions that take the same digits lead on together.
            following_by: dict[int, int] = {}
            matched_by: dict[int, int] = {}
            for position in bits(state[0]):
                digits = takes[position]
                following_by[digits] = following_by.get(digits, 0) | follow[position]
                matched_by[digits] = matched_by.get(digits, 0) | ends[position]
            reached = [0] * 10
            following, matched = [0] * 10, [0] * 10
            for digits, following_all in following_by.items():
                for digit in digits_of[digits]:
                    reached[digit] = 1
                    following[digit] |= following_all
                    matched[digit] |= matched_by[digits]
            for digit in range(10):
                if not reached[digit]:
                    continue
                target = (following[digit], matched[digit])
                number = states.get(target)
                if number is None:
                    number = states[target] = len(rows)
                    rows.append([0] * 10)
                    matches.append(matched[digit])
                    queue.append(target)
                row[digit] = number
        self.transitions = np.array(rows, dtype=np.int32)
        self.matches = matches
