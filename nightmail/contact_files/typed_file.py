"""A workbook or Parquet file, read in a process of its own, so that no file can take this one's memory or end it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa

from nightmail.contact_files.failures import file_error, readable_size
from nightmail.contact_files.header import HEADER_WITHIN
from nightmail.contact_files.reading_order import ReadingOrder
from nightmail.contact_files.reading_process import CPU_SECONDS
from nightmail.contact_files.row_collector import RowCollector, texts
from nightmail.contact_files.summary import ReadOptions
from nightmail.errors import ContactFileError
from nightmail.progress import Progress

_CHECKOUT = Path(__file__).parents[2]
_PATIENCE_S = 60
"""How long a process may take to end that has nothing more to say."""


@dataclass(frozen=True)
class _Block:
    """Some rows of a typed file."""

    lines: np.ndarray
    columns: Sequence[pa.Array | pa.ChunkedArray]
    """Text; empty text is null."""
    too_large: Sequence[int]
    """Lines among these rows that have a larger field than is allowed, and are not in ``columns``."""


class TypedFile:
    """A typed file that is being read. Raises ContactFileError when it cannot be, whatever that does to its process."""

    def __init__(self, path: Path, kind: str, options: ReadOptions) -> None:
        self._limit = options.memory_limit
        self._field_limit = options.field_limit
        order = ReadingOrder(
            path=str(path.resolve()),
            kind=kind,
            sheet=options.sheet,
            first_rows=HEADER_WITHIN,
            memory_limit=options.memory_limit,
            expanded_limit=options.expanded_limit,
            expansion_limit=options.expansion_limit,
            row_limit=options.row_limit,
            field_limit=options.field_limit,
        )
        self._connection, there = Pipe()
        with there:
            self._process = _started(there)
        try:
            self._send(order.as_json())
            self.head: dict[str, Any] = self._received()["head"]
        except BaseException:
            self.close()
            raise

    def read(self, collector: RowCollector, progress: Progress | None = None, **wanted: Any) -> None:
        """Read all rows into ``collector``; ``wanted`` are the options of the format's reader."""
        for block in self._blocks(wanted):
            for line in block.too_large:
                collector.reject(line, "row_field_too_large", None, limit=self._field_limit)
            collector.add(block.lines, block.columns)
            if progress is not None and len(block.lines):
                progress("contact_file", int(block.lines[-1]), self.head["total"])

    def _blocks(self, wanted: dict[str, Any]) -> Iterator[_Block]:
        self._send(json.dumps(wanted).encode())
        while "block" in (message := self._received()):
            block = message["block"]
            if message["arrow"]:
                columns = pa.ipc.open_stream(self._connection.recv_bytes()).read_all().columns
            else:
                columns = [texts(column) for column in block["columns"]]
            yield _Block(np.asarray(block["lines"], np.int64), columns, block["too_large"])

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, message: bytes) -> None:
        # Why a process that has ended did so is found out when its answer is missing.
        with suppress(BrokenPipeError, ConnectionResetError):
            self._connection.send_bytes(message)

    def _received(self) -> dict[str, Any]:
        try:
            message: dict[str, Any] = json.loads(self._connection.recv_bytes())
        except (EOFError, ConnectionResetError):
            raise self._ended() from None
        if "reason" in message:
            raise file_error(message["reason"], **message["fields"])
        if "memory" in message:
            raise self._too_much_memory()
        if "defect" in message:
            raise RuntimeError(f"The process that reads typed files failed:\n{message['defect']}")
        return message

    def _ended(self) -> Exception:
        """Why the process ended without a word."""
        code = self._process.wait(_PATIENCE_S)
        if code == -signal.SIGABRT:
            # What calamine's language does when it is refused memory.
            return self._too_much_memory()
        if code == -signal.SIGXCPU:
            detail = f"it takes longer than {CPU_SECONDS // 60} minutes of computing: it is damaged"
            return file_error("file_unreadable", detail=detail)
        if code in (-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGILL, -signal.SIGFPE):
            return file_error("file_unreadable", detail="it is damaged")
        # Killed from outside, as when the machine shuts down or has no memory left: that is not the file's fault.
        return RuntimeError(f"The process that reads typed files ended with {code}")

    def _too_much_memory(self) -> ContactFileError:
        return file_error("file_expands_too_far", limit=f"{readable_size(self._limit)} of memory")


def _started(there: Connection) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "nightmail.contact_files.reading_process", str(there.fileno())],
        pass_fds=(there.fileno(),),
        cwd=_CHECKOUT,
        # Arrow's other pools and glibc's arenas reserve address space that they never use, which would count.
        env={**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        # calamine's panics would stand on the user's screen.
        stderr=subprocess.DEVNULL,
    )
