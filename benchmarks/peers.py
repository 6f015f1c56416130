"""Nightmail's email by SMTP beside what else sends many messages: mail servers and task queues.

``make peers``, then ``python -m benchmarks.peers --messages 5000 --json``. Every peer sends the same messages to the same sink on
loopback (:mod:`benchmarks.peer_sink`), one peer after the other, and keeps what it keeps in the same folder. Timed is all of it: from
the first message that is asked for to the last one that the sink took. CPU seconds are those of every process of the peer, its database
included and the sink not. What is missing on this machine is skipped, and the answer says why. ``stores`` says what each keeps of a
message; none of the others knows afterwards, for each message, whether a crash left it sent.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil
from psycopg.conninfo import conninfo_to_dict

from benchmarks.peer_postfix import postfix
from nightmail.store.local_server import LocalServer

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "benchmarks" / "peer_programs"
BODY_BYTES = 2048
AT_MOST_S = 600.0
"""Seconds after which a peer is given up."""


class Skipped(Exception):  # noqa: N818 - it is no error: the answer says what is missing
    """A peer that this machine does not have."""


@dataclass
class Trial:
    """One peer's turn: where it sends, where it keeps its things, and which processes count as its own."""

    messages: int
    workers: int
    folder: Path
    sink_port: int
    python: Path
    """The Python that has the peers' packages."""
    _processes: list[psutil.Process] = field(default_factory=list)
    _ended: float = 0.0

    def count(self, pid: int) -> None:
        """Count a process that runs on, with all of its children."""
        self._processes.append(psutil.Process(pid))

    def run(self, command: list[str], environment: Mapping[str, str] | None = None, *, counted: bool = True) -> None:
        """Run a program to its end."""
        before = _spent_by_children()
        everything = {**os.environ, **(environment or {})}
        subprocess.run(command, check=True, cwd=PROGRAMS, env=everything, stdout=self.log(), stderr=self.log())
        if counted:
            self.add(_spent_by_children() - before)

    def log(self) -> IO[bytes]:
        """Where the peer's programs write what they say; it goes with the folder."""
        return (self.folder / "log").open("ab")

    def add(self, seconds: float) -> None:
        """Count CPU seconds of processes that ended."""
        self._ended += seconds

    def spent(self) -> float:
        """CPU seconds of the peer until now."""
        return self._ended + sum(_cpu_of(each) for each in self._processes)

    def taken(self) -> tuple[int, float]:
        """How many messages the sink took, and when the last came."""
        with socket.create_connection(("127.0.0.1", self.sink_port), timeout=10) as asked:
            asked.recv(100)
            asked.sendall(b"XCOUNT\r\n")
            _, messages, _, last = asked.recv(200).split()
            return int(messages), float(last)

    def wait(self) -> float:
        """Wait until the sink has them all; the moment at which the last came, by the monotonic clock."""
        given_up = time.monotonic() + AT_MOST_S
        while True:
            messages, last = self.taken()
            if messages >= self.messages:
                return last
            if time.monotonic() > given_up:
                raise RuntimeError(f"the sink took {messages} of {self.messages} messages")
            time.sleep(0.02)

    def program(self, name: str, *arguments: str) -> list[str]:
        """The command that runs a program of the peers' Python."""
        return [str(self.python), str(PROGRAMS / f"{name}.py"), *arguments]


@dataclass(frozen=True)
class Peer:
    """``turn`` prepares, then gives a function that sends: what it does is timed."""

    stores: str
    turn: Callable[[Trial], contextlib.AbstractContextManager[Callable[[], None]]]


def _cpu_of(process: psutil.Process) -> float:
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        for each in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total


def _spent_by_children() -> float:
    """CPU seconds of processes that this one started and that ended."""
    times = os.times()
    return times.children_user + times.children_system


@contextlib.contextmanager
def _database(trial: Trial) -> Iterator[LocalServer]:
    server = LocalServer(trial.folder / "pg")
    server.start()
    try:
        trial.count(int((trial.folder / "pg" / "postmaster.pid").read_text().split()[0]))
        yield server
    finally:
        server.stop()


def _needs_packages(trial: Trial) -> None:
    if not trial.python.exists():
        raise Skipped("its packages are not installed: make peers")


@contextlib.contextmanager
def _nightmail(trial: Trial) -> Iterator[Callable[[], None]]:
    from sqlalchemy import create_engine, text

    from benchmarks.send import PUBLIC_URL, in_processes, send
    from commands.local import maintained
    from nightmail.campaigns.transitions import begin_preparing
    from nightmail.sending.ledger_loading import load_ledger
    from nightmail.store.engine import normalised_url
    from tests.support.sending_rig import Organisation, tell_secrets

    told = {
        "base_url": "http://127.0.0.1:9",
        "twilio": {"account_sid": "AC0", "auth_token": "-"},
        "sendgrid": {"api_key": "-", "webhook_public_key": "-"},
    }
    tell_secrets(told)
    with _database(trial) as server:
        engine = create_engine(normalised_url(server.url()))
        maintained(server).upgrade()
        organisation = Organisation(engine, trial.folder / "lake", told, PUBLIC_URL)
        settings = {
            "adapter": "smtp_email",
            "base_url": f"smtp://127.0.0.1:{trial.sink_port}",
            "sender": "billing@acme.example",
        }
        with engine.begin() as connection:
            connection.execute(
                text(
                    "update carrier_account set carrier = 'smtp', settings = cast(:s as jsonb) where channel = 'email'"
                ),
                {"s": json.dumps(settings)},
            )
            campaign = organisation.received()
        with engine.begin() as connection:
            campaign = begin_preparing(connection, campaign.id, "benchmark")
        tables = organisation.large_tables(campaign, trial.messages, "email", BODY_BYTES)
        url = server.url()

        def sends() -> None:
            before = time.process_time()
            load_ledger(engine, campaign.id, *tables, actor="benchmark")
            loaded = time.process_time() - before
            _, spent, _, done = in_processes(send, [(url,)] * trial.workers)
            if done != trial.messages:
                raise RuntimeError(f"{done} of {trial.messages} messages were handed off")
            trial.add(loaded + spent)

        try:
            yield sends
        finally:
            engine.dispose()


@contextlib.contextmanager
def _postfix(trial: Trial) -> Iterator[Callable[[], None]]:
    with postfix(trial.folder / "postfix", trial.sink_port) as found:
        if isinstance(found, str):
            raise Skipped(found)
        trial.count(found.master)
        command = [found.source, "-s", str(trial.workers), "-m", str(trial.messages), "-l", str(BODY_BYTES)]
        ends = ["-f", "billing@acme.example", "-t", "person@mail.example", f"127.0.0.1:{found.port}"]
        yield lambda: trial.run([*command, *ends])


@contextlib.contextmanager
def _celery(trial: Trial) -> Iterator[Callable[[], None]]:
    _needs_packages(trial)
    program = shutil.which("redis-server")
    if program is None:
        raise Skipped("redis-server is not installed: Debian's package redis-server")
    redis_socket = trial.folder / "redis.sock"
    # What was taken must outlive a crash, as with the others: every command is on the disk before it is answered.
    kept = ["--port", "0", "--appendonly", "yes", "--appendfsync", "always", "--dir", str(trial.folder)]
    redis = subprocess.Popen([program, *kept, "--unixsocket", str(redis_socket)], stdout=subprocess.DEVNULL)
    environment = {"PEER_REDIS": f"redis+socket://{redis_socket}", "PEER_SMTP_PORT": str(trial.sink_port)}
    worker = None
    try:
        _until(redis_socket.exists)
        trial.count(redis.pid)
        celery = [str(trial.python.parent / "celery"), "-A", "celery_tasks", "worker", "-c", str(trial.workers)]
        quiet = ["--loglevel", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        everything = {**os.environ, **environment, "C_FORCE_ROOT": "1"}
        worker = subprocess.Popen(
            [*celery, *quiet], cwd=PROGRAMS, env=everything, stdout=trial.log(), stderr=trial.log()
        )
        trial.count(worker.pid)
        yield lambda: trial.run(trial.program("celery_tasks", "put", str(trial.messages), str(BODY_BYTES)), environment)
    finally:
        for process in (worker, redis):
            if process is not None:
                process.terminate()
                process.wait(timeout=30)


def _queue_of_postgresql(name: str, trial: Trial, server: LocalServer, workers: list[list[str]]) -> Callable[[], None]:
    """Make the schema of a queue; gives what fills it and works it off."""
    parts = conninfo_to_dict(server.owner_url())
    environment = {
        "PEER_SMTP_PORT": str(trial.sink_port),
        "PEER_DATABASE_URL": server.owner_url(),
        "PEER_DATABASE_HOST": str(parts.get("host", "")),
        "PEER_DATABASE_PORT": str(parts.get("port", "5432")),
    }
    trial.run(trial.program(name, "schema"), environment, counted=False)

    def sends() -> None:
        trial.run(trial.program(name, "put", str(trial.messages), str(BODY_BYTES)), environment)
        before = _spent_by_children()
        everything = {**os.environ, **environment}
        running = [subprocess.Popen(each, cwd=PROGRAMS, env=everything, stderr=trial.log()) for each in workers]
        for process in running:
            if process.wait(timeout=AT_MOST_S):
                raise RuntimeError(f"{name} ended with {process.returncode}")
        trial.add(_spent_by_children() - before)

    return sends


@contextlib.contextmanager
def _procrastinate(trial: Trial) -> Iterator[Callable[[], None]]:
    _needs_packages(trial)
    with _database(trial) as server:
        workers = [trial.program("procrastinate_tasks", "work")] * trial.workers
        yield _queue_of_postgresql("procrastinate_tasks", trial, server, workers)


@contextlib.contextmanager
def _post_office(trial: Trial) -> Iterator[Callable[[], None]]:
    _needs_packages(trial)
    with _database(trial) as server:
        workers = [trial.program("post_office_mail", "work", str(trial.workers))]
        yield _queue_of_postgresql("post_office_mail", trial, server, workers)


PEERS = {
    "nightmail": Peer("message, intent before and outcome after each hand-off, in PostgreSQL; never twice", _nightmail),
    "postfix": Peer("a file a message in its queue, removed when it is sent; a line in the log", _postfix),
    "celery": Peer("the task in Redis until it is done; sent again after a crash", _celery),
    "procrastinate": Peer("task, state and events in PostgreSQL; sent again after a crash", _procrastinate),
    "django-post_office": Peer("message, state and log in PostgreSQL; states are written a batch later", _post_office),
}


def _until(done: Callable[[], bool]) -> None:
    given_up = time.monotonic() + 30
    while not done():
        if time.monotonic() > given_up:
            raise RuntimeError("a server did not start within 30 s")
        time.sleep(0.02)


def measure(peer: Peer, messages: int, workers: int, python: Path) -> dict[str, Any]:
    """One turn of a peer: messages a second and CPU seconds per 1,000."""
    folder = Path(tempfile.mkdtemp(prefix="nightmail-peer-"))
    folder.chmod(0o755)
    sink = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.peer_sink"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert sink.stdout is not None
        trial = Trial(messages, workers, folder, int(sink.stdout.readline()), python)
        with peer.turn(trial) as sends:
            before, began = trial.spent(), time.monotonic()
            sends()
            ended = trial.wait()
            spent = trial.spent() - before
        return {
            "messages_per_s": round(messages / (ended - began), 1),
            "cpu_s_per_1000": round(spent / messages * 1000, 3),
        }
    finally:
        assert sink.stdin is not None
        sink.stdin.close()
        sink.wait(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


def benchmark(names: list[str], messages: int, workers: int, rounds: int, python: Path) -> dict[str, Any]:
    """The medians of every peer, in turns; ``skipped`` says what is missing."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    skipped: dict[str, str] = {}
    for _ in range(rounds):
        for name in names:
            if name in skipped:
                continue
            try:
                found[name].append(measure(PEERS[name], messages, workers, python))
            except Skipped as missing:
                skipped[name] = str(missing)
    return {
        "messages": messages,
        "body_bytes": BODY_BYTES,
        "workers": workers,
        "cores": os.cpu_count(),
        "peers": {
            name: {
                **{key: statistics.median(row[key] for row in rows) for key in rows[0]},
                "stores": PEERS[name].stores,
            }
            if rows
            else {"skipped": skipped[name]}
            for name, rows in found.items()
        },
    }


def main() -> None:
    """The command ``python -m benchmarks.peers``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=str(__doc__).split("\n\n")[0])
    parser.add_argument("--messages", type=int, default=5_000)
    parser.add_argument("--workers", type=int, default=2, help="senders, workers or sessions of each")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument(
        "--peer", action="append", choices=list(PEERS), help="only this one; may be given several times"
    )
    parser.add_argument("--python", type=Path, default=ROOT / ".venv-peers" / "bin" / "python")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    names = arguments.peer or list(PEERS)
    figures = benchmark(names, arguments.messages, arguments.workers, arguments.rounds, arguments.python)
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, row in figures["peers"].items():
        if "skipped" in row:
            print(f"{name:20} skipped: {row['skipped']}")
        else:
            print(
                f"{name:20} {row['messages_per_s']:>8}/s  {row['cpu_s_per_1000']:>6} CPU-s per 1,000  {row['stores']}"
            )


if __name__ == "__main__":
    main()
