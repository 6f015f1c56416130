"""Tables put aside between two passes over the rows, block by block: in memory as far as there is room, then in a file.

The rows are personal data: the temporary file is unlinked as soon as it is open, so that nothing is left of it however the
process ends.
"""

from __future__ import annotations

import tempfile
from types import TracebackType
from typing import IO, Self

import pyarrow as pa

MEMORY = 768 * 1024**2
"""Bytes of blocks that are kept in memory: five million contacts of ordinary width."""


class AsideTable:
    """Blocks of rows of one schema: :meth:`append` all of them, then read them back with :meth:`block`."""

    def __init__(self, schema: pa.Schema, memory: int = MEMORY) -> None:
        self.schema = schema
        # The file knows one set of distinct values for a column, and each block has its own.
        self._in_file = pa.schema(
            field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field for field in schema
        )
        self.blocks = 0
        self._room = memory
        self._kept: list[pa.Table] = []
        self._file: IO[bytes] | None = None
        self._writer: pa.ipc.RecordBatchFileWriter | None = None
        self._reader: pa.ipc.RecordBatchFileReader | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._kept.clear()
        if self._file is not None:
            if self._reader is None and self._writer is not None:
                self._writer.close()
            self._file.close()

    def append(self, table: pa.Table) -> None:
        """Add ``table``, of any number of rows, as the next block."""
        self.blocks += 1
        if self._writer is None and table.nbytes <= self._room:
            self._room -= table.nbytes
            self._kept.append(table)
            return
        if self._writer is None:
            self._file = tempfile.TemporaryFile(prefix="nightmail-")  # noqa: SIM115 - closed by __exit__
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._writer = pa.ipc.new_file(pa.PythonFile(self._file, mode="w"), self._in_file, options=options)
        batches = table.cast(self._in_file).combine_chunks().to_batches() or [
            pa.RecordBatch.from_pylist([], schema=self._in_file)
        ]
        if len(batches) != 1:
            raise ValueError("a block does not fit one record batch")
        self._writer.write_batch(batches[0])

    def block(self, index: int) -> pa.Table:
        """The block of that index. Nothing can be appended after the first call."""
        if index < len(self._kept):
            return self._kept[index]
        if self._reader is None:
            if self._writer is None or self._file is None:
                raise IndexError(index)
            self._writer.close()
            self._file.seek(0)
            self._reader = pa.ipc.open_file(pa.PythonFile(self._file, mode="r"))
        return pa.Table.from_batches([self._reader.get_batch(index - len(self._kept))]).cast(self.schema)
