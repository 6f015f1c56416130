"""Where the records of a CSV file become rows or rejects, whether they were read by blocks or one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.contact_files.csv_blocks import Records
from nightmail.contact_files.csv_fields import Dialect, unescape
from nightmail.contact_files.csv_records import Record, Shape
from nightmail.contact_files.row_collector import RAW_KEPT, RowCollector
from nightmail.contact_files.summary import ReadOptions
from nightmail.contact_files.text_survey import UNDECODABLE, TextSurvey
from nightmail.reasons import explain

EXACT_RECORDS = 100
"""Records that are looked at one by one; more are looked at together."""
_CR = 13


@dataclass
class CsvRows:
    """Takes the records of one file as rows or rejects."""

    dialect: Dialect
    shape: Shape
    survey: TextSurvey
    collector: RowCollector
    options: ReadOptions

    def usable(self, records: Iterable[tuple[Record, int]]) -> list[Record]:
        """The records that are rows; the others are rejected."""
        good: list[Record] = []
        for record, _ in records:
            if "\x00" in record.raw:
                self.reject(record.line, "row_nul_bytes", record.raw)
            elif self.survey.damaged and UNDECODABLE in record.raw:
                self.reject(record.line, "row_not_decodable", record.raw)
            elif record.fields is None and not record.raw.strip(" "):
                continue  # a line of spaces is as blank as an empty one
            elif record.fields is None:
                self.reject(record.line, record.reason or "row_ragged", record.raw, record.found)
            elif self._too_large(record):
                self.reject(record.line, "row_field_too_large", record.raw)
            else:
                good.append(record)
        return good

    def add(self, records: list[Record]) -> None:
        """Take records as rows, in ascending order of lines."""
        self.notice_repairs(records)
        self.collector.add_lists([record.line for record in records], [self.values(record) for record in records])

    def notice_repairs(self, records: list[Record]) -> None:
        """Count the records that had to be repaired."""
        repaired: dict[str, list[int]] = defaultdict(list)
        for record in records:
            if record.repaired is not None:
                repaired[record.repaired].append(record.line)
        for reason, lines in repaired.items():
            self.collector.notice(reason, lines, len(lines))

    def values(self, record: Record) -> Sequence[str | None]:
        """The values of a record's fields."""
        fields = record.fields or []
        return [unescape(value) for value in fields] if self.dialect.backslash else fields

    def _too_large(self, record: Record) -> bool:
        if len(record.raw) * 4 <= self.options.field_limit or record.fields is None:
            return False
        return self.any_too_large(record.fields)

    def any_too_large(self, values: Iterable[str]) -> bool:
        """Whether a value is larger than a field may be."""
        return any(len(value.encode()) > self.options.field_limit for value in values)

    def reject_rows(self, records: Records, rows: np.ndarray, reason: str, found: np.ndarray | None = None) -> None:
        """Reject the records at the places ``rows``; ``found`` is the number of fields of each, where that matters."""
        if rows.size <= EXACT_RECORDS or (records.ends - records.starts)[rows].max() > RAW_KEPT:
            for place, row in enumerate(rows.tolist()):
                self.reject(
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

    def reject(self, line: int, reason: str, raw: str, found: int = 0) -> None:
        """Reject one record, which has ``found`` fields."""
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
