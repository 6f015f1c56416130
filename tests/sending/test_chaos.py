"""The small version of ``python -m benchmarks.chaos``: kill -9, a database that falls, and carriers that misbehave."""

from __future__ import annotations

import sys

import pytest

from benchmarks.chaos import Result, main, run

pytestmark = pytest.mark.end_to_end


def agrees(result: Result) -> bool:
    """Whether the stand-ins' log and the ledger say the same; the numbers show in the failure."""
    assert (result.twice, result.lost, result.unresolved, result.stuck_runs) == (0, 0, 0, 0), result
    for channel in result.by_channel.values():
        assert channel["in_doubt"] <= channel["bound"] and channel["largest_window"] <= channel["window"], result
    assert result.repeated_receipts
    return result.well


def test_nothing_is_sent_twice_or_lost_whatever_is_killed() -> None:
    """Senders killed, PostgreSQL restarted, its disk filled, faults of every kind: the stand-ins' log agrees with the ledger."""
    result = run(campaigns=4, messages=120, kills=6, seed=7, restarts=1, disk_mb=700)
    assert result.kills == 6 and result.messages > 0
    assert agrees(result)


def test_a_daemon_that_is_killed_loses_and_repeats_nothing() -> None:
    """Dagster's own processes prepare a file and send; the daemon dies over it, and the next one gets it all done."""
    result = run(campaigns=1, messages=200, kills=0, senders=0, restarts=0, daemon_kills=1, seed=3)
    assert result.daemon_kills == 1
    assert result.sent_by_runs > 0
    assert agrees(result)


@pytest.mark.parametrize(
    "option", ["--kills=-1", "--campaigns=0", "--senders=0", "--disk-mb=-5", "--messages=0", "--daemon-kills=-1"]
)
def test_what_proves_nothing_is_refused(
    option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["chaos", option])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert option.partition("=")[0] in capsys.readouterr().err
