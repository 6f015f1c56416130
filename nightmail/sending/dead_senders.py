"""Senders that died: found by their free locks, with the intents that they had in hand put in doubt."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Engine, text

from nightmail.campaigns.counts import mark_ledgers_changed
from nightmail.sending.doubts import accept_proven
from nightmail.sending.queries import OPEN_SENDER_RUNS, PUT_INTENTS_IN_DOUBT
from nightmail.sending.sender_runs import lock_number

RESTART_GRACE_S = 10
"""After the database server starts, senders that live get this long to lock their runs again."""


def end_dead_senders(engine: Engine) -> int:
    """End the runs whose lock is free though they did not end, and put their open intents in doubt; returns how many."""
    with engine.connect() as connection:
        runs = connection.scalars(text(OPEN_SENDER_RUNS), {"grace": RESTART_GRACE_S}).all()
    total = 0
    for run in runs:
        with engine.begin() as connection:
            # Held until the end of the transaction: a sender that lives cannot lock its run again in between.
            if not connection.scalar(text("select pg_try_advisory_xact_lock(:lock)"), {"lock": lock_number(run)}):
                continue
            doubtful = _end_run(connection, run)
        mark_ledgers_changed(engine, doubtful)
        total += len(doubtful)
    return total


def _end_run(connection: Connection, sender_run_id: int) -> Sequence[int]:
    """End a run and put in doubt what its sender had in hand; returns the campaign of each message."""
    ended = connection.execute(
        text("update sender_run set finished_at = now() where id = :run and finished_at is null"),
        {"run": sender_run_id},
    ).rowcount
    if not ended:
        return []
    doubtful = connection.scalars(text(PUT_INTENTS_IN_DOUBT), {"run": sender_run_id}).all()
    # A receipt that came before the sender died is proof enough.
    accept_proven(connection, sender_run_id=sender_run_id)
    return doubtful
