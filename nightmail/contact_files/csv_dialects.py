"""Which dialects the first lines of a CSV file may be written in: quote signs, and what another program left at line ends."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from nightmail.contact_files.csv_fields import LINE_END, Dialect, MalformedQuote, strict_fields, without_tail

DELIMITERS = (",", ";", "\t", "|", "^", "~", "\x1f", "\x01")
NAMES = {
    ",": "commas",
    ";": "semicolons",
    "\t": "tabs",
    "|": "vertical bars",
    "^": "carets",
    "~": "tildes",
    "\x1f": "unit separators (1F)",
    "\x01": "control signs (01)",
}
"""Delimiters as sentences name them."""
NEARLY_ALL = 0.9
_LINES_LOOKED_AT = 90
_TAIL_MARKS = (",", ";", "\t", "|")
_LONGEST_LINE = 100_000


def delimiter_name(delimiter: str) -> str:
    """A delimiter as sentences name it."""
    return NAMES.get(delimiter, f"the sign {delimiter!r}")


def first_lines(head: str, start: int, whole: bool) -> list[str]:
    """The physical lines from ``start`` on that hold anything; the last one only where it is ``whole``."""
    lines: list[str] = []
    position = start
    while position < len(head) and len(lines) < _LINES_LOOKED_AT:
        found = LINE_END.search(head, position)
        if found is None and not whole and lines:
            break
        line = head[position : found.start() if found else len(head)]
        if line.strip():
            lines.append(line[:_LONGEST_LINE])
        position = found.end() if found else len(head)
    return lines


def dialects(delimiter: str, lines: Sequence[str]) -> list[Dialect]:
    """The dialects with ``delimiter`` that the lines may be written in, the usual one first."""
    tails = ["", *(mark * count for mark, count in _tails(lines).items() if mark != delimiter)]
    found = [Dialect(delimiter, quote, tail=tail) for quote in ('"', "'") for tail in tails]
    return [dialect for dialect in found if dialect.quote != "'" or apostrophes(dialect, lines) is not None]


def _tails(lines: Sequence[str]) -> dict[str, int]:
    """Delimiters that nearly all lines have at their end, and how many: a second program saved the file, and put them there.

    Where that program took a delimiter inside a value for its own, the line has fewer of them at its end.
    """
    found: dict[str, int] = {}
    for mark in _TAIL_MARKS:
        counts = sorted(line.count(mark) for line in lines)
        least = counts[int((1 - NEARLY_ALL) * len(counts))] if counts else 0
        if least and any(line.endswith(mark) for line in lines):
            found[mark] = max(len(line) - len(line.rstrip(mark)) for line in lines)
    return found


@dataclass(frozen=True)
class Apostrophes:
    """What speaks for ``'`` as the quote sign."""

    fields: int
    """Fields of the first lines that begin and end with it."""
    columns: int
    """Columns in which all filled fields do."""


def apostrophes(dialect: Dialect, lines: Sequence[str]) -> Apostrophes | None:
    """What speaks for ``'`` as the quote sign of a dialect; None where it is not one.

    It is one where no field begins with ``"``, every field that begins with ``'`` also ends with it, and there is a
    column in which all filled fields do: the header's cell counts as one where it does too, and else two rows are
    needed, or one that has the header's number of fields only so.
    """
    delimiter = dialect.delimiter
    opens = re.compile(rf"(?:^|{re.escape(delimiter)})[ \t]*([\"'])")
    signs = {sign for line in lines for sign in opens.findall(line)}
    if signs != {"'"}:
        return None
    rows: list[tuple[list[str], set[int]]] = []
    for line in lines:
        quoted: set[int] = set()
        try:
            rows.append((strict_fields(line, 0, dialect, len(line), quoted=quoted).values, quoted))
        except MalformedQuote:
            return None
    header, header_quoted = rows[0]
    # Of the lines as they would be without quotes, some have not the header's number of fields.
    decided = all(len(row) == len(header) for row, _ in rows) and any(
        without_tail(line, dialect).count(delimiter) + 1 != len(header) for line in lines
    )
    columns = 0
    for place in range(len(header)):
        filled = [place in quoted for row, quoted in rows[1:] if len(row) > place and row[place].strip()]
        enough = place in header_quoted or len(filled) > 1 or decided
        columns += all(filled) and enough and (bool(filled) or place in header_quoted)
    fields = sum(len(quoted) for _, quoted in rows)
    return Apostrophes(fields, columns) if columns else None
