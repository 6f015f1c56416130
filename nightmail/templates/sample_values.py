"""Made-up values of placeholders, for a sample file and for previews: by a placeholder's type, and its name where that tells.

The same name always gets the same values, so that two previews differ by what was changed alone.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from nightmail.templates.model import Placeholder

_NAMED = (
    (("first_name", "firstname", "given_name", "vorname", "prenom"), ("Anna", "Ben")),
    (("last_name", "surname", "family_name", "nachname"), ("Example", "Muster")),
    (("name",), ("Anna Example", "Ben Muster")),
    (("city", "town", "place"), ("Lisbon", "Riga")),
    (("street", "address"), ("12 Market Street", "3 Station Road")),
    (("url", "link"), ("https://example.com/1001", "https://example.com/1002")),
    (("time", "hour"), ("09:30", "14:00")),
)
"""Texts by what a placeholder's name ends in, the first that fits."""


def sample_cell(name: str, kind: str, row: int = 0, max_length: int | None = None) -> str:
    """A value as a file's cell has it: ISO dates, a decimal point, no thousands' separators."""
    if kind == "date":
        return (dt.date(2027, 1, 15) + dt.timedelta(days=row)).isoformat()
    if kind == "money":
        return ("49.90", "125.00")[row % 2]
    if kind == "number":
        return ("3", "12")[row % 2]
    text = _text(name.lower(), row)
    return text if max_length is None else text[:max_length]


def sample_value(placeholder: Placeholder, row: int = 0) -> object:
    """The same value in its type: ``date``, ``Decimal`` or ``str``."""
    return typed_value(placeholder, sample_cell(placeholder.name, str(placeholder.type), row, placeholder.max_length))


def typed_value(placeholder: Placeholder, written: str) -> object:
    """What somebody typed, in the placeholder's type; ``None`` for nothing. Raises ``ValueError`` for what is none."""
    if not written:
        return None
    if placeholder.type == "date":
        return dt.date.fromisoformat(written)
    if placeholder.type in ("number", "money"):
        try:
            found = Decimal(written)
        except ArithmeticError:
            raise ValueError("not a number") from None
        if not found.is_finite() or abs(found.adjusted()) > 20:
            raise ValueError("not a number")
        return found
    return written


def _text(name: str, row: int) -> str:
    for endings, values in _NAMED:
        if name.endswith(endings):
            return values[row % 2]
    words = name.replace("_", " ")
    if any(mark in name for mark in ("no", "number", "id", "code", "ref")):
        return f"{1001 + row}"
    return f"({words})" if row == 0 else f"({words} {row + 1})"
