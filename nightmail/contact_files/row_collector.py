"""Where the rows of every format come together: judged as rows, cleaned of what programs leave behind, and written.

A row that repeats the header, holds nothing, or is a total at the end of the file is rejected with its reason. Words
for nothing (``NULL``, ``\\N``), a spreadsheet's errors (``#N/A``) and ``="text"`` are read as what they mean, and
counted. Everything else stays as it was written: what a value means is decided later.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.contact_files.cell_words import is_note, is_total, without_words
from nightmail.contact_files.column_names import column_key
from nightmail.contact_files.column_plan import ColumnPlan
from nightmail.contact_files.csv_fields import join_raw_row
from nightmail.contact_files.csv_writing import unescape_formulas
from nightmail.contact_files.failures import file_error, file_warning
from nightmail.contact_files.gathered_columns import gathered
from nightmail.contact_files.summary import FileWarning, ReadOptions
from nightmail.lake import BLOCK_ROWS, TableWriter
from nightmail.lake.schemas import REJECTS, STANDARD_FIELDS
from nightmail.reasons import explain

_HELD_BACK = 5
"""Rows at the end of the file that may be totals."""
_PENDING_BYTES = 256 * 1024 * 1024
_REJECTS_AT_ONCE = 50_000
_REJECT_CHARACTERS = 64 * 1024 * 1024
_SENTENCES_KEPT = 1_000
RAW_KEPT = 65_536
"""Characters of a row's text that its reject keeps."""
_LINES_NAMED = 10


class RowCollector:
    """Takes rows in the file's order and writes the ``contact_file`` table and the rejects."""

    def __init__(
        self,
        plan: ColumnPlan,
        options: ReadOptions,
        rows: TableWriter,
        rejects: TableWriter,
        delimiter: str = ",",
    ) -> None:
        self._plan = plan
        self._delimiter = delimiter
        self._options = options
        self._rows = rows
        self._rejects = rejects
        self._targets = [(index, target) for index, target in enumerate(plan.targets) if target is not None]
        self._nameless = [index for index, name in enumerate(plan.header) if not name]
        named = [index for index, name in enumerate(plan.header) if name]
        self._marks = [(index, _spellings(plan.header[index])) for index in named[:1]]
        self._pending: list[pa.Table] = []
        self._pending_rows = 0
        self._pending_bytes = 0
        self._blank: list[np.ndarray] = []
        """Lines of blank rows that may be the last ones of the file."""
        self._blank_rows = 0
        self._reject_rows: list[tuple[int, str | None, str, str]] = []
        self._reject_tables: list[pa.Table] = []
        self._reject_size = 0
        """Characters of rejects that wait."""
        self._explained: dict[tuple[object, ...], str] = {}
        self._last_reject = 0
        self.taken = 0
        """Rows met so far, rejected ones included."""
        self.by_reason: Counter[str] = Counter()
        self._noticed: Counter[tuple[str, str | None]] = Counter()
        self._noticed_lines: dict[tuple[str, str | None], list[int]] = {}
        self.warnings: list[FileWarning] = []

    @staticmethod
    def schema(plan: ColumnPlan) -> pa.Schema:
        """The columns of the ``contact_file`` table under a plan."""
        columns = [pa.field(name, pa.string()) for name in plan.names]
        return pa.schema([pa.field("line", pa.int64(), nullable=False), *columns])

    def add_lists(self, lines: Sequence[int], rows: Sequence[Sequence[str | None]]) -> None:
        """Take rows of fields, each with the header's number of fields; empty text is null."""
        if lines:
            self.add(np.asarray(lines, np.int64), [texts(column) for column in zip(*rows, strict=True)])

    def add(self, lines: np.ndarray, columns: Sequence[pa.Array | pa.ChunkedArray]) -> None:
        """Take rows as one string column per column of the file (empty text is null), in ascending order of lines."""
        if len(lines) == 0:
            return
        self._count(len(lines))
        table = pa.table(
            [pa.array(lines, pa.int64()), *columns], names=["line", *(str(index) for index in range(len(columns)))]
        )
        table = self._without_blank(table)
        table = self._without_headers(table)
        if table.num_rows == 0:
            return
        self._notice_nameless(table)
        table = self._cleaned(table)
        self._pending.append(table)
        self._pending_rows += table.num_rows
        self._pending_bytes += table.nbytes
        if self._pending_rows >= BLOCK_ROWS * 4 // 5 or self._pending_bytes >= _PENDING_BYTES:
            self._write_pending(keep=_HELD_BACK)

    def reject(self, line: int, reason: str, raw: str | None, **fields: object) -> None:
        """Record a row that cannot be used as a row; ``raw`` is its text as it stands in the file."""
        self._count(1)
        self._reject(line, reason, raw, **fields)

    def reject_block(self, lines: np.ndarray, reason: str, raw: pa.Array, messages: pa.Array) -> None:
        """Record rows that cannot be used for one reason, in ascending order of lines; ``messages`` explain it."""
        self._count(len(lines))
        self._reject_block(lines, reason, raw, messages)

    def notice(self, reason: str, lines: Iterable[int], count: int, column: str | None = None) -> None:
        """Count something for a warning about the whole file."""
        if count:
            key = (reason, column)
            self._noticed[key] += count
            kept = self._noticed_lines.setdefault(key, [])
            for line in lines:
                if len(kept) >= _LINES_NAMED:
                    break
                kept.append(int(line))

    def finish(self) -> None:
        """Judge the end of the file and write what is left. Raises ContactFileError when there were no rows."""
        if self.taken == self._blank_rows:
            raise file_error("file_no_rows")
        self._write_pending(keep=_HELD_BACK)
        self._judge_end()
        self._write_pending(keep=0)
        self._put_rejects_aside()
        self._write_rejects()
        if self._blank_rows:
            self.taken -= self._blank_rows
            self.notice("file_blank_rows", np.concatenate(self._blank)[:_LINES_NAMED].tolist(), self._blank_rows)
        for (reason, column), count in sorted(self._noticed.items(), key=lambda item: (item[0][0], item[0][1] or "")):
            lines = tuple(self._noticed_lines[reason, column])
            self.warnings.append(file_warning(reason, count=count, column=column, lines=lines))

    @property
    def rejected(self) -> int:
        """Rows rejected so far."""
        return sum(self.by_reason.values())

    def _count(self, rows: int) -> None:
        self.taken += rows
        if self.taken > self._options.row_limit:
            raise file_error("file_too_many_rows", limit=self._options.row_limit)

    def _reject(self, line: int, reason: str, raw: str | None, **fields: object) -> None:
        self._last_reject = max(self._last_reject, line)
        if self._blank and line > self._blank[-1][-1]:
            self._reject_blank()
        self.by_reason[reason] += 1
        kept = None if raw is None else raw[:RAW_KEPT]
        key = (reason, *fields.values())
        message = self._explained.get(key)
        if message is None:
            if len(self._explained) >= _SENTENCES_KEPT:
                self._explained.clear()
            message = self._explained[key] = explain(reason, **fields)
        self._reject_rows.append((line, kept, reason, message))
        self._reject_size += len(kept or "")
        if len(self._reject_rows) > _REJECTS_AT_ONCE or self._reject_size > _REJECT_CHARACTERS:
            self._write_most_rejects()

    def _reject_block(self, lines: np.ndarray, reason: str, raw: pa.Array, messages: pa.Array) -> None:
        self._last_reject = max(self._last_reject, int(lines[-1]))
        if self._blank and lines[-1] > self._blank[-1][-1]:
            self._reject_blank()
        self.by_reason[reason] += len(lines)
        whole = max(len(lines) - _HELD_BACK, 0)
        if whole:
            self._put_rejects_aside()
            self._reject_tables.append(
                _rejects(pa.array(lines[:whole], pa.int64()), raw[:whole], pa.repeat(reason, whole), messages[:whole])
            )
            self._reject_size += raw[:whole].nbytes
        for row in range(whole, len(lines)):
            self._reject_rows.append((int(lines[row]), raw[row].as_py(), reason, messages[row].as_py()))
        waiting = len(self._reject_rows) + sum(table.num_rows for table in self._reject_tables)
        if waiting > _REJECTS_AT_ONCE or self._reject_size > _REJECT_CHARACTERS:
            self._write_most_rejects()

    def _write_most_rejects(self) -> None:
        self._put_rejects_aside(keep=_HELD_BACK)
        self._write_rejects()

    def _reject_blank(self) -> None:
        blank, self._blank, self._blank_rows = self._blank, [], 0
        for lines in blank:
            self._reject_without_text(lines, "row_empty")

    def _reject_without_text(self, lines: np.ndarray, reason: str) -> None:
        if lines.size:
            self._reject_block(lines, reason, pa.nulls(lines.size, pa.string()), pa.repeat(explain(reason), lines.size))

    def _without_blank(self, table: pa.Table) -> pa.Table:
        """Rows of nothing but delimiters: at the end a spreadsheet left them, elsewhere they are rejected."""
        empty: pa.ChunkedArray | None = None
        for name in table.column_names[1:]:
            column = table[name]
            if column.null_count == 0 and not _has_spaces_only(column):
                empty = None
                break
            nothing = pc.or_kleene(
                pc.is_null(column), pc.fill_null(pc.equal(pc.utf8_trim_whitespace(column), ""), True)
            )
            empty = nothing if empty is None else pc.and_(empty, nothing)
            if not pc.any(empty).as_py():
                empty = None
                break
        if empty is None:
            self._reject_blank()
            return table
        lines = table["line"].filter(empty).to_numpy()
        kept = table.filter(pc.invert(empty))
        last = max(kept["line"][-1].as_py() if kept.num_rows else 0, self._last_reject)
        if kept.num_rows:
            self._reject_blank()
        self._reject_without_text(lines[lines < last], "row_empty")
        waiting = lines[lines >= last]
        if waiting.size:
            self._blank.append(waiting)
            self._blank_rows += waiting.size
        return kept

    def _without_headers(self, table: pa.Table) -> pa.Table:
        """A header in the middle: files were joined."""
        for index, spellings in self._marks:
            found = pc.fill_null(pc.is_in(pc.ascii_lower(table[str(index)]), value_set=spellings), False)
            if not pc.any(found).as_py():
                continue
            again = np.zeros(table.num_rows, bool)
            keys = [column_key(name) for name in self._plan.header]
            rows = np.flatnonzero(found.to_numpy())
            met = table.take(pa.array(rows))
            same = sum(_has_key(met[str(place)], key).astype(np.int64) for place, key in enumerate(keys))
            again[rows[(same * 2 > len(keys)) | (same == len(keys))]] = True
            self._reject_without_text(table["line"].to_numpy()[again], "row_header_again")
            if again.any():
                table = table.filter(pa.array(~again))
        return table

    def _notice_nameless(self, table: pa.Table) -> None:
        for index in self._nameless:
            column = table[str(index)]
            if column.null_count < len(column):
                filled = pc.is_valid(column)
                lines = table["line"].filter(filled)
                self.notice("file_column_without_name", lines[:_LINES_NAMED].to_pylist(), len(lines))

    def _cleaned(self, table: pa.Table) -> pa.Table:
        """The named columns under their names, cleaned of words for nothing and of a spreadsheet's marks."""
        lines = table["line"]
        columns: dict[str, pa.ChunkedArray] = {"line": lines}
        for index, target in self._targets:
            column = without_words(
                table[str(index)],
                partial(self._notice_met, lines, target),
                free_text=target not in STANDARD_FIELDS,
                null_words=self._plan.null_words.get(target, ()),
                apostrophes=not self._plan.own_rejects,
            )
            if self._plan.own_rejects:
                column = unescape_formulas(column)
            columns[target] = column
        for gathering in self._plan.gatherings:
            fields, more = gathered(columns, gathering)
            if more is not None:
                self._notice_met(lines, gathering.slots[-1], "value_further_address", pa.array(more))
            columns |= fields
        for name in self._plan.added:
            columns.setdefault(name, pa.chunked_array([pa.nulls(len(lines), pa.string())]))
        for name, field in self._plan.copies.items():
            columns[name] = columns[field]
        return pa.table(columns).select(["line", *self._plan.names])

    def _notice_met(self, lines: pa.ChunkedArray, column: str, reason: str, found: pa.Array | pa.ChunkedArray) -> None:
        """Count the rows that ``found`` marks."""
        met = lines.filter(found)
        self.notice(reason, met[:_LINES_NAMED].to_pylist(), len(met), column)

    def _write_pending(self, keep: int) -> None:
        """Write the rows that are waiting, but for the last ``keep``."""
        if not self._pending:
            return
        table = pa.concat_tables(self._pending)
        ready = max(table.num_rows - keep, 0)
        if ready:
            self._rows.write(table.slice(0, ready))
        rest = table.slice(ready)
        self._pending = [rest.take(pa.array(range(rest.num_rows), pa.int64()))] if rest.num_rows else []
        self._pending_rows = rest.num_rows
        self._pending_bytes = 0

    def _put_rejects_aside(self, keep: int = 0) -> None:
        """Make a table of the rejects that are waiting, but for the last ``keep``."""
        ready = len(self._reject_rows) - keep
        rows, self._reject_rows = self._reject_rows[:ready], self._reject_rows[ready:]
        if rows:
            lines, raws, reasons, messages = zip(*rows, strict=True)
            self._reject_tables.append(
                _rejects(
                    pa.array(lines, pa.int64()),
                    pa.array(raws, pa.string()),
                    pa.array(reasons, pa.string()),
                    pa.array(messages, pa.string()),
                )
            )

    def _write_rejects(self) -> None:
        if self._reject_tables:
            self._rejects.write(pa.concat_tables(self._reject_tables).cast(REJECTS))
        self._reject_tables = []
        self._reject_size = 0

    def _judge_end(self) -> None:
        """Totals and notes at the end of the file are rejected as such, whether they fit the header or not."""
        rows = pa.concat_tables(self._pending).to_pylist() if self._pending else []
        ragged = [entry for entry in self._reject_rows[-_HELD_BACK:] if entry[2] == "row_ragged"]
        totals: set[int] = set()
        for entry in sorted(
            [*((row["line"], row) for row in rows), *((e[0], e) for e in ragged)], key=_line, reverse=True
        ):
            line, what = entry
            if len(totals) >= _HELD_BACK:
                break
            if isinstance(what, dict):
                if not is_total(what):
                    break
                self._pending = [pa.concat_tables(self._pending).filter(pc.field("line") != line)]
                self._reject(line, "row_total", self._raw(what))
            else:
                if not is_note(what[1] or ""):
                    break
                self._reject_rows.remove(what)
                self.by_reason["row_ragged"] -= 1
                self._reject(line, "row_total", what[1])
            totals.add(line)
        self.by_reason = +self.by_reason

    def _raw(self, row: dict[str, object]) -> str:
        """A row that was read, as text again."""
        cells = ["" if target is None else str(row[target] or "") for target in self._plan.targets]
        return join_raw_row(cells, self._delimiter)


def _rejects(lines: pa.Array, raw: pa.Array, reasons: pa.Array, messages: pa.Array) -> pa.Table:
    return pa.table(
        {
            "line": lines,
            "column": pa.nulls(len(lines), pa.string()),
            "value": raw,
            "reason": reasons,
            "message": messages,
            "duplicate_of": pa.nulls(len(lines), pa.int64()),
        }
    )


def _has_key(column: pa.ChunkedArray, key: str) -> np.ndarray:
    """Which values mean a column's name; every value that recurs is looked at once."""
    encoded = pc.dictionary_encode(column, null_encoding="encode").combine_chunks()
    same = np.array([column_key(value or "") == key for value in encoded.dictionary.to_pylist()], bool)
    known: np.ndarray = same[encoded.indices.to_numpy()]
    return known


def texts(values: Sequence[str | None]) -> pa.Array:
    """Values as an Arrow column in which empty text is null."""
    column = pa.array(values, pa.string())
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)


def _line(entry: tuple[int, object]) -> int:
    return entry[0]


def _has_spaces_only(column: pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.utf8_is_space(column)).as_py())


def _spellings(name: str) -> pa.Array:
    """The ways to write a column's name that are worth a second look, with ASCII letters in lower case."""
    words = [name, *(re.sub(r"[\s_\-]+", between, name) for between in (" ", "_", "-", ""))]
    forms = pa.array([form(word) for word in words for form in (str, str.upper, str.lower)], pa.string())
    return pc.unique(pc.ascii_lower(forms))
