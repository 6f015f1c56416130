"""CSV by blocks: Arrow reads what is well formed, the exact reader what is odd, and every row keeps its line.

A block is well formed when every quote opens right after a delimiter or line end and closes right before one: then the
parity of quotes says which line ends are inside values. Where a block breaks that rule, the part before is still
read by Arrow, some records are read exactly, and Arrow goes on behind them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nightmail.contact_files.csv_arrow import ArrowBlocks
from nightmail.contact_files.csv_blocks import LineEnds, Places, Records
from nightmail.contact_files.csv_fields import Dialect
from nightmail.contact_files.csv_opening import Opening
from nightmail.contact_files.csv_pieces import text_pieces, without_marks
from nightmail.contact_files.csv_records import Record, RecordReader, Shape
from nightmail.contact_files.csv_rows import CsvRows
from nightmail.contact_files.row_collector import RowCollector
from nightmail.contact_files.summary import ReadOptions
from nightmail.contact_files.text_survey import TextSurvey, whole_characters
from nightmail.progress import Progress

BLOCK_BYTES = 24 * 1024 * 1024
_EXACT_RECORDS = 100
"""Records read exactly at an odd place before Arrow is tried again; doubled while oddities come close together."""
_EXACT_RECORDS_MOST = 8_000
_SMALL_WINDOW = 64 * 1024
_CLOSE_TOGETHER = 32 * 1024
_EMPTY_FIELDS_BY_ARROW = 64
"""Empty fields after the header's columns that rows may have and Arrow still read them: it would make a column of each."""
_CR = 13
_BOM = b"\xef\xbb\xbf"


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
        width = self.opening.fields_in_rows
        self._record_limit = 4 * self.options.field_limit
        self._exact = RecordReader(self._dialect, self.shape, self._record_limit)
        self._rows = CsvRows(self._dialect, self.shape, self.survey, self.collector, self.options)
        self._arrow = ArrowBlocks(self._rows, width, self._record_limit)
        self._exact_records = _EXACT_RECORDS
        self._close_together = _CLOSE_TOGETHER * (1 + width // 32)
        self._line = self.opening.first_line
        few_more = max(width, self.shape.most) - self.shape.width <= _EMPTY_FIELDS_BY_ARROW
        self._simple = len(self._dialect.delimiter.encode()) == 1 and not self._dialect.tail and few_more

    def read(self) -> None:
        """Read all rows."""
        total = self.survey.end
        carried = b""
        skipping = False
        for piece, done in text_pieces(self.path, self.survey, self.opening, BLOCK_BYTES):
            final = piece is None
            buffer = carried + piece if piece is not None else carried
            if skipping:
                buffer, skipping = self._skip_line(buffer, final)
            if _BOM[:1] in buffer and _BOM in buffer:  # one byte is found ten times as fast as three
                buffer = without_marks(buffer)
            if final and buffer and not buffer.endswith((b"\n", b"\r")):
                buffer += b"\n"
                self.line_ends.lf -= 1  # which the file does not have
            carried = buffer[self._take(buffer, final) :]
            while len(carried) > (0 if final else self._record_limit):
                carried, skipping = self._too_long(carried)
                carried = carried[self._take(carried, final) :]
            if self.progress is not None:
                self.progress("contact_file", min(done, total), total)

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
        places = Places(buffer, self._dialect.quote, final) if self._simple else None
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

    def _take_by_arrow(self, places: Places, start: int) -> int:
        """Read the records up to the first odd quote; gives the bytes read."""
        ends = places.ends[np.searchsorted(places.ends, start) :]
        record_ends = ends
        quoted_ends = False
        quotes = places.quotes[np.searchsorted(places.quotes, start) :]
        if quotes.size:
            sound = places.sound_quotes(quotes, start, self._dialect.delimiter, self._dialect.quote or '"')
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
        records = Records(block, starts, record_ends, lines, quoted_ends)
        spans = np.searchsorted(ends, record_ends) - np.searchsorted(ends, starts) if quoted_ends else None
        self._arrow.read(records, spans)

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
        self._rows.add(self._rows.usable((record, 0) for record in records))
        crlf = consumed.count("\r\n")
        returns = consumed.count("\r") - crlf
        feeds = consumed.count("\n") - crlf
        self.line_ends.crlf += crlf
        self.line_ends.cr += returns
        self.line_ends.lf += feeds
        self._line += crlf + returns + feeds
        return size
