"""A block of whole CSV records, read by Arrow; those that must not go to it are found before, by NumPy or one by one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from nightmail.contact_files.csv_blocks import Records
from nightmail.contact_files.csv_fields import lenient_fields, strict_fields, unescape
from nightmail.contact_files.csv_records import Record, RecordReader, last_row_inside
from nightmail.contact_files.csv_rows import EXACT_RECORDS, CsvRows
from nightmail.contact_files.row_collector import texts
from nightmail.contact_files.text_survey import UNDECODABLE

_SHORT_RECORDS = 24
"""Bytes of a record, on average, below which looking at rejects one by one would take longer than all else."""
_SPACE, _LF, _CR, _LAST_ASCII = 32, 10, 13, 126
_UNDECODABLE_BYTES = UNDECODABLE.encode()
_NUL, _UNREADABLE, _TOO_LARGE, _RAGGED = 1, 2, 3, 4
_REASONS = {_NUL: "row_nul_bytes", _UNREADABLE: "row_not_decodable", _TOO_LARGE: "row_field_too_large"}


class ArrowBlocks:
    """Reads blocks of whole, well-formed records of one file."""

    def __init__(self, rows: CsvRows, width: int, record_limit: int) -> None:
        self._rows = rows
        self._dialect, self._shape = rows.dialect, rows.shape
        self._width = width
        """Fields that most rows have."""
        self._record_limit = record_limit
        self._many_ragged = False

    def read(self, records: Records, spans: np.ndarray | None) -> None:
        """Read the records of one block; ``spans`` is the number of line ends inside each, where there are any."""
        unfit = self._broken(records)
        if self._many_ragged or records.starts.size * _SHORT_RECORDS > len(records.data):
            self._reject_ragged(records, unfit)
        mended = [] if spans is None else self._torn(records, spans, unfit)
        self._read_by_arrow(records.without(unfit) if unfit.any() else records, mended)

    def _broken(self, records: Records) -> np.ndarray:
        """Reject the records that hold NUL, what does not decode or too much, and mark them."""
        block, starts, record_ends = records.data, records.starts, records.ends
        rows = self._rows
        reasons = np.zeros(starts.size, np.int8)
        found: dict[int, int] = {}
        if rows.survey.has_nul and b"\x00" in block:
            nul = np.flatnonzero(np.frombuffer(block, np.uint8) == 0)
            reasons[np.searchsorted(record_ends, nul)] = _NUL
        if rows.survey.damaged and _UNDECODABLE_BYTES in block:
            data = np.frombuffer(block, np.uint8)
            first, second, third = _UNDECODABLE_BYTES
            bad = np.flatnonzero((data[:-2] == first) & (data[1:-1] == second) & (data[2:] == third))
            places = np.searchsorted(record_ends, bad)
            reasons[places[reasons[places] == 0]] = _UNREADABLE
        most = rows.options.column_limit
        for row in np.flatnonzero(record_ends - starts > rows.options.field_limit).tolist():
            text = block[starts[row] : record_ends[row]].decode()
            fields = strict_fields(text, 0, self._dialect, len(text), most)
            if len(fields.values) > most:
                reasons[row] = _RAGGED
                found[row] = len(fields.values) + text.count(self._dialect.delimiter, fields.after)
            elif rows.any_too_large(fields.values):
                reasons[row] = _TOO_LARGE
        for row in np.flatnonzero(reasons == _RAGGED).tolist():
            rows.reject(int(records.lines[row]), "row_ragged", records.raw(row), found[row])
        for number, reason in _REASONS.items():
            rows.reject_rows(records, np.flatnonzero(reasons == number), reason)
        unfit: np.ndarray = reasons > 0
        return unfit

    def _torn(self, records: Records, spans: np.ndarray, unfit: np.ndarray) -> list[Record]:
        """The rows of records that go over several lines for want of a quote; such records are marked as ``unfit``."""
        block, mended = records.data, list[Record]()
        mark = self._dialect.delimiter.encode()
        escaped = b"\\" + (self._dialect.quote or '"').encode()
        for row in np.flatnonzero((spans > 0) & ~unfit).tolist():
            bare = block[records.starts[row] : records.ends[row]]
            may_be_escaped = escaped in bare
            if not may_be_escaped and bare.count(mark) < 2 * (self._shape.width - 1):
                continue
            whole = bare.decode()
            if may_be_escaped or last_row_inside(whole, self._dialect, self._shape):
                unfit[row] = True
                mended += self._rows.usable(self._apart(whole, int(records.lines[row])))
        return mended

    def _reject_ragged(self, records: Records, unfit: np.ndarray) -> None:
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
        wide = np.flatnonzero(found > self._shape.width)
        spare_from[wide] = marks[first[wide] + self._shape.width - 1]
        filled = np.searchsorted(seen, ends) > np.searchsorted(seen, spare_from)
        blank = np.searchsorted(other, ends) == np.searchsorted(other, starts)
        unfit |= blank & (found == 1) & (self._shape.named > 1)  # a line of spaces is as blank as an empty one
        most = max(self._shape.most, self._shape.width)
        ragged = (found < self._shape.named) | (found > most) | ((found > self._shape.width) & filled)
        ragged &= ~unfit
        if self._dialect.quote is not None and self._dialect.quote.encode() in records.data:
            quotes = np.flatnonzero(data == ord(self._dialect.quote))
            plain = np.searchsorted(quotes, starts) == np.searchsorted(quotes, ends)
            ragged &= plain | (found == 1)  # a delimiter may be inside quotes, and where there is none it is not
        rows = np.flatnonzero(ragged)
        self._many_ragged = rows.size > EXACT_RECORDS
        unfit[rows] = True
        self._rows.reject_rows(records, rows, "row_ragged", found[rows])

    def _apart(self, raw: str, line: int) -> Iterator[tuple[Record, int]]:
        """The records of a text that was cut out: what is known of the lines around it does not hold in it."""
        return RecordReader(self._dialect, self._shape, self._record_limit).records(raw + "\n", line, True)

    def _read_by_arrow(self, records: Records, mended: list[Record]) -> None:
        """Read records by Arrow, and put those that were ``mended`` between them."""
        lines = records.lines
        if lines.size == 0:
            if mended:
                self._rows.add(mended)
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
            self._many_ragged = len(odd) > EXACT_RECORDS
            for row in odd:
                mended += self._rows.usable(self._apart(records.raw(row), int(lines[row])))
            lines = np.delete(lines, odd)
        columns = list(table.columns)
        if table.num_rows != lines.size:
            raise AssertionError("Arrow and the line count disagree about the rows of a block")
        for extra in columns[self._shape.width :]:
            if extra.null_count < len(extra):
                columns, lines = self._without_overflow(columns, records, odd)
                break
        columns = columns[: self._shape.width]
        if self._dialect.backslash:
            columns = [_unescaped(column) for column in columns]
        if mended:
            columns, lines = self._merged(columns, lines, mended)
        self._rows.collector.add(lines, columns)

    def _without_overflow(
        self, columns: list[pa.ChunkedArray], records: Records, odd: list[int]
    ) -> tuple[list[pa.ChunkedArray], np.ndarray]:
        """Rows with values beyond the header's last column are ragged, though most rows end in a delimiter."""
        places = np.delete(np.arange(records.lines.size), odd)
        lines = records.lines[places]
        over = np.zeros(lines.size, bool)
        for extra in columns[self._shape.width :]:
            spare = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(extra), ""), False)
            over |= spare.to_numpy()
        for row in np.flatnonzero(over).tolist():
            raw = records.raw(int(places[row]))
            found = len(lenient_fields(raw, self._dialect)[0])
            self._rows.reject(int(lines[row]), "row_ragged", raw, found)
        kept = pa.array(~over)
        return [column.filter(kept) for column in columns], lines[~over]

    def _merged(
        self, columns: list[pa.ChunkedArray], lines: np.ndarray, records: list[Record]
    ) -> tuple[list[pa.ChunkedArray], np.ndarray]:
        """Rows that were read one by one, put back between their neighbours."""
        self._rows.notice_repairs(records)
        fields = [self._rows.values(record) for record in records]
        added = [texts(column) for column in zip(*fields, strict=True)]
        every = np.concatenate([lines, np.asarray([record.line for record in records], np.int64)])
        order = np.argsort(every, kind="stable")
        places = pa.array(order)
        merged = [
            pa.chunked_array([*column.chunks, extra]).take(places) for column, extra in zip(columns, added, strict=True)
        ]
        return merged, every[order]


def _unescaped(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pc.any(pc.match_substring(column, "\\")).as_py():
        return column
    return pa.chunked_array(
        [[None if value is None else unescape(value) or None for value in column.to_pylist()]], pa.string()
    )
