"""Numbers and amounts of money, exactly: decimals stay decimal, and nothing is guessed.

``1.234`` is one thousand or a bit more than one. What the other cells of the column show decides which sign is the decimal mark,
else what the feed states, else what is usual in its country; where nothing tells, the cell is named and not taken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.lake.masks import present, truth
from nightmail.row_checks.number_cells import take_apart
from nightmail.row_checks.ordinary_numbers import MOST_DECIMALS as ORDINARY_DECIMALS
from nightmail.row_checks.ordinary_numbers import OrdinaryNumbers, read_ordinary
from nightmail.row_checks.recurring import nulls, replaced

DIGITS = 38
"""Of ``decimal128``."""
MOST_DECIMALS = 18
_MOST_WHOLE_DIGITS = DIGITS - MOST_DECIMALS

_PLAIN = r"^-?(?:0|[1-9]\d*)(?:\.\d{1,2})?$"
"""The commonest form, which can be read in one way only."""
_FRACTION = r"\.\d+$"

_BOTH_MARKS_DOT = r"^[-+]?\d{1,3}(?:,\d{3})*,\d{3}\.\d*$"
_BOTH_MARKS_COMMA = r"^[-+]?\d{1,3}(?:\.\d{3})*\.\d{3},\d*$"
_SHOWS_DOT = rf"{_BOTH_MARKS_DOT}|^[-+]?\d*\.(?:\d{{1,2}}|\d{{4,}})$|^[-+]?\d{{4,}}\.\d+$|^[-+]?0\.\d+$|^-?\d+\.$|^[-+]?\d{{1,3}}(?:,\d{{3}}){{2,}}$"
_SHOWS_COMMA = rf"{_BOTH_MARKS_COMMA}|^[-+]?\d*,(?:\d{{1,2}}|\d{{4,}})$|^[-+]?\d{{4,}},\d+$|^[-+]?0,\d+$|^-?\d+,$|^[-+]?\d{{1,3}}(?:\.\d{{3}}){{2,}}$"
_EITHER = r"^[-+]?[1-9]\d{0,2}[.,]\d{3}$"
_READY = rf"^-?\d{{1,{_MOST_WHOLE_DIGITS}}}(?:\.\d{{1,{MOST_DECIMALS}}})?$"


@lru_cache(maxsize=512)
def usual_decimal_mark(country: str) -> str | None:
    """The decimal mark of a country's main language, ``.`` or ``,``."""
    from babel import Locale, UnknownLocaleError
    from babel.core import get_global

    languages = get_global("territory_languages").get(country)
    if not languages:
        return None
    main = max(languages, key=lambda language: languages[language]["population_percent"])
    for name in (f"{main}_{country}", main.split("_")[0]):
        try:
            symbols = Locale.parse(name).number_symbols
        except (UnknownLocaleError, ValueError):
            continue
        mark = symbols.get("latn", symbols).get("decimal")
        if mark in {".", ","}:
            return str(mark)
    return None


@dataclass
class NumberConvention:
    """The decimal mark of one column, and the largest number of its decimal places."""

    stated: str | None = None
    usual: str | None = None
    least_decimals: int = 0
    _certain_decimals: int = 0
    _decimals_if: dict[str, int] = field(default_factory=lambda: {".": 0, ",": 0})
    currency_seen: bool = False
    decided: int = 0
    """Numbers that the convention decided about so far."""
    _seen: dict[str, int] = field(default_factory=lambda: {".": 0, ",": 0})

    def look_at(self, values: pa.Array) -> None:
        """Take in what a block of the column shows."""
        weights = None
        if pa.types.is_dictionary(values.type):
            rows = values.indices.drop_null().to_numpy()
            weights, values = np.bincount(rows, minlength=len(values.dictionary)), values.dictionary
        ordinary = read_ordinary(values)
        if ordinary.decimals:
            self._certain_decimals = max(self._certain_decimals, ordinary.decimals)
            self._add(".", ordinary.with_decimals, weights)
        odd = ~ordinary.found & present(values)
        if odd.any():
            plain = truth(pc.match_substring_regex(values, _PLAIN)) & odd
            fractions = values.filter(pa.array(plain & truth(pc.match_substring_regex(values, _FRACTION))))
            self._certain_decimals = max(self._certain_decimals, _most_decimals(fractions, "."))
            self._add(".", plain & truth(pc.match_substring_regex(values, _FRACTION)), weights)
            odd &= ~plain
        if not odd.any():
            return
        where = pa.array(odd)
        cells = take_apart(values.filter(where))
        of_odd = None if weights is None else weights[odd]
        core = cells.core
        self.currency_seen |= cells.stated.null_count < len(cells.stated)
        by_dot, by_comma = (truth(pc.match_substring_regex(core, shows)) for shows in (_SHOWS_DOT, _SHOWS_COMMA))
        self._add(".", by_dot, of_odd)
        self._add(",", by_comma, of_odd)
        self._certain_decimals = max(
            self._certain_decimals,
            _most_decimals(core.filter(pa.array(by_dot)), "."),
            _most_decimals(core.filter(pa.array(by_comma)), ","),
        )
        either = core.filter(pc.match_substring_regex(core, _EITHER))
        for mark, most in self._decimals_if.items():
            self._decimals_if[mark] = max(most, _most_decimals(either, mark))

    def _add(self, mark: str, shown: npt.NDArray[np.bool_], weights: npt.NDArray[np.int64] | None) -> None:
        """Count the values that show ``mark``, each for as many rows as have it."""
        self._seen[mark] += int(np.count_nonzero(shown) if weights is None else weights[shown].sum())

    def seen(self, mark: str) -> int:
        """Numbers of the column that can be read with this decimal mark only."""
        return self._seen[mark]

    @property
    def mixed(self) -> bool:
        """Whether the column shows both marks."""
        return all(self._seen.values())

    @property
    def mark(self) -> str | None:
        """The decimal mark for numbers that can be read both ways, or None where nothing decides."""
        if self.stated is not None or self.mixed:
            return self.stated
        return next((mark for mark, numbers in self._seen.items() if numbers), self.usual)

    @property
    def decimals(self) -> int:
        """The scale of the column."""
        most = max(self._certain_decimals, self._decimals_if.get(self.mark or "", 0))
        return min(max(self.least_decimals, most), MOST_DECIMALS)

    @property
    def type(self) -> pa.DataType:
        """The type of the column."""
        return pa.decimal128(DIGITS, self.decimals)


def _most_decimals(numbers: pa.Array, mark: str) -> int:
    """The largest number of digits after ``mark``, where they are no more than can be kept."""
    marked = numbers.filter(pc.match_substring_regex(numbers, rf"[{mark}]\d{{1,{MOST_DECIMALS}}}$"))
    if not len(marked):
        return 0
    return int(pc.max(pc.binary_length(pc.replace_substring_regex(marked, rf"^.*[{mark}]", ""))).as_py())


@dataclass(frozen=True)
class NumberVerdicts:
    """The verdicts on a column of numbers; masks are as long as the column."""

    numbers: pa.Array
    invalid: np.ndarray
    ambiguous: np.ndarray
    stated: pa.DictionaryArray
    """The currencies that the cell's sign can mean, as codes with spaces between; null where it has none."""
    decided: np.ndarray
    """Can be read in two ways, and the convention decided which."""


def judge_numbers(values: pa.Array, convention: NumberConvention) -> NumberVerdicts:
    """The verdicts on one block of a column."""
    verdicts = _judge(values, convention)
    convention.decided += int(np.count_nonzero(verdicts.decided))
    return verdicts


def _judge(values: pa.Array, convention: NumberConvention) -> NumberVerdicts:
    if pa.types.is_dictionary(values.type):
        return _of_rows(_judge(values.dictionary, convention), values.indices)
    if convention.decimals > _MOST_WHOLE_DIGITS // 2:  # hundredths would not fit
        return _judge_odd(values, convention)
    ordinary = read_ordinary(values)
    numbers = _with_decimals(ordinary, convention)
    odd = ~ordinary.found & present(values)
    invalid, ambiguous, decided = (np.zeros(len(values), dtype=bool) for _ in range(3))
    stated = nulls(len(values))
    if odd.any():
        where = pa.array(odd)
        others = _judge_odd(values.filter(where), convention)
        numbers = pc.replace_with_mask(numbers, where, others.numbers)
        stated = replaced(stated, where, others.stated)
        invalid[odd], ambiguous[odd], decided[odd] = others.invalid, others.ambiguous, others.decided
    return NumberVerdicts(numbers, invalid, ambiguous, stated, decided)


def _of_rows(distinct: NumberVerdicts, indices: pa.Array) -> NumberVerdicts:
    """The verdicts on distinct values as those on rows."""
    at = pc.fill_null(indices, len(distinct.invalid)).to_numpy(zero_copy_only=False)
    masks = (np.append(mask, False)[at] for mask in (distinct.invalid, distinct.ambiguous, distinct.decided))
    invalid, ambiguous, decided = masks
    return NumberVerdicts(distinct.numbers.take(indices), invalid, ambiguous, distinct.stated.take(indices), decided)


def _with_decimals(ordinary: OrdinaryNumbers, convention: NumberConvention) -> pa.Array:
    """Ordinary numbers in the type of their column, null for the others."""
    numbers = np.zeros((len(ordinary.found), 2), dtype=np.int64)  # decimal128: the lower half first
    more = convention.decimals - ORDINARY_DECIMALS
    numbers[:, 0] = ordinary.hundredths * 10**more if more >= 0 else ordinary.hundredths // 10**-more
    valid = pa.array(ordinary.found).buffers()[1]
    return pa.Array.from_buffers(convention.type, len(ordinary.found), [valid, pa.py_buffer(numbers)])


def _judge_odd(values: pa.Array, convention: NumberConvention) -> NumberVerdicts:
    """The verdicts on numbers in any form."""
    rows = len(values)
    nothing = pa.scalar(None, pa.string())
    plain = pc.fill_null(pc.match_substring_regex(values, _PLAIN), False)
    short = pc.fill_null(pc.less_equal(pc.binary_length(values), _MOST_WHOLE_DIGITS), False)
    plain = pc.and_(plain, short)
    ready = pc.if_else(plain, values, nothing)
    stated = nulls(rows)
    ambiguous, decided = (np.zeros(rows, dtype=bool) for _ in range(2))
    odd = np.asarray(pc.and_(pc.invert(plain), pc.is_valid(values)).to_numpy(zero_copy_only=False))
    if odd.any():
        where = pa.array(odd)
        cells = take_apart(values.filter(where))
        normal, either = _with_dot(cells.core, convention.mark)
        usable = pc.fill_null(pc.match_substring_regex(normal, _READY), False)
        ready = pc.replace_with_mask(ready, where, pc.if_else(usable, normal, nothing))
        stated = replaced(stated, where, cells.stated)
        doubtful = truth(either)
        (ambiguous if convention.mark is None else decided)[odd] = doubtful
    numbers = ready.cast(convention.type)
    invalid = np.asarray(pc.and_(pc.is_valid(values), pc.is_null(ready)).to_numpy(zero_copy_only=False)) & ~ambiguous
    return NumberVerdicts(numbers, invalid, ambiguous, stated, decided & ~invalid)


def _with_dot(core: pa.Array, mark: str | None) -> tuple[pa.Array, pa.Array]:
    """Numbers with a dot as the decimal mark and nothing between thousands, and a mask of those that could be two numbers."""
    either = pc.match_substring_regex(core, _EITHER)
    by_dot = pc.match_substring_regex(core, _SHOWS_DOT)
    by_comma = pc.match_substring_regex(core, _SHOWS_COMMA)
    if mark is not None:
        by_dot = pc.or_(by_dot, pc.and_(either, mark == "."))
        by_comma = pc.or_(by_comma, pc.and_(either, mark == ","))
    as_dot = pc.replace_substring_regex(core, r"[,+]", "")
    as_comma = pc.replace_substring(pc.replace_substring_regex(core, r"[.+]", ""), ",", ".")
    whole = pc.match_substring_regex(core, r"^-?\d+$")
    # "1,234" in a column of decimal dots is a thousand: _EITHER with its mark between thousands.
    normal = pc.case_when(
        pc.make_struct(whole, by_dot, by_comma, field_names=["whole", "dot", "comma"]),
        core,
        as_dot,
        as_comma,
    )
    normal = pc.replace_substring_regex(normal, r"\.$", "")
    starts = pc.match_substring_regex(normal, r"^-?\.")
    normal = pc.if_else(starts, pc.replace_substring(normal, ".", "0.", max_replacements=1), normal)
    return normal, either
