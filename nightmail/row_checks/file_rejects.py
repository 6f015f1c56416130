"""The rows that reading the file refused, carried on into the rejects of its rows in the order of lines."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from nightmail.lake import TableFile
from nightmail.lake.schemas import REJECTS


class FileRejects:
    """The rows that were broken as rows, handed out in the order of lines."""

    def __init__(self, table: TableFile | None) -> None:
        self._blocks: Iterator[pa.Table] = iter(()) if table is None else table.blocks()
        self._left = REJECTS.empty_table()
        self._lines_seen = -1
        self.rows = 0
        """Distinct lines handed out."""

    def up_to(self, line: int | None) -> pa.Table:
        """What is left up to ``line``, or all of it."""
        parts = [self._left]
        while line is None or not parts[-1].num_rows or pc.max(parts[-1].column("line")).as_py() <= line:
            block = next(self._blocks, None)
            if block is None:
                break
            parts.append(block.select(REJECTS.names).cast(REJECTS))
        table = pa.concat_tables(parts)
        due = table if line is None else table.filter(pc.less_equal(table.column("line"), line))
        self._left = REJECTS.empty_table() if line is None else table.filter(pc.greater(table.column("line"), line))
        self.rows += pc.count_distinct(due.column("line")).as_py()
        return due
