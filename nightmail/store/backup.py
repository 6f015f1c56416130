"""A backup: one consistent snapshot of the database, written while everything runs."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

from sqlalchemy import Engine, text

from nightmail.errors import ConfigurationError, NightmailError, UnavailableError, UsageError
from nightmail.store.backup_files import last_line
from nightmail.store.local_server import LocalServer


def back_up(engine: Engine, destination: Path, *, replace: bool = False) -> int:
    """Write a consistent snapshot to ``destination`` while everything runs; return its size in bytes.

    The file holds personal data: only its owner can read it. It appears under its name when it is whole. Another file of
    that name is replaced only with ``replace``; a folder or device of that name never is.

    Raises :class:`UsageError` (``backup_exists``, ``backup_unwritable``), :class:`ConfigurationError`
    (``database_missing``).
    """
    with engine.connect() as connection:
        if not connection.scalar(text("select to_regclass('public.deployment') is not null")):
            raise ConfigurationError("database_missing", place=engine.url.render_as_string(hide_password=True))
    if os.path.lexists(destination):
        if not destination.is_file():
            raise UsageError("backup_unwritable", file=destination, problem="something else than a file has that name")
        if not replace:
            raise UsageError("backup_exists", file=destination)
    aside = destination.with_name(f".{destination.name}.aside")
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UsageError("backup_unwritable", file=destination, problem=error.strerror) from error
    try:
        _dump(engine, aside)
        aside.rename(destination)
    finally:
        aside.unlink(missing_ok=True)
    return destination.stat().st_size


def _dump(engine: Engine, destination: Path) -> None:
    url = engine.url.set(drivername="postgresql", password=None)
    environment = dict(os.environ)
    if engine.url.password:
        # In the environment, as every user of the machine can read a command's arguments.
        environment["PGPASSWORD"] = str(engine.url.password)
    done = subprocess.run(  # noqa: S603
        [
            LocalServer.binaries() / "pg_dump",
            *("--format=custom", "--schema=public", "--no-owner", "--no-privileges"),
            f"--dbname={url.render_as_string(hide_password=False)}",
            f"--file={destination}",
        ],
        capture_output=True,
        env=environment,
        check=False,
    )
    if not done.returncode:
        return
    if b"No space left on device" in done.stderr:
        raise NightmailError("disk_full", problem="PostgreSQL cannot write to it")
    complaint = last_line(done.stderr.splitlines())
    raise UnavailableError("database_program_failed", program="pg_dump", code=done.returncode, problem=complaint)
