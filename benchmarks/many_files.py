"""Many small files at once: how long from dropping them on SFTP until every message is handed off.

``python -m benchmarks.many_files --files 200 --rows 100 --json`` starts everything that ``nightmail up`` starts (PostgreSQL,
the sandbox with its SFTP server, portal, Dagster with its sensors, queue and senders) in a folder of its own, drops the files
together, waits until each campaign is finished, and prints seconds and CPU seconds by part. Nothing is left behind.

``first_hand_off_s`` and ``last_hand_off_s`` count from the moment when the first file began to be uploaded; the files'
``latency_s`` from the moment when each was whole in its folder to the hand-off of its last message.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from sqlalchemy import text

if TYPE_CHECKING:
    from commands.deployment import Deployment

FOLDER = "/invoices"
PATIENCE_S = 1800.0
HEADER = ("Customer No", "First Name", "Mobile", "Language", "Invoice No", "Amount", "Due Date")


def file_content(number: int, rows: int) -> bytes:
    """One file: good rows of customers that no other file has."""
    made = io.StringIO(newline="")
    writer = csv.writer(made)
    writer.writerow(HEADER)
    for row in range(rows):
        index = number * rows + row
        # Numbers whose last digits mean something to the sandbox (7000 to 7099) are left out.
        mobile = f"+44791{index // 6000:03d}{index % 6000:04d}"
        writer.writerow(
            (f"C{index}", "Amelia", mobile, ("en", "de", "fr")[index % 3], f"INV-{index}", "12.50", "2027-01-31")
        )
    return made.getvalue().encode()


def drop(running: Deployment, files: int, rows: int) -> tuple[float, dict[str, float]]:
    """Upload all files, as fast as one connection takes them; gives the beginning and when each was whole."""
    from resources.sftp import SftpConnection, SftpSettings

    assert running.sandbox is not None
    login = running.sandbox.login("acme.billing")
    settings = SftpSettings(
        host=login.host, port=login.port, username=login.username, password=login.password, host_key=login.host_key
    )
    whole: dict[str, float] = {}
    with SftpConnection(settings) as connection:
        client = connection.client()
        began = time.time()
        for number in range(files):
            name = f"batch-{number:04d}.csv"
            client.putfo(io.BytesIO(file_content(number, rows)), f"{FOLDER}/{name}.part")
            client.posix_rename(f"{FOLDER}/{name}.part", f"{FOLDER}/{name}")
            whole[name] = time.time()
    return began, whole


_FILES = text("""
    select r.name, c.state, extract(epoch from r.received_at)::float8 as taken, extract(epoch from c.loaded_at)::float8 as loaded,
        m.first, m.last, coalesce(m.messages, 0) as messages, coalesce(m.accepted, 0) as accepted
    from received_file r join campaign c on c.id = r.campaign_id left join lateral (
        select extract(epoch from min(handed_off_at))::float8 as first, extract(epoch from max(handed_off_at))::float8 as last,
            count(*) as messages, count(*) filter (where state = 'accepted') as accepted
        from message where ledger_month = c.ledger_month
            and message_key between c.id::bigint << 38 and (c.id::bigint + 1 << 38) - 1) m on true
    where r.source = 'sftp' and r.state <> 'answer'
""")


def wait_until_finished(running: Deployment, files: int) -> list[Any]:
    """Wait until every file's campaign has ended; gives what the database tells of each."""
    rows: list[Any] = []

    def finished() -> bool:
        with running.engine.connect() as connection:
            ended = connection.scalar(
                text("select count(*) from campaign where state in ('finished', 'stopped', 'cancelled')")
            )
            if (ended or 0) < files:
                return False
            rows[:] = connection.execute(_FILES).all()
        return len(rows) >= files

    running.supervisor.wait_for("the files' campaigns", finished, PATIENCE_S)
    return rows


def cpu_seconds(running: Deployment) -> dict[str, float]:
    """CPU seconds so far, by part; those of processes that ended are with the process that waited for them."""
    spent: dict[str, float] = {}

    def add(part: str, process: psutil.Process) -> None:
        try:
            times = process.cpu_times()
        except psutil.Error:
            return
        seconds = times.user + times.system + times.children_user + times.children_system
        spent[part] = spent.get(part, 0.0) + seconds

    for child in running.supervisor.children:
        assert child.process is not None
        parent = psutil.Process(child.process.pid)
        add(child.name, parent)
        for process in parent.children(recursive=True):
            # Dagster's runs are forked from one process of the daemon.
            add("runs" if child.name == "dagster-daemon" else child.name, process)
    postmaster = int((running.settings.data_dir / "postgres" / "postmaster.pid").read_text().split()[0])
    for process in (psutil.Process(postmaster), *psutil.Process(postmaster).children()):
        add("postgresql", process)
    return spent


def figures(files: int, rows: int, began: float, whole: dict[str, float], found: list[Any]) -> dict[str, Any]:
    """What is printed, but for CPU seconds."""
    latencies = [row.last - whole[row.name] for row in found if row.last is not None and row.name in whole]
    taken = [row.taken - whole[row.name] for row in found if row.name in whole]
    loaded = [row.loaded - row.taken for row in found if row.loaded is not None]
    return {
        "files": files,
        "rows": files * rows,
        "campaigns": len(found),
        "messages": sum(row.messages for row in found),
        "accepted": sum(row.accepted for row in found),
        "uploaded_s": round(max(whole.values()) - began, 1),
        "first_hand_off_s": round(min(row.first for row in found if row.first is not None) - began, 1),
        "last_hand_off_s": round(max(row.last for row in found if row.last is not None) - began, 1),
        "latency_s": {"median": round(statistics.median(latencies), 1), "max": round(max(latencies), 1)},
        "until_taken_s": {"median": round(statistics.median(taken), 1), "max": round(max(taken), 1)},
        "taken_to_loaded_s": {"median": round(statistics.median(loaded), 1), "max": round(max(loaded), 1)},
    }


def measure(files: int, rows: int, folder: Path) -> dict[str, Any]:
    """Start everything, drop the files, wait, stop everything."""
    from commands.demo import prepare_folder
    from commands.deployment import deployment
    from nightmail.settings import settings

    prepare_folder(folder)
    with deployment(settings(), lambda part: print(f"starting {part}", file=sys.stderr)) as running:
        _warm(running)
        before = cpu_seconds(running)
        began, whole = drop(running, files, rows)
        found = wait_until_finished(running, files)
        after = cpu_seconds(running)
    spent = {part: round(seconds - before.get(part, 0.0), 1) for part, seconds in after.items()}
    return {
        **figures(files, rows, began, whole, found),
        "cpu_s": spent,
        "cpu_s_per_file": round(sum(spent.values()) / files, 2),
    }


def _warm(running: Deployment) -> None:
    """Wait until the process that runs are forked from has imported everything, as in a deployment that is up."""

    def idle() -> bool:
        daemon = next(child for child in running.supervisor.children if child.name == "dagster-daemon")
        assert daemon.process is not None
        forked = psutil.Process(daemon.process.pid).children(recursive=True)
        warm = [process for process in forked if process.memory_info().rss > 200 * 2**20]
        return bool(warm) and all(process.cpu_percent(0.5) < 20 for process in warm)

    running.supervisor.wait_for("the warm process", idle, 300.0)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--rows", type=int, default=100, help="rows of each file")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    if arguments.files * arguments.rows > 6_000_000:
        parser.error("at most 6,000,000 rows in all")
    with tempfile.TemporaryDirectory(prefix="nightmail-bench-files-", ignore_cleanup_errors=True) as folder:
        # PostgreSQL's user must be able to enter every folder above its own.
        Path(folder).chmod(0o755)
        made = measure(arguments.files, arguments.rows, Path(folder) / "data")
    if arguments.json:
        print(json.dumps(made))
    else:
        for name, value in made.items():
            print(f"{name}: {value}")


if __name__ == "__main__":
    main()
