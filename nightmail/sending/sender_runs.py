"""Sender runs: each holds an advisory lock on its number for as long as its process and connection live."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

_LOCK_SPACE = 0x4E4D << 40


def lock_number(sender_run_id: int) -> int:
    """The advisory lock of a sender's run."""
    return _LOCK_SPACE + sender_run_id


def begin_sender_run(
    connection: Connection[Any], dagster_run_id: str | None, host: str, process_id: int
) -> tuple[int, int]:
    """Register a sender and lock its run on this connection; gives its id and the deployment's epoch.

    The row becomes visible only when the lock is held, so that nobody takes a beginner for dead.
    """
    with connection.transaction():
        row = connection.execute(
            "insert into sender_run (dagster_run_id, host, process_id, epoch) "
            "values (%s, %s, %s, (select epoch from deployment)) returning id, epoch",
            (dagster_run_id, host, process_id),
        ).fetchone()
        assert row is not None
        connection.execute("select pg_advisory_lock(%s)", (lock_number(row[0]),))
    return int(row[0]), int(row[1])


def rejoin_sender_run(connection: Connection[Any], sender_run_id: int) -> bool:
    """Lock a run again on a new connection; false when it was declared dead or the old session still holds the lock."""
    row = connection.execute(
        "select finished_at is null and pg_try_advisory_lock(%s) from sender_run where id = %s",
        (lock_number(sender_run_id), sender_run_id),
    ).fetchone()
    if not row or not row[0]:
        return False
    row = connection.execute("select finished_at is null from sender_run where id = %s", (sender_run_id,)).fetchone()
    return bool(row and row[0])


def end_sender_run(connection: Connection[Any], sender_run_id: int, handed_off: int) -> None:
    """Note that a run ended by itself, and free its lock."""
    connection.execute(
        "update sender_run set finished_at = coalesce(finished_at, now()), handed_off = %s where id = %s",
        (handed_off, sender_run_id),
    )
    connection.execute("select pg_advisory_unlock(%s)", (lock_number(sender_run_id),))
