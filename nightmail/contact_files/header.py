"""Which line of a file is its header: the first with column names that are known, before any row of values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from nightmail.contact_files.column_names import OWN_KEYS, WEAK_FIELD_OF, column_key, standard_field
from nightmail.contact_files.exporters import EXPORTED_COLUMNS
from nightmail.contact_files.failures import file_error
from nightmail.errors import ContactFileError
from nightmail.privacy import mask

_LONGEST_NAME = 200
"""Characters of a column's name; also keeps patterns away from texts that would take them long."""
_DIGITS = re.compile(r"[\s()+./\-]*(?:\d[\s()+./\-]*)+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_DATE = re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}([ T].*)?")
_HOLDS_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.\w|\+\d(?:[ ()./-]{0,2}\d){7}")
"""No column is called by somebody's address or number, whatever stands around it."""
_YEAR = re.compile(r"\d{1,4}")
"""A column may be named 2026 or 1, beside columns that are known."""
_NUMBER = re.compile(r"[-+]?[\d.,\s]*\d[\d.,\s]*[%€$£]?")


def looks_like_value(cell: str) -> bool:
    """Whether a cell is surely a value and no column's name: an address, a number, a date, a formula."""
    text = cell.strip()
    if len(text) > _LONGEST_NAME:
        return True
    return bool(text) and bool(
        _EMAIL.fullmatch(text)
        or _DATE.fullmatch(text)
        or _NUMBER.fullmatch(text)
        or (_DIGITS.fullmatch(text) and sum(map(str.isdigit, text)) >= 3)
        or text.startswith("=")
    )


def looks_like_address(cell: str) -> bool:
    """Whether a cell looks like an email address or a phone number."""
    text = cell.strip()
    if len(text) > _LONGEST_NAME:
        return False
    return bool(_EMAIL.fullmatch(text) or (_DIGITS.fullmatch(text) and sum(map(str.isdigit, text)) >= 7))


def header_score(cells: Sequence[str], mapping: Mapping[str, str] | None = None) -> int:
    """How surely a line is the header: 0 is no header, 1 is possible, more is the number of known columns plus one."""
    filled = [cell for cell in cells if cell.strip()]
    if any(len(cell) > _LONGEST_NAME or _HOLDS_ADDRESS.search(cell) for cell in filled):
        return 0
    stated = {column_key(name) for name in (mapping or {})}
    known = 0
    for cell in filled:
        key = column_key(cell)
        if standard_field(cell) or key in stated or key in WEAK_FIELD_OF or key in OWN_KEYS or key in EXPORTED_COLUMNS:
            known += 1
    values = [cell for cell in filled if looks_like_value(cell) and not (known and _YEAR.fullmatch(cell.strip()))]
    if not filled or any(map(looks_like_address, values)) or (values and known < 2):
        return 0
    return 1 + known


HEADER_WITHIN = 30
"""Lines, blank ones aside, among which the header is looked for."""


def header_among(rows: Sequence[Sequence[str]], mapping: Mapping[str, str] | None = None) -> tuple[int, int] | None:
    """The score and the place of the header among the first rows of a file; None when there is none.

    It is the first row, or the one with the most known columns that comes before any row of data.
    """
    best: tuple[int, int] | None = None
    for index, cells in enumerate(rows[:HEADER_WITHIN]):
        score = header_score(cells, mapping)
        if score > 1 and any(_is_data(earlier, len(cells)) for earlier in rows[:index]):
            break
        if score and (index == 0 or score > 1) and (best is None or score > best[0]):
            best = score, index
    return best


_NO_NAME = re.compile(r"@|(\d\D{0,2}){5}")


def no_known_column(header: Sequence[str]) -> ContactFileError:
    """The error of a header of which no column is known."""
    # Without a header these are a person's values: an address is masked, and what follows a colon is left out.
    names = [re.split("[:=]", name, maxsplit=1)[0].strip()[:40] for name in header[:8]]
    shown = ", ".join(mask(name) if _NO_NAME.search(name) else name for name in names)
    return file_error("file_no_known_column", columns=shown + (", ..." if len(header) > 8 else ""))


def _is_data(cells: Sequence[str], width: int) -> bool:
    """Whether a line before a header is a row already: then the file begins without one."""
    return len(cells) == width and any(looks_like_address(cell) for cell in cells)
