"""Whole columns of phone numbers decided at once, from the metadata of the ``phonenumbers`` library.

What is decided here is written in ASCII digits, plain punctuation and at most a leading plus sign; everything else goes to the
library. The steps are the library's own, in its order: international prefix, country calling code, national prefix, then the
patterns of the calling code's regions, which :mod:`nightmail.row_checks.digit_patterns` runs as one table. A test holds both to the same verdicts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from nightmail.lake.masks import present
from nightmail.row_checks.digit_patterns import Automaton, UnknownSyntaxError, literals

_STAY = 10
"""The column of the transitions for a number that has ended."""
NO_REGION, ASK = -1, -2
_LONGEST = 17
"""Digits of the longest national number that the library takes."""
_SHORTEST = 2
_WORTH_A_PLAN = 50
"""Numbers of one calling code in a block from which it costs less to read its patterns than to ask the library."""
_MOST_DIGITS = 24
_MOST_PREFIXES = 32
"""Digits beyond which the library is asked; nothing that long is valid."""

# The order in which the library looks for a type; fixed line and mobile come after these.
_SPECIAL = (
    ("premium_rate", "premium"),
    ("toll_free", "toll_free"),
    ("shared_cost", "shared_cost"),
    ("voip", "voip"),
    ("personal_number", "personal"),
    ("pager", "pager"),
    ("uan", "uan"),
    ("voicemail", "voicemail"),
)
_DESCRIPTIONS = ("general_desc", "fixed_line", "mobile", *(name for name, _ in _SPECIAL))

_PUNCTUATION, _PLUS, _OTHER = range(3)
_BYTES = np.full(256, _OTHER, dtype=np.uint8)
_BYTES[ord("+")] = _PLUS
_BYTES[np.frombuffer(b" ()-./", dtype=np.uint8)] = _PUNCTUATION


@dataclass
class _Region:
    """What the metadata says about one region, as far as reading a number needs it."""

    index: int
    calling_code: int
    bit: int
    """The bit of this region among those of its calling code."""
    metadata: Any
    idd: tuple[str, ...] | re.Pattern[str] | None
    """The international prefixes, or their pattern where one begins another or there are too many."""
    national_prefix: tuple[str, ...] | re.Pattern[str] | None
    general: re.Pattern[str]
    possible: np.ndarray
    """For each length whether the library strips a national prefix that leaves so many digits."""
    too_long: np.ndarray


@dataclass
class _Plan:
    """The regions that share one calling code, and their patterns."""

    calling_code: int
    regions: tuple[str, ...]
    metadata: list[Any]
    bits: dict[tuple[int, str], int]
    leading: dict[int, int]
    matches: list[int]
    offset: int


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


@dataclass
class Plans:
    """The numbering plans that were needed so far, in tables that grow with them."""

    transitions: np.ndarray = field(default_factory=lambda: np.zeros(11, dtype=np.int64))
    general: np.ndarray = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    codes: np.ndarray = field(default_factory=lambda: np.zeros(_LONGEST + 1, dtype=np.int16))
    """For each state and length the verdict, or -1 where it was not asked for yet."""
    starts: np.ndarray = field(default_factory=lambda: np.zeros(1000, dtype=np.int32))
    main_region: np.ndarray = field(default_factory=lambda: np.full(1000, -1, dtype=np.int32))
    begins: np.ndarray = field(default_factory=lambda: np.zeros((3, 0, 100), dtype=bool))
    """For each region and each two digits whether its international prefix, its calling code or its national prefix may
    begin with them: most numbers are passed over by that."""
    verdicts: list[tuple[str | None, str]] = field(default_factory=lambda: [(None, "")])
    """Country and type by code."""
    regions: list[_Region] = field(default_factory=list)
    _plans: dict[int, _Plan | None] = field(default_factory=dict)
    _by_region: dict[str, int] = field(default_factory=dict)
    _code_of: dict[tuple[str | None, str], int] = field(default_factory=dict)

    def region(self, name: str, numbers: int) -> int:
        """The index of a country's region, :data:`NO_REGION` where the library knows none, else :data:`ASK`.

        ``numbers`` is how many are to be judged: a few are asked about, and the country's patterns are not read for them.
        """
        import phonenumbers

        if name not in self._by_region:
            if name not in phonenumbers.SUPPORTED_REGIONS:
                return NO_REGION
            if numbers < _WORTH_A_PLAN:
                return ASK
            self.need(phonenumbers.country_code_for_region(name))
        return self._by_region.get(name, ASK)

    def need(self, calling_code: int) -> None:
        """Have the tables of ``calling_code``."""
        if calling_code in self._plans:
            return
        from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

        names = COUNTRY_CODE_TO_REGION_CODE[calling_code]
        metadata: list[Any] = [PhoneMetadata.metadata_for_region_or_calling_code(calling_code, name) for name in names]
        patterns: list[str] = []
        prefixes: list[bool] = []
        bits: dict[tuple[int, str], int] = {}
        leading: dict[int, int] = {}
        for index, region in enumerate(metadata):
            for name in _DESCRIPTIONS:
                description = getattr(region, name)
                if description is not None and description.national_number_pattern:
                    bits[(index, name)] = len(patterns)
                    patterns.append(description.national_number_pattern)
                    prefixes.append(False)
            if region.leading_digits is not None:
                leading[index] = len(patterns)
                patterns.append(region.leading_digits)
                prefixes.append(True)
        try:
            automaton = Automaton(patterns, prefixes)
        except UnknownSyntaxError:
            self._plans[calling_code] = None
            return
        offset = len(self.general) - 1  # the automaton's state 0 is state 0 of all
        own = np.where(automaton.transitions > 0, automaton.transitions + offset, 0).astype(np.int64)
        table = np.column_stack([own, np.arange(offset, offset + len(own), dtype=np.int64)])[1:]
        self.transitions = np.concatenate([self.transitions, table.ravel()])
        general = [
            sum(1 << index for index in range(len(names)) if matches >> bits.get((index, "general_desc"), 10_000) & 1)
            for matches in automaton.matches
        ]
        self.general = np.concatenate([self.general, np.array(general[1:], dtype=np.int64)])
        added = (len(automaton.matches) - 1) * (_LONGEST + 1)
        self.codes = np.concatenate([self.codes, np.full(added, -1, dtype=np.int16)])
        self.starts[calling_code] = offset + 1
        self._plans[calling_code] = _Plan(calling_code, names, metadata, bits, leading, automaton.matches, offset)
        for index, name in enumerate(names):
            key = name if name != "001" else f"001:{calling_code}"
            self._by_region[key] = len(self.regions)
            if index == 0:
                self.main_region[calling_code] = len(self.regions)
            region, begins = _read_region(len(self.regions), calling_code, index, metadata[index])
            self.regions.append(region)
            self.begins = np.concatenate([self.begins, begins[:, None]], axis=1)

    def run(self, digits: np.ndarray, start: np.ndarray, length: np.ndarray, state: np.ndarray) -> np.ndarray:
        """The state after ``length`` digits from ``start`` on, beginning in ``state``, for each row."""
        if not len(start):
            return state
        base = state.astype(np.int64)
        place = start.astype(np.int64)
        shortest = int(length.min())
        for step in range(int(length.max())):
            read = digits.take(place, mode="clip")
            if step >= shortest:
                read = np.where(length > step, read, _STAY)
            base *= 11
            base += read
            base = self.transitions.take(base)
            place += 1
        return np.asarray(base)

    def code(self, state: np.ndarray, length: np.ndarray) -> np.ndarray:
        """The verdicts for states that numbers of ``length`` digits ended in."""
        at = state * (_LONGEST + 1) + length
        found = self.codes[at]
        unknown = np.unique(at[found < 0])
        if len(unknown):
            for place in unknown.tolist():
                self.codes[place] = self._decide(*divmod(place, _LONGEST + 1))
            found = self.codes[at]
        return np.asarray(found)

    def _decide(self, state: int, length: int) -> int:
        if state == 0:
            return 0
        plan = next(
            plan
            for plan in self._plans.values()
            if plan is not None and plan.offset < state < plan.offset + len(plan.matches)
        )
        matches = plan.matches[state - plan.offset]
        region, type_ = self._region_and_type(plan, matches, length)
        if region is None or type_ is None:
            return 0
        key = (None if region == "001" else region, type_)
        if key not in self._code_of:
            self._code_of[key] = len(self.verdicts)
            self.verdicts.append(key)
        return self._code_of[key]

    def _region_and_type(self, plan: _Plan, matches: int, length: int) -> tuple[str | None, str | None]:
        if len(plan.regions) == 1:
            return plan.regions[0], _type(plan, 0, matches, length)
        for index, name in enumerate(plan.regions):
            if index in plan.leading:
                if matches >> plan.leading[index] & 1:
                    return name, _type(plan, index, matches, length)
            else:
                found = _type(plan, index, matches, length)
                if found is not None:
                    return name, found
        return None, None


def _type(plan: _Plan, index: int, matches: int, length: int) -> str | None:
    """The type of a number in one region, or None if it is not valid there."""
    metadata = plan.metadata[index]

    def is_(name: str) -> bool:
        bit = plan.bits.get((index, name))
        if bit is None or not matches >> bit & 1:
            return False
        lengths = getattr(metadata, name).possible_length
        return not lengths or length in lengths

    if not is_("general_desc"):
        return None
    for name, label in _SPECIAL:
        if is_(name):
            return label
    if is_("fixed_line"):
        return "fixed_or_mobile" if metadata.same_mobile_and_fixed_line_pattern or is_("mobile") else "fixed"
    if not metadata.same_mobile_and_fixed_line_pattern and is_("mobile"):
        return "mobile"
    return None


def _read_region(index: int, calling_code: int, bit: int, metadata: Any) -> tuple[_Region, np.ndarray]:
    """A region, and its part of :attr:`Plans.begins`."""
    idd: tuple[str, ...] | re.Pattern[str] | None = None
    national: tuple[str, ...] | re.Pattern[str] | None = None
    begins = np.zeros((3, 100), dtype=bool)
    if metadata.international_prefix is not None:
        idd = literals(metadata.international_prefix, _MOST_PREFIXES) or re.compile(metadata.international_prefix)
        begins[_INTERNATIONAL_PREFIX] = _two_digits(idd)
    begins[_CALLING_CODE] = _two_digits((str(calling_code),))
    prefix = metadata.national_prefix_for_parsing
    if prefix:
        plain = None if metadata.national_prefix_transform_rule else literals(prefix, _MOST_PREFIXES)
        national = plain or re.compile(prefix)
        begins[_NATIONAL_PREFIX] = _two_digits(national)
    possible = np.zeros(_MOST_DIGITS + 1, dtype=bool)
    too_long = np.zeros(_MOST_DIGITS + 1, dtype=bool)
    general = metadata.general_desc
    for length in range(_MOST_DIGITS + 1):
        if length in general.possible_length_local_only:
            continue
        too_long[length] = length > general.possible_length[-1]
        possible[length] = too_long[length] or length in general.possible_length
    region = _Region(
        index=index,
        calling_code=calling_code,
        bit=bit,
        metadata=metadata,
        idd=idd,
        general=re.compile(general.national_number_pattern),
        national_prefix=national,
        possible=possible,
        too_long=too_long,
    )
    return region, begins


_INTERNATIONAL_PREFIX, _CALLING_CODE, _NATIONAL_PREFIX = range(3)


def _two_digits(prefix: tuple[str, ...] | re.Pattern[str]) -> np.ndarray:
    """A mask of the two digits that what has the prefix may begin with; all where that is not clear."""
    if isinstance(prefix, tuple):
        return np.array([any(f"{pair:02d}".startswith(text[:2]) for text in prefix) for pair in range(100)])
    try:
        automaton = Automaton([prefix.pattern], [False])
    except UnknownSyntaxError:
        return np.ones(100, dtype=bool)
    return np.repeat(automaton.transitions[1] > 0, 10)


def _without_prefix(region: _Region, number: str) -> str:
    """``number`` without its national prefix and carrier code, as the library takes them off where there are several forms."""
    pattern = region.national_prefix
    assert isinstance(pattern, re.Pattern)
    found = pattern.match(number)
    if found is None:
        return number
    general = region.general
    groups = found.groups()
    rule = region.metadata.national_prefix_transform_rule
    transformed = bool(rule) and groups[-1] is not None
    without = pattern.sub(rule, number, count=1) if transformed else number[found.end() :]
    if general.fullmatch(number) and not general.fullmatch(without):
        return number
    return without


@dataclass(frozen=True)
class Plain:
    """The digits of a column's numbers, one after the other, and how each number is written."""

    digits: np.ndarray
    start: np.ndarray
    length: np.ndarray
    plus: np.ndarray
    plain: np.ndarray
    """Whether a number is decided here; nothing else is known of the others."""
    bare: np.ndarray
    """Whether a number is written in digits alone, as a spreadsheet writes a quantity."""


def read_digits(values: pa.Array) -> Plain:
    """The digits of every value, found in the bytes of the whole column."""
    rows = len(values)
    if values.offset:
        values = pa.concat_arrays([values])
    _, offset_buffer, data_buffer = values.buffers()
    offsets = np.frombuffer(offset_buffer, dtype=np.int32, count=rows + 1)
    begin, end = int(offsets[0]), int(offsets[-1])
    if data_buffer is None or begin == end:
        nothing = np.zeros(rows, dtype=np.int32)
        return Plain(np.zeros(1, dtype=np.uint8), nothing, nothing, *[nothing > 0] * 3)
    data = np.frombuffer(data_buffer, dtype=np.uint8, count=end)[begin:]
    offsets = offsets - begin
    is_digit = (data - np.uint8(48)) < 10  # what is below "0" wraps around
    counted = np.zeros(len(data) + 1, dtype=np.int32)
    np.cumsum(is_digit, out=counted[1:])
    at = counted[offsets]
    start, length = at[:-1], np.diff(at)
    sizes = np.diff(offsets)
    plain = (length >= 3) & (length <= _MOST_DIGITS) & (sizes <= 250)
    between = np.flatnonzero(~is_digit)
    kind = _BYTES[data[between]]
    first = data[np.minimum(offsets[:-1], len(data) - 1)]
    plus = (first == ord("+")) & (sizes > 0)
    signs = between[kind == _PLUS]
    if len(signs) > np.count_nonzero(plus):
        row = np.searchsorted(offsets, signs, side="right") - 1
        leading = counted[signs] == start[row]
        plus[row] = True
        plain[row[~leading]] = False
        plain[row[1:][row[1:] == row[:-1]]] = False  # two plus signs
    others = between[kind == _OTHER]
    if len(others):
        plain[np.searchsorted(offsets, others, side="right") - 1] = False
    # A spreadsheet's quantity: it ends in .0 or .00
    dots = between[data[between] == ord(".")]
    if len(dots):
        row = np.searchsorted(offsets, dots, side="right") - 1
        zeros = offsets[row + 1] - dots - 1
        plain[row[((zeros == 1) | (zeros == 2)) & (data[offsets[row + 1] - 1] == ord("0")) & (sizes[row] >= 3)]] = False
    if values.null_count:
        plain &= present(values)
    return Plain(
        data[is_digit] - 48 if at[-1] else np.zeros(1, dtype=np.uint8), start, length, plus, plain, sizes == length
    )


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

    def judge(self, written: Plain, region: np.ndarray) -> Judged:
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
        restored[self._take_own_calling_code(home, **places)] = True
        restored &= written.bare

        live = np.flatnonzero(written.plain & ~ask & ~invalid & ~country_needed)
        self._strip_national_prefix(live, start, length, meta)
        live = live[(length[live] >= _SHORTEST) & (length[live] <= _LONGEST)]
        code = np.zeros(rows, dtype=np.int16)
        states = self.plans.run(self._digits, start[live], length[live], self.plans.starts[calling_code[live]])
        code[live] = self.plans.code(states, length[live])
        return Judged(code, calling_code, start, length, self._digits, ask, country_needed, restored & (code > 0))

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
            if code and counts[code] >= _WORTH_A_PLAN:
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
        may = np.flatnonzero(self._may_begin(_INTERNATIONAL_PREFIX, at, start, meta))
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

    def _is_general(self, at: np.ndarray, start: np.ndarray, length: np.ndarray, region: _Region) -> np.ndarray:
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
    ) -> np.ndarray:
        """Take off the calling code that a national number begins with if it lost its plus sign, in place; gives those rows."""
        calling_code[at] = np.array([region.calling_code for region in self.plans.regions], dtype=np.int32)[meta[at]]
        at = at[self._may_begin(_CALLING_CODE, at, start, meta)]
        lost = []
        for index in np.unique(meta[at]).tolist():
            region = self.plans.regions[index]
            mine = at[meta[at] == index]
            own = str(region.calling_code)
            mine = mine[self._begins_with(own, mine, start, length)]
            if not len(mine):
                continue
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
        return np.concatenate(lost) if lost else at[:0]

    def _strip_national_prefix(self, at: np.ndarray, start: np.ndarray, length: np.ndarray, meta: np.ndarray) -> None:
        """Take off national prefixes, in place."""
        at = at[self._may_begin(_NATIONAL_PREFIX, at, start, meta)]
        if not len(at):
            return
        order = np.argsort(meta[at], kind="stable")
        at = at[order]
        found, first = np.unique(meta[at], return_index=True)
        for index, mine in zip(found.tolist(), np.split(at, first[1:]), strict=True):
            region = self.plans.regions[index]
            self._strip_region(mine, start, length, region, check_length=True)

    def _strip_region(
        self, at: np.ndarray, start: np.ndarray, length: np.ndarray, region: _Region, *, check_length: bool
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
            stripped = [_without_prefix(region, number) for number in numbers]
            new_length = np.array([len(number) for number in stripped], dtype=np.int32)
            new_start = len(self._digits) + np.cumsum(new_length, dtype=np.int32) - new_length
            added = np.frombuffer("".join(stripped).encode("ascii"), dtype=np.uint8) - 48
            self._digits = np.concatenate([self._digits, added])
            keep = np.array([before == after for before, after in zip(numbers, stripped, strict=True)])
        if check_length:
            keep |= ~region.possible[np.minimum(new_length, _MOST_DIGITS)]
        start[at[~keep]], length[at[~keep]] = new_start[~keep], new_length[~keep]
