"""The small version of ``python -m benchmarks.chaos``: kill -9, a database that falls, and carriers that misbehave."""

from __future__ import annotations

from benchmarks.chaos import run


def test_nothing_is_sent_twice_or_lost_whatever_is_killed() -> None:
    """Senders killed, PostgreSQL restarted, its disk filled, faults of every kind: the stand-ins' log agrees with the ledger."""
    result = run(campaigns=4, messages=120, kills=6, seed=7, restarts=1, disk_mb=700)
    assert result.kills == 6 and result.messages > 0
    assert result.twice == 0
    assert result.lost == 0
    assert result.unresolved == 0
    assert result.in_doubt <= result.in_doubt_bound
    assert result.repeated_receipts
