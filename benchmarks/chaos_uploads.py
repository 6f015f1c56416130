"""The SFTP door of the chaos test: contact files over a server and connections that fail, put as real clients put them.

An upload ends when its client believes that the whole file is there. Until then whatever fails is put again, as clients do:
statuses of every kind, cut connections, pauses in the middle of a file, a client that dies and starts over.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import paramiko
import phonenumbers
from sqlalchemy import Engine, text

from nightmail.campaigns.approval import approve
from nightmail.errors import NightmailError

ROOT = Path(__file__).resolve().parent.parent
USER, PASSWORD = "acme", "chaos"
SECRET = "NIGHTMAIL_RIG_SFTP"
KINDS = ("pause", "cut", "again", "renamed", "dies", "whole")
"""How files are put, in turns: with a pause, cut and put again, put twice, under another name first, given up in the middle for
longer than anybody waits and put again, at once."""
SETTLE_S = 1.0
"""The deployment's settle time; a file whose end looks cut off waits fifteen times as long."""
_GIVES_UP_FOR_S = 20.0
STATUSES = (1, 2, 3, 4, 5, 6, 7, 8)
_TROUBLE = (paramiko.SSHException, OSError, EOFError)
_PATIENCE_S = 120.0
"""The longest that a client tries again."""


class UploadDoor:
    """An SFTP server in ``folder``, its clients, and what they put."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "users.json").write_text(json.dumps({"users": {USER: {"password": PASSWORD, "home": USER}}}))
        self._faults_file = folder / "state" / "faults.json"
        self.home = folder / "root" / USER
        (self.home / "due").mkdir(parents=True)
        self._server = subprocess.Popen(
            [sys.executable, "-m", "sandbox.sftp_server", "--state-dir", str(folder / "state"), "--root",
             str(folder / "root"), "--users", str(folder / "users.json")],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._server.stdout is not None
        self.told: dict[str, Any] = json.loads(self._server.stdout.readline())
        self.numbers: dict[str, list[str]] = {}
        """The numbers in each file that was put, by its name."""
        self.faults = 0
        self.kinds: Counter[str] = Counter()
        self.error: BaseException | None = None
        self._ended = threading.Event()
        self._clients: list[threading.Thread] = []
        self._lock = threading.Lock()

    @property
    def organisation(self) -> str:
        """The server and the feed's place on it, for the organisation file."""
        told = self.told
        return (
            "sftp_servers:\n"
            f"  - {{name: door, host: {told['host']}, port: {told['port']}, username: {USER}, "
            f'password_secret: "env:{SECRET}", host_key: "{told["host_key"]}"}}\n'
        )

    def start(self, uploads: int, rows: int, seed: int) -> None:
        """Begin to put so many files of so many rows, two at a time, and to fail."""
        chance = Random(seed)
        work = [(number, KINDS[number % len(KINDS)], chance.randrange(2**32)) for number in range(uploads)]
        self._clients = [
            threading.Thread(target=self._client, args=(work[place::2], rows), name=f"uploads-{place}", daemon=True)
            for place in range(2)
        ]
        for each in (*self._clients, threading.Thread(target=self._fail, args=(chance,), daemon=True)):
            each.start()

    def busy(self) -> bool:
        """Whether a client has files to put yet. Raises what a client ended with."""
        if self.error is not None:
            raise self.error
        return any(client.is_alive() for client in self._clients)

    def end_faults(self) -> None:
        """From now on nothing fails."""
        self._ended.set()
        with self._lock:
            self._faults_file.write_text("{}")

    def close(self) -> None:
        """Stop the server."""
        self._ended.set()
        self._server.terminate()
        self._server.wait(timeout=30)

    def _fail(self, chance: Random) -> None:
        operations = (
            "open",
            "read",
            "write",
            "close",
            "stat",
            "lstat",
            "fstat",
            "setstat",
            "opendir",
            "readdir",
            "rename",
        )
        while not self._ended.wait(chance.uniform(0.1, 0.8)):
            faults: list[dict[str, Any]] = []
            for _ in range(chance.randint(1, 2)):
                fault: dict[str, Any] = {"operation": chance.choice((*operations, "posix_rename", "mkdir", "remove"))}
                fault |= {"after": chance.randint(0, 5), "count": chance.randint(1, 2)}
                fault |= {"cut": True} if chance.random() < 0.3 else {"status": chance.choice(STATUSES)}
                faults.append(fault)
            with self._lock:
                if self._ended.is_set():
                    return
                aside = self._faults_file.with_suffix(".next")
                aside.write_text(json.dumps({"operations": faults}))
                aside.replace(self._faults_file)
            self.faults += len(faults)

    def _client(self, work: list[tuple[int, str, int]], rows: int) -> None:
        try:
            for number, kind, seed in work:
                name = f"due-{number}.csv"
                numbers = _valid_numbers(number, rows)
                lines = [f"S{number}-{row},{phone},Ann{row}" for row, phone in enumerate(numbers)]
                content = "\n".join(("external_id,phone,first_name", *lines)).encode() + b"\n"
                _Upload(self.told, name, content, kind, Random(seed)).put()
                self.numbers[name] = numbers
                self.kinds[kind] += 1
        except BaseException as error:
            self.error = error


class _Upload:
    """One file of one client."""

    def __init__(self, told: dict[str, Any], name: str, content: bytes, kind: str, chance: Random) -> None:
        self._told, self._name, self._content, self._kind, self._chance = told, name, content, kind, chance

    def put(self) -> None:
        """Put the file until the server has said yes to all of it."""
        if self._kind in ("cut", "dies"):
            self._give_up_in_the_middle()
        times = 2 if self._kind == "again" else 1
        for _ in range(times):
            until = time.monotonic() + _PATIENCE_S
            while True:
                try:
                    self._put_once()
                    break
                except _TROUBLE:
                    if time.monotonic() > until:
                        raise
                    time.sleep(self._chance.uniform(0.1, 0.5))

    def _connect(self) -> tuple[paramiko.Transport, paramiko.SFTPClient]:
        transport = paramiko.Transport((self._told["host"], self._told["port"]))
        try:
            transport.connect(username=USER, password=PASSWORD)
            client = paramiko.SFTPClient.from_transport(transport)
            assert client is not None
            channel = client.get_channel()
            assert channel is not None
            channel.settimeout(10.0)
        except BaseException:
            transport.close()
            raise
        return transport, client

    def _middle(self) -> int:
        """A place in the middle of a line: at a line's end nothing tells a part from a whole."""
        place = self._chance.randrange(len(self._content) // 4, 3 * len(self._content) // 4)
        while self._content[place - 1 : place] == b"\n":
            place += 1
        return place

    def _give_up_in_the_middle(self) -> None:
        with contextlib.suppress(*_TROUBLE):
            transport, client = self._connect()
            try:
                with client.open(f"/due/{self._name}", "w") as file:
                    file.write(self._content[: self._middle()])
                    file.flush()
                    transport.close()
            finally:
                transport.close()
        time.sleep(self._chance.uniform(0.0, 2.0) if self._kind == "cut" else _GIVES_UP_FOR_S)

    def _put_once(self) -> None:
        path = f"/due/{self._name}"
        written = f"/due/.{self._name}.part" if self._kind == "renamed" else path
        transport, client = self._connect()
        try:
            with client.open(written, "w") as file:
                middle = self._middle() if self._kind == "pause" else 0
                if middle:
                    file.write(self._content[:middle])
                    file.flush()
                    time.sleep(self._chance.uniform(1.0, 4.0))
                file.write(self._content[middle:])
            if self._kind == "renamed":
                client.rename(written, path)
        finally:
            transport.close()


def _valid_numbers(file: int, rows: int) -> list[str]:
    found: list[str] = []
    candidate = 1_000_000 + 10_000 * file
    while len(found) < rows:
        candidate += 1
        number = f"+4475{candidate:08d}"
        if phonenumbers.is_valid_number(phonenumbers.parse(number)):
            found.append(number)
    return found


def approve_waiting(engine: Engine) -> int:
    """Let every campaign go that waits for a person, as one who looked would; gives how many there were."""
    with engine.connect() as connection:
        waiting = connection.scalars(text("select key from campaign where state = 'awaiting_approval'")).all()
    for key in waiting:
        with contextlib.suppress(NightmailError):
            approve(engine, key, actor="chaos")
    return len(waiting)


def messages_by_number(engine: Engine) -> Counter[str]:
    """How many messages each number of the files has in the ledger."""
    query = (
        "select b.address, count(*) from message m join message_content b using (ledger_month, message_key) "
        "join campaign c on c.id = m.campaign_id where c.source = 'sftp' and m.step = 0 group by 1"
    )
    with engine.connect() as connection:
        return Counter({row[0]: int(row[1]) for row in connection.execute(text(query))})
