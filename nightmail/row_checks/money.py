"""Numbers and amounts of money, exactly: decimals stay decimal, and nothing is guessed.

``1.234`` is one thousand or a bit more than one. What the other cells of the column show decides which sign is the decimal mark,
else what the feed states, else what is usual in its country; where nothing tells, the cell is named and not taken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.lake.masks import present
from nightmail.row_checks.ordinary_numbers import MOST_DECIMALS as ORDINARY_DECIMALS
from nightmail.row_checks.ordinary_numbers import OrdinaryNumbers, read_ordinary

DIGITS = 38
"""Of ``decimal128``."""
MOST_DECIMALS = 18
_MOST_WHOLE_DIGITS = DIGITS - MOST_DECIMALS

_CURRENCY_SIGNS = {
    "€": "EUR",
    "£": "GBP",
    "₹": "INR",
    "₪": "ILS",
    "₽": "RUB",
    "₺": "TRY",
    "₩": "KRW",
    "zł": "PLN",
    "Kč": "CZK",
    "US$": "USD",
    "CA$": "CAD",
    "C$": "CAD",
    "A$": "AUD",
    "AU$": "AUD",
    "NZ$": "NZD",
    "HK$": "HKD",
    "NT$": "TWD",
    "Fr.": "CHF",
    "SFr.": "CHF",
}
"""Signs that mean one currency. ``$``, ``¥`` and ``kr`` mean several: the amount is taken without a currency."""

_SIGN_CHARACTERS = r"(?:[A-Z]{2}\$|[A-Z]\$|[$€£¥₹₪₽₺₩]|zł|Kč|kr\.?|S?Fr\.|[A-Z]{3})"
_SPACES = "[ \u00a0\u202f\u2009'’]"
_SPACE = "[ \u00a0\u202f]"
_BEFORE = rf"^({_SIGN_CHARACTERS}){_SPACE}*([-+(]?[   \d.,].*)$"
_AFTER = rf"^(.*[\d).,\-–—]){_SPACE}*({_SIGN_CHARACTERS})$"
_NO_CENTS = r"^([-+]?[\d.,]*\d)[.,](?:-{1,2}|–|—)$"
"""``5.-`` and ``5,--``: a dash where the cents would stand."""

_PLAIN = r"^-?(?:0|[1-9]\d*)(?:\.\d{1,2})?$"
"""The commonest form, which can be read in one way only."""

_BOTH_MARKS_DOT = r"^[-+]?\d{1,3}(?:,\d{3})*,\d{3}\.\d*$"
_BOTH_MARKS_COMMA = r"^[-+]?\d{1,3}(?:\.\d{3})*\.\d{3},\d*$"
_SHOWS_DOT = rf"{_BOTH_MARKS_DOT}|^[-+]?\d*\.(?:\d{{1,2}}|\d{{4,}})$|^[-+]?\d{{4,}}\.\d+$|^[-+]?0\.\d+$|^[-+]?\d{{1,3}}(?:,\d{{3}}){{2,}}$"
_SHOWS_COMMA = rf"{_BOTH_MARKS_COMMA}|^[-+]?\d*,(?:\d{{1,2}}|\d{{4,}})$|^[-+]?\d{{4,}},\d+$|^[-+]?0,\d+$|^[-+]?\d{{1,3}}(?:\.\d{{3}}){{2,}}$"
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
    dot_seen: bool = False
    comma_seen: bool = False
    _certain_decimals: int = 0
    _decimals_if: dict[str, int] = field(default_factory=lambda: {".": 0, ",": 0})
    currency_seen: bool = False

    def look_at(self, values: pa.Array) -> None:
        """Take in what a block of the column shows."""
        if pa.types.is_dictionary(values.type):
            values = values.dictionary
        ordinary = read_ordinary(values)
        if ordinary.decimals:
            self._certain_decimals = max(self._certain_decimals, ordinary.decimals)
            self.dot_seen = True
        values = values.filter(pa.array(~ordinary.found))
        if values.null_count == len(values):
            return
        plain = pc.match_substring_regex(values, _PLAIN)
        for decimals in (2, 1):  # the plain form has no more
            if self.dot_seen and self._certain_decimals >= decimals:
                break
            written = pc.match_substring_regex(values, rf"\.\d{{{decimals}}}$")
            if pc.any(pc.and_(plain, written)).as_py():
                self._certain_decimals = max(self._certain_decimals, decimals)
                self.dot_seen = True
        others = values.filter(pc.invert(pc.fill_null(plain, True)))
        if len(others):
            core, currency, _ = _core(others)
            self.currency_seen |= currency.null_count < len(currency)
            by_dot = core.filter(pc.match_substring_regex(core, _SHOWS_DOT))
            by_comma = core.filter(pc.match_substring_regex(core, _SHOWS_COMMA))
            self.dot_seen |= len(by_dot) > 0
            self.comma_seen |= len(by_comma) > 0
            self._certain_decimals = max(
                self._certain_decimals, _most_decimals(by_dot, "."), _most_decimals(by_comma, ",")
            )
            either = core.filter(pc.match_substring_regex(core, _EITHER))
            for mark, most in self._decimals_if.items():
                self._decimals_if[mark] = max(most, _most_decimals(either, mark))

    @property
    def mixed(self) -> bool:
        """Whether the column shows both marks."""
        return self.dot_seen and self.comma_seen

    @property
    def mark(self) -> str | None:
        """The decimal mark for numbers that can be read both ways, or None where that cannot be told."""
        if self.stated is not None or self.mixed:
            return self.stated
        if self.dot_seen:
            return "."
        if self.comma_seen:
            return ","
        return self.usual

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
    currency: pa.Array
    """ISO 4217, where a cell states one."""


@lru_cache(maxsize=1)
def _currency_codes() -> frozenset[str]:
    from babel.core import get_global

    return frozenset(get_global("all_currencies"))


def _core(values: pa.Array) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Numbers without currency, spaces and signs in odd places; their currencies; and a mask of those that are no numbers."""
    signs = pa.array([None] * len(values), pa.string())
    for pattern, number, sign in ((_BEFORE, r"\2", r"\1"), (_AFTER, r"\1", r"\2")):
        has = pc.match_substring_regex(values, pattern)
        if pc.any(has).as_py():
            found = pc.replace_substring_regex(values, pattern, sign)
            signs = pc.coalesce(signs, pc.if_else(has, found, pa.scalar(None, pa.string())))
            values = pc.if_else(has, pc.replace_substring_regex(values, pattern, number), values)
    encoded = signs.dictionary_encode()
    known = encoded.dictionary.to_pylist()
    codes = [_CURRENCY_SIGNS.get(sign) or (sign if sign in _currency_codes() else None) for sign in known]
    # Three letters that are no currency are no number either.
    wrong = [code is None and len(sign) == 3 and sign.isalpha() for sign, code in zip(known, codes, strict=True)]
    currency = pa.array(codes, pa.string()).take(encoded.indices)
    bad = pc.fill_null(pa.array(wrong, pa.bool_()).take(encoded.indices), False)
    core = pc.replace_substring_regex(values, rf"(\d){_SPACES}(\d{{3}})", r"\1\2")
    core = pc.replace_substring_regex(core, rf"(\d){_SPACES}(\d{{3}})", r"\1\2")
    core = pc.replace_substring(pc.utf8_trim_whitespace(core), "−", "-")
    core = pc.replace_substring_regex(core, _NO_CENTS, r"\1")
    core = pc.replace_substring_regex(core, r"^\(([\d.,]+)\)$", r"-\1")
    core = pc.replace_substring_regex(core, r"^([\d.,]+)-$", r"-\1")
    core = pc.replace_substring_regex(core, r"^([-+]) +", r"\1")
    return core, currency, bad


def judge_numbers(values: pa.Array, convention: NumberConvention) -> NumberVerdicts:
    """The verdicts on one block of a column."""
    if pa.types.is_dictionary(values.type):
        return _of_rows(judge_numbers(values.dictionary, convention), values.indices)
    if convention.decimals > _MOST_WHOLE_DIGITS // 2:  # hundredths would not fit
        return _judge_odd(values, convention)
    ordinary = read_ordinary(values)
    numbers = _with_decimals(ordinary, convention)
    odd = ~ordinary.found & present(values)
    invalid, ambiguous = np.zeros(len(values), dtype=bool), np.zeros(len(values), dtype=bool)
    currency = pa.nulls(len(values), pa.string())
    if odd.any():
        where = pa.array(odd)
        others = _judge_odd(values.filter(where), convention)
        numbers = pc.replace_with_mask(numbers, where, others.numbers)
        currency = pc.replace_with_mask(currency, where, others.currency)
        invalid[odd], ambiguous[odd] = others.invalid, others.ambiguous
    return NumberVerdicts(numbers, invalid, ambiguous, currency)


def _of_rows(distinct: NumberVerdicts, indices: pa.Array) -> NumberVerdicts:
    """The verdicts on distinct values as those on rows."""
    at = pc.fill_null(indices, len(distinct.invalid)).to_numpy(zero_copy_only=False)
    return NumberVerdicts(
        distinct.numbers.take(indices),
        np.append(distinct.invalid, False)[at],
        np.append(distinct.ambiguous, False)[at],
        distinct.currency.take(indices),
    )


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
    currency = pa.nulls(rows, pa.string())
    ambiguous = np.zeros(rows, dtype=bool)
    odd = np.asarray(pc.and_(pc.invert(plain), pc.is_valid(values)).to_numpy(zero_copy_only=False))
    if odd.any():
        core, found_currency, bad = _core(values.filter(pa.array(odd)))
        normal, doubtful = _with_dot(core, convention)
        usable = pc.and_(pc.match_substring_regex(normal, _READY), pc.invert(bad))
        normal = pc.if_else(usable, normal, nothing)
        ready = pc.replace_with_mask(ready, pa.array(odd), normal)
        currency = pc.replace_with_mask(currency, pa.array(odd), pc.if_else(usable, found_currency, nothing))
        ambiguous[odd] = doubtful.to_numpy(zero_copy_only=False)
    numbers = ready.cast(convention.type)
    invalid = np.asarray(pc.and_(pc.is_valid(values), pc.is_null(ready)).to_numpy(zero_copy_only=False)) & ~ambiguous
    return NumberVerdicts(numbers, invalid, ambiguous, currency)


def _with_dot(core: pa.Array, convention: NumberConvention) -> tuple[pa.Array, pa.Array]:
    """Numbers with a dot as the decimal mark and nothing between thousands, and a mask of those that could be two numbers."""
    either = pc.match_substring_regex(core, _EITHER)
    by_dot = pc.match_substring_regex(core, _SHOWS_DOT)
    by_comma = pc.match_substring_regex(core, _SHOWS_COMMA)
    mark = convention.mark
    if mark is not None:
        doubtful = pa.array(np.zeros(len(core), dtype=bool))
        by_dot = pc.or_(by_dot, pc.and_(either, mark == "."))
        by_comma = pc.or_(by_comma, pc.and_(either, mark == ","))
    else:
        doubtful = either
    as_dot = pc.replace_substring_regex(core, r"[,+]", "")
    as_comma = pc.replace_substring(pc.replace_substring_regex(core, r"[.+]", ""), ",", ".")
    whole = pc.match_substring_regex(core, r"^[-+]?\d+$")
    plain = pc.replace_substring_regex(core, r"^\+", "")
    # "1,234" in a column of decimal dots is a thousand: _EITHER with its mark between thousands.
    normal = pc.case_when(
        pc.make_struct(whole, by_dot, by_comma, field_names=["whole", "dot", "comma"]),
        plain,
        as_dot,
        as_comma,
    )
    normal = pc.replace_substring_regex(normal, r"\.$", "")
    starts = pc.match_substring_regex(normal, r"^-?\.")
    normal = pc.if_else(starts, pc.replace_substring(normal, ".", "0.", max_replacements=1), normal)
    return normal, doubtful
