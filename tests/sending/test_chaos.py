"""The small version of ``python -m benchmarks.chaos``: kill -9, a database that falls, and carriers that misbehave."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.support.sandbox_process import ROOT

pytestmark = pytest.mark.end_to_end
NO_DOORS = ("--uploads=0", "--people=0", "--portal-kills=0")


def chaos(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.chaos", *options]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def result_of(*options: str) -> dict[str, Any]:
    """What a run came to, when the stand-ins' log and the ledger say the same; the numbers show in the failure."""
    done = chaos(*options, "--json")
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout
    result: dict[str, Any] = json.loads(done.stdout)
    assert [result[name] for name in ("twice", "lost", "unresolved", "stuck_runs", "wrong_tallies")] == [0] * 5, result
    for channel in result["by_channel"].values():
        assert channel["in_doubt"] <= channel["bound"] and channel["largest_window"] <= channel["window"], result
    assert result["repeated_receipts"] and result["well"], result
    return result


def test_nothing_is_sent_twice_or_lost_whatever_is_killed() -> None:
    """Senders killed, PostgreSQL restarted, its disk filled, faults of every kind: the stand-ins' log agrees with the ledger."""
    result = result_of(
        *("--campaigns=4", "--messages=120", "--kills=6", "--seed=7", "--senders=2", "--restarts=1"),
        *("--disk-mb=700", "--daemon-kills=0", *NO_DOORS),
    )
    assert result["kills"] == 6 and result["messages"] > 0


def test_a_daemon_that_is_killed_loses_and_repeats_nothing() -> None:
    """Dagster's own processes prepare a file and send; the daemon dies over it, and the next one gets it all done."""
    result = result_of(
        *("--campaigns=1", "--messages=200", "--kills=0", "--seed=3", "--senders=0", "--restarts=0"),
        *("--disk-mb=0", "--daemon-kills=1", *NO_DOORS),
    )
    assert result["daemon_kills"] == 1
    assert result["sent_by_runs"] > 0


def test_nothing_is_lost_at_the_doors_whatever_breaks() -> None:
    """Uploads that pause, break and come again, over SFTP that fails; texts of two organisations' people, cut, repeated and
    forged; a portal that is killed: each row once, each receipt and opt-out where it belongs."""
    result = result_of(
        *("--campaigns=1", "--messages=10", "--kills=0", "--seed=11", "--senders=1", "--restarts=0"),
        *(
            "--disk-mb=0",
            "--daemon-kills=0",
            "--uploads=4",
            "--rows=10",
            "--people=8",
            "--texts=2",
            "--portal-kills=1",
        ),
    )
    doors = result["doors"]
    assert [doors[name] for name in ("lost_rows", "rows_twice", "lost_receipts", "lost_replies")] == [0, 0, 0, 0], doors
    assert [doors[name] for name in ("forged_taken", "wrong_opt_outs", "sent_after_opt_out")] == [0, 0, 0], doors
    assert (doors["files"], doors["rows"], doors["replies"], doors["portal_kills"]) == (4, 40, 32, 1)
    assert doors["receipts"] > 0 and doors["sftp_faults"] > 0 and doors["posts"]["forged"] > 0


@pytest.mark.parametrize(
    "option",
    [
        "--kills=-1",
        "--campaigns=0",
        "--senders=-1",
        "--disk-mb=-5",
        "--messages=0",
        "--daemon-kills=-1",
        "--uploads=-1",
        "--rows=0",
    ],
)
def test_what_proves_nothing_is_refused(option: str) -> None:
    refused = chaos(option)
    assert refused.returncode == 2
    assert option.partition("=")[0] in refused.stderr
