"""The demo, whole, as a program of its own: its last line, its exit code, and that it leaves nothing running."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from commands.demonstration.totals import Totals, add_contacts
from commands.local import CHECKOUT
from nightmail.lake import Lake
from tests.support.demo_environment import environment_of

pytestmark = pytest.mark.end_to_end

LAST_LINE = re.compile(
    r"demo: rows=(\d+) rejects=(\d+) duplicates=(\d+) held=(\d+) sent=(\d+) failed=(\d+) delivered=(\d+) "
    r"undelivered=(\d+) report=(.+)"
)


@pytest.fixture
def folder() -> Iterator[Path]:
    # PostgreSQL's user must be able to enter every folder above its own.
    made = Path(tempfile.mkdtemp(prefix="nightmail-test-demo-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def _of_folder(folder: Path) -> list[str]:
    """Command lines of processes that work in the demo's folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if str(folder) in line and process.pid != os.getpid():
            found.append(line)
    return found


@pytest.mark.timeout(900)
def test_the_demo_ends_with_rows_that_reconcile_and_leaves_nothing_running(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "commands", "demo", "--rows", "150"],
        cwd=CHECKOUT,
        env=environment_of(folder),
        capture_output=True,
        text=True,
        timeout=850,
        check=False,
    )
    output = f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    assert done.returncode == 0, output
    last = LAST_LINE.fullmatch(done.stdout.rstrip("\n").splitlines()[-1])
    assert last is not None, output
    rows, rejects, duplicates, held, sent, failed, delivered, undelivered = (int(value) for value in last.groups()[:8])
    assert rows == rejects + duplicates + held + sent + failed
    assert sent == delivered + undelivered
    assert rows > 150 + 120 + 30
    assert Path(last[9]).is_file()
    assert (Path(last[9]).parent / "_report.html").is_file()
    for told in (
        "STOP",
        "answered",
        "2 are new and were sent",
        "S A N D B O X",
        "is not a valid phone number",
        "sent as it was shown",
    ):
        assert told in output + done.stdout, told
    assert _of_folder(folder) == []
    _assert_that_logs_name_nobody(folder / "data" / "demo")


def _assert_that_logs_name_nobody(data: Path) -> None:
    """No part of a deployment writes an address to its log or to what Dagster captures, and no report holds one."""
    lake = Lake(str(data / "lake"))
    sent = {
        address
        for campaign in lake.partitions("messages", "campaign")
        for address in lake.table("messages", campaign).read(["address"])["address"].to_pylist()
    }
    assert len(sent) > 200
    addresses = re.compile("|".join(re.escape(address) for address in sorted(sent)))
    logs = [path for part in ("logs", "dagster") for path in (data / part).rglob("*") if path.is_file()]
    assert {"portal.log", "dagster-daemon.log"} <= {path.name for path in logs}
    reports = [*(data / "lake").rglob("_report.html")]
    assert reports
    for path in (*logs, *reports):
        assert (found := addresses.search(path.read_text(encoding="utf-8", errors="replace"))) is None, (path, found)


def test_contacts_are_counted_by_their_best_end() -> None:
    """A contact with several messages counts once: sent wins over failed, failed over held, delivered over undelivered."""
    import pyarrow as pa

    rows = [
        ("a", 2, "accepted", "delivered"),
        ("a", 3, "accepted", "undelivered"),
        ("a", 3, "accepted", "answered"),
        ("a", 4, "failed", None),
        ("a", 4, "accepted", "delivered"),
        ("a", 5, "failed", None),
        ("a", 5, "not_needed", None),
        ("a", 6, "held", None),
        ("a", 6, "held", None),
        ("b", 2, "accepted", "busy"),
        ("b", 3, "held", None),
        ("b", 3, "accepted", "bounced"),
    ]
    table = pa.Table.from_pylist(
        [dict(zip(("campaign", "line", "state", "status"), row, strict=True)) for row in rows],
        pa.schema([("campaign", pa.string()), ("line", pa.int64()), ("state", pa.string()), ("status", pa.string())]),
    )
    totals = Totals(rows=8, rejects=1)
    add_contacts(totals, [table])
    assert (totals.sent, totals.failed, totals.held) == (5, 1, 1)
    assert (totals.delivered, totals.undelivered) == (3, 2)
    assert totals.reconcile


@pytest.mark.parametrize(
    "wrong", [Totals(rows=1), Totals(rows=1, sent=1), Totals(rows=2, sent=1, delivered=1), Totals(sent=1, delivered=1)]
)
def test_rows_that_do_not_add_up_are_seen(wrong: Totals) -> None:
    assert not wrong.reconcile


def test_the_last_line_is_as_promised() -> None:
    line = Totals(5, 1, 1, 1, 1, 1, 1, 0).line("/lake/report.parquet")
    assert line == (
        "demo: rows=5 rejects=1 duplicates=1 held=1 sent=1 failed=1 delivered=1 undelivered=0 report=/lake/report.parquet"
    )
    assert LAST_LINE.fullmatch(line)
