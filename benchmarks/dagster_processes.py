"""Dagster as ``nightmail up`` runs it, for the chaos test: a code server, a daemon, its warm process, all to be killed.

The daemon's own sensors prepare campaigns from contact files and keep senders going as runs of the ``send`` job, on the
same database as the senders that the test starts itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from commands.deployment import dagster_environment, start_code_server, start_daemon
from commands.local import CHECKOUT
from commands.supervisor import Child, Supervisor, free_port
from nightmail.contact_files.kept_files import incoming_path
from nightmail.intake.arrivals import Arrival, register_file
from nightmail.organisation.stored_feeds import feed_by_name
from nightmail.provisioning import load_organisation, provision
from nightmail.store.engine import normalised_url
from resources.carriers import CARRIERS

if TYPE_CHECKING:
    import psutil

KINDS = ("daemon", "preparer", "run", "daemon", "warm_process", "preparer", "daemon", "code_server")
"""What is killed, in turns."""
AT_WORK_S = 60.0
"""The longest that a kill waits for a sender's run to be at work: a kill of idle processes proves little."""
DROPPED_FILES = 8
"""Small files that come in together before a preparer is killed, so that it has a group."""
DROPPED_ROWS = 20
UNFINISHED = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING")
TEMPLATE = """\
name: due
category: billing
default_language: en
placeholders:
  first_name: {type: text, fallback: customer}
languages:
  en:
    sms: "Dear {{ first_name }}, a bill is due."
"""
FEED_ON_SFTP = """\
  - team: acme.billing
    name: dropped
    template: due
    default_country: GB
    sftp_server: door
    folder: /due
    settings: {channels: [sms], approval: {first_file: false, unusual_volume: false}}
"""
ORGANISATION = """\
organisation:
  name: Acme
  path: acme
  country: GB
  time_zone: Europe/London
  teams: [{name: Billing, path: billing}]
templates:
  - {team: acme.billing, file: due.yaml}
feeds:
  - team: acme.billing
    name: invoices
    template: due
    default_country: GB
    settings: {channels: [sms], approval: {first_file: false, unusual_volume: false}}
"""


class DagsterProcesses:
    """A code server and a daemon on the database at ``url``, in the data folder ``folder``."""

    def __init__(
        self,
        engine: Engine,
        url: str,
        dagster_url: str,
        folder: Path,
        environment: dict[str, str],
        sftp_servers: str = "",
    ) -> None:
        """``sftp_servers`` is that part of an organisation file, with a server ``door``; a feed is then on it as well."""
        self._engine = engine
        self._folder = folder
        for name in ("dagster", "lake", "incoming"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self._runs = create_engine(normalised_url(dagster_url), pool_pre_ping=True)
        known = dagster_environment(folder, url, dagster_url) | environment
        self._supervisor = Supervisor(folder / "logs", CHECKOUT, known)
        self._supervisor.logs.mkdir(exist_ok=True)
        self._port = free_port()
        self._children: dict[str, Child] = {}
        self._files = 0
        self._lock = threading.Lock()
        self.killed: Counter[str] = Counter()
        (folder / "due.yaml").write_text(TEMPLATE)
        (folder / "organisation.yaml").write_text(ORGANISATION + (FEED_ON_SFTP if sftp_servers else "") + sftp_servers)
        provision(engine, load_organisation(folder / "organisation.yaml", CARRIERS.adapters), folder, actor="chaos")

    def start(self) -> None:
        """Start what is not running."""
        if "code_server" not in self._children:
            start_code_server(self._supervisor, self._port, {})
            self._children["code_server"] = self._supervisor.children[-1]
        if "daemon" not in self._children:
            self._children["daemon"], _ = start_daemon(self._supervisor, self._folder, self._port, {})

    def upload(self, rows: int, kind: str = "due") -> int:
        """A contact file of so many rows comes in, which the daemon has to prepare; gives the number of messages."""
        with self._lock:
            self._files += 1
            number = self._files
        first = number * 100_000
        lines = [f"C{n},+4474{n:08d},Ann{n}" for n in range(first, first + rows)]
        content = "\n".join(("external_id,phone,first_name", *lines)).encode() + b"\n"
        digest = hashlib.sha256(content).hexdigest()
        name = f"{kind}-{number}.csv"
        stored = incoming_path(self._folder / "incoming", name, digest[:12])
        stored.write_bytes(content)
        arrival = Arrival(source="api", path=name, name=name, size=len(content), sha256=digest, stored_path=stored)
        with self._engine.begin() as connection:
            register_file(connection, feed_by_name(connection, "acme.billing", "invoices"), arrival, actor="chaos")
        return rows

    def unfinished(self, job: str | None = None) -> list[str]:
        """The ids of runs that Dagster believes to be waiting or at work."""
        query = (
            "select run_id from runs where status = any(:unfinished) "
            "and (cast(:job as text) is null or pipeline_name = :job)"
        )
        with self._runs.connect() as connection:
            return list(connection.execute(text(query), {"unfinished": list(UNFINISHED), "job": job}).scalars())

    def senders_at_work(self) -> list[int]:
        """The processes of sender runs that Dagster started and that have not ended."""
        query = "select process_id from sender_run where finished_at is null and dagster_run_id is not null"
        with self._engine.connect() as connection:
            return list(connection.execute(text(query)).scalars())

    def dropped_rows(self) -> int:
        """The rows of the files that came in for a preparer to be killed over; the database may have died under some."""
        with self._engine.connect() as connection:
            files = connection.scalar(text("select count(*) from received_file where name like 'dropped-%'"))
        return int(files or 0) * DROPPED_ROWS

    def preparers_at_work(self) -> list[int]:
        """The processes of preparers that have taken campaigns and have not ended."""
        with self._engine.connect() as connection:
            runs = list(connection.scalars(text("select distinct run_id from campaign where state = 'checking'")))
        query = (
            "select t.value::integer from runs r join run_tags t on t.run_id = r.run_id and t.key = 'nightmail/pid' "
            "where r.run_id = any(:runs) and r.pipeline_name = 'prepare_waiting' and r.status = 'STARTED'"
        )
        with self._runs.connect() as connection:
            return list(connection.execute(text(query), {"runs": runs}).scalars())

    def preparers_without_process(self) -> int:
        """How many preparers Dagster believes to be at work that are not there."""
        import psutil

        query = (
            "select t.value::integer from runs r join run_tags t on t.run_id = r.run_id and t.key = 'nightmail/pid' "
            "where r.pipeline_name = 'prepare_waiting' and r.status in ('STARTING', 'STARTED', 'CANCELING')"
        )
        with self._runs.connect() as connection:
            return sum(not psutil.pid_exists(process) for process in connection.execute(text(query)).scalars())

    def kill_preparer(self, chance: Random, stop: threading.Event) -> bool:
        """Drop a few files, wait until a preparer is at work on some, and SIGKILL it in the middle."""
        for _ in range(DROPPED_FILES):
            while not stop.wait(0.05):
                with contextlib.suppress(SQLAlchemyError):
                    self.upload(DROPPED_ROWS, "dropped")
                    break
        until = time.monotonic() + AT_WORK_S
        processes: list[int] = []
        while not processes and time.monotonic() < until and not stop.wait(0.02):
            with contextlib.suppress(SQLAlchemyError):
                processes = self.preparers_at_work()
        if not processes or stop.wait(chance.uniform(0.0, 0.5)):
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(processes[0], signal.SIGKILL)
        self.killed["preparer"] += 1
        return True

    def kill_at_work(self, kind: str, chance: Random, stop: threading.Event) -> bool:
        """Wait until a sender's run is at work, SIGKILL a process of this kind, and start it again if it does not itself."""
        until = time.monotonic() + AT_WORK_S
        processes: list[int] = []
        while not processes and time.monotonic() < until and not stop.wait(0.05):
            with contextlib.suppress(SQLAlchemyError):
                processes = self.senders_at_work()
        if stop.wait(chance.uniform(0.0, 1.0)):
            return False
        victim = processes[0] if kind == "run" and processes else self._process_id(kind)
        if victim is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        self.killed[kind] += 1
        if child := self._children.pop(kind, None):
            assert child.process is not None
            child.process.wait()
            self._supervisor.children.remove(child)
            self.start()
        return True

    def _process_id(self, kind: str) -> int | None:
        if kind in self._children:
            process = self._children[kind].process
            return None if process is None else process.pid
        if kind == "warm_process":
            warm = self._warm_process()
            return None if warm is None else int(warm.pid)
        return None

    def _warm_process(self) -> psutil.Process | None:
        import psutil

        daemon = self._process_id("daemon")
        try:
            children = psutil.Process(daemon).children() if daemon is not None else []
            return next((each for each in children if "forkserver" in " ".join(each.cmdline())), None)
        except psutil.Error:
            return None

    def figures(self) -> dict[str, Any]:
        """What was killed, and how many messages went over senders that Dagster ran."""
        with self._engine.connect() as connection:
            by_runs = connection.scalar(
                text(
                    "select count(*) from message m join sender_run r on r.id = m.sender_run_id "
                    "where r.dagster_run_id is not null and m.state = 'accepted'"
                )
            )
        return {
            "daemon_kills": self.killed["daemon"],
            "code_server_kills": self.killed["code_server"],
            "warm_process_kills": self.killed["warm_process"],
            "run_kills": self.killed["run"],
            "preparer_kills": self.killed["preparer"],
            "sent_by_runs": int(by_runs or 0),
        }

    def close(self) -> None:
        """Stop everything."""
        self._supervisor.stop_all()
        self._runs.dispose()


class DaemonKiller(threading.Thread):
    """Kills Dagster's processes in turns, until the daemon was killed so often."""

    def __init__(self, dagster: DagsterProcesses, daemon_kills: int, seed: int) -> None:
        super().__init__(name="daemon-killer", daemon=True)
        self._dagster = dagster
        self._kills = daemon_kills
        self._chance = Random(seed)
        self._ended = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        """Kill and start again."""
        try:
            turn = 0
            while self._dagster.killed["daemon"] < self._kills and not self._ended.is_set():
                kind = KINDS[turn % len(KINDS)]
                if kind == "preparer":
                    # A preparer that is not met at work is not waited for: others are to be killed as well.
                    self._dagster.kill_preparer(self._chance, self._ended)
                    turn += 1
                elif self._dagster.kill_at_work(kind, self._chance, self._ended):
                    turn += 1
        except BaseException as error:
            self.error = error

    def end(self) -> None:
        """Stop early, and wait for it."""
        self._ended.set()
        self.join()
