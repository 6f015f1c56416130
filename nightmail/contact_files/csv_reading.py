"""CSV by blocks: Arrow reads what is well formed, the exact reader what is odd, and every row keeps its line.

A block is well formed when every quote opens right after a delimiter or line end and closes right before one: then the
parity of quotes says which line ends are inside values. Where a block breaks that rule, the part before is still
read by Arrow, some records are read exactly, and Arrow goes on behind them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from nightmail.contact_files.csv_records import (
    Dialect,
    Record,
    RecordReader,
    Shape,
    last_row_inside,
    lenient_fields,
    strict_fields,
    unescape,
)
from nightmail.contact_files.dialects import Opening
from nightmail.contact_files.row_collector import RAW_KEPT, RowCollector, texts
from nightmail.contact_files.summary import ReadOptions
from nightmail.contact_files.text_survey import UNDECODABLE, TextSurvey, decoded_chunks, whole_characters
from nightmail.progress import Progress
from nightmail.reasons import explain

BLOCK_BYTES = 24 * 1024 * 1024
_EXACT_RECORDS = 100
"""Records read exactly at an odd place before Arrow is tried again; doubled while oddities come close together."""
_EXACT_RECORDS_MOST = 8_000
_SMALL_WINDOW = 64 * 1024
_LAST_LINE = 64 * 1024
"""Bytes at the end of a block in which the end of a line is looked for."""
_CLOSE_TOGETHER = 32 * 1024
_QUOTES_AT_ONCE = 8192
_LINES_AT_ONCE = 400_000
"""Line ends whose places are kept at once: a block of short lines takes many times its bytes."""
_QUOTES_KEPT = 4_000_000
_SHORT_RECORDS = 24
"""Bytes of a record, on average, below which looking at rejects one by one would take longer than all else."""
_SPACE, _LF, _CR, _LAST_ASCII = 32, 10, 13, 126
_UNDECODABLE_BYTES = UNDECODABLE.encode()
_BOM = b"\xef\xbb\xbf"
_MARKS = re.compile(rb"(\A|[\r\n])(?:\xef\xbb\xbf)+")


_NUL, _UNREADABLE, _TOO_LARGE, _RAGGED = 1, 2, 3, 4
_REASONS = {_NUL: "row_nul_bytes", _UNREADABLE: "row_not_decodable", _TOO_LARGE: "row_field_too_large"}


@dataclass
class LineEnds:
    """How often each line end was met."""

    lf: int = 0
    crlf: int = 0
    cr: int = 0

    @property
    def name(self) -> str:
        """``LF``, ``CRLF``, ``CR`` or ``mixed``."""
        met = [name for name, count in (("LF", self.lf), ("CRLF", self.crlf), ("CR", self.cr)) if count > 0]
        return met[0] if len(met) == 1 else "mixed" if met else "LF"


@dataclass
class _Records:
    """Whole records of a block: where each begins and ends in ``data``, and its line."""

    data: bytes
    starts: np.ndarray
    ends: np.ndarray
    """Where each one's line end is (the LF of a CRLF)."""
    lines: np.ndarray
    quoted_ends: bool
    """Whether there are line ends inside values."""

    def raw(self, row: int) -> str:
        """The text of one record without its line end."""
        return self.data[self.starts[row] : self.ends[row]].decode("utf-8", "replace").removesuffix("\r")

    def without(self, unfit: np.ndarray) -> _Records:
        """The records that are not marked in ``unfit``, moved together."""
        kept = np.flatnonzero(~unfit)
        view = memoryview(self.data)
        data = b"".join([view[self.starts[row] : self.ends[row] + 1] for row in kept.tolist()])
        lengths = (self.ends - self.starts)[kept] + 1
        starts = np.cumsum(lengths) - lengths
        return _Records(data, starts, starts + lengths - 1, self.lines[kept], self.quoted_ends)


class _Places:
    """Where the line ends and quotes of a buffer are."""

    def __init__(self, buffer: bytes, quote: str | None, final: bool) -> None:
        self.buffer = buffer
        self.data = np.frombuffer(buffer, np.uint8)
        self.ends = np.flatnonzero(self.data == _LF)
        self.carriage = b"\r" in buffer
        if self.carriage:
            returns = np.flatnonzero(self.data == _CR)
            if not final and returns.size and returns[-1] == self.data.size - 1:
                returns = returns[:-1]
            alone = returns[self.data[np.minimum(returns + 1, self.data.size - 1)] != _LF]
            if alone.size:
                self.ends = np.union1d(self.ends, alone)
        self.quotes = np.zeros(0, np.int64)
        if quote is not None and quote.encode() in buffer:
            self.quotes = np.flatnonzero(self.data == ord(quote))


@dataclass
class CsvReader:
    """Reads the rows of one CSV file into a collector; :meth:`read` does all of it."""

    path: Path
    survey: TextSurvey
    opening: Opening
    shape: Shape
    collector: RowCollector
    options: ReadOptions
    progress: Progress | None = None
    line_ends: LineEnds = field(default_factory=LineEnds)

    def __post_init__(self) -> None:
        self._dialect: Dialect = self.opening.dialect
        self._width = self.opening.fields_in_rows
        self._record_limit = 4 * self.options.field_limit
        self._exact = RecordReader(self._dialect, self.shape, self._record_limit)
        self._exact_records = _EXACT_RECORDS
        self._many_ragged = False
        self._close_together = _CLOSE_TOGETHER * (1 + self._width // 32)
        self._line = self.opening.first_line
        self._simple = len(self._dialect.delimiter.encode()) == 1

    def read(self) -> None:
        """Read all rows."""
        total = self.survey.end
        carried = b""
        skipping = False
        for piece, done in self._even_pieces():
            final = piece is None
            buffer = carried + piece if piece is not None else carried
            if skipping:
                buffer, skipping = self._skip_line(buffer, final)
            if _BOM[:1] in buffer and _BOM in buffer:  # one byte is found ten times as fast as three
                buffer = _without_marks(buffer)
            if final and buffer and not buffer.endswith((b"\n", b"\r")):
                buffer += b"\n"
                self.line_ends.lf -= 1  # which the file does not have
            carried = buffer[self._take(buffer, final) :]
            while len(carried) > (0 if final else self._record_limit):
                carried, skipping = self._too_long(carried)
                carried = carried[self._take(carried, final) :]
            if self.progress is not None:
                self.progress("contact_file", min(done, total), total)

    def _even_pieces(self) -> Iterator[tuple[bytes | None, int]]:
        """The blocks, cut where they hold so many lines or quotes that their places would fill the memory."""
        quote = (self._dialect.quote or '"').encode()
        lines = _LINES_AT_ONCE // (1 + self._width // 32)  # a short row may have to be filled up to the header's width
        for piece, done in self._pieces():
            waiting = [] if piece is None else [piece]
            if piece is None:
                yield None, done
            while waiting:
                part = waiting.pop()
                if len(part) > lines and _is_dense(part, quote, lines):
                    half = len(part) // 2
                    waiting += [part[half:], part[:half]]
                else:
                    yield part, done

    def _pieces(self) -> Iterator[tuple[bytes | None, int]]:
        """The text after the header in UTF-8, in blocks, each with the bytes read so far; None at the end."""
        survey = self.survey
        done = survey.skip
        if survey.codec == "utf-8" and not survey.damaged:
            with self.path.open("rb") as handle:
                done += self.opening.skip_bytes
                handle.seek(done)
                while chunk := handle.read(_to_line_end(handle, min(BLOCK_BYTES, survey.end - done))):
                    done += len(chunk)
                    yield chunk, done
        else:
            skip = self.opening.offset
            waiting: list[bytes] = []
            size = 0
            for text in decoded_chunks(self.path, survey.codec, survey.skip, survey.end):
                part = text[skip:]
                skip = max(skip - len(text), 0)
                data = part.encode("utf-8", "replace")
                waiting.append(data)
                size += len(data)
                done += len(text)
                if size >= BLOCK_BYTES:
                    yield b"".join(waiting), done
                    waiting, size = [], 0
            if size:
                yield b"".join(waiting), done
        yield None, survey.end

    def _skip_line(self, buffer: bytes, final: bool) -> tuple[bytes, bool]:
        """Pass over the rest of a line that is too long to be kept."""
        ends = [place for place in (buffer.find(b"\n"), buffer.find(b"\r")) if place >= 0]
        if not ends:
            return b"", not final
        end = min(ends)
        if buffer[end : end + 1] == b"\r" and end + 1 == len(buffer) and not final:
            return buffer[end:], True
        self._line += 1
        return buffer[end + (2 if buffer[end : end + 2] == b"\r\n" else 1) :], False

    def _too_long(self, carried: bytes) -> tuple[bytes, bool]:
        """A record that goes on beyond every limit: its first line is rejected, and reading goes on after that."""
        ends = [place for place in (carried.find(b"\n"), carried.find(b"\r")) if place >= 0]
        line = carried[: min(ends)] if ends else carried
        raw = line[:1000].decode("utf-8", "ignore")
        self.collector.reject(self._line, "row_field_too_large", raw, limit=self.options.field_limit)
        if ends:
            return self._skip_line(carried, False)
        return b"", True

    def _take(self, buffer: bytes, final: bool) -> int:
        """Read all whole records of ``buffer``; gives the bytes read."""
        position = 0
        places = _Places(buffer, self._dialect.quote, final) if self._simple else None
        while position < len(buffer):
            taken = self._take_by_arrow(places, position) if places is not None else 0
            position += taken
            if position >= len(buffer):
                break
            if taken > self._close_together:
                self._exact_records = _EXACT_RECORDS
            exact = self._take_exactly(buffer, position, final)
            position += exact
            if not exact:
                break
        return position

    def _take_by_arrow(self, places: _Places, start: int) -> int:
        """Read the records up to the first odd quote; gives the bytes read."""
        ends = places.ends[np.searchsorted(places.ends, start) :]
        record_ends = ends
        quoted_ends = False
        quotes = places.quotes[np.searchsorted(places.quotes, start) :]
        if quotes.size:
            sound = self._sound_quotes(places.data, quotes, start)
            if sound < quotes.size:
                ends = ends[: np.searchsorted(ends, quotes[sound])]
            inside = (np.searchsorted(quotes[:sound], ends) & 1).astype(bool)
            record_ends = ends[~inside]
            quoted_ends = bool(inside.any())
        if record_ends.size == 0:
            return 0
        cut = int(record_ends[-1]) + 1
        ends = ends[: np.searchsorted(ends, cut)]
        self._count_line_ends(places.buffer, start, cut, ends.size, places.carriage)
        self._read_block(places.buffer[start:cut], ends - start, record_ends - start, quoted_ends, places.carriage)
        self._line += ends.size
        return cut - start

    def _sound_quotes(self, data: np.ndarray, quotes: np.ndarray, start: int) -> int:
        """How many quotes, from the first on, stand where well-formed CSV has them.

        By turns they open, right after a delimiter, line end or quote, and close, right before one.
        """
        allowed = np.zeros(256, bool)
        allowed[[ord(self._dialect.delimiter), _LF, _CR, ord(self._dialect.quote or '"')]] = True
        seen = 0
        size = _QUOTES_AT_ONCE
        while seen < quotes.size:
            part = quotes[seen : seen + size]
            openers, closers = part[0::2], part[1::2]
            opened = allowed[data[np.maximum(openers - 1, 0)]] | (openers == start)
            closed = allowed[data[np.minimum(closers + 1, data.size - 1)]] | (closers == data.size - 1)
            odd = np.flatnonzero(~(opened[: closers.size] & closed))
            if odd.size:
                return seen + int(odd[0]) * 2
            if openers.size > closers.size and not opened[-1]:
                return seen + int(part.size) - 1
            seen += part.size
            size *= 4
        return int(quotes.size)

    def _count_line_ends(self, buffer: bytes, start: int, stop: int, ends: int, carriage: bool) -> None:
        if not carriage:
            self.line_ends.lf += ends
            return
        crlf = buffer.count(b"\r\n", start, stop)
        self.line_ends.crlf += crlf
        self.line_ends.cr += buffer.count(b"\r", start, stop) - crlf
        self.line_ends.lf += buffer.count(b"\n", start, stop) - crlf

    def _read_block(
        self, block: bytes, ends: np.ndarray, record_ends: np.ndarray, quoted_ends: bool, carriage: bool
    ) -> None:
        """Read whole, well-formed records."""
        starts = np.empty_like(record_ends)
        starts[0] = 0
        starts[1:] = record_ends[:-1] + 1
        lines = self._line + (np.searchsorted(ends, starts) if quoted_ends else np.arange(record_ends.size))
        lengths = record_ends - starts
        filled = lengths > 0
        if carriage:
            first = np.frombuffer(block, np.uint8)[starts]
            filled &= ~((lengths == 1) & (first == _CR))
        if not filled.all():
            starts, record_ends, lines = starts[filled], record_ends[filled], lines[filled]
        if starts.size == 0:
            return
        records = _Records(block, starts, record_ends, lines, quoted_ends)
        spans = np.searchsorted(ends, record_ends) - np.searchsorted(ends, starts) if quoted_ends else None
        unfit, mended = self._unfit(records, spans)
        self._read_by_arrow(records.without(unfit) if unfit.any() else records, mended)

    def _unfit(self, records: _Records, spans: np.ndarray | None) -> tuple[np.ndarray, list[Record]]:
        """Records that must not go to Arrow, and those of them that were read one by one; the others are rejected.

        ``spans`` is the number of line ends inside each record.
        """
        block, starts, record_ends, lines = records.data, records.starts, records.ends, records.lines
        mended: list[Record] = []
        lengths = record_ends - starts
        reasons = np.zeros(starts.size, np.int8)
        found: dict[int, int] = {}
        if self.survey.has_nul and b"\x00" in block:
            nul = np.flatnonzero(np.frombuffer(block, np.uint8) == 0)
            reasons[np.searchsorted(record_ends, nul)] = _NUL
        if self.survey.damaged and _UNDECODABLE_BYTES in block:
            data = np.frombuffer(block, np.uint8)
            first, second, third = _UNDECODABLE_BYTES
            bad = np.flatnonzero((data[:-2] == first) & (data[1:-1] == second) & (data[2:] == third))
            rows = np.searchsorted(record_ends, bad)
            reasons[rows[reasons[rows] == 0]] = _UNREADABLE
        for row in np.flatnonzero(lengths > self.options.field_limit).tolist():
            text = block[starts[row] : record_ends[row]].decode()
            values, place = strict_fields(text, 0, self._dialect, len(text), self.options.column_limit)
            if len(values) > self.options.column_limit:
                reasons[row] = _RAGGED
                found[row] = len(values) + text.count(self._dialect.delimiter, place)
            elif self._any_too_large(values):
                reasons[row] = _TOO_LARGE
        unfit = reasons > 0
        for row in np.flatnonzero(reasons == _RAGGED).tolist():
            self._reject(int(lines[row]), "row_ragged", records.raw(row), found[row])
        for number, reason in _REASONS.items():
            self._reject_rows(records, np.flatnonzero(reasons == number), reason)
        if self._many_ragged or starts.size * _SHORT_RECORDS > len(block):
            self._reject_ragged(records, unfit)
        if spans is not None:
            mark = self._dialect.delimiter.encode()
            for row in np.flatnonzero((spans > 0) & ~unfit).tolist():
                bare = block[starts[row] : record_ends[row]]
                if bare.count(mark) < 2 * (self.shape.width - 1):
                    continue
                whole = bare.decode()
                if last_row_inside(whole, self._dialect, self.shape):
                    unfit[row] = True
                    mended += self._usable(self._apart(whole, int(lines[row])))
        return unfit, mended

    def _reject_ragged(self, records: _Records, unfit: np.ndarray) -> None:
        """Reject the rows that surely do not fit the header, all at once, and mark them ``unfit``."""
        data = np.frombuffer(records.data, np.uint8)
        starts, ends = records.starts, records.ends
        is_mark = data == ord(self._dialect.delimiter)
        marks = np.flatnonzero(is_mark)
        first = np.searchsorted(marks, starts)
        found = np.searchsorted(marks, ends) - first + 1
        seen = np.flatnonzero((data > _SPACE) & (data <= _LAST_ASCII) & ~is_mark)
        other = np.flatnonzero((data != _SPACE) & (data != _LF) & (data != _CR))
        spare_from = starts.copy()
        wide = np.flatnonzero(found > self.shape.width)
        spare_from[wide] = marks[first[wide] + self.shape.width - 1]
        filled = np.searchsorted(seen, ends) > np.searchsorted(seen, spare_from)
        blank = np.searchsorted(other, ends) == np.searchsorted(other, starts)
        unfit |= blank & (found == 1) & (self.shape.named > 1)  # a line of spaces is as blank as an empty one
        ragged = (found < self.shape.named) | ((found > self.shape.width) & filled)
        ragged &= ~unfit
        if self._dialect.quote is not None and self._dialect.quote.encode() in records.data:
            quotes = np.flatnonzero(data == ord(self._dialect.quote))
            plain = np.searchsorted(quotes, starts) == np.searchsorted(quotes, ends)
            ragged &= plain | (found == 1)  # a delimiter may be inside quotes, and where there is none it is not
        rows = np.flatnonzero(ragged)
        self._many_ragged = rows.size > _EXACT_RECORDS
        unfit[rows] = True
        self._reject_rows(records, rows, "row_ragged", found[rows])

    def _reject_rows(self, records: _Records, rows: np.ndarray, reason: str, found: np.ndarray | None = None) -> None:
        if rows.size <= _EXACT_RECORDS or (records.ends - records.starts)[rows].max() > RAW_KEPT:
            for place, row in enumerate(rows.tolist()):
                self._reject(
                    int(records.lines[row]), reason, records.raw(row), 0 if found is None else int(found[place])
                )
            return
        ends = records.ends[rows]
        ends -= np.frombuffer(records.data, np.uint8)[ends - 1] == _CR
        bounds = np.column_stack((records.starts[rows], np.maximum(ends, records.starts[rows]))).ravel()
        spans = pa.Array.from_buffers(
            pa.string(),
            bounds.size - 1,
            [None, pa.py_buffer(bounds.astype(np.int32)), pa.py_buffer(records.data)],
        )
        raw = spans.take(pa.array(np.arange(0, bounds.size, 2)))
        if self.survey.damaged:
            raw = pc.replace_substring(raw, UNDECODABLE, "\ufffd")
        counts, kinds = np.unique(np.zeros(rows.size, np.int64) if found is None else found, return_inverse=True)
        messages = pa.array([explain(reason, **self._facts(count)) for count in counts.tolist()], pa.string())
        self.collector.reject_block(records.lines[rows], reason, raw, messages.take(pa.array(kinds)))

    def _apart(self, raw: str, line: int) -> Iterator[tuple[Record, int]]:
        """The records of a text that was cut out: what is known of the lines around it does not hold in it."""
        return RecordReader(self._dialect, self.shape, self._record_limit).records(raw + "\n", line, True)

    def _read_by_arrow(self, records: _Records, mended: list[Record]) -> None:
        """Read records by Arrow, and put those that were ``mended`` between them."""
        lines = records.lines
        if lines.size == 0:
            if mended:
                self._add(mended)
            return
        odd: list[int] = []

        def set_aside(row: arrow_csv.InvalidRow) -> str:
            odd.append(row.number - 1)
            return "skip"

        names = [str(index) for index in range(self._width)]
        table = arrow_csv.read_csv(
            pa.BufferReader(records.data),
            read_options=arrow_csv.ReadOptions(column_names=names, use_threads=False, block_size=len(records.data) + 1),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self._dialect.delimiter,
                quote_char=self._dialect.quote or False,
                newlines_in_values=records.quoted_ends,
                invalid_row_handler=set_aside,
            ),
            convert_options=arrow_csv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
        if odd:
            self._many_ragged = len(odd) > _EXACT_RECORDS
            for row in odd:
                mended += self._usable(self._apart(records.raw(row), int(lines[row])))
            lines = np.delete(lines, odd)
        columns = list(table.columns)
        if table.num_rows != lines.size:
            raise AssertionError("Arrow and the line count disagree about the rows of a block")
        for extra in columns[self.shape.width :]:
            if extra.null_count < len(extra):
                columns, lines = self._without_overflow(columns, records, odd)
                break
        columns = columns[: self.shape.width]
        if self._dialect.backslash:
            columns = [_unescaped(column) for column in columns]
        if mended:
            columns, lines = self._merged(columns, lines, mended)
        self.collector.add(lines, columns)

    def _without_overflow(
        self, columns: list[pa.ChunkedArray], records: _Records, odd: list[int]
    ) -> tuple[list[pa.ChunkedArray], np.ndarray]:
        """Rows with values beyond the header's last column are ragged, though most rows end in a delimiter."""
        places = np.delete(np.arange(records.lines.size), odd)
        lines = records.lines[places]
        over = np.zeros(lines.size, bool)
        for extra in columns[self.shape.width :]:
            spare = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(extra), ""), False)
            over |= spare.to_numpy()
        for row in np.flatnonzero(over).tolist():
            raw = records.raw(int(places[row]))
            found = len(lenient_fields(raw, self._dialect)[0])
            self._reject(int(lines[row]), "row_ragged", raw, found)
        kept = pa.array(~over)
        return [column.filter(kept) for column in columns], lines[~over]

    def _merged(
        self, columns: list[pa.ChunkedArray], lines: np.ndarray, records: list[Record]
    ) -> tuple[list[pa.ChunkedArray], np.ndarray]:
        """Rows that were read one by one, put back between their neighbours."""
        self._notice_repairs(records)
        fields = [self._values(record) for record in records]
        added = [texts(column) for column in zip(*fields, strict=True)]
        every = np.concatenate([lines, np.asarray([record.line for record in records], np.int64)])
        order = np.argsort(every, kind="stable")
        places = pa.array(order)
        merged = [
            pa.chunked_array([*column.chunks, extra]).take(places) for column, extra in zip(columns, added, strict=True)
        ]
        return merged, every[order]

    def _values(self, record: Record) -> Sequence[str | None]:
        fields = record.fields or []
        return [unescape(value) for value in fields] if self._dialect.backslash else fields

    def _take_exactly(self, buffer: bytes, start: int, final: bool) -> int:
        """Read some records one by one; gives the bytes read."""
        after = 0
        records: list[Record] = []
        # Most records are short: a large window is decoded only where a small one does not hold a whole record.
        for size in (_SMALL_WINDOW * max(self._exact_records // _EXACT_RECORDS, 1), 2 * self._record_limit):
            whole = start + size >= len(buffer)
            stop = len(buffer) if final and whole else whole_characters(buffer, min(start + size, len(buffer)))
            text = buffer[start:stop].decode()
            for record, place in self._exact.records(text, self._line, final and whole, self._exact_records):
                records.append(record)
                after = place
            if records or whole:
                break
        if not records:
            blank = len(text) - len(text.lstrip("\r\n"))
            if not blank or not (final and whole):
                return 0
            after = blank
        self._exact_records = min(self._exact_records * 2, _EXACT_RECORDS_MOST)
        consumed = text[:after]
        size = len(consumed.encode())
        self._add(self._usable((record, 0) for record in records))
        crlf = consumed.count("\r\n")
        returns = consumed.count("\r") - crlf
        feeds = consumed.count("\n") - crlf
        self.line_ends.crlf += crlf
        self.line_ends.cr += returns
        self.line_ends.lf += feeds
        self._line += crlf + returns + feeds
        return size

    def _usable(self, records: Iterable[tuple[Record, int]]) -> list[Record]:
        """The records that are rows; the others are rejected."""
        good: list[Record] = []
        for record, _ in records:
            if "\x00" in record.raw:
                self._reject(record.line, "row_nul_bytes", record.raw)
            elif self.survey.damaged and UNDECODABLE in record.raw:
                self._reject(record.line, "row_not_decodable", record.raw)
            elif record.fields is None and not record.raw.strip(" "):
                continue  # a line of spaces is as blank as an empty one
            elif record.fields is None:
                self._reject(record.line, record.reason or "row_ragged", record.raw, record.found)
            elif self._too_large(record):
                self._reject(record.line, "row_field_too_large", record.raw)
            else:
                good.append(record)
        return good

    def _add(self, records: list[Record]) -> None:
        self._notice_repairs(records)
        self.collector.add_lists([record.line for record in records], [self._values(record) for record in records])

    def _notice_repairs(self, records: list[Record]) -> None:
        repaired = [record.line for record in records if record.repaired]
        self.collector.notice("row_quote_repaired", repaired, len(repaired))

    def _too_large(self, record: Record) -> bool:
        if len(record.raw) * 4 <= self.options.field_limit or record.fields is None:
            return False
        return self._any_too_large(record.fields)

    def _any_too_large(self, values: Iterable[str]) -> bool:
        return any(len(value.encode()) > self.options.field_limit for value in values)

    def _reject(self, line: int, reason: str, raw: str, found: int = 0) -> None:
        raw = raw.replace(UNDECODABLE, "\ufffd") if self.survey.damaged else raw
        self.collector.reject(line, reason, raw, **self._facts(found))

    def _facts(self, found: int) -> dict[str, object]:
        """What the sentences of reasons may name."""
        return {
            "found": found,
            "expected": self.shape.named,
            "limit": self.options.field_limit,
            "encoding": self.survey.encoding,
        }


def _to_line_end(handle: BinaryIO, size: int) -> int:
    """``size`` or a little less, so that a line ends there: what is carried over to the next block has to be copied."""
    place = handle.tell()
    at = max(size - _LAST_LINE, 0)
    handle.seek(place + at)
    end = handle.read(size - at).rfind(b"\n") + 1
    handle.seek(place)
    return at + end if end else size


def _unescaped(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pc.any(pc.match_substring(column, "\\")).as_py():
        return column
    return pa.chunked_array(
        [[None if value is None else unescape(value) or None for value in column.to_pylist()]], pa.string()
    )


def _without_marks(buffer: bytes) -> bytes:
    """Byte order marks at the beginning of lines are dropped: they show that files were joined."""
    return _MARKS.sub(rb"\1", buffer)


def _is_dense(piece: bytes, quote: bytes, lines: int) -> bool:
    """Whether ``piece`` holds more than ``lines`` line ends, or too many quotes, to keep the places of all."""
    data = np.frombuffer(piece, np.uint8)
    limits = ((b"\n", lines), (b"\r", lines), (quote, _QUOTES_KEPT))
    return any(mark in piece and np.count_nonzero(data == ord(mark)) > limit for mark, limit in limits)
