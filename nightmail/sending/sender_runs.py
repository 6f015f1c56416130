"""Sender runs: each holds an advisory lock on its number for as long as its process and connection live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from nightmail.sending.sender_queries import BEGIN_RUN

_LOCK_SPACE = 0x4E4D << 40


@dataclass(frozen=True, slots=True)
class SenderRun:
    """A registered sender."""

    id: int
    epoch: int
    """The deployment's when it began: a restored database has another."""
    timeline: int = 0
    """The server's: intents are committed on this one alone."""


def lock_number(sender_run_id: int) -> int:
    """The advisory lock of a sender's run."""
    return _LOCK_SPACE + sender_run_id


def begin_sender_run(connection: Connection[Any], dagster_run_id: str | None, host: str, process_id: int) -> SenderRun:
    """Register a sender and lock its run on this connection.

    The row becomes visible only when the lock is held, so that no other process takes a beginner for dead.
    """
    with connection.transaction():
        with connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(BEGIN_RUN, (dagster_run_id, host, process_id)).fetchone()
        assert row is not None
        run = SenderRun(int(row["id"]), int(row["epoch"]), int(row["timeline"]))
        connection.execute("select pg_advisory_lock(%s)", (lock_number(run.id),))
    return run


def rejoin_sender_run(connection: Connection[Any], sender_run_id: int) -> bool:
    """Lock a run again on a new connection; false when it was declared dead or the old session still holds the lock."""
    locked = connection.execute(
        "select finished_at is null and pg_try_advisory_lock(%s) from sender_run where id = %s",
        (lock_number(sender_run_id), sender_run_id),
    ).fetchone()
    if locked != (True,):
        return False
    # Once more, under the lock: it may have been declared dead just before.
    lives = connection.execute("select finished_at is null from sender_run where id = %s", (sender_run_id,)).fetchone()
    return lives == (True,)


def server_timeline(connection: Connection[Any]) -> int:
    """The timeline of the server that the connection is on."""
    row = connection.execute("select server_timeline()").fetchone()
    assert row is not None
    return int(row[0])


def end_sender_run(connection: Connection[Any], sender_run_id: int, handed_off: int) -> None:
    """Note that a run has ended, and free its lock."""
    connection.execute(
        "update sender_run set finished_at = coalesce(finished_at, now()), handed_off = %s where id = %s",
        (handed_off, sender_run_id),
    )
    connection.execute("select pg_advisory_unlock(%s)", (lock_number(sender_run_id),))
