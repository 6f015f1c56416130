"""The exact reading of CSV records, one by one: slower than by blocks, and the judge of what is damaged.

A record is read strictly first (RFC 4180, any line end). Where that fails, the damage is kept to one physical line: a
quote that is never closed costs the line on which it was opened, and never swallows those after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LINE_END = re.compile(r"\r\n|\r|\n")
_PHONE_DIGITS = 7


@dataclass(frozen=True)
class Dialect:
    """How the fields of a CSV file are told apart."""

    delimiter: str = ","
    quote: str | None = '"'
    backslash: bool = False
    r"""Whether ``\t``, ``\n``, ``\\`` and ``\N`` are escapes, as in PostgreSQL's and MySQL's text format."""


@dataclass(frozen=True)
class Shape:
    """How many fields a row has, and where an address stands in it."""

    width: int
    """Columns in the header, those without a name included."""
    named: int
    """Columns up to the last one with a name: a row may end there."""
    phones: tuple[int, ...] = ()
    emails: tuple[int, ...] = ()

    def fit(self, fields: list[str]) -> list[str] | None:
        """``fields`` with exactly ``width`` fields, when only empty ones are too many or nameless ones missing."""
        count = len(fields)
        if count == self.width:
            return fields
        if count > self.width:
            return fields[: self.width] if not any(map(str.strip, fields[self.width :])) else None
        return fields + [""] * (self.width - count) if count >= self.named else None

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
    repaired: bool = False
    """Whether quotes inside the value were kept as text."""


class MalformedQuote(Exception):  # noqa: N818
    """The quotes of a record are not as they should be."""


class _Open(MalformedQuote):
    """A quote was opened and not closed within what is there."""


class _Improper(MalformedQuote):
    """A closing quote is followed by something else than a delimiter or a line end, at ``place``."""

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place


def strict_fields(text: str, start: int, dialect: Dialect, stop: int, most: int | None = None) -> tuple[list[str], int]:
    """The fields of the record at ``start`` and where the next one begins. Raises MalformedQuote.

    A record of more than ``most`` fields is left at the delimiter after one more than those.
    """
    delimiter, quote = dialect.delimiter, dialect.quote
    fields: list[str] = []
    position = start
    size = len(text)
    line_end = -1
    while True:
        if quote is not None and text.startswith(quote, position):
            search = position + 1
            while True:
                end = text.find(quote, search, stop)
                if end < 0:
                    raise _Open
                if text.startswith(quote, end + 1):
                    search = end + 2
                    continue
                break
            fields.append(text[position + 1 : end].replace(quote + quote, quote))
            position = end + 1
            if position < size and text[position] not in (delimiter, "\r", "\n"):
                raise _Improper(position)
        else:
            if line_end < position:
                found = _LINE_END.search(text, position)
                line_end = found.start() if found else size
            end = text.find(delimiter, position, line_end)
            if end < 0:
                end = line_end
            fields.append(text[position:end])
            position = end
        if position >= size:
            return fields, size
        if text[position] == delimiter:
            if most is not None and len(fields) > most:
                return fields, position
            position += 1
            continue
        return fields, position + (2 if text.startswith("\r\n", position) else 1)


def lenient_fields(line: str, dialect: Dialect, most: int | None = None) -> tuple[list[str], bool]:
    r"""The fields of one physical line in which quotes are not as they should be, and whether one is left open.

    A line of more than ``most`` fields is read no further than to one more than those.

    Spaces before an opening quote and after a closing one are passed over; ``\"`` is a quote; any other quote inside a
    value is text.
    """
    delimiter, quote = dialect.delimiter, dialect.quote or '"'
    fields: list[str] = []
    position = 0
    size = len(line)
    while True:
        begin = position
        while begin < size and line[begin] in " \t" and line[begin] != delimiter:
            begin += 1
        if begin < size and line[begin] == quote:
            end = begin + 1
            while True:
                end = line.find(quote, end)
                if end < 0:
                    return fields, True
                if line.startswith(quote, end + 1):
                    end += 2
                    continue
                if line[end - 1] == "\\" and end - 1 > begin:
                    end += 1
                    continue
                after = end + 1
                while after < size and line[after] in " \t" and line[after] != delimiter:
                    after += 1
                if after >= size or line[after] == delimiter:
                    break
                end += 1
            value = line[begin + 1 : end]
            fields.append(value.replace(quote + quote, quote).replace(f"\\{quote}", quote))
            position = after
        else:
            end = line.find(delimiter, position)
            if end < 0:
                end = size
            fields.append(line[position:end])
            position = end
        if position >= size or (most is not None and len(fields) > most):
            return fields, False
        position += 1
        if position >= size:
            return [*fields, ""], False


def split_raw_row(raw: str, delimiter: str | None) -> list[str]:
    """The fields of a reject's ``value`` that holds a raw row (its ``column`` is null), as well as they can be told."""
    if not raw:
        return []
    dialect = Dialect(delimiter or ",")
    try:
        return strict_fields(raw, 0, dialect, len(raw))[0]
    except MalformedQuote:
        pass
    fields, left_open = lenient_fields(raw, dialect)
    return raw.split(dialect.delimiter) if left_open else fields


def join_raw_row(fields: Sequence[str], delimiter: str | None) -> str:
    """Fields as one raw row, which :func:`split_raw_row` takes apart again."""
    mark = delimiter or ","
    special = {mark, '"', "\r", "\n"}
    return mark.join(f'"{field.replace(chr(34), chr(34) * 2)}"' if special & set(field) else field for field in fields)


def unescape(field: str) -> str | None:
    r"""A field of PostgreSQL's or MySQL's text format: ``\N`` is null, ``\t`` a tab, ``\\`` a backslash."""
    if field == "\\N":
        return None
    return _BACKSLASH.sub(lambda match: _ESCAPES.get(match[1], match[1]), field)


_BACKSLASH = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": ""}


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
        quote, delimiter = self._dialect.quote, self._dialect.delimiter
        plain = "\r" not in text
        while position < size and (at_least is None or count < at_least):
            if plain:
                line_end = text.find("\n", position)
                next_line = line_end + 1
            else:
                found = _LINE_END.search(text, position)
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
                record = self._judge(line, raw, raw.split(delimiter))
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

    def _judge(self, line: int, raw: str, fields: list[str], repaired: bool = False) -> Record:
        fitted = self._shape.fit(fields)
        if fitted is None:
            return Record(line, None, "row_ragged", raw, len(fields))
        return Record(line, fitted, None, raw, len(fields), repaired)

    def _quoted(
        self, text: str, position: int, line: int, physical: tuple[str, int], final: bool
    ) -> tuple[Record, int, int] | None:
        """The record at ``position``, whose ``physical`` line (its text, where the next begins) holds a quote.

        None when more text is needed to tell.
        """
        raw, next_line = physical
        torn = line < self._torn_until
        stop = position + len(raw) if torn else min(len(text), position + self._limit)
        try:
            fields, after = strict_fields(text, position, self._dialect, stop)
        except _Open:
            if not torn and not final and len(text) - position < self._limit:
                return None
            self._tear(line + line_ends(text, position, stop))
        except _Improper as improper:
            if improper.place > position + len(raw):
                self._tear(line + line_ends(text, position, improper.place))
        else:
            if not final and after == len(text) and not text.endswith("\n"):
                return None
            lines = max(line_ends(text, position, after), 1)
            whole = text[position:after]
            swallowed = last_row_inside(whole, self._dialect, self._shape) if lines > 1 else 0
            if not swallowed:
                record = self._judge(line, whole.removesuffix("\n").removesuffix("\r"), fields)
                if record.fields is not None or lines > 1:
                    return record, after, lines
            self._tear(line + swallowed)
        fields, left_open = lenient_fields(raw, self._dialect)
        if left_open:
            return Record(line, None, "row_unterminated_quote", raw), next_line, 1
        return self._judge(line, raw, fields, repaired=True), next_line, 1

    def _tear(self, line: int) -> None:
        self._torn_until = max(self._torn_until, line)


def line_ends(text: str, start: int, stop: int) -> int:
    """How many line ends of any kind ``text`` has between two places."""
    return text.count("\n", start, stop) + text.count("\r", start, stop) - text.count("\r\n", start, stop)


def last_row_inside(whole: str, dialect: Dialect, shape: Shape) -> int:
    """On which line, from 0 on, of a record over several lines the last whole row inside a quoted value stands.

    0 when there is none. Where there is one, a quote was left open.
    """
    apart = shape.width - 1
    if whole.count(dialect.delimiter) < 2 * apart:
        return 0
    inner = _LINE_END.split(whole)
    for place in range(len(inner) - 1, 0, -1):
        part = inner[place]
        if part.count(dialect.delimiter) >= apart and shape.is_row(lenient_fields(part, dialect, shape.width)[0]):
            return place
    return 0
