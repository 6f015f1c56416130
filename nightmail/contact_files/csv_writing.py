"""CSV that people open in a spreadsheet: quoted where needed, and no cell runs as a formula.

A spreadsheet runs a cell that begins with ``=``, ``+``, ``-`` or ``@`` (also after a tab or carriage return, and with
the full-width forms of these signs). Such a cell is written with an apostrophe before it, which also keeps
``+447700900123`` from turning into a number. :func:`unescape_formula` takes the apostrophe off again, so that a
corrected reject file says what the person meant.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import TextIO

import pyarrow as pa
import pyarrow.compute as pc

_STARTS = "=+\\-@\t\r\n|%＝＋－＠"
FORMULA_PATTERN = f"^'*[{_STARTS}]"
"""What is escaped: a formula sign, also one that already stands behind apostrophes (or the way back would lose one)."""
_ESCAPED_PATTERN = f"^'('*[{_STARTS}])"
_FIRST = frozenset("=+-@\t\r\n|%＝＋－＠")


def escape_formula(text: str) -> str:
    """``text`` as a cell that no spreadsheet runs: ``=1+1`` becomes ``'=1+1``; ordinary text stays as it is."""
    bare = text.lstrip("'")
    return f"'{text}" if bare and bare[0] in _FIRST else text


def unescape_formula(text: str) -> str:
    """The text that :func:`escape_formula` was given."""
    bare = text.lstrip("'")
    return text[1:] if len(bare) < len(text) and bare and bare[0] in _FIRST else text


def escape_formulas(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """:func:`escape_formula` of every value of a string column; null stays null."""
    needed = pc.match_substring_regex(column, FORMULA_PATTERN)
    if not pc.any(needed).as_py():
        return column
    prefixed = pc.binary_join_element_wise(pa.scalar("'", column.type), column, pa.scalar("", column.type))
    return pc.if_else(needed, prefixed, column)


def unescape_formulas(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """:func:`unescape_formula` of every value of a string column; null stays null."""
    return pc.replace_substring_regex(column, _ESCAPED_PATTERN, r"\1", max_replacements=1)


def write_csv_rows(handle: TextIO, header: Sequence[str], rows: Iterable[Sequence[str | None]]) -> int:
    """Write a header and rows as CSV (comma, CRLF, quotes where needed), formulas escaped; gives the number of rows.

    Open ``handle`` with ``newline=""`` and the encoding ``utf-8-sig``, which spreadsheets recognise.
    """
    writer = csv.writer(handle, lineterminator="\r\n")
    writer.writerow([escape_formula(name) for name in header])
    count = 0
    for row in rows:
        writer.writerow(["" if value is None else escape_formula(value) for value in row])
        count += 1
    return count
