"""Cells with a number in them, taken apart: the digits with their marks, the sign, the currency.

What stands around the digits is looked at once for each distinct form: a minus in front of the currency or behind it, brackets, a dash in the place
of the cents. The digits stay as they are written: which mark is the decimal one is the column's to tell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.row_checks.currencies import currencies_of
from nightmail.row_checks.recurring import RECURRING

_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t"
_UNSEEN = "\u00ad\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
_MINUS = "−–—‒﹣－‐‑⁻"
_APOSTROPHES = "’‘´`ʼ′＇"
_OTHER_DIGITS = {
    chr(first + digit): str(digit) for first in (0x0660, 0x06F0, 0x0966, 0x09E6, 0x0E50, 0xFF10) for digit in range(10)
}
_TRANSLATED = str.maketrans(
    {
        **dict.fromkeys(_SPACES, " "),
        **dict.fromkeys(_UNSEEN, None),
        **dict.fromkeys(_MINUS, "-"),
        **dict.fromkeys(_APOSTROPHES, "'"),
        **_OTHER_DIGITS,
        "，": ",",
        "．": ".",
    }
)
_PARTS = r"^(?P<before>[^\d]*?)(?P<number>\d(?:[\d.,' ]*\d)?)(?P<after>[^\d]*)$"
_GROUPED = r"^\d{1,3}(?:[ ']\d{3})+(?:[.,]\d*)?$"
"""Thousands apart by spaces or apostrophes; a space anywhere else makes no number."""


@dataclass(frozen=True)
class NumberCells:
    """A column of numbers taken apart; all are as long as the column."""

    core: pa.Array
    """Digits with points and commas, a minus in front; null where the cell is no number. A mark at the end stands where a dash showed that
    it is the decimal one (``5.-``, ``5,--``)."""
    stated: pa.DictionaryArray
    """The currencies that the cell's sign can mean, as codes with spaces between; null where it has none."""

    @property
    def wrong(self) -> npt.NDArray[np.bool_]:
        """A mask of the cells that are no number."""
        return np.asarray(pc.is_null(self.core).to_numpy(zero_copy_only=False))


def take_apart(values: pa.Array) -> NumberCells:
    """Take the cells of a column of text apart."""
    parts = pc.extract_regex(_in_ascii(values), _PARTS)
    before, number, after = (pc.struct_field(parts, name) for name in ("before", "number", "after"))
    around = pc.binary_join_element_wise(before, after, "\x1f").dictionary_encode()
    known = [_around(text) for text in around.dictionary.to_pylist()]
    grouped = pc.match_substring_regex(number, _GROUPED)
    number = pc.if_else(grouped, pc.replace_substring_regex(number, "[ ']", ""), number)
    # "kr.50" is fifty crowns, or half a crown.
    doubtful = pc.and_(pc.match_substring_regex(before, r"\pL\.$"), pc.match_substring_regex(number, r"^\d{2}$"))
    wrong = pc.or_(doubtful, pc.match_substring_regex(number, "[ ']"))
    number = pc.if_else(wrong, pa.scalar(None, pa.string()), number)

    def of(values: list[str | None]) -> pa.Array:
        return pa.array(values, pa.string()).take(around.indices)

    core = pc.binary_join_element_wise(
        of([None if one is None else f"{'-' if one.negative else ''}{one.mark_in_front}" for one in known]),
        number,
        of([None if one is None else one.mark_behind for one in known]),
        "",
    )
    codes = [None if one is None or one.currencies is None else " ".join(sorted(one.currencies)) for one in known]
    return NumberCells(core, of(codes).cast(pa.string()).dictionary_encode().cast(RECURRING))


def _in_ascii(values: pa.Array) -> pa.Array:
    """``values`` with ASCII digits, spaces, minus signs and apostrophes, trimmed."""
    beyond = pc.invert(pc.string_is_ascii(values))
    if pc.any(beyond).as_py():
        encoded = values.filter(beyond).dictionary_encode()
        translated = [_arabic_marks(text.translate(_TRANSLATED)) for text in encoded.dictionary.to_pylist()]
        values = pc.replace_with_mask(
            values, pc.fill_null(beyond, False), pa.array(translated, pa.string()).take(encoded.indices)
        )
    return pc.utf8_trim_whitespace(values)


def _arabic_marks(text: str) -> str:
    """Arabic thousands away and the Arabic decimal mark a point, but where it could then stand between thousands."""
    if "٫" in text and not re.search(r"٫\d{3}(?!\d)", text):
        text = text.replace("٫", ".")
    return text.replace("٬", "")


@dataclass(frozen=True)
class _Around:
    """What stands around the digits of a number."""

    negative: bool
    currencies: frozenset[str] | None
    """Those that the sign can mean; None where there is none."""
    mark_in_front: str
    """The decimal mark of a number without digits before it."""
    mark_behind: str
    """The decimal mark that a dash in the place of the cents showed."""


_NO_CENTS = re.compile(r"^([.,])\s?(?:--?|=)(.*)$", re.DOTALL)
_FRONT = re.compile(r"^([\s(+\-]*)(.*?)([\s(+\-]*)$", re.DOTALL)
_BEHIND = re.compile(r"^([\s)+\-]*)(.*?)([\s)+\-]*)$", re.DOTALL)


@lru_cache(maxsize=20_000)
def _around(text: str) -> _Around | None:
    """What stands around the digits, or None where it belongs to no number; ``text`` has the parts with U+001F between."""
    before, after = text.split("\x1f")
    mark_behind = mark_in_front = ""
    no_cents = _NO_CENTS.match(after)
    if no_cents:
        mark_behind, after = no_cents.groups()
    front, behind = _FRONT.match(before), _BEHIND.match(after)
    assert front is not None and behind is not None
    first, last = front[2], behind[2]
    if first.endswith((".", ",")) and not currencies_of(first):
        first, mark_in_front = first[:-1].rstrip(), first[-1]
        front_signs = _FRONT.match(first)
        assert front_signs is not None
        signs_in_front = front[1] + front[3] + front_signs[1] + front_signs[3]
        first = front_signs[2]
    else:
        signs_in_front = front[1] + front[3]
    stated = [currencies_of(sign) for sign in (first, last) if sign]
    if any(not codes for codes in stated) or (mark_in_front and mark_behind):
        return None
    signs = signs_in_front + behind[1] + behind[3]
    brackets = signs.count("("), signs.count(")")
    minus, plus = signs.count("-"), signs.count("+")
    if brackets not in ((0, 0), (1, 1)) or minus + plus + brackets[0] > 1:
        return None
    currencies = frozenset.intersection(*stated) if stated else None
    if currencies is not None and not currencies:  # "€5 USD" contradicts itself
        return None
    return _Around(bool(minus or brackets[0]), currencies, mark_in_front, mark_behind)
