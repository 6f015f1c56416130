"""Which delimiter a CSV file uses, and on which line its header stands: told from the first lines together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from nightmail.contact_files.csv_records import Dialect, MalformedQuote, lenient_fields, line_ends, strict_fields
from nightmail.contact_files.failures import file_error
from nightmail.contact_files.header import HEADER_WITHIN, header_among, looks_like_value, no_known_column

_DELIMITERS = (",", ";", "\t", "|", "^", "~", "\x1f", "\x01")
_SEPARATOR_LINE = re.compile(r"\ufeff?\"?sep=(.)\"?(\r\n|\r|\n)", re.IGNORECASE)
_LINE_END = re.compile(r"\r\n|\r|\n")
_BLANK_LINES = re.compile(r"[\r\n]+")
_ROWS_LOOKED_AT = 60
_BLANK_ROWS_LOOKED_AT = 5_000
"""Rows of nothing but delimiters or spaces that may come before and between these."""


@dataclass(frozen=True)
class Opening:
    """How a CSV file begins."""

    dialect: Dialect
    header: tuple[str, ...]
    header_line: int
    """Physical line on which the header begins."""
    first_line: int
    """Physical line after the header."""
    offset: int
    """Characters up to the line after the header."""
    skip_bytes: int
    """The same in bytes of UTF-8."""
    passed_over: int
    """Lines before the header that are neither blank nor a ``sep=`` line."""
    fields_in_rows: int
    """The number of fields that most of the first rows have."""


def read_opening(
    head: str,
    whole: bool,
    delimiter: str | None = None,
    mapping: Mapping[str, str] | None = None,
    column_limit: int = 1000,
) -> Opening:
    """Find the delimiter and the header in the first part of a file; ``whole`` when that part is all of it.

    Raises ContactFileError: ``file_no_header`` when the first line holds values, ``file_no_known_column`` when no
    column is known, ``file_too_many_columns`` when there are more than ``column_limit``.
    """
    stated = _SEPARATOR_LINE.match(head)
    start = stated.end() if stated else 0
    if stated and delimiter is None and not stated[1].isalnum():
        delimiter = stated[1]
    candidates = (delimiter,) if delimiter is not None else _DELIMITERS
    best: tuple[tuple[int, bool, int, int], Opening, int] | None = None
    for order, candidate in enumerate(candidates):
        for quote in ('"', "'"):
            if quote == "'" and not _single_quoted(head[start:], candidate):
                continue
            found = _header_in(head, start, Dialect(candidate, quote), mapping, whole, column_limit)
            if found is None:
                continue
            score, opening, columns = found
            rank = (score, quote == "'", len(opening.header) if score > 1 else 0, -order)
            if best is None or rank > best[0]:
                best = rank, opening, columns
    if best is None:
        raise file_error("file_no_header")
    opening = best[1]
    if best[0][0] == 1:
        if _begins_with_values(head[start:], candidates, column_limit):
            raise file_error("file_no_header")
        raise no_known_column(opening.header)
    if best[2] > column_limit:
        raise file_error("file_too_many_columns", columns=best[2], limit=column_limit)
    return _with_escapes(opening, head)


def _single_quoted(head: str, delimiter: str) -> bool:
    first = _LINE_END.split(head.lstrip("\r\n"), maxsplit=1)[0]
    parts = [part.strip() for part in first.split(delimiter)]
    return all(len(part) >= 2 and part[0] == part[-1] == "'" for part in parts)


def _begins_with_values(head: str, delimiters: Sequence[str], most: int) -> bool:
    """Whether the first line, by the delimiter that it has most of, holds values."""
    first = _LINE_END.split(head.lstrip("\r\n"), maxsplit=1)[0]
    return any(map(looks_like_value, lenient_fields(first, Dialect(max(delimiters, key=first.count)), most)[0]))


@dataclass(frozen=True)
class _Line:
    """One record of the first part of a file."""

    line: int
    lines: int
    after: int
    fields: list[str]
    """No more than one beyond the limit of columns."""
    found: int
    left_open: bool = False


def _header_in(
    head: str, start: int, dialect: Dialect, mapping: Mapping[str, str] | None, whole: bool, column_limit: int
) -> tuple[int, Opening, int] | None:
    """The best header among the first lines under one dialect, with its score and the number of its columns.

    A ``sep=`` line ends at ``start``.
    """
    records: list[_Line] = []
    position = start
    line = 2 if start else 1
    for _ in range(_BLANK_ROWS_LOOKED_AT):
        if blank := _BLANK_LINES.match(head, position):
            position = blank.end()
            line += line_ends(head, blank.start(), position)
        if position >= len(head) or len(records) >= HEADER_WITHIN + _ROWS_LOOKED_AT:
            break
        record = _record_at(head, position, line, dialect, column_limit)
        if record.after >= len(head) and not whole and records:
            break
        if any(map(str.strip, record.fields)):
            records.append(record)
        position = record.after
        line += record.lines
    best = header_among([record.fields for record in records], mapping)
    if best is None:
        return None
    score, index = best
    header = records[index]
    if header.left_open:
        raise file_error("file_unreadable", detail="the header opens a quote that is never closed")
    counts = [len(record.fields) for record in records[index + 1 :]]
    common = max(set(counts), key=lambda count: (counts.count(count), count)) if counts else 0
    opening = Opening(
        dialect,
        tuple(header.fields),
        header.line,
        header.line + header.lines,
        header.after,
        len(head[: header.after].encode()),
        index,
        max(common, len(header.fields)),
    )
    return score, opening, header.found


def _record_at(head: str, position: int, line: int, dialect: Dialect, column_limit: int) -> _Line:
    """The record at ``position``: strictly over at most ten lines, else one physical line."""
    ends = list(islice(_LINE_END.finditer(head, position), _LINES_OF_RECORD))
    stop = ends[-1].end() if len(ends) == _LINES_OF_RECORD else len(head)
    try:
        fields, after = strict_fields(head, position, dialect, stop, column_limit)
        if len(fields) <= column_limit:
            return _Line(line, max(sum(end.end() <= after for end in ends), 1), after, fields, len(fields))
    except MalformedQuote:
        pass
    end, after = ends[0].span() if ends else (len(head), len(head))
    fields, left_open = lenient_fields(head[position:end], dialect, column_limit)
    found = len(fields)
    if found > column_limit:
        found = max(head.count(dialect.delimiter, position, end) + 1, found)
    return _Line(line, 1, after, fields, found, left_open)


_LINES_OF_RECORD = 10


def _with_escapes(opening: Opening, head: str) -> Opening:
    """PostgreSQL's and MySQL's text format: tabs, no quotes, backslashes for null, tab and line end."""
    if opening.dialect.delimiter != "\t":
        return opening
    rows = head[opening.offset :]
    if _QUOTED_FIELD.search(rows) or not _NULL_FIELD.search(rows):
        return opening
    return replace(opening, dialect=Dialect("\t", None, backslash=True))


_QUOTED_FIELD = re.compile(r'(?:^|\t)"', re.MULTILINE)
_NULL_FIELD = re.compile(r"(?:^|\t)\\N(?=[\t\r\n]|$)", re.MULTILINE)
