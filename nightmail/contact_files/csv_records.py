"""The exact reading of CSV records, one by one: slower than by blocks, and the judge of what is damaged.

A record is read strictly first (RFC 4180, any line end). Where that fails, the damage is kept to one physical line: a
quote that is never closed costs the line on which it was opened, and never swallows those after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nightmail.contact_files.csv_fields import (
    LINE_END,
    Dialect,
    Fields,
    ImproperQuote,
    MalformedQuote,
    OpenQuote,
    fields_within,
    lenient_fields,
    line_ends,
    strict_fields,
    without_tail,
)

_PHONE_DIGITS = 7
_QUOTES_REPAIRED, _SAVED_TWICE = "row_quote_repaired", "row_quoted_whole"


@dataclass(frozen=True)
class Shape:
    """How many fields a row has, and where an address stands in it."""

    width: int
    """Columns in the header, those without a name included."""
    named: int
    """Columns up to the last one with a name: a row may end there."""
    phones: tuple[int, ...] = ()
    emails: tuple[int, ...] = ()
    most: int = 0
    """Fields that a row may have where those after the header's columns are empty; 0 is ``width``.

    An empty field more than the header has is a delimiter at the end of the line, or a value that a delimiter in it has cut
    in two. It is the former only where the header or nearly all rows have it.
    """
    usual: int | None = None
    """Fields that nearly all rows of the file have, where that is another number than the header's columns."""

    def fit(self, fields: list[str], more: int = 0) -> list[str] | None:
        """``fields`` as exactly ``width`` fields, when only empty ones are too many or nameless ones missing.

        ``more`` empty fields come after them. None for a row in which a delimiter is missing, or is one too many.
        """
        count = len(fields) + more
        if count == self.width and self.usual is None and not more:
            return fields
        if count < self.named or count > max(self.most, self.width) or any(map(str.strip, fields[self.width :])):
            return None
        if self.usual is not None and count != self.usual and self._is_odd(fields, count, self.usual):
            return None
        return fields[: self.width] + [""] * (self.width - len(fields))

    def _is_odd(self, fields: list[str], count: int, usual: int) -> bool:
        """Whether a row that has not the usual number of fields may have lost or gained a delimiter inside."""
        if count > usual:
            return not any(map(str.strip, fields[usual:]))
        return len(fields) < self.named or not fields[self.named - 1].strip()

    def is_row(self, fields: Sequence[str]) -> bool:
        """Whether fields are surely a whole row: as many as the header has, with an address where one belongs."""
        if len(fields) != self.width or self.width < 2:
            return False
        return any("@" in fields[index] for index in self.emails) or any(
            sum(map(str.isdigit, fields[index])) >= _PHONE_DIGITS for index in self.phones
        )


@dataclass(slots=True)
class Record:
    """One record of a file: its fields, or the reason why it has none."""

    line: int
    """Physical line of its start."""
    fields: list[str] | None
    reason: str | None = None
    raw: str = ""
    found: int = 0
    """Fields found, for a ragged row."""
    repaired: str | None = None
    """The reason of the warning, where something had to be repaired."""


class RecordReader:
    """Reads records of a text from a position on; keeps count of lines."""

    def __init__(self, dialect: Dialect, shape: Shape, record_limit: int) -> None:
        self._dialect = dialect
        self._shape = shape
        self._limit = record_limit
        self._torn_until = 0
        """Line before which no quote that is opened is closed on another line.

        Strict reading that failed was inside a quoted value at every line end up to there. A record that begins between
        and is inside one at a line end goes the same way: to read it to the same end would be to read the text again
        for each of its lines.
        """

    def records(self, text: str, line: int, final: bool, at_least: int | None = None) -> Iterator[tuple[Record, int]]:
        """Each record with the position after it.

        Stops after ``at_least`` records, or where a record may go on in text that is not there yet (never when
        ``final``). Blank lines are no records.
        """
        position = 0
        size = len(text)
        count = 0
        quote = self._dialect.quote
        plain = "\r" not in text
        while position < size and (at_least is None or count < at_least):
            if plain:
                line_end = text.find("\n", position)
                next_line = line_end + 1
            else:
                found = LINE_END.search(text, position)
                line_end, next_line = found.span() if found else (-1, 0)
                if not final and next_line == size and text.endswith("\r"):
                    return
            if line_end < 0:
                if not final:
                    return
                line_end = next_line = size
            if line_end == position:
                position = next_line
                line += 1
                continue
            raw = text[position:line_end]
            if quote is None or quote not in raw:
                record = self._unquoted(line, raw)
                after, lines = next_line, 1
            else:
                answer = self._quoted(text, position, line, (raw, next_line), final)
                if answer is None:
                    return
                record, after, lines = answer
            position = after
            line += lines
            count += 1
            yield record, position

    def _unquoted(self, line: int, raw: str) -> Record:
        """The record on a line without quotes; thousands of empty fields at its end are counted, not made."""
        delimiter = self._dialect.delimiter
        text = without_tail(raw, self._dialect)
        if self._shape.most <= self._shape.width:
            return self._judge(line, raw, text.split(delimiter))
        bare = text.rstrip(delimiter)
        return self._judge(line, raw, bare.split(delimiter), more=len(text) - len(bare))

    def _judge(self, line: int, raw: str, fields: list[str], repaired: str | None = None, more: int = 0) -> Record:
        fitted = self._shape.fit(fields, more)
        if fitted is None and self._shape.named > 1:
            inner = fields_within(fields, self._dialect)
            fitted = None if inner is None else self._shape.fit(inner)
            repaired = _SAVED_TWICE
        if fitted is None:
            return Record(line, None, "row_ragged", raw, len(fields) + more)
        return Record(line, fitted, None, raw, len(fields) + more, repaired)

    def _quoted(
        self, text: str, position: int, line: int, physical: tuple[str, int], final: bool
    ) -> tuple[Record, int, int] | None:
        """The record at ``position``, whose ``physical`` line (its text, where the next begins) holds a quote.

        None when more text is needed to tell.
        """
        raw, next_line = physical
        escaped = self._escaped(line, raw)
        alone = line < self._torn_until or escaped is not None
        stop = position + len(raw) if alone else min(len(text), position + self._limit)
        try:
            found = strict_fields(text, position, self._dialect, stop)
        except OpenQuote:
            if not alone and not final and len(text) - position < self._limit:
                return None
            self._tear(line + line_ends(text, position, stop))
        except ImproperQuote as improper:
            if improper.place > position + len(raw):
                self._tear(line + line_ends(text, position, improper.place))
        else:
            after = found.after
            if not final and after == len(text) and not text.endswith("\n"):
                return None
            lines = max(line_ends(text, position, after), 1)
            whole = text[position:after]
            swallowed = last_row_inside(whole, self._dialect, self._shape) if lines > 1 else 0
            if not swallowed:
                record = self._of_strict(line, whole, found)
                if record.fields is not None or lines > 1:
                    return record, after, lines
            self._tear(line + swallowed)
        if escaped is not None:
            return escaped, next_line, 1
        fields, reason = lenient_fields(raw, self._dialect)
        if reason is not None:
            return Record(line, None, reason, raw), next_line, 1
        return self._judge(line, raw, fields, _QUOTES_REPAIRED), next_line, 1

    def _of_strict(self, line: int, whole: str, found: Fields) -> Record:
        raw = whole.removesuffix("\n").removesuffix("\r")
        return self._judge(line, raw, found.values, _QUOTES_REPAIRED if found.spaced else None)

    def _escaped(self, line: int, raw: str) -> Record | None:
        r"""The record of one line in which ``\"`` stands for a quote, where it is a whole row so read."""
        if f"\\{self._dialect.quote}" not in raw:
            return None
        try:
            found = strict_fields(raw, 0, self._dialect, len(raw), escapes=True)
        except MalformedQuote:
            return None
        record = self._judge(line, raw, found.values, _QUOTES_REPAIRED)
        return record if record.fields is not None else None

    def _tear(self, line: int) -> None:
        self._torn_until = max(self._torn_until, line)


def last_row_inside(whole: str, dialect: Dialect, shape: Shape) -> int:
    """On which line, from 0 on, of a record over several lines the last whole row inside a quoted value stands.

    0 when there is none. Where there is one, a quote was left open.
    """
    apart = shape.width - 1
    if whole.count(dialect.delimiter) < 2 * apart:
        return 0
    inner = LINE_END.split(whole)
    for place in range(len(inner) - 1, 0, -1):
        part = inner[place]
        if part.count(dialect.delimiter) >= apart and shape.is_row(lenient_fields(part, dialect, shape.width)[0]):
            return place
    return 0
