"""Reads a file in a process with little memory, so that a file that would fill it fails a test and not the machine."""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from nightmail.contact_files import ReadOptions, read_contact_file
from nightmail.errors import NightmailError
from nightmail.lake import TableFile

MEGABYTE = 1024 * 1024
FOR_THE_FILE = 512 * MEGABYTE
"""What the product is told that reading may take; the product's own limit is larger only to let large files in."""
FOR_THE_TEST = 3 * 1024 * MEGABYTE
"""What all of it may take if that is not kept."""


@dataclass(frozen=True)
class Outcome:
    """What reading came to."""

    reason: str | None
    message: str
    rows: int
    own_peak: int
    """Bytes of memory that the process took which asked for the reading, beyond what it had."""
    other_peak: int
    """Bytes of memory of the process in which a typed file was read."""


@contextmanager
def little_memory() -> Iterator[None]:
    """No process that is begun inside, nor this one, gets much more memory than it has."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + FOR_THE_TEST, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def in_a_process(read: Callable[[Path, Connection], None], source: Path) -> Any:
    """What ``read`` sends of ``source`` from a process of its own; an assertion fails when reading ends that process."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["nightmail.contact_files.reading"])
    here, there = context.Pipe(duplex=False)
    with here:
        process = context.Process(target=read, args=(source, there))
        process.start()
        there.close()
        process.join(120)
        assert process.exitcode == 0, f"the process that asked for the reading ended with {process.exitcode}"
        return here.recv()


def read_limited(source: Path) -> Outcome:
    """What reading ``source`` comes to; an assertion fails when it takes the reading process with it."""
    outcome = in_a_process(_read, source)
    assert isinstance(outcome, Outcome)
    return outcome


def _read(source: Path, there: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    rejects = TableFile(str(source.parent / "out" / "rejects.parquet"))
    rows = TableFile(str(source.parent / "out" / "rows.parquet"))
    before = _peak(resource.RUSAGE_SELF)
    with little_memory():
        try:
            summary = read_contact_file(source, rows, ReadOptions(rejects=rejects, memory_limit=FOR_THE_FILE))
            reason, message, count = None, "", summary.rows
        except NightmailError as error:
            reason, message, count = error.reason, error.message, 0
            assert list((source.parent / "out").glob("*")) == []
    own = _peak(resource.RUSAGE_SELF) - before
    there.send(Outcome(reason, message, count, own, _peak(resource.RUSAGE_CHILDREN)))


def _peak(whose: int) -> int:
    return resource.getrusage(whose).ru_maxrss * 1024


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()
