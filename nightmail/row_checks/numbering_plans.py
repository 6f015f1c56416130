"""Numbering plans: what the metadata of ``phonenumbers`` say of the countries of one calling code, as tables of states.

A plan is read when enough numbers of its calling code are met, and kept. The patterns of all its countries run as one automaton
(:mod:`nightmail.row_checks.digit_patterns`), whose states tell which of them match.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nightmail.row_checks.digit_patterns import Automaton, UnknownSyntaxError, literals

NO_REGION, ASK = -1, -2
"""In place of a region's index: the library knows no such country, or must be asked since its plan was not read."""
LONGEST = 17
"""Digits of the longest national number that the library takes."""
WORTH_A_PLAN = 50
"""Numbers of one calling code in a block from which it costs less to read its patterns than to ask the library."""
MOST_DIGITS = 24
"""Digits beyond which the library is asked; nothing that long is valid."""
_MOST_PREFIXES = 32
"""National prefixes of one country beyond which a pattern is tried on each number."""
_STAY = 10
"""The column of the transitions for a number that has ended."""

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


@dataclass
class Region:
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
class Plans:
    """The numbering plans that were needed so far, in tables that grow with them."""

    transitions: np.ndarray = field(default_factory=lambda: np.zeros(11, dtype=np.int64))
    general: np.ndarray = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    codes: np.ndarray = field(default_factory=lambda: np.zeros(LONGEST + 1, dtype=np.int16))
    """For each state and length the verdict, or -1 where it was not asked for yet."""
    starts: np.ndarray = field(default_factory=lambda: np.zeros(1000, dtype=np.int32))
    main_region: np.ndarray = field(default_factory=lambda: np.full(1000, -1, dtype=np.int32))
    begins: np.ndarray = field(default_factory=lambda: np.zeros((3, 0, 100), dtype=bool))
    """For each region and each two digits whether its international prefix, its calling code or its national prefix may
    begin with them: most numbers are passed over by that."""
    verdicts: list[tuple[str | None, str]] = field(default_factory=lambda: [(None, "")])
    """Country and type by code."""
    regions: list[Region] = field(default_factory=list)
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
            if numbers < WORTH_A_PLAN:
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
        added = (len(automaton.matches) - 1) * (LONGEST + 1)
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
        at = state * (LONGEST + 1) + length
        found = self.codes[at]
        unknown = np.unique(at[found < 0])
        if len(unknown):
            for place in unknown.tolist():
                self.codes[place] = self._decide(*divmod(place, LONGEST + 1))
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


def _read_region(index: int, calling_code: int, bit: int, metadata: Any) -> tuple[Region, np.ndarray]:
    """A region, and its part of :attr:`Plans.begins`."""
    idd: tuple[str, ...] | re.Pattern[str] | None = None
    national: tuple[str, ...] | re.Pattern[str] | None = None
    begins = np.zeros((3, 100), dtype=bool)
    if metadata.international_prefix is not None:
        idd = literals(metadata.international_prefix, _MOST_PREFIXES) or re.compile(metadata.international_prefix)
        begins[INTERNATIONAL_PREFIX] = _two_digits(idd)
    begins[CALLING_CODE] = _two_digits((str(calling_code),))
    prefix = metadata.national_prefix_for_parsing
    if prefix:
        plain = None if metadata.national_prefix_transform_rule else literals(prefix, _MOST_PREFIXES)
        national = plain or re.compile(prefix)
        begins[NATIONAL_PREFIX] = _two_digits(national)
    possible = np.zeros(MOST_DIGITS + 1, dtype=bool)
    too_long = np.zeros(MOST_DIGITS + 1, dtype=bool)
    general = metadata.general_desc
    for length in range(MOST_DIGITS + 1):
        if length in general.possible_length_local_only:
            continue
        too_long[length] = length > general.possible_length[-1]
        possible[length] = too_long[length] or length in general.possible_length
    region = Region(
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


INTERNATIONAL_PREFIX, CALLING_CODE, NATIONAL_PREFIX = range(3)


def _two_digits(prefix: tuple[str, ...] | re.Pattern[str]) -> np.ndarray:
    """A mask of the two digits that what has the prefix may begin with; all where that is not clear."""
    if isinstance(prefix, tuple):
        return np.array([any(f"{pair:02d}".startswith(text[:2]) for text in prefix) for pair in range(100)])
    try:
        automaton = Automaton([prefix.pattern], [False])
    except UnknownSyntaxError:
        return np.ones(100, dtype=bool)
    return np.repeat(automaton.transitions[1] > 0, 10)


def without_prefix(region: Region, number: str) -> str:
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
