"""How numbers, money and dates are written in each language: Babel's rules, cheap enough for a million values.

Babel is asked once per language and currency where separators and currency signs stand; the digits are then set with Python's
own formatting. Languages that group digits otherwise than by threes go through Babel value by value.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from nightmail.templates.number_columns import digits_column, scaled_integers

if TYPE_CHECKING:
    from babel import Locale

# As many digits and decimals as a column of the contacts may have.
_PLAIN_NUMBER = re.compile(r"[+-]?\d{1,38}(\.\d{1,18})?")
_MONEY_TEXT = re.compile(r"(?:([A-Z]{3})\s*)?([+-]?\d{1,38}(?:\.\d{1,18})?)(?:\s*([A-Z]{3}))?")
_PLAIN_SPACES = {0xA0: " ", 0x202F: " ", 0x2009: " "}
DATE_STYLES = ("short", "medium", "long", "full")


class Money(Decimal):
    """An amount with its currency (ISO 4217). It compares and counts like any decimal."""

    currency: str | None

    def __new__(cls, amount: Decimal | str | int, currency: str | None = None) -> Money:
        """An amount; ``currency`` is its ISO 4217 code."""
        made = super().__new__(cls, amount)
        made.currency = currency
        return made


def read_number(text: str) -> Decimal | None:
    """A number written plainly (``1234.5``); ``None`` for any other text."""
    return Decimal(text) if _PLAIN_NUMBER.fullmatch(text) else None


def read_money(text: str, currency: str | None = None) -> Money | None:
    """An amount written plainly, with or without its currency (``1234.50``, ``EUR 1234.50``); ``None`` for any other text."""
    match = _MONEY_TEXT.fullmatch(text)
    if match is None or (match[1] and match[3]):
        return None
    return Money(match[2], match[1] or match[3] or currency)


def without_zeros(number: Decimal) -> Decimal:
    """The number without zeros at the end of its decimals: a column's scale is that of its longest value."""
    text = f"{number:f}"
    return Decimal(text.rstrip("0").rstrip(".")) if "." in text else number


def read_date(text: str) -> date | None:
    """A date written as 2026-12-31; ``None`` for any other text."""
    if len(text) != 10:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@lru_cache(maxsize=256)
def babel_locale(language: str) -> Locale:
    """Babel's locale of a language tag, of its nearest parent, or English where Babel has none."""
    from babel import Locale, UnknownLocaleError

    parts = language.replace("_", "-").split("-")
    for length in range(len(parts), 0, -1):
        try:
            return Locale.parse("-".join(parts[:length]), sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return Locale.parse("en")


class Formats:
    """Writes values in one language. ``plain_spaces`` puts ordinary spaces for the non-breaking ones that some
    languages group digits with: in a text message one such space halves what fits into a segment.
    """

    def __init__(self, language: str, plain_spaces: bool = False) -> None:
        from babel.numbers import format_decimal, get_decimal_symbol, get_group_symbol

        self.language = language
        self.locale = babel_locale(language)
        self._plain_spaces = plain_spaces
        sample = format_decimal(Decimal("1234567.5"), locale=self.locale)
        self._decimal = get_decimal_symbol(self.locale)
        self._group = get_group_symbol(self.locale)
        self._by_threes = sample == f"1{self._group}234{self._group}567{self._decimal}5"
        self._marks = str.maketrans({",": self._group, ".": self._decimal})
        self._frames: dict[tuple[str, bool], tuple[str, str, int]] = {}
        self._dates: dict[tuple[date, str], str] = {}

    def value(self, value: object) -> Any:
        """A value as Jinja should print it: typed values by language, nothing as nothing, all else as it is."""
        if isinstance(value, str):
            return value
        if isinstance(value, Money):
            return self.money(value, value.currency)
        if isinstance(value, Decimal):
            return self.number(value)
        if isinstance(value, date):
            return self.date(value)
        return "" if value is None else value

    def number(self, value: Decimal) -> str:
        """``1,234.5`` in English, ``1.234,5`` in German; all the digits there are, no zeros at the end."""
        return self._spaces(self._digits(value, 0))

    def money(self, value: Decimal, currency: str | None) -> str:
        """``€1,234.50`` in English, ``1.234,50 €`` in German; without a currency just the digits, at least two."""
        if currency is None:
            return self._spaces(self._digits(value, 2))
        negative = value < 0
        before, after, decimals = self._frame(currency, negative)
        return self._spaces(f"{before}{self._digits(value.copy_abs(), decimals)}{after}")

    def number_column(self, column: pa.Array) -> pa.Array | None:
        """:meth:`number` of a decimal column without nulls; ``None`` where it must go value by value."""
        return self._column(column, 0, None)

    def money_column(self, column: pa.Array, currency: str | None) -> pa.Array | None:
        """:meth:`money` of a decimal column without nulls in one currency; ``None`` where it must go value by value."""
        return self._column(column, 2, currency)

    def _column(self, column: pa.Array, least_decimals: int, currency: str | None) -> pa.Array | None:
        scaled = scaled_integers(column) if self._by_threes else None
        if scaled is None:
            return None
        amounts, scale = scaled
        before = after = ""
        before_negative, after_negative = "-", ""
        if currency is not None:
            before, after, least_decimals = self._frame(currency, False)
            before_negative, after_negative, _ = self._frame(currency, True)
        digits = digits_column(abs(amounts), scale, least_decimals, self._group, self._decimal)
        text = pc.binary_join_element_wise(before, digits, after, "") if before or after else digits
        negative = pa.array(amounts < 0)
        if pc.any(negative).as_py():
            text = pc.if_else(negative, pc.binary_join_element_wise(before_negative, digits, after_negative, ""), text)
        if self._plain_spaces:
            for space, plain in _PLAIN_SPACES.items():
                if chr(space) in f"{self._group}{before}{after}{before_negative}{after_negative}":
                    text = pc.replace_substring(text, chr(space), plain)
        return text

    def date(self, value: date, style: str = "long") -> str:
        """``23 November 2026``, in one of Babel's styles: short, medium, long, full."""
        key = (value, style)
        if key not in self._dates:
            from babel.dates import format_date

            if len(self._dates) > 20_000:
                self._dates.clear()
            self._dates[key] = self._spaces(format_date(value, style, locale=self.locale))
        return self._dates[key]

    def _spaces(self, text: str) -> str:
        return text.translate(_PLAIN_SPACES) if self._plain_spaces and not text.isascii() else text

    def _digits(self, value: Decimal, least_decimals: int) -> str:
        if not value.is_finite():
            return str(value)
        text = f"{value:,f}"
        if "." in text:
            whole, _, decimals = text.partition(".")
            decimals = decimals.rstrip("0").ljust(least_decimals, "0")
        else:
            whole, decimals = text, "0" * least_decimals
        if self._by_threes:
            return (f"{whole}.{decimals}" if decimals else whole).translate(self._marks)
        from babel.numbers import format_decimal

        pattern_decimals = "0" * len(decimals)
        base = self.locale.decimal_formats[None].pattern.split(";")[0].split(".")[0]
        return format_decimal(value, format=f"{base}.{pattern_decimals}" if decimals else base, locale=self.locale)

    def _frame(self, currency: str, negative: bool) -> tuple[str, str, int]:
        """What stands before and after the digits of an amount, and how many decimals the currency has."""
        key = (currency, negative)
        if key not in self._frames:
            from babel.numbers import format_currency, get_currency_precision

            shown = format_currency(Decimal(-8 if negative else 8), currency, locale=self.locale)
            start = shown.index("8")
            end = max(position for position, character in enumerate(shown) if character in "08") + 1
            self._frames[key] = (shown[:start], shown[end:], get_currency_precision(currency))
        return self._frames[key]


def parse_typed(text: str, kind: str, currency: str | None = None) -> Any:
    """A text as its placeholder's type, or the text itself where it is not one of that type."""
    try:
        if kind == "number":
            found: Any = read_number(text)
        elif kind == "money":
            found = read_money(text, currency)
        elif kind == "date":
            found = read_date(text)
        else:
            return text
    except InvalidOperation:
        return text
    return text if found is None else found
