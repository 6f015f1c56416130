"""The fields of one CSV record: strictly (RFC 4180, any line end), or as well as possible where quotes are damaged.

Beyond RFC 4180, the strict reading knows what whole programs do alike: spaces around a quoted field, backslashes before
quotes, and at the end of each line the delimiters of another program that saved the file after the first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

LINE_END = re.compile(r"\r\n|\r|\n")
_SPACES = " \t\u00a0"


@dataclass(frozen=True)
class Dialect:
    """The signs that separate and quote the fields of a CSV file."""

    delimiter: str = ","
    quote: str | None = '"'
    backslash: bool = False
    r"""Whether ``\t``, ``\n``, ``\\`` and ``\N`` are escapes, as in PostgreSQL's and MySQL's text format."""
    tail: str = ""
    """The most delimiters of another program that stand at the end of a line, and belong to no field."""


class MalformedQuote(Exception):  # noqa: N818
    """The quotes of a record are not as they should be."""


class OpenQuote(MalformedQuote):
    """A quote was opened and not closed within what is there."""


class ImproperQuote(MalformedQuote):
    """A closing quote is followed by something else than a delimiter or a line end, at ``place``."""

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place


@dataclass(slots=True)
class Fields:
    """The fields of a record, and where the next one begins."""

    values: list[str]
    after: int
    spaced: bool = False
    """Whether there were spaces around a quoted field, which RFC 4180 does not know."""


def strict_fields(  # noqa: PLR0912 - one state machine over a line
    text: str,
    start: int,
    dialect: Dialect,
    stop: int,
    most: int | None = None,
    *,
    escapes: bool = False,
    quoted: set[int] | None = None,
) -> Fields:
    r"""The fields of the record at ``start``. Raises MalformedQuote.

    A quoted field must be closed before ``stop``. A record of more than ``most`` fields is left at the delimiter after one
    more than those. With ``escapes``, ``\"`` is a quote inside a field, as MySQL and PHP write it. The places of fields
    that stand in quotes are put into ``quoted``.
    """
    delimiter, quote = dialect.delimiter, dialect.quote
    found = Fields([], start)
    fields = found.values
    position = start
    size = len(text)
    line_end = -1
    while True:
        opening = position
        if quote is not None and position < size and text[position] in _SPACES:
            opening = _after_spaces(text, position, delimiter)
        if quote is not None and text.startswith(quote, opening):
            found.spaced |= opening > position
            if quoted is not None:
                quoted.add(len(fields))
            end = _closing_quote(text, opening + 1, quote, stop, escapes)
            value = text[opening + 1 : end].replace(quote + quote, quote)
            fields.append(value.replace(f"\\{quote}", quote) if escapes else value)
            position = end + 1
            if position < size and text[position] not in (delimiter, "\r", "\n"):
                after = _after_tail(text, _after_spaces(text, position, delimiter), dialect)
                if after < size and text[after] not in (delimiter, "\r", "\n"):
                    raise ImproperQuote(position)
                found.spaced |= text[position] in _SPACES
                position = after
        else:
            if line_end < position:
                met = LINE_END.search(text, position)
                line_end = met.start() if met else size
            end = text.find(delimiter, position, line_end)
            if end < 0:
                end = line_end
                fields.append(without_tail(text[position:end], dialect))
            else:
                fields.append(text[position:end])
            position = end
        if position >= size:
            found.after = size
            return found
        if text[position] == delimiter:
            if most is not None and len(fields) > most:
                found.after = position
                return found
            position += 1
            continue
        found.after = position + (2 if text.startswith("\r\n", position) else 1)
        return found


def without_tail(line: str, dialect: Dialect) -> str:
    """The end of a line without the delimiters that another program put there."""
    if not dialect.tail or not line.endswith(dialect.tail[0]):
        return line
    bare = line.rstrip(dialect.tail[0])
    return line[: max(len(bare), len(line) - len(dialect.tail))]


def _after_tail(text: str, position: int, dialect: Dialect) -> int:
    if not dialect.tail:
        return position
    after = position
    while after < len(text) and text[after] == dialect.tail[0] and after - position < len(dialect.tail):
        after += 1
    return after if after >= len(text) or text[after] in "\r\n" else position


def _after_spaces(text: str, position: int, delimiter: str) -> int:
    size = len(text)
    while position < size and text[position] in _SPACES and text[position] != delimiter:
        position += 1
    return position


def _closing_quote(text: str, search: int, quote: str, stop: int, escapes: bool) -> int:
    """Where the quote stands that closes a field whose text begins at ``search``. Raises OpenQuote."""
    begin = search
    while True:
        end = text.find(quote, search, stop)
        if end < 0:
            raise OpenQuote
        if escapes and _is_escaped(text, end, begin):
            search = end + 1
        elif text.startswith(quote, end + 1):
            search = end + 2
        else:
            return end


def _is_escaped(text: str, place: int, begin: int) -> bool:
    """Whether an odd number of backslashes stands before ``place``, none of them before ``begin``."""
    first = place
    while first > begin and text[first - 1] == "\\":
        first -= 1
    return (place - first) % 2 == 1


def lenient_fields(line: str, dialect: Dialect, most: int | None = None) -> tuple[list[str], str | None]:
    r"""The fields of one physical line in which quotes are not as they should be, and the reason where it has none.

    A line of more than ``most`` fields is read no further than to one more than those. The reason is
    ``row_unterminated_quote``, or ``row_text_after_quote`` where a field goes on after it was closed.

    Spaces before an opening quote and after a closing one are passed over; ``\"`` is a quote; any other quote inside a
    value is text.
    """
    delimiter, quote = dialect.delimiter, dialect.quote or '"'
    line = without_tail(line, dialect)
    fields: list[str] = []
    position = 0
    size = len(line)
    while True:
        begin = _after_spaces(line, position, delimiter)
        if begin < size and line[begin] == quote:
            end = begin + 1
            goes_on = False
            while True:
                end = line.find(quote, end)
                if end < 0:
                    closed = goes_on and line.count(quote, begin) % 2 == 0
                    return fields, "row_text_after_quote" if closed else "row_unterminated_quote"
                if line.startswith(quote, end + 1):
                    end += 2
                    continue
                if line[end - 1] == "\\" and end - 1 > begin:
                    end += 1
                    continue
                after = _after_spaces(line, end + 1, delimiter)
                if after >= size or line[after] == delimiter:
                    break
                goes_on = True
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
            return fields, None
        position += 1
        if position >= size:
            return [*fields, ""], None


def fields_within(fields: Sequence[str], dialect: Dialect) -> list[str] | None:
    """The fields of a row that stands in quotes as a whole, as in a file saved twice; None where it does not.

    The first program wrote ``1,"Lee, Ann"``; the second, whose delimiter is another, quoted that as one field.
    """
    filled = [field for field in fields if field.strip()]
    if len(filled) != 1 or fields[0] != filled[0] or dialect.delimiter not in filled[0]:
        return None
    try:
        inner = strict_fields(filled[0], 0, dialect, len(filled[0]))
    except MalformedQuote:
        return None
    return inner.values if inner.after == len(filled[0]) else None


def join_raw_row(fields: Sequence[str], delimiter: str | None) -> str:
    """Fields as one raw row, quoted where needed."""
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


def line_ends(text: str, start: int, stop: int) -> int:
    """How many line ends of any kind ``text`` has between two places."""
    return text.count("\n", start, stop) + text.count("\r", start, stop) - text.count("\r\n", start, stop)
