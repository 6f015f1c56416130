"""The values of placeholders for some rows, ready for bodies: fallbacks in, control characters out, typed and printed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.templates.formats import Formats, Money, parse_typed, without_zeros
from nightmail.templates.model import Placeholder, PlaceholderType

_CONTROL = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F\x{FFFE}\x{FFFF}]"


class ValueColumn:
    """One placeholder's values for some rows, ready for bodies of one language: fallbacks in, control characters out.

    ``values`` are the distinct values as Jinja2 gets them, ``indices`` say which each row has.
    """

    def __init__(
        self, raw: pa.Array | None, rows: int, placeholder: Placeholder, language: str, currency: pa.Array | None
    ) -> None:
        self._placeholder = placeholder
        self._fallback = placeholder.fallback(language)
        self._currency = placeholder.currency
        self._text: dict[Formats, pa.Array] = {}
        self._encoded: tuple[npt.NDArray[np.int64], list[Any]] | None = None
        self._plain: pa.Array | None = None
        self._raw: pa.Array
        if raw is None:
            raw = pa.nulls(rows, pa.string())
        if placeholder.type is PlaceholderType.TEXT:
            self._plain = self._clean(raw if pa.types.is_string(raw.type) else _as_text(raw))
            self._raw = self._plain
        else:
            self._raw = raw
            if placeholder.type is PlaceholderType.MONEY and currency is not None:
                self._state_currency(currency)

    @classmethod
    def of_texts(cls, texts: pa.Array) -> ValueColumn:
        """A column that is there already: the system's own placeholders."""
        return cls(texts, len(texts), Placeholder("system"), "", None)

    def _state_currency(self, currency: pa.Array) -> None:
        """Take the rows' own currencies: one for all, if they agree, or each with its amount."""
        stated = pc.fill_null(pc.cast(currency, pa.string()), "")
        found = pc.unique(pc.if_else(pc.equal(stated, ""), self._currency or "", stated))
        if len(found) <= 1:
            self._currency = (found[0].as_py() or None) if len(found) else self._currency
        else:
            self._raw = pc.binary_join_element_wise(stated, _as_text(self._raw), "\x1f")

    def _clean(self, column: pa.Array) -> pa.Array:
        if _has_control_characters(column):
            column = pc.replace_substring_regex(column, _CONTROL, "")
        empty = pc.fill_null(pc.equal(pc.binary_length(pc.utf8_trim_whitespace(column)), 0), True)
        return pc.if_else(empty, self._fallback or "", column) if pc.any(empty).as_py() else column

    def _encode(self) -> tuple[npt.NDArray[np.int64], list[Any]]:
        if self._encoded is None:
            encoded = self._raw.dictionary_encode()
            values = [self._value(value) for value in encoded.dictionary.to_pylist()]
            indices = encoded.indices
            if indices.null_count:
                indices = pc.fill_null(indices, len(values))
                values.append(self._value(None))
            self._encoded = indices.to_numpy(zero_copy_only=False).astype(np.int64), values
        return self._encoded

    @property
    def indices(self) -> npt.NDArray[np.int64]:
        """The position in :attr:`values` of each row's value."""
        return self._encode()[0]

    @property
    def values(self) -> list[Any]:
        """The distinct values."""
        return self._encode()[1]

    def at(self, row: int) -> Any:
        """One row's value, as Jinja2 gets it."""
        if self._encoded is None:
            return self._value(self._raw[int(row)].as_py())
        return self.values[self.indices[row]]

    def truths(self) -> pa.Array:
        """Whether each value counts as true in an ``if``."""
        if self._plain is not None:
            return pc.not_equal(pc.binary_length(self._plain), 0)
        if pa.types.is_date(self._raw.type) and not self._raw.null_count:
            return pa.repeat(pa.scalar(True), len(self._raw))
        return pa.array([bool(value) for value in self.values]).take(pa.array(self.indices))

    def text(self, formats: Formats) -> pa.Array:
        """The values as a body prints them."""
        if self._plain is not None:
            return self._plain
        if formats not in self._text:
            quick = self._by_column(formats)
            if quick is not None:
                self._text[formats] = quick
                return quick
            printed = pa.array([str(formats.value(value)) for value in self.values], pa.string())
            self._text[formats] = printed.take(pa.array(self.indices))
        return self._text[formats]

    def _by_column(self, formats: Formats) -> pa.Array | None:
        """Numbers and money in one go where the column allows it."""
        if not pa.types.is_decimal(self._raw.type) or self._raw.null_count:
            return None
        if self._placeholder.type is PlaceholderType.NUMBER:
            return formats.number_column(self._raw)
        if self._placeholder.type is PlaceholderType.MONEY:
            return formats.money_column(self._raw, self._currency)
        return None

    def _value(self, value: Any) -> Any:
        placeholder = self._placeholder
        kind = placeholder.type
        if kind is PlaceholderType.TEXT:
            return value
        currency = self._currency
        if isinstance(value, str) and "\x1f" in value:
            stated, _, value = value.partition("\x1f")
            currency = stated or currency
        if value is None or (isinstance(value, str) and not value.strip()):
            fallback = self._fallback
            return "" if fallback is None else parse_typed(fallback, kind.value, currency)
        if isinstance(value, str):
            return parse_typed(value.strip(), kind.value, currency)
        if kind is PlaceholderType.DATE:
            return value.date() if hasattr(value, "date") else value
        amount = value if isinstance(value, Decimal) else Decimal(str(value))
        return Money(amount, currency) if kind is PlaceholderType.MONEY else without_zeros(amount)


def _as_text(column: pa.Array) -> pa.Array:
    """Any column as texts, numbers written plainly."""
    if pa.types.is_string(column.type):
        return pc.coalesce(column, pa.scalar(""))
    if pa.types.is_decimal(column.type):
        return pa.array(["" if value is None else f"{value:f}" for value in column.to_pylist()], pa.string())
    return pc.coalesce(pc.cast(column, pa.string()), pa.scalar(""))


def _has_control_characters(column: pa.Array) -> bool:
    if not len(column) or column.buffers()[2] is None:
        return False
    offsets = np.frombuffer(column.buffers()[1], dtype=np.int32)
    data = np.frombuffer(column.buffers()[2], dtype=np.uint8)[
        offsets[column.offset] : offsets[column.offset + len(column)]
    ]
    if (data < 32).any() or (data == 127).any():
        return True
    return bool((data == 0xEF).any()) and bool(pc.any(pc.match_substring_regex(column, _CONTROL)).as_py())
