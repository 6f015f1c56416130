"""Whole columns of phone numbers decided at once, from the metadata of the ``phonenumbers`` library.

What is decided here is written in ASCII digits, plain punctuation and at most a leading plus sign; everything else goes to the
library. The steps are the library's own, in its order: international prefix, country calling code, national prefix, then the
patterns of the calling code's regions (:mod:`nightmail.row_checks.numbering_plans`). A test holds both to the same verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from nightmail.row_checks.byte_spans import WORD, windows, word
from nightmail.row_checks.numbering_plans import (
    ASK,
    CALLING_CODE,
    INTERNATIONAL_PREFIX,
    LONGEST,
    MOST_DIGITS,
    NATIONAL_PREFIX,
    NO_REGION,
    WORTH_A_PLAN,
    Plans,
    Region,
    without_prefix,
)
from nightmail.row_checks.written_digits import WrittenNumbers

_SHORTEST = 2


@dataclass
class Judged:
    """The verdicts on plain numbers. ``code`` is 0 for an invalid number, else an index into ``Plans.verdicts``."""

    code: np.ndarray
    calling_code: np.ndarray
    start: np.ndarray
    length: np.ndarray
    digits: np.ndarray
    ask: np.ndarray
    """Rows on which the library must be asked."""
    country_needed: np.ndarray
    restored: np.ndarray
    """Rows of nothing but digits that lack the zero or the plus sign that they are written with."""
    home: np.ndarray
    """A mask of the rows without a plus sign or a prefix dialled for abroad, which were read in their own country."""
    own_code: np.ndarray
    """A mask of those of them that were read with the country's code, which they begin with."""
    begins_with_code: np.ndarray
    """A mask of those that begin with the digits of that code, however they were read."""


_MOST_CALLING_CODE_DIGITS = 3


def _calling_codes() -> tuple[np.ndarray, np.ndarray]:
    """For the first three digits of an international number its calling code (0: none) and that code's digits."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    codes, sizes = np.zeros(1000, dtype=np.int32), np.zeros(1000, dtype=np.int32)
    for three in range(100, 1000):
        for size in range(1, _MOST_CALLING_CODE_DIGITS + 1):
            code = three // 10 ** (_MOST_CALLING_CODE_DIGITS - size)
            if code in COUNTRY_CODE_TO_REGION_CODE:
                codes[three], sizes[three] = code, size
                break
    return codes, sizes


class PhonePatterns:
    """Judges plain numbers; keeps the tables from one block to the next. One thread at a time."""

    def __init__(self) -> None:
        self.plans = Plans()
        self._codes, self._code_sizes = _calling_codes()
        self._digits = np.zeros(1, dtype=np.uint8)

    def judge(self, written: WrittenNumbers, region: np.ndarray) -> Judged:
        """The verdicts on the plain rows of ``written``; ``region`` is :meth:`Plans.region` of each row's country."""
        rows = len(written.start)
        self._digits = written.digits
        start, length = written.start.copy(), written.length.copy()
        meta = np.where(written.plus, -1, region)
        calling_code = np.zeros(rows, dtype=np.int32)
        places = {"start": start, "length": length, "meta": meta, "calling_code": calling_code}
        ask = written.plain & ~written.plus & (region == ASK)
        invalid = np.zeros(rows, dtype=bool)
        country_needed = written.plain & ~written.plus & (region == NO_REGION)

        abroad = np.flatnonzero(written.plain & written.plus)
        unknown = self._take_calling_code(abroad, **places, invalid=invalid)
        ask[unknown] = True  # the library tries again as if there were no plus sign

        home = np.flatnonzero(written.plain & ~written.plus & (region >= 0))
        after_prefix = self._after_international_prefix(home, start, length, meta)
        moved = after_prefix >= 0
        dialled = home[moved]
        length[dialled] -= after_prefix[moved]
        start[dialled] += after_prefix[moved]
        unknown = self._take_calling_code(dialled, **places, invalid=invalid)
        # The digits after an international prefix begin with no calling code, or with one whose patterns are not read.
        ask[unknown] = True
        home = home[~moved]
        restored = np.zeros(rows, dtype=bool)
        with_zero = np.array([plan.metadata.national_prefix == "0" for plan in self.plans.regions], dtype=bool)
        restored[home] = with_zero[meta[home]] & (self._digits[start[home]] != 0)
        own_code, begins_with_code = (np.zeros(rows, dtype=bool) for _ in range(2))
        taken, beginning = self._take_own_calling_code(home, **places)
        own_code[taken], begins_with_code[beginning] = True, True
        restored |= own_code
        restored &= written.bare

        live = np.flatnonzero(written.plain & ~ask & ~invalid & ~country_needed)
        self._strip_national_prefix(live, start, length, meta)
        live = live[(length[live] >= _SHORTEST) & (length[live] <= LONGEST)]
        code = np.zeros(rows, dtype=np.int16)
        states = self.plans.run(self._digits, start[live], length[live], self.plans.starts[calling_code[live]])
        code[live] = self.plans.code(states, length[live])
        read_at_home = np.zeros(rows, dtype=bool)
        read_at_home[home] = True
        return Judged(
            code=code,
            calling_code=calling_code,
            start=start,
            length=length,
            digits=self._digits,
            ask=ask,
            country_needed=country_needed,
            restored=restored & (code > 0),
            home=read_at_home,
            own_code=own_code,
            begins_with_code=begins_with_code,
        )

    def judge_with_code(self, written: WrittenNumbers, rows: np.ndarray) -> Judged:
        """The verdicts on some plain rows of ``written`` as if each had a plus sign; as long as ``rows``."""
        all_of_them = np.ones(len(rows), dtype=bool)
        as_abroad = WrittenNumbers(
            written.digits, written.start[rows], written.length[rows], all_of_them, all_of_them, all_of_them
        )
        return self.judge(as_abroad, np.full(len(rows), NO_REGION, dtype=np.int32))

    def begins_with_national_prefix(self, judged: Judged, written: WrittenNumbers, region: np.ndarray) -> np.ndarray:
        """A mask of the rows of :attr:`Judged.home` that begin with the prefix that their country dials at home, such as 0."""
        found = np.zeros(len(region), dtype=bool)
        self._digits = written.digits
        home = np.flatnonzero(judged.home)
        for index in np.unique(region[home]).tolist():
            prefix = self.plans.regions[index].metadata.national_prefix
            mine = home[region[home] == index]
            if prefix:
                found[mine] = self._begins_with(prefix, mine, written.start, written.length)
        return found

    def _take_calling_code(
        self,
        at: np.ndarray,
        *,
        start: np.ndarray,
        length: np.ndarray,
        meta: np.ndarray,
        calling_code: np.ndarray,
        invalid: np.ndarray,
    ) -> np.ndarray:
        """Take the calling code off the rows ``at``, in place; gives those that begin with none."""
        short = length[at] <= _SHORTEST
        invalid[at[short]] = True
        at = at[~short]
        first = start[at]
        three = (
            self._digits[first].astype(np.int32) * 100
            + self._digits[first + 1].astype(np.int32) * 10
            + self._digits[first + 2]
        )
        codes = self._codes[three]
        counts = np.bincount(codes, minlength=1000)
        for code in np.flatnonzero(counts).tolist():
            if code and counts[code] >= WORTH_A_PLAN:
                self.plans.need(code)
        known = (codes > 0) & (self.plans.main_region[codes] >= 0)
        found, sizes = at[known], self._code_sizes[three[known]]
        start[found] += sizes
        length[found] -= sizes
        calling_code[found] = codes[known]
        meta[found] = self.plans.main_region[codes[known]]
        return np.asarray(at[~known])

    def _after_international_prefix(
        self, at: np.ndarray, start: np.ndarray, length: np.ndarray, meta: np.ndarray
    ) -> np.ndarray:
        """For the rows ``at`` how many digits of an international prefix they begin with, -1 where with none."""
        sizes = np.full(len(at), -1, dtype=np.int32)
        may = np.flatnonzero(self._may_begin(INTERNATIONAL_PREFIX, at, start, meta))
        for index in np.unique(meta[at[may]]).tolist():
            idd = self.plans.regions[index].idd
            mine = may[meta[at[may]] == index]
            if isinstance(idd, tuple):
                for prefix in idd:
                    sizes[mine[self._begins_with(prefix, at[mine], start, length)]] = len(prefix)
            elif idd is not None:
                for place in mine.tolist():
                    found = idd.match(self._text(start[at[place]], length[at[place]]))
                    if found is not None:
                        sizes[place] = found.end()
        # A zero after the prefix means that it was no international prefix.
        dialled = np.flatnonzero(sizes >= 0)
        more = length[at[dialled]] > sizes[dialled]
        dialled = dialled[more]
        following = self._digits[start[at[dialled]] + sizes[dialled]]
        sizes[dialled[following == 0]] = -1
        return np.asarray(sizes)

    def _may_begin(self, what: int, at: np.ndarray, start: np.ndarray, meta: np.ndarray) -> np.ndarray:
        """Whether the rows ``at`` may begin with ``what`` of their regions, by their first two digits."""
        first = start[at]
        pair = self._digits[first] * np.uint8(10) + self._digits[np.minimum(first + 1, len(self._digits) - 1)]
        return np.asarray(self.plans.begins[what, meta[at], pair])

    def _begins_with(self, text: str, at: np.ndarray, start: np.ndarray, length: np.ndarray) -> np.ndarray:
        """Whether the rows ``at`` begin with the digits ``text``."""
        begins = length[at] >= len(text)
        last = len(self._digits) - 1
        for step, digit in enumerate(text):
            begins &= self._digits[np.minimum(start[at] + step, last)] == int(digit)
        return np.asarray(begins)

    def _text(self, start: int, length: int) -> str:
        return (self._digits[start : start + length] + 48).tobytes().decode("ascii")

    def _is_general(self, at: np.ndarray, start: np.ndarray, length: np.ndarray, region: Region) -> np.ndarray:
        """Whether the digits are a number of ``region`` in general, whatever its type; ``start`` and ``length`` are those of ``at``."""
        begin = np.full(len(at), self.plans.starts[region.calling_code], dtype=np.int32)
        states = self.plans.run(self._digits, start, length, begin)
        return np.asarray((self.plans.general[states] >> region.bit & 1).astype(bool))

    def _take_own_calling_code(
        self,
        at: np.ndarray,
        *,
        start: np.ndarray,
        length: np.ndarray,
        meta: np.ndarray,
        calling_code: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Take off the calling code that a national number begins with if it lost its plus sign, in place.

        Gives those rows, and all that begin with it.
        """
        calling_code[at] = np.array([region.calling_code for region in self.plans.regions], dtype=np.int32)[meta[at]]
        at = at[self._may_begin(CALLING_CODE, at, start, meta)]
        lost, beginning = [at[:0]], [at[:0]]
        for index in np.unique(meta[at]).tolist():
            region = self.plans.regions[index]
            mine = at[meta[at] == index]
            own = str(region.calling_code)
            mine = mine[self._begins_with(own, mine, start, length)]
            if not len(mine):
                continue
            beginning.append(mine)
            general = self._is_general(mine, start[mine], length[mine], region)
            shorter_start, shorter_length = start.copy(), length.copy()
            shorter_start[mine] += len(own)
            shorter_length[mine] -= len(own)
            self._strip_region(mine, shorter_start, shorter_length, region, check_length=False)
            becomes = self._is_general(mine, shorter_start[mine], shorter_length[mine], region)
            taken = mine[(~general & becomes) | region.too_long[length[mine]]]
            start[taken], length[taken] = shorter_start[taken], shorter_length[taken]
            meta[taken] = self.plans.main_region[region.calling_code]
            lost.append(taken)
        return np.concatenate(lost), np.concatenate(beginning)

    def _strip_national_prefix(self, at: np.ndarray, start: np.ndarray, length: np.ndarray, meta: np.ndarray) -> None:
        """Take off national prefixes, in place."""
        at = at[self._may_begin(NATIONAL_PREFIX, at, start, meta)]
        if not len(at):
            return
        order = np.argsort(meta[at], kind="stable")
        at = at[order]
        found, first = np.unique(meta[at], return_index=True)
        for index, mine in zip(found.tolist(), np.split(at, first[1:]), strict=True):
            region = self.plans.regions[index]
            self._strip_region(mine, start, length, region, check_length=True)

    def _strip_region(
        self, at: np.ndarray, start: np.ndarray, length: np.ndarray, region: Region, *, check_length: bool
    ) -> None:
        """Take off the national prefix of one region, in place."""
        prefix = region.national_prefix
        if prefix is None:
            return
        at = at[length[at] >= 1]
        if isinstance(prefix, tuple):
            sizes = np.zeros(len(at), dtype=np.int32)
            for text in prefix:
                sizes[self._begins_with(text, at, start, length)] = len(text)
            at, sizes = at[sizes > 0], sizes[sizes > 0]
            if not len(at):
                return
            general = self._is_general(at, start[at], length[at], region)
            new_start, new_length = start[at] + sizes, length[at] - sizes
            keep = general.copy()
            if general.any():
                keep[general] = ~self._is_general(at[general], new_start[general], new_length[general], region)
        else:
            numbers = [self._text(start[row], length[row]) for row in at.tolist()]
            stripped = [without_prefix(region, number) for number in numbers]
            new_length = np.array([len(number) for number in stripped], dtype=np.int32)
            new_start = len(self._digits) + np.cumsum(new_length, dtype=np.int32) - new_length
            added = np.frombuffer("".join(stripped).encode("ascii"), dtype=np.uint8) - 48
            self._digits = np.concatenate([self._digits, added])
            keep = np.array([before == after for before, after in zip(numbers, stripped, strict=True)])
        if check_length:
            keep |= ~region.possible[np.minimum(new_length, MOST_DIGITS)]
        start[at[~keep]], length[at[~keep]] = new_start[~keep], new_length[~keep]


def e164(judged: Judged, odd: np.ndarray, numbers: Sequence[str | None]) -> pa.Array:
    """The valid numbers in E.164 form, null for the others: a plus sign, the calling code, the national number.

    The rows ``odd`` were judged elsewhere: theirs are ``numbers``. A number is written as its first eight bytes and its
    last eight, which together are all of it but for what is longer than sixteen.
    """
    valid = judged.code > 0
    valid[odd] = False
    rows = np.flatnonzero(valid)
    code, start, length = judged.calling_code[rows], judged.start[rows].astype(np.int64), judged.length[rows]
    before = 1 + _CODE_SIZES[code]
    given = [(row, number.encode()) for row, number in zip(odd.tolist(), numbers, strict=True) if number is not None]
    sizes = np.zeros(len(valid), dtype=np.int32)
    sizes[rows] = before + length
    for row, number in given:
        sizes[row], valid[row] = len(number), True
    offsets = np.zeros(len(valid) + 1, dtype=np.int32)
    np.cumsum(sizes, out=offsets[1:])
    text = np.zeros(int(offsets[-1]) + WORD, dtype=np.uint8)
    to = windows(text)
    room = np.zeros(WORD, dtype=np.uint8)
    digits = windows(np.concatenate([room, judged.digits, room, room]))
    begin, end = offsets[rows], offsets[rows + 1]
    first = _PREFIXES[code] | ((digits[start + WORD] + _ZEROS) << (8 * before).astype(np.uint64))
    long_enough = np.flatnonzero(end - begin >= WORD)
    to[end[long_enough] - WORD] = digits[start[long_enough] + length[long_enough]] + _ZEROS
    to[begin[long_enough]] = first[long_enough]
    longer = np.flatnonzero(end - begin > 2 * WORD)
    to[begin[longer] + WORD] = digits[start[longer] + 2 * WORD - before[longer]] + _ZEROS
    given += [(rows[row], first[row].tobytes()[: end[row] - begin[row]]) for row in np.flatnonzero(end - begin < WORD)]
    for row, number in given:
        text[offsets[row] : offsets[row + 1]] = np.frombuffer(number, np.uint8)
    return pa.StringArray.from_buffers(
        len(valid), pa.py_buffer(offsets), pa.py_buffer(text), pa.array(valid).buffers()[1]
    )


_CODE_SIZES = np.array([0, *(len(str(code)) for code in range(1, 1000))], dtype=np.int32)
_PREFIXES = np.array([word(f"+{code or ''}".encode()) for code in range(1000)], dtype=np.uint64)
"""The plus sign and the digits of each calling code."""
_ZEROS = word(b"0" * WORD)
