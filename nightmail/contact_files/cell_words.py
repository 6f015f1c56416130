"""Cells that are words of programs and no values: nothing (``NULL``), a spreadsheet's error (``#N/A``), ``="text"``, totals."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NULL_WORDS = ("\\N", "NULL", "null", "(null)", "[NULL]", "<NA>", "NaN", "nan", "None", "NIL", "nil")
NULL_WORDS_IN_TEXT = ("\\N", "NULL", "(null)", "[NULL]", "<NA>", "NaN", "nan")
"""In columns of free text, only what nobody is called."""
CELL_ERRORS = (
    "#N/A",
    "#REF!",
    "#NAME?",
    "#VALUE!",
    "#DIV/0!",
    "#NULL!",
    "#NUM!",
    "#SPILL!",
    "#CALC!",
    "#NV",
    "#WERT!",
    "#BEZUG!",
    "#ZAHL!",
    "#ÜBERLAUF!",
    "#N/D",
    "#VALEUR!",
    "#NOM?",
    "#NUL!",
    "#¡VALOR!",
    "#¡REF!",
    "#¡DIV/0!",
    "#¡NUM!",
    "#¡NULO!",
    "#¿NOMBRE?",
)
"""As spreadsheets in English, German, French and Spanish show them."""
_LONGEST_WORD = max(len(word.encode()) for word in (*NULL_WORDS, *CELL_ERRORS))
_LONGEST_NOTE = 500
_TOTAL = re.compile(
    r"\W*(grand ?totals?|sub-?totals?|totals?|totaux|summe|gesamt\w*|insgesamt|somme|suma|sum|total general|count|anzahl|"
    r"nombre|cantidad|trailer|trl|eof|end of (file|report|data)|ende|fin|checksum|records?|rows?)\b(?!@)",
    re.IGNORECASE,
)
_COUNT_NOTE = re.compile(
    r"\W*\d[\d.,' ]*\s*(rows?|records?|lines?|entries|zeilen?|datens[aä]tze?|eintr[aä]ge?|lignes?|enregistrements?|filas?|"
    r"registros?)\b.*",
    re.IGNORECASE,
)
_TEXT_FORMULA = r'^="([^"]*)"$'
_IN_APOSTROPHES = r"^'(?s:.)+'$"


Notice = Callable[[str, pa.ChunkedArray], None]
"""Takes a reason and a mask of the values that it is about."""


def without_words(
    column: pa.ChunkedArray,
    notice: Notice,
    *,
    free_text: bool,
    null_words: Sequence[str] = (),
    apostrophes: bool = True,
) -> pa.ChunkedArray:
    """A column in which words for nothing and errors are null, and ``="text"`` is its text; ``notice`` takes each.

    In ``free_text`` only what nobody is called is a word for nothing; ``null_words`` are further ones. Values between
    apostrophes stay, and are noticed unless ``apostrophes`` is false.
    """
    if null_words:
        column = _emptied(column, pa.array(null_words, pa.string()), "value_null_word", notice)
    words = _NULL_WORDS_IN_TEXT_SET if free_text else _NULL_WORDS_SET
    marked = _marked(column)
    if not len(marked):
        return column
    if _any_in(marked, words):
        column = _emptied(column, words, "value_null_word", notice)
    if _any_in(marked, _CELL_ERRORS_SET):
        column = _emptied(column, _CELL_ERRORS_SET, "value_cell_error", notice)
    if pc.any(pc.starts_with(marked, "=")).as_py():
        column = _formulas(column, notice)
    if apostrophes and pc.any(pc.match_substring_regex(marked, _IN_APOSTROPHES)).as_py():
        notice("value_in_apostrophes", pc.fill_null(pc.match_substring_regex(column, _IN_APOSTROPHES), False))
    return column


def _emptied(column: pa.ChunkedArray, words: pa.Array, reason: str, notice: Notice) -> pa.ChunkedArray:
    found = pc.is_in(column, value_set=words)
    notice(reason, found)
    return pc.if_else(found, pa.scalar(None, pa.string()), column)


def _formulas(column: pa.ChunkedArray, notice: Notice) -> pa.ChunkedArray:
    begins = pc.starts_with(column, "=")
    wrapped = pc.fill_null(pc.match_substring_regex(column, _TEXT_FORMULA), False)
    if pc.any(wrapped).as_py():
        notice("value_text_formula", wrapped)
        inner = pc.replace_substring_regex(column, _TEXT_FORMULA, r"\1")
        inner = pc.if_else(pc.equal(inner, ""), pa.scalar(None, pa.string()), inner)
        column = pc.if_else(wrapped, inner, column)
    others = pc.and_(pc.fill_null(begins, False), pc.invert(wrapped))
    if pc.any(others).as_py():
        notice("value_formula_text", others)
    return column


def _marked(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values that begin as words for nothing, errors and formulas do: few of any column, so that only these are compared."""
    chunks = []
    for chunk in column.chunks:
        _, offset_buffer, data_buffer = chunk.buffers()
        if data_buffer is None or not data_buffer.size:
            continue
        offsets = np.frombuffer(offset_buffer, np.int32, count=chunk.offset + len(chunk) + 1)[chunk.offset :]
        first = np.frombuffer(data_buffer, np.uint8).take(offsets[:-1], mode="clip")
        rows = np.flatnonzero(_FIRST_OF_MARKED.take(first))
        size = offsets[rows + 1] - offsets[rows]
        whole = (first[rows] == _EQUALS_SIGN) | (first[rows] == _APOSTROPHE)
        rows = rows[(size > 0) & ((size <= _LONGEST_WORD) | whole)]
        if len(rows):
            chunks.append(chunk.take(pa.array(rows)))
    return pa.chunked_array(chunks, pa.string())


def _any_in(values: pa.ChunkedArray, words: pa.Array) -> bool:
    return bool(pc.any(pc.is_in(values, value_set=words)).as_py())


def is_note(raw: str) -> bool:
    """Whether the raw text of a line is a total or a note, such as ``(1000 rows)`` or ``Total;;;12.50``."""
    return (
        len(raw) <= _LONGEST_NOTE and "@" not in raw and bool(_TOTAL.match(raw) or _COUNT_NOTE.fullmatch(raw.strip()))
    )


def is_total(row: Mapping[str, object]) -> bool:
    """Whether a row that was read (values by column, and its ``line``) is a total or a note at the end of the file."""
    cells = [str(value).strip() for name, value in row.items() if name != "line" and value is not None]
    if any("@" in cell for cell in cells):
        return False
    for field in ("phone", "phone_2", "landline"):
        if sum(map(str.isdigit, str(row.get(field) or ""))) >= 6:
            return False
    filled = [cell for cell in cells if 0 < len(cell) <= _LONGEST_NOTE]
    return bool(filled) and (any(map(_TOTAL.match, filled)) or any(map(_COUNT_NOTE.fullmatch, filled)))


_NULL_WORDS_SET = pa.array(NULL_WORDS, pa.string())
_NULL_WORDS_IN_TEXT_SET = pa.array(NULL_WORDS_IN_TEXT, pa.string())
_CELL_ERRORS_SET = pa.array(CELL_ERRORS, pa.string())
_EQUALS_SIGN, _APOSTROPHE = ord("="), ord("'")
_FIRST_OF_MARKED = np.isin(
    np.arange(256), [_EQUALS_SIGN, _APOSTROPHE, *(ord(word[0]) for word in (*NULL_WORDS, *CELL_ERRORS))]
)
