"""Backup files, in pg_dump's custom format: checked before anything is changed for them, and read line by line."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nightmail.errors import UsageError
from nightmail.store.local_server import LocalServer
from nightmail.store.upgrade import knows

MAGIC = b"PGDMP"
OURS = frozenset({"alembic_version", "campaign", "deployment"})
"""Tables whose content every backup has."""
COPY_BEGINS = re.compile(rb"COPY .* FROM stdin;\r?\n")


@dataclass(frozen=True, slots=True)
class Backup:
    """A file that was checked: it holds a database of Nightmail that this version can restore."""

    file: Path
    revision: str
    """The revision of its schema."""


def read_backup(source: Path) -> Backup:
    """Check a file before anything is changed for it. Raises :class:`UsageError` (``backup_unusable``)."""
    if not source.is_file():
        raise unusable(source, "there is no such file")
    try:
        with source.open("rb") as handle:
            begins = handle.read(len(MAGIC))
    except OSError as error:
        raise unusable(source, f"it cannot be read ({error.strerror})") from error
    if begins != MAGIC:
        raise unusable(source, "it does not begin as one")
    with open_backup(source, "--list") as lines:
        tables = {line.split()[6].decode() for line in lines if b" TABLE DATA public " in line}
    if not tables >= OURS:
        raise unusable(source, "it holds another database than Nightmail's")
    with open_backup(source, "--file=-", "--data-only", "--schema=public", "--table=alembic_version") as lines:
        rows = list(lines)
    content = [rows[place + 1] for place, line in enumerate(rows[:-1]) if COPY_BEGINS.match(line)]
    revision = content[0].decode().strip() if content else ""
    if not knows(revision):
        problem = (
            f"a newer version of Nightmail made it, with the schema {revision or 'unknown'}, and has to restore it"
        )
        raise unusable(source, problem)
    return Backup(source, revision)


def unusable(source: Path, problem: str) -> UsageError:
    """Return the error for a file that cannot be restored."""
    return UsageError("backup_unusable", file=source, problem=problem)


@contextmanager
def open_backup(source: Path, *arguments: str) -> Iterator[Iterator[bytes]]:
    """Yield the SQL of a backup by lines, as pg_restore writes it; no database is connected to. Raises :class:`UsageError` when it cannot."""
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(  # noqa: S603
            [LocalServer.binaries() / "pg_restore", "--format=custom", *arguments, "--", source.resolve()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            yield iter(process.stdout)
        except BaseException:
            process.kill()
            raise
        # Its last lines may not be needed, but only at its end is it known whether the file was whole.
        for _ in process.stdout:
            pass
        code = process.wait()
        complaints.seek(0)
        complaint = last_line(complaints)
    if code:
        raise unusable(source, f"it is damaged; pg_restore says {complaint!r}")


def last_line(complaints: Iterable[bytes]) -> str:
    """Return the last line that is not empty of what a program of PostgreSQL complained about, cut to 300 characters."""
    lines = [line.decode(errors="replace").strip() for line in complaints]
    return ([line for line in lines if line] or ["nothing"])[-1][:300]
