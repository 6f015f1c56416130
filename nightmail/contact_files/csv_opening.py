"""How a CSV file begins: its dialect, on which line its header stands, and how many fields its rows have.

All of it is decided from the first lines together, and listed as decisions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from nightmail.contact_files.byte_order_marks import mark_length
from nightmail.contact_files.column_names import columns_with_name
from nightmail.contact_files.csv_dialects import (
    DELIMITERS,
    NEARLY_ALL,
    apostrophes,
    delimiter_name,
    dialects,
    first_lines,
)
from nightmail.contact_files.csv_fields import (
    LINE_END,
    Dialect,
    MalformedQuote,
    fields_within,
    lenient_fields,
    line_ends,
    strict_fields,
)
from nightmail.contact_files.failures import file_decision, file_error
from nightmail.contact_files.header import HEADER_WITHIN, header_among, looks_like_value, no_known_column
from nightmail.contact_files.summary import FileDecision

_SEPARATOR_LINE = re.compile(r"\"?sep=(.)\"?[,;\t|]*(\r\n|\r|\n)", re.IGNORECASE)
_BLANK_LINES = re.compile(r"[\r\n]+")
_ROWS_LOOKED_AT = 60
_BLANK_ROWS_LOOKED_AT = 5_000
"""Rows of nothing but delimiters or spaces that may come before and between these."""
_LINES_OF_RECORD = 10
_ROWS_THAT_PROVE = 20
"""Rows that must agree before a delimiter that only the header has at its end counts for nothing."""
MOST_FIELDS = 20_000
"""Fields of a header, empty ones at its end included: no spreadsheet has more columns."""


@dataclass(frozen=True)
class Opening:
    """How a CSV file begins."""

    dialect: Dialect
    header: tuple[str, ...]
    """Without the empty names at its end, where the first rows hold nothing below them."""
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
    header_fields: int
    """Fields of the header's line, all empty ones included."""
    fields_in_rows: int
    """The number of fields that most of the first rows have."""
    usual: int | None = None
    """The number of fields that nearly all of the first rows have, where it is another than the header's columns."""
    mark: int = 0
    """Characters before everything that are a byte order mark in disguise."""
    decisions: tuple[FileDecision, ...] = ()

    def with_header_alone(self) -> Opening:
        """The same where the rest of the file does not have the ``usual`` number of fields that its first rows have."""
        decisions = tuple(found for found in self.decisions if found.reason != "decided_line_ends")
        return replace(self, usual=None, fields_in_rows=len(self.header), decisions=decisions)


@dataclass(frozen=True)
class _Line:
    """One record of the first part of a file."""

    line: int
    lines: int
    after: int
    fields: list[str]
    """No more than one beyond :data:`MOST_FIELDS`."""
    found: int
    """Fields in all."""
    filled: int
    """Fields up to the last one that holds anything."""
    left_open: bool = False


@dataclass(frozen=True)
class _Candidate:
    """The first records under one dialect, and the header among them."""

    dialect: Dialect
    records: list[_Line] = field(repr=False)
    score: int
    index: int

    @property
    def header(self) -> _Line:
        return self.records[self.index]

    @property
    def rows(self) -> list[_Line]:
        return self.records[self.index + 1 :]

    @property
    def rank(self) -> tuple[int, bool, bool, int, bool, int]:
        """By known columns, by whether its quotes are closed, by fields, then by what speaks for a rarer dialect."""
        order = DELIMITERS.index(self.dialect.delimiter) if self.dialect.delimiter in DELIMITERS else 0
        fields = self.header.found if self.score > 1 else 0
        closed = not self.header.left_open
        return self.score, closed, self.dialect.quote == "'", fields, bool(self.dialect.tail), -order


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
    mark = mark_length(head)
    separator = _SEPARATOR_LINE.match(head, mark)
    start = separator.end() if separator else mark
    by = "the feed states it"
    if separator and delimiter is None and not separator[1].isalnum():
        delimiter, by = separator[1], "the line sep= states it"
    lines = first_lines(head, start, whole)
    candidates = [
        found
        for candidate in ((delimiter,) if delimiter is not None else _worth_trying(head))
        for dialect in dialects(candidate, lines)
        if (found := _candidate(head, start, dialect, mapping, whole)) is not None
    ]
    if not candidates:
        raise file_error("file_no_header")
    best = max(candidates, key=lambda candidate: candidate.rank)
    if best.header.left_open:
        raise file_error("file_unreadable", detail="the header opens a quote that is never closed")
    if best.score == 1:
        marks = (delimiter,) if delimiter is not None else DELIMITERS
        if _begins_with_values(lines, marks):
            raise file_error("file_no_header")
        raise no_known_column(best.header.fields)
    opening = _opening(best, head, mark, mapping, column_limit)
    decisions = [
        *_dialect_decisions(best, lines, len(opening.header), by if delimiter is not None else None),
        *opening.decisions,
    ]
    return _with_escapes(replace(opening, decisions=tuple(decisions)), head)


def _worth_trying(head: str) -> tuple[str, ...]:
    """The delimiters that occur, and the first of the others: by all that do not, a file reads alike, as one column."""
    absent = [delimiter for delimiter in DELIMITERS if delimiter not in head]
    return tuple(delimiter for delimiter in DELIMITERS if delimiter not in absent[1:])


def _begins_with_values(lines: Sequence[str], delimiters: Sequence[str]) -> bool:
    """Whether the first line, by the delimiter that it has most of, holds values."""
    first = lines[0] if lines else ""
    return any(map(looks_like_value, lenient_fields(first, Dialect(max(delimiters, key=first.count)), MOST_FIELDS)[0]))


def _candidate(
    head: str, start: int, dialect: Dialect, mapping: Mapping[str, str] | None, whole: bool
) -> _Candidate | None:
    """The best header among the first lines under one dialect. A ``sep=`` line ends at ``start``."""
    records: list[_Line] = []
    position = start
    line = 1 + line_ends(head, 0, start)
    for _ in range(_BLANK_ROWS_LOOKED_AT):
        if blank := _BLANK_LINES.match(head, position):
            position = blank.end()
            line += line_ends(head, blank.start(), position)
        if position >= len(head) or len(records) >= HEADER_WITHIN + _ROWS_LOOKED_AT:
            break
        record = _record_at(head, position, line, dialect)
        if position <= start and record.fields:
            record.fields[0] = record.fields[0][mark_length(record.fields[0]) :]
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
    return _Candidate(dialect, records, score, index)


def _record_at(head: str, position: int, line: int, dialect: Dialect) -> _Line:
    """The record at ``position``: strictly over at most ten lines, else one physical line."""
    ends = list(islice(LINE_END.finditer(head, position), _LINES_OF_RECORD))
    stop = ends[-1].end() if len(ends) == _LINES_OF_RECORD else len(head)
    end, after = ends[0].span() if ends else (len(head), len(head))
    try:
        found = strict_fields(head, position, dialect, stop, MOST_FIELDS)
    except MalformedQuote:
        fields, reason = lenient_fields(head[position:end], dialect, MOST_FIELDS)
        count = len(fields)
        if count > MOST_FIELDS:
            count = max(head.count(dialect.delimiter, position, end) + 1, count)
        return _Line(line, 1, after, fields, count, _filled(fields), reason is not None)
    fields = found.values
    if len(fields) <= MOST_FIELDS:
        fields = fields_within(fields, dialect) or fields
        lines = max(sum(end.end() <= found.after for end in ends), 1)
        return _Line(line, lines, found.after, fields, len(fields), _filled(fields))
    rest = head[found.after : end]
    count = len(fields) + rest.count(dialect.delimiter)
    return _Line(line, 1, after, fields, count, count if rest.strip(f"{dialect.delimiter} ") else _filled(fields))


def _filled(fields: Sequence[str]) -> int:
    return max((place + 1 for place, name in enumerate(fields) if name.strip()), default=0)


def _opening(best: _Candidate, head: str, mark: int, mapping: Mapping[str, str] | None, column_limit: int) -> Opening:
    header = best.header
    fields = list(header.fields)
    lead = _stray_lead(best, fields)
    fields = fields[lead:]
    total = header.found - lead
    named = header.filled - lead if header.filled > len(header.fields) else columns_with_name(fields, mapping)
    rows = best.rows
    filled = Counter(place for row in rows for place, cell in enumerate(row.fields) if place >= named and cell.strip())
    width = max(
        (place + 1 for place, count in filled.items() if place < total and 2 * count >= len(rows)), default=named
    )
    if width > column_limit or total > MOST_FIELDS:
        raise file_error("file_too_many_columns", columns=max(width, total), limit=column_limit)
    usual, decision = _usual_fields(rows, width, total)
    counts = Counter(row.found for row in rows)
    common = max(counts, key=lambda count: (counts[count], count), default=width)
    return Opening(
        best.dialect,
        tuple(fields[:width]),
        header.line,
        header.line + header.lines,
        header.after,
        len(head[: header.after].encode()),
        best.index,
        total,
        usual or (common if width < common <= total else width),
        usual,
        mark,
        () if decision is None else (decision,),
    )


def _stray_lead(best: _Candidate, fields: Sequence[str]) -> int:
    """Empty fields at the header's beginning that are a stray tab: nearly all rows have just so many fields fewer."""
    lead = next((place for place, name in enumerate(fields) if name.strip()), 0)
    if not lead or best.dialect.delimiter != "\t" or not best.rows:
        return 0
    without = sum(row.found == best.header.found - lead for row in best.rows)
    return lead if without >= NEARLY_ALL * len(best.rows) else 0


def _usual_fields(rows: Sequence[_Line], width: int, total: int) -> tuple[int | None, FileDecision | None]:
    """The number of fields that nearly all rows have, where it is not the number of columns, and what to say of it."""
    counts = Counter(row.found for row in rows)
    if len(rows) < 2 or (set(counts) <= {width} and total == width):
        return None, None
    most, times = counts.most_common(1)[0]
    if times < NEARLY_ALL * len(rows) or most < width or most > MOST_FIELDS:
        return None, None
    if most < total and len(rows) < _ROWS_THAT_PROVE:
        return None, None
    if most > total and (2 * sum(row.filled > total for row in rows) >= len(rows) or _cut_in_two(rows, width)):
        return None, None
    if most == width == total:
        return None, None
    decision = None
    if most > total:
        decision = file_decision("decided_line_ends", count=times, rows=len(rows), more=most - total)
    return most, decision


def _cut_in_two(rows: Sequence[_Line], width: int) -> bool:
    """Whether one column's values begin with a space and another's never do: as where every row has a comma unquoted."""
    spaced, plain = False, False
    for place in range(1, width):
        values = [row.fields[place] for row in rows if len(row.fields) > place and row.fields[place].strip()]
        begins = sum(value.startswith(" ") for value in values)
        spaced |= bool(values) and begins >= NEARLY_ALL * len(values)
        plain |= bool(values) and not begins
    return spaced and plain


def _dialect_decisions(best: _Candidate, lines: Sequence[str], columns: int, stated: str | None) -> list[FileDecision]:
    """What was decided about the delimiter and the quote sign, and by what."""
    found: list[FileDecision] = []
    delimiter, rows = best.dialect.delimiter, best.rows
    if columns > 1:
        alike = sum(row.found == best.header.found for row in rows)
        evidence = stated or (
            f"so read, known columns of the header: {best.score - 1}; rows with as many fields as the header: {alike} of the "
            f"first {len(rows)}"
        )
        found.append(file_decision("decided_delimiter", delimiter=delimiter_name(delimiter), evidence=evidence))
    if best.dialect.tail:
        mark = delimiter_name(best.dialect.tail[0])
        found.append(file_decision("decided_line_tails", delimiter=mark, rows=len(lines)))
    if best.dialect.quote == "'" and (proof := apostrophes(best.dialect, lines)) is not None:
        found.append(file_decision("decided_quote", count=proof.fields, columns=proof.columns))
    return found


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
