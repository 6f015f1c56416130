"""Never twice, never lost: campaigns over all channels while senders are killed, carriers misbehave and the database falls.

``python -m benchmarks.chaos --campaigns 5 --kills 200 --seed 1 --json``

Everything is real but the carriers: senders in processes of their own, killed with SIGKILL at random moments; beside
them Dagster's daemon as ``nightmail up`` starts it, which prepares contact files and keeps further senders going as runs,
and which is killed as well, with its runs, its warm process and its code server; PostgreSQL that is restarted and
crashed, the portal that takes signed webhooks. The stand-ins answer with faults, and send receipts late, twice and out of
order; their log of what they accepted is the witness. At the end:

- ``twice``: hand-offs that the witness has beyond the first of each message; must be 0;
- ``lost``: messages that are neither accepted (and with the witness), nor refused, nor in doubt; must be 0;
- ``unresolved``: messages that the witness has and the ledger does not know as accepted; must be 0;
- ``in_doubt``: messages that stayed in doubt, as the carrier never had them. ``by_channel`` holds each channel's number
  against its bound: the messages of the requests that faults hit (one for SMS and calls, one request's for email), and
  one window of each sender that died over messages: 100 SMS, 100 calls, one request of emails per connection;
- ``doors``: what came in by SFTP, with connections that break and answers of every kind, and by webhooks, over a portal that is
  killed: lost and doubled rows, lost receipts and replies, forged posts that were taken, wrong opt-outs; each must be 0
  (:class:`benchmarks.chaos_doors.DoorFigures`);
- ``stuck_runs``: runs that Dagster believes to be at work when all is done; must be 0.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from benchmarks.chaos_doors import DoorFigures, Doors
from benchmarks.chaos_uploads import PASSWORD, SETTLE_S, UploadDoor
from benchmarks.chaos_uploads import SECRET as SFTP_SECRET
from benchmarks.dagster_processes import DaemonKiller, DagsterProcesses
from commands.local import maintained
from nightmail.campaigns.tallies import compare_tallies
from nightmail.carriers.protocol import InDoubt, OutgoingMessage
from nightmail.channels import EMAIL
from nightmail.message_ids import parse_message_id
from nightmail.organisation.carrier_accounts import reporting_accounts
from nightmail.sending.advance import advance_ledger
from nightmail.sending.doubt_lookup import resolve_in_doubt
from nightmail.sending.sender.lanes import WINDOW
from nightmail.store.engine import normalised_url
from nightmail.store.local_server import DAGSTER_DATABASE, LocalServer
from tests.support.sender_processes import context, start_sender
from tests.support.sending_rig import KEY, WEBHOOK_SECRET, Organisation, sandbox_carriers, tell_secrets

ROOT = Path(__file__).resolve().parent.parent
EMAIL_BATCH = 1000
PATIENCE_S = 3.0
"""For how long an answer is waited for; hangs are longer."""
AT_WORK_S = 10.0
"""The longest that a kill waits for the carriers to take something."""
WINDOWS = {"sms": WINDOW, "voice": WINDOW, "email": EMAIL_BATCH * EMAIL.default_connections}
"""How many intents of a channel one sender holds at the most: what its death may put in doubt."""
REQUESTS = {"sms": "messages", "voice": "calls", "email": "mail"}
"""What the stand-ins call the hand-offs of a channel."""
FAULTS = [
    {"kind": "429", "share": 0.01, "retry_after": 0.3},
    {"kind": "500_before", "share": 0.004},
    {"kind": "500_after", "share": 0.004},
    {"kind": "503", "share": 0.002, "retry_after": 0.2},
    {"kind": "reset_before", "share": 0.004},
    {"kind": "reset_after", "share": 0.004},
    {"kind": "hang_before", "share": 0.001, "seconds": 5},
    {"kind": "hang_after", "share": 0.001, "seconds": 5},
    {"kind": "html_after", "share": 0.002},
    {"kind": "slow", "share": 0.01, "seconds": 0.3},
    {"kind": "wait", "share": 0.5, "seconds": 0.02},
]
BEHAVIOUR = {
    "delay_s": 0.1,
    "spread_s": 1.0,
    "late_share": 0.05,
    "late_s": 5.0,
    "twice_share": 0.2,
    "reorder_share": 0.2,
    "lost_share": 0.05,
}
HARMLESS = frozenset({"429", "slow", "wait"})
"""Faults after which nothing is in doubt."""


@dataclass
class Result:
    """What the run came to; the fields are the JSON's."""

    messages: int = 0
    kills: int = 0
    faults: int = 0
    database_restarts: int = 0
    disk_fillings: int = 0
    """Times that the database's disk was filled to the last byte for a while; needs the right to mount a tmpfs."""
    accepted: int = 0
    refused: int = 0
    twice: int = 0
    lost: int = 0
    in_doubt: int = 0
    unresolved: int = 0
    in_doubt_bound: int = 0
    ever_in_doubt: int = 0
    by_channel: dict[str, dict[str, int]] = field(default_factory=dict)
    """By channel: ``in_doubt`` and ``ever_in_doubt`` against ``bound``, and ``largest_window`` that a sender died over
    against ``window``."""
    daemon_kills: int = 0
    code_server_kills: int = 0
    warm_process_kills: int = 0
    run_kills: int = 0
    """Sender runs of Dagster's whose process was killed."""
    preparer_kills: int = 0
    """Preparers whose process was killed while they had campaigns."""
    sent_by_runs: int = 0
    """Messages that sender runs of Dagster's handed off."""
    stuck_runs: int = 0
    wrong_tallies: int = 0
    """Campaigns whose kept counts are not what the ledger has."""
    repeated_receipts: bool = True
    doors: DoorFigures = field(default_factory=DoorFigures)
    """What came in by SFTP and webhooks, and what became of it."""
    seconds: float = 0.0
    well: bool = False


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Rig:
    """The processes of one run, in a folder that goes with it."""

    def __init__(
        self,
        seed: int,
        faults: list[dict[str, Any]],
        behaviour: dict[str, Any],
        disk_mb: int = 0,
        *,
        uploads: bool = False,
    ) -> None:
        """``uploads`` starts an SFTP server as well."""
        self.folder = Path(tempfile.mkdtemp(prefix="nightmail-chaos-"))
        self.folder.chmod(0o755)
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        mounted = disk_mb and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={disk_mb}m,mode=755", "tmpfs", self.disk],
            stderr=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        self.own_disk = bool(mounted and mounted.returncode == 0)
        self.server = LocalServer(self.disk / "pg")
        self.server.start()
        self.url = self.server.url()
        self.engine = create_engine(normalised_url(self.url), pool_pre_ping=True)
        maintained(self.server).upgrade()
        port = free_port()
        self.public_url = f"http://127.0.0.1:{port}"
        config = self.folder / "sandbox.json"
        config.write_text(json.dumps({"behaviour": {"seed": seed, **behaviour}, "faults": faults}))
        self.sandbox = subprocess.Popen(
            [sys.executable, "-m", "sandbox.carriers", "--state-dir", str(self.folder / "sandbox"),
             "--webhook-base", self.public_url, "--config", str(config), "--log-webhooks"],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.sandbox.stdout is not None
        self.told = json.loads(self.sandbox.stdout.readline())
        tell_secrets(self.told)
        assert os.environ[WEBHOOK_SECRET]
        self.uploads = UploadDoor(self.folder / "sftp") if uploads else None
        environment = {
            **os.environ,
            SFTP_SECRET: PASSWORD,
            "NIGHTMAIL_FILE_SETTLE_S": str(SETTLE_S),
            "NIGHTMAIL_DATABASE_URL": self.url,
            "NIGHTMAIL_SECRET_KEY": KEY.decode(),
            "NIGHTMAIL_PUBLIC_URL": self.public_url,
            "NIGHTMAIL_DATA_DIR": str(self.folder / "data"),
        }
        self._environment = environment
        self._port = port
        self.portal = self._started_portal()
        self.organisation = Organisation(self.engine, self.folder / "lake", self.told, self.public_url)
        for channel in WINDOWS:
            # A busy machine answers late, which is not the carrier's silence that the faults are about.
            self.organisation.change_account(channel, timeout_s=PATIENCE_S)
        self.context = context()
        self.accepted_before = 0
        self.dagster: DagsterProcesses | None = None

    def _started_portal(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "portal.application:create_application", "--factory", "--port",
             str(self._port), "--log-level", "error"],
            cwd=ROOT, env=self._environment, stdout=subprocess.DEVNULL, stderr=(self.folder / "portal.log").open("a"),
        )  # fmt: skip
        self._wait_for_port(self._port, process)
        return process

    def restart_portal(self) -> None:
        """Kill the portal (SIGKILL), and start it again on the same port."""
        self.portal.kill()
        self.portal.wait()
        self.portal = self._started_portal()

    def start_dagster(self) -> DagsterProcesses:
        """Start Dagster's daemon and code server beside the senders that are started here."""
        self.dagster = DagsterProcesses(
            self.engine,
            self.url,
            self.server.url(DAGSTER_DATABASE),
            self.folder / "data",
            self._environment,
            self.uploads.organisation if self.uploads is not None else "",
        )
        self.dagster.start()
        return self.dagster

    @staticmethod
    def _wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + 60
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the portal did not start")
            time.sleep(0.05)

    def restart_database(self, mode: str) -> None:
        """Restart PostgreSQL: ``fast`` cuts connections, ``immediate`` is a crash."""
        subprocess.run(
            [LocalServer.binaries() / "pg_ctl", "-w", "-t", "60", "-m", mode, "-D", self.disk / "pg",
             "-l", self.disk / "pg" / "log", "restart"],
            user=(self.disk / "pg").owner() if os.getuid() == 0 else None,
            stdout=subprocess.DEVNULL, check=True,
        )  # fmt: skip

    def fill_disk(self, seconds: float) -> None:
        """Leave the database no byte of disk for a while, then give it back; start it if it gave up over it."""
        filler = self.disk / "filler"
        with filler.open("wb", buffering=0) as handle, contextlib.suppress(OSError):
            while handle.write(b"x" * 1024 * 1024):
                pass
        time.sleep(seconds)
        filler.unlink()
        probe = subprocess.run(
            [LocalServer.binaries() / "pg_ctl", "-D", self.disk / "pg", "status"],
            user=(self.disk / "pg").owner() if os.getuid() == 0 else None, stdout=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        if probe.returncode:
            self.restart_database("fast")

    def accepted_count(self) -> int:
        """How many messages the carriers took."""
        return int(self.ask("")["accepted"])

    def accepted(self) -> list[dict[str, Any]]:
        """The witness."""
        return [json.loads(line) for line in Path(self.told["accepted"]).read_text().splitlines()]

    def ask(self, path: str, content: object = None) -> Any:
        """Speak to the sandbox's control."""
        from urllib.request import Request, urlopen

        data = None if content is None else json.dumps(content).encode()
        with urlopen(Request(self.told["control_url"] + path, data=data)) as response:
            return json.loads(response.read())

    def close(self) -> None:
        """Stop what was started."""
        if self.dagster is not None:
            self.dagster.close()
        if self.uploads is not None:
            self.uploads.close()
        for process in (self.portal, self.sandbox):
            process.terminate()
            process.wait(timeout=30)
        self.engine.dispose()
        self.server.stop()
        if self.own_disk:
            subprocess.run(["umount", "-l", self.disk], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def make_campaigns(rig: Rig, campaigns: int, messages: int) -> int:
    """Campaigns of ``messages`` each over SMS, email, voice and escalation; gives the number of messages."""
    total = 0
    for number in range(campaigns):
        kind = number % 4
        channels = (("sms",), ("email",), ("voice",), ("sms", "voice"))[kind]
        count = messages if kind != 2 else max(1, messages // 4)
        settings = {"delivery": "escalation", "escalate_after_s": 3600} if kind == 3 else {}
        rig.organisation.campaign(count, channels, settings=settings)
        total += count * len(channels)
    if rig.dagster is not None:
        total += rig.dagster.upload(max(1, messages // 2))
    return total


def run(  # noqa: C901, PLR0912, PLR0915 - one chaos run from its start to its verdict
    *,
    campaigns: int,
    messages: int,
    kills: int,
    seed: int,
    senders: int = 2,
    restarts: int = 2,
    disk_mb: int = 0,
    daemon_kills: int = 0,
    uploads: int = 0,
    rows: int = 100,
    people: int = 0,
    texts: int = 4,
    portal_kills: int = 0,
    tell: Any = None,
) -> Result:
    """One run; ``tell`` gets a line of progress now and then."""
    chance = random.Random(seed)
    began = time.monotonic()
    result = Result()
    rig = Rig(seed, FAULTS, BEHAVIOUR, disk_mb, uploads=bool(uploads))
    killer = None
    doors = Doors(rig, uploads=uploads, rows=rows, people=people, texts=texts, portal_kills=portal_kills, seed=seed)
    try:
        if daemon_kills or uploads:
            dagster = rig.start_dagster()
        if daemon_kills:
            killer = DaemonKiller(dagster, daemon_kills, seed)
            killer.start()
        result.messages = make_campaigns(rig, campaigns, messages) if campaigns else 0
        result.messages += doors.start()
        running = [start_sender(rig.context, rig.url, rig.public_url) for _ in range(senders)]
        restart_at = {kills * (place + 1) // (restarts + 1) for place in range(restarts)}
        while result.kills < kills:
            _wait_for_hand_offs(rig, result.kills)
            time.sleep(chance.uniform(0.0, 0.5))
            victim = running.pop(chance.randrange(len(running)))
            victim.kill()
            victim.join()
            result.kills += 1
            running.append(start_sender(rig.context, rig.url, rig.public_url))
            if result.kills in restart_at:
                rig.restart_database("immediate" if result.database_restarts % 2 else "fast")
                result.database_restarts += 1
            if rig.own_disk and result.kills == kills // 2:
                rig.fill_disk(3.0)
                result.disk_fillings += 1
            if result.kills % 10 == 0:
                waiting = _waiting(rig)
                if tell:
                    tell(f"{result.kills} kills, {waiting} messages waiting")
                if waiting < senders * WINDOW and result.kills < kills:
                    # There must always be something to kill a sender over.
                    result.messages += make_campaigns(rig, 4, messages)
        # What is left is the daemon's, if there is one: that its senders alone get it done is a part of the proof.
        for sender in running if rig.dagster is not None else ():
            sender.kill()
            sender.join()
            result.kills += 1
        while killer is not None and killer.is_alive():
            if _waiting(rig) < min(WINDOW, messages // 2):
                result.messages += make_campaigns(rig, 4, messages)
            killer.join(1.0)
        if killer is not None and killer.error is not None:
            raise killer.error
        result.messages += rig.dagster.dropped_rows() if rig.dagster is not None else 0
        result.messages += doors.finish(tell)
        _let_it_end(rig, tell)
        for sender in running:
            sender.kill()
            sender.join()
        _settle(rig, tell)
        _judge(rig, result, tell)
        result.doors = doors.judge(rig.accepted(), tell)
    finally:
        doors.close()
        if killer is not None:
            killer.end()
        rig.close()
    result.seconds = round(time.monotonic() - began, 1)
    result.well = result.twice == 0 and result.lost == 0 and result.unresolved == 0 and result.stuck_runs == 0
    result.well = result.well and result.doors.well and result.wrong_tallies == 0
    result.well = result.well and all(
        each["in_doubt"] <= each["bound"] and each["largest_window"] <= each["window"]
        for each in result.by_channel.values()
    )
    return result


def _wait_for_hand_offs(rig: Rig, kills: int) -> None:
    """Wait until the carriers took something since the last kill: on a busy machine senders would die before they begin."""
    until = time.monotonic() + AT_WORK_S
    while rig.accepted_count() <= rig.accepted_before and time.monotonic() < until and kills:
        time.sleep(0.05)
    rig.accepted_before = rig.accepted_count()


def _waiting(rig: Rig) -> int:
    """Messages that are not decided yet; those of campaigns that are still to be prepared count as one."""
    try:
        with rig.engine.connect() as connection:
            return int(
                connection.scalar(
                    text(
                        "select (select count(*) from message where state in ('queued', 'handing_over')) "
                        "+ (select count(*) from campaign where state in ('received', 'checking'))"
                    )
                )
                or 0
            )
    except SQLAlchemyError:
        return 1_000_000


def _let_it_end(rig: Rig, tell: Any) -> None:
    """Wait until nothing is due and the last receipts have come: a late one may let another channel take over."""
    until = time.monotonic() + 600
    quiet = 0
    while quiet < 3 and time.monotonic() < until:
        waiting, receipts = _waiting(rig), int(rig.ask("")["waiting"])
        running = len(rig.dagster.unfinished("send")) if rig.dagster is not None else 0
        quiet = quiet + 1 if not waiting and not receipts and not running else 0
        if tell and not quiet:
            tell(f"{waiting} messages and {receipts} receipts waiting, {running} sender runs")
        time.sleep(1.0)
        if rig.dagster is None:
            with contextlib.suppress(SQLAlchemyError):
                advance_ledger(rig.engine)


def _settle(rig: Rig, tell: Any) -> None:
    """Let the carriers' records settle what is in doubt: three looks, each of them alone.

    A look returns at once while the daemon's own is under way; that one may have begun when carriers still misbehaved.
    """
    rig.ask("/faults", {"rules": []})
    looks, until = 0, time.monotonic() + 120
    while looks < 3 and _in_doubt(rig) and time.monotonic() < until:
        resolved = resolve_in_doubt(rig.engine, sandbox_carriers(rig.public_url), limit=20_000)
        if tell:
            tell(f"a look at the doubts: {resolved}")
        looks += resolved.looked_up > 0
        time.sleep(0 if resolved.looked_up else 0.5)


def _in_doubt(rig: Rig) -> bool:
    with rig.engine.connect() as connection:
        return bool(connection.scalar(text("select exists (select from message where state = 'in_doubt')")))


def _tell_unresolved(rig: Rig, message_ids: list[str], tell: Any) -> None:
    """Say of each message what the ledger, its attempts and the carriers know."""
    accepted = {line["message_id"]: line for line in rig.accepted()}
    with rig.engine.connect() as connection:
        for message_id in message_ids:
            told = parse_message_id(message_id)
            row = connection.execute(
                text(
                    "select m.message_key, m.state, m.reason, m.attempts, m.carrier_account_id, m.changed_at, m.handed_off_at "
                    "from message m join campaign c on c.id = m.campaign_id "
                    "where c.token = :token and m.line = :line and m.channel = :channel and m.step = :step"
                ),
                {"token": told.token, "line": told.line, "channel": told.channel, "step": told.step},
            ).one_or_none()
            attempts = connection.execute(
                text(
                    "select number, started_at, finished_at, outcome, error_class from attempt where message_key = :key"
                ),
                {"key": row.message_key if row else None},
            ).all()
            line = accepted.get(message_id) or {}
            holders = connection.execute(
                text(
                    "select c.token, m.line, m.channel, m.step, m.state, m.carrier_message_id, m.delivery, m.attempts, m.handed_off_at "
                    "from message m join campaign c on c.id = m.campaign_id "
                    "where m.carrier_message_id = :id or (m.channel = :channel and m.address_hash = "
                    "(select address_hash from message where message_key = :key))"
                ),
                {"id": line.get("carrier_id"), "key": row.message_key if row else None, "channel": told.channel},
            ).all()
            tell(
                f"{message_id}: {row} {attempts} {line}; the same recipient's: {[tuple(map(str, h)) for h in holders]}; "
                f"{_records_of(rig, told.channel, message_id, str(line.get('to', '')), attempts)}"
            )


def _records_of(rig: Rig, channel: str, message_id: str, address: str, attempts: Sequence[Any]) -> str:
    """What each account of the channel shows of a message, whatever number it came from."""
    with rig.engine.connect() as connection:
        accounts = [each for each in reporting_accounts(connection) if each.channel == channel]
    since = min((attempt.started_at for attempt in attempts), default=dt.datetime.now(dt.UTC))
    doubt = InDoubt(OutgoingMessage(message_id, address, ""), since)
    return "; ".join(
        f"{account.name}: {sandbox_carriers(rig.public_url)(account).find([doubt], lambda _ids: set())}"
        for account in accounts
    )


def _judge(rig: Rig, result: Result, tell: Any) -> None:
    witness = Counter(line["message_id"] for line in rig.accepted())
    counts = rig.ask("")
    result.faults = sum(counts["faults"].values())
    if rig.dagster is not None:
        for name, value in rig.dagster.figures().items():
            setattr(result, name, value)
        # Reports may be written on and on; senders and preparing runs have nothing left to do.
        result.stuck_runs = sum(len(rig.dagster.unfinished(job)) for job in ("send", "prepare"))
        # A preparer lingers for a minute after its last campaign: it is stuck when nothing is behind it.
        result.stuck_runs += rig.dagster.preparers_without_process()
    with rig.engine.connect() as connection:
        rows = connection.execute(
            text(
                "select c.token || '-' || m.line || '-' || m.channel || '-' || m.step, m.state "
                "from message m join campaign c on c.id = m.campaign_id"
            )
        )
        ledger = {row[0]: row[1] for row in rows}
        result.ever_in_doubt = int(
            connection.scalar(text("select count(*) from attempt where error_class = 'in_doubt'")) or 0
        )
        result.repeated_receipts = bool(
            connection.scalar(text("select count(*) = count(distinct event_key) from receipt"))
        )
    result.wrong_tallies = len(compare_tallies(rig.engine))
    states = Counter(ledger.values())
    result.accepted = states["accepted"]
    result.refused = states["failed"]
    result.in_doubt = states["in_doubt"]
    result.twice = sum(count - 1 for count in witness.values())
    result.unresolved = sum(1 for message_id in witness if ledger.get(message_id or "") != "accepted")
    if tell and result.unresolved:
        known = Counter(ledger.get(message_id or "") for message_id in witness)
        tell(f"unresolved: the carriers' {len(witness)} messages are in the ledger {dict(known)}")
        _tell_unresolved(rig, [m for m in witness if m and ledger.get(m) != "accepted"][:20], tell)
    unseen = [message_id for message_id, state in ledger.items() if state == "accepted" and message_id not in witness]
    result.lost = len(unseen) + states["queued"] + states["handing_over"] + result.messages - sum(states.values())
    if tell and result.lost:
        tell(f"lost: {len(unseen)} accepted without the witness, {dict(states)} of {result.messages}")
        with rig.engine.connect() as connection:
            for message_id in unseen[:5]:
                _, line, channel, step = message_id.split("-")
                found = connection.execute(
                    text(
                        "select m.channel, m.attempts, m.carrier_message_id, m.delivery, m.changed_at, a.number, a.outcome, "
                        "a.error_code, a.error_class, a.started_at, a.finished_at from message m "
                        "join campaign c on c.id = m.campaign_id left join attempt a using (ledger_month, message_key) "
                        "where c.token = :token and m.line = :line and m.channel = :channel and m.step = :step"
                    ),
                    {"token": message_id.split("-")[0], "line": int(line), "channel": channel, "step": int(step)},
                ).all()
                tell(f"{message_id}: {found}")
    result.by_channel = _doubts_by_channel(rig, counts["faults_on"])
    result.in_doubt_bound = sum(each["bound"] for each in result.by_channel.values())


def _doubts_by_channel(rig: Rig, faults_on: dict[str, Any]) -> dict[str, dict[str, int]]:
    """What is and ever was in doubt, by channel, against what faults and the senders that died can have put there."""
    with rig.engine.connect() as connection:
        rows = connection.execute(text("select channel, count(*) from message where state = 'in_doubt' group by 1"))
        now = {row[0]: int(row[1]) for row in rows}
        ever = connection.execute(
            text(
                "select channel, count(*), count(*) filter (where a.error_code = 'sender') "
                "from attempt a join message m using (ledger_month, message_key) where a.error_class = 'in_doubt' "
                "group by channel, a.sender_run_id"
            )
        ).all()
    found = {}
    for channel, window in WINDOWS.items():
        hit = faults_on.get(REQUESTS[channel], {})
        doubtful = sum(each["messages"] for kind, each in hit.items() if kind not in HARMLESS)
        left_by_deaths = [int(row[2]) for row in ever if row[0] == channel and row[2]]
        found[channel] = {
            "in_doubt": now.get(channel, 0),
            "ever_in_doubt": sum(int(row[1]) for row in ever if row[0] == channel),
            "bound": doubtful + len(left_by_deaths) * window,
            "messages_hit_by_faults": doubtful,
            "deaths_over_messages": len(left_by_deaths),
            "largest_window": max(left_by_deaths, default=0),
            "window": window,
        }
    return found


def main() -> None:
    """The command ``python -m benchmarks.chaos``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=str(__doc__).split("\n\n")[0])
    parser.add_argument("--campaigns", type=int, default=8)
    parser.add_argument("--messages", type=int, default=2000, help="contacts of each campaign")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--senders", type=int, default=2, help="0: Dagster's alone")
    parser.add_argument("--restarts", type=int, default=3, help="of PostgreSQL, every second one a crash")
    parser.add_argument(
        "--disk-mb",
        type=int,
        default=1500,
        help="size of the database's own disk, which is filled once; 0: the machine's",
    )
    parser.add_argument(
        "--daemon-kills",
        type=int,
        default=6,
        help="of Dagster's daemon, and about as many of its runs, warm process and code server; 0: no Dagster",
    )
    parser.add_argument("--uploads", type=int, default=60, help="contact files by SFTP; 0: none, and no server")
    parser.add_argument("--rows", type=int, default=500, help="of each of these files")
    parser.add_argument("--people", type=int, default=200, help="who write to two organisations; 0: nobody")
    parser.add_argument("--texts", type=int, default=6, help="of each of them to each number")
    parser.add_argument("--portal-kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    for name in ("campaigns", "messages", "rows", "texts"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} must be at least 1")
    for name in ("kills", "senders", "restarts", "disk_mb", "daemon_kills", "uploads", "people", "portal_kills"):
        if getattr(arguments, name) < 0:
            parser.error(f"--{name.replace('_', '-')} must not be negative")
    if not arguments.senders and not arguments.daemon_kills and not arguments.uploads:
        parser.error("--senders must be at least 1 where no Dagster sends")

    def tell(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    # Asked to end, it takes down what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    result = run(
        campaigns=arguments.campaigns,
        messages=arguments.messages,
        kills=arguments.kills,
        seed=arguments.seed,
        senders=arguments.senders,
        restarts=arguments.restarts,
        disk_mb=arguments.disk_mb,
        daemon_kills=arguments.daemon_kills,
        uploads=arguments.uploads,
        rows=arguments.rows,
        people=arguments.people,
        texts=arguments.texts,
        portal_kills=arguments.portal_kills,
        tell=tell,
    )
    if arguments.json:
        print(json.dumps(asdict(result)))
    else:
        for name, value in asdict(result).items():
            print(f"{name:18} {value}")
    sys.exit(0 if result.well else 1)


if __name__ == "__main__":
    main()
