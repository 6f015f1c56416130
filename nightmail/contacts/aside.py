"""Tables put aside between two passes over the rows, block by block, in a temporary file without a name.

The rows are personal data: the file is unlinked as soon as it is open, so that nothing is left of it however the process ends.
"""

from __future__ import annotations

import tempfile
from types import TracebackType
from typing import Self

import pyarrow as pa


class AsideTable:
    """Blocks of rows of one schema: :meth:`append` all of them, then read them back with :meth:`block`."""

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self.blocks = 0
        self._file = tempfile.TemporaryFile(prefix="nightmail-")  # noqa: SIM115 - closed by __exit__
        self._sink = pa.PythonFile(self._file, mode="w")
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        self._writer = pa.ipc.new_file(self._sink, schema, options=options)
        self._reader: pa.ipc.RecordBatchFileReader | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._reader is None:
            self._writer.close()
        self._file.close()

    def append(self, table: pa.Table) -> None:
        """Add ``table``, of any number of rows, as the next block."""
        batches = table.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], schema=self.schema)]
        if len(batches) != 1:
            raise ValueError("a block does not fit one record batch")
        self._writer.write_batch(batches[0])
        self.blocks += 1

    def block(self, index: int, columns: list[str] | None = None) -> pa.Table:
        """The block of that index. Nothing can be appended after the first call."""
        if self._reader is None:
            self._writer.close()
            self._file.seek(0)
            self._reader = pa.ipc.open_file(pa.PythonFile(self._file, mode="r"))
        table = pa.Table.from_batches([self._reader.get_batch(index)])
        return table if columns is None else table.select(columns)
