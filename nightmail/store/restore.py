"""What a restored database may do: nothing that the lost one may have done already.

A backup is a snapshot; what was handed off after it was made, the snapshot still believes to be unsent. So every restore
counts the deployment's *epoch* up. Senders take messages of the present epoch only; those of an earlier one that the
snapshot has as unsent become *in doubt*, and receipts, the carrier's records or a person settle them.

All of a restore is one transaction: other connections see the database as it was, or the restored one with its fence,
whatever process is killed in between and whatever works beside it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from nightmail.errors import ConfigurationError, UnavailableError
from nightmail.store.backup_files import COPY_BEGINS, Backup, open_backup, unusable
from nightmail.store.fencing import Fenced, fence_unsent
from nightmail.store.upgrade import upgrade_within

ASIDE = "being_replaced"
"""The schema of the replaced tables, until the transaction ends; no other connection ever sees it."""
LOCK_WAIT_S = 1.0
"""Seconds for which a lock is waited for at a time."""
PATIENCE_S = 60.0
"""Seconds for which other processes are given time to end what they have begun."""
_BLOCK_BYTES = 1 << 20
# Commands of psql, which nothing here needs; and a setting that servers before PostgreSQL 17 do not know.
_NOT_FOR_THE_SERVER = re.compile(rb"\\(un)?restrict |SET transaction_timeout ")


@dataclass(frozen=True, slots=True)
class _Before:
    """The numbers that the replaced database had given out last, and that must not be given out again."""

    epoch: int = 0
    sender_run: int = 0


def holds_anything(engine: Engine) -> bool:
    """Return whether a restore would replace anything: an organisation, or tables that are not Nightmail's."""
    with engine.connect() as connection:
        if connection.scalar(
            text("select to_regclass('public.team') is not null and to_regclass('public.campaign') is not null")
        ):
            return bool(connection.scalar(text("select exists (select from public.team)")))
        return bool(connection.scalar(text("select exists (select from pg_tables where schemaname = 'public')")))


def restore(
    engine: Engine, backup: Backup, *, working_role: str | None = None, patience_s: float = PATIENCE_S
) -> Fenced:
    """Replace the database's content by a backup and fence what it believes to be unsent, in one transaction.

    ``engine`` is the owner's; ``working_role``, the role that the product works as, gets its rights on what was restored.

    Other processes go on with the database as it was, and then find the restored one: each of their transactions ends
    before the change or begins after it, which is waited for no longer than ``patience_s`` seconds.

    Raises :class:`UsageError` (``backup_unusable``), :class:`ConfigurationError` (``senders_at_work``),
    :class:`UnavailableError` (``database_in_use``). Nothing was changed then.
    """
    _refuse_senders(engine)
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(hashtext('nightmail.upgrade'))"))
        before = _given_out(connection)
        connection.execute(text(f"alter schema public rename to {ASIDE}"))
        connection.execute(text("create schema public"))
        _read_in(connection, backup.file)
        upgrade_within(connection, working_role)
        fenced = _fence(connection, before)
        _drop_replaced(connection, patience_s)
    return fenced


def _refuse_senders(engine: Engine) -> None:
    with engine.connect() as connection:
        at_work = connection.scalar(
            text(
                "select count(*) from pg_stat_activity where application_name = 'nightmail sender' and datname = current_database()"
            )
        )
    if at_work:
        raise ConfigurationError("senders_at_work", senders=at_work)


def _given_out(connection: Connection) -> _Before:
    if not connection.scalar(text("select to_regclass('public.sender_run') is not null")):
        return _Before()
    row = connection.execute(
        text(
            "select (select max(epoch) from public.deployment) as epoch, (select max(id) from public.sender_run) as run"
        )
    ).one()
    return _Before(row.epoch or 0, row.run or 0)


def _read_in(connection: Connection, source: Path) -> None:
    """Run the backup's SQL on this connection, within its transaction."""
    raw: Any = connection.connection.driver_connection
    script: list[bytes] = []
    try:
        with (
            open_backup(source, "--file=-", "--schema=public", "--no-owner", "--no-privileges") as lines,
            raw.cursor() as cursor,
        ):
            for line in lines:
                if COPY_BEGINS.match(line):
                    cursor.execute(b"".join(script), prepare=False)
                    script = []
                    with cursor.copy(line) as copy:
                        for block in _content(lines):
                            copy.write(block)
                elif not _NOT_FOR_THE_SERVER.match(line):
                    script.append(line)
            cursor.execute(b"".join(script), prepare=False)
    except (psycopg.OperationalError, psycopg.errors.InsufficientPrivilege):
        raise
    except psycopg.Error as error:
        problem = f"the database refuses its content ({error.sqlstate}): it is damaged, or needs a newer PostgreSQL"
        raise unusable(source, problem) from error
    # The backup's own settings, an empty search path among them, end with it.
    connection.execute(text("reset all"))


def _content(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The rows up to the end of a COPY, joined to blocks of a megabyte."""
    rows: list[bytes] = []
    size = 0
    for line in lines:
        if line == b"\\.\n":
            break
        rows.append(line)
        size += len(line)
        if size >= _BLOCK_BYTES:
            yield b"".join(rows)
            rows, size = [], 0
    yield b"".join(rows)


def _fence(connection: Connection, before: _Before) -> Fenced:
    """Count the epoch up beyond both databases', and pause or stop every campaign that may have been sent since."""
    epoch = int(
        connection.execute(
            text(
                "update deployment set epoch = greatest(epoch, :before) + 1, restored_at = now(), "
                "timeline = server_timeline(), timeline_at = null, synchronous = false, unsynchronised_at = null "
                "returning epoch"
            ),
            {"before": before.epoch},
        ).scalar_one()
    )
    # A sender of before that has not ended yet must not find its own number, and its lock, with another one.
    connection.execute(
        text(
            "select setval(pg_get_serial_sequence('sender_run', 'id'), "
            "greatest(:before, (select max(id) from sender_run), 1))"
        ),
        {"before": before.sender_run},
    )
    return fence_unsent(connection, epoch, actor="restore", action="database.restored")


def _drop_replaced(connection: Connection, patience_s: float) -> None:
    """Drop the replaced tables, after waiting for every transaction that has used them: none may span the change."""
    deadline = time.monotonic() + patience_s
    # Every statement behind a lock that is waited for waits too: so it is asked for again and again, and briefly.
    connection.execute(text(f"set local lock_timeout = '{LOCK_WAIT_S}s'"))
    while True:
        try:
            with connection.begin_nested():
                connection.execute(text(f"drop schema {ASIDE} cascade"))
            return
        except OperationalError as error:
            if not isinstance(error.orig, (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)):
                raise
            if time.monotonic() > deadline:
                raise UnavailableError("database_in_use", seconds=f"{patience_s:.0f}") from error
        time.sleep(LOCK_WAIT_S)
