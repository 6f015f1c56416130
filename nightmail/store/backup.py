"""A backup: one consistent snapshot of the database, written while everything runs."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

from sqlalchemy import Engine, text

from nightmail.errors import ConfigurationError, NightmailError, UnavailableError, UsageError
from nightmail.reasons import remedy, sentence
from nightmail.store.backup_files import last_line
from nightmail.store.local_server import LocalServer


def back_up(engine: Engine, destination: Path, *, replace: bool = False) -> int:
    """Write a consistent snapshot to ``destination`` while everything runs; gives its size in bytes.

    The file holds personal data: only its owner can read it. It appears under its name when it is whole. Another file of
    that name is replaced only on demand, and what is no file never.

    Raises :class:`UsageError` (``backup_exists``, ``backup_unwritable``), :class:`ConfigurationError`
    (``database_missing``).
    """
    with engine.connect() as connection:
        if not connection.scalar(text("select to_regclass('public.deployment') is not null")):
            raise ConfigurationError(
                "database_missing",
                f"There is nothing of Nightmail in {engine.url.render_as_string(hide_password=True)}.",
                remedy("database_missing"),
            )
    if os.path.lexists(destination):
        if not destination.is_file():
            raise _unwritable(f"{destination} is something else than a file.")
        if not replace:
            raise UsageError("backup_exists", f"{destination} is there already.", remedy("backup_exists"))
    aside = destination.with_name(f".{destination.name}.aside")
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _unwritable(f"{destination} cannot be written: {error.strerror}.") from error
    try:
        _dump(engine, aside)
        aside.rename(destination)
    finally:
        aside.unlink(missing_ok=True)
    return destination.stat().st_size


def _unwritable(message: str) -> UsageError:
    return UsageError("backup_unwritable", message, remedy("backup_unwritable"))


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
        raise NightmailError("disk_full", sentence("disk_full"), remedy("disk_full"))
    raise UnavailableError(
        "database_program_failed",
        f"pg_dump ended with {done.returncode}: {last_line(done.stderr.splitlines())}",
        "Check the database's address, the disk's free space and that its version is not newer than ours.",
    )
