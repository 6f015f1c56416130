"""The doors by which the demo goes in: SFTP, the API, and the carriers' side of the sandbox."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.screen import Screen
from nightmail.errors import UnavailableError

if TYPE_CHECKING:
    from commands.deployment import Deployment
    from commands.sandbox_setup import SftpLogin
    from resources.sftp import SftpConnection

INVOICES, STATEMENTS, APPOINTMENTS, WARNINGS = "invoices", "statements", "appointments", "storm-warnings"
"""The demo's feeds."""
_TEAMS = {STATEMENTS: "acme.billing", APPOINTMENTS: "acme.health", WARNINGS: "acme.operations.north"}
FOLDER = "/invoices"
SENDER = "+447700900123"


@dataclass(frozen=True)
class Doors:
    """The ways into a running deployment; ``say`` gets a line for each thing that is done."""

    running: Deployment
    view: Screen
    say: Callable[[str], None]

    @property
    def login(self) -> SftpLogin:
        """The login of the team's SFTP folder."""
        assert self.running.sandbox is not None
        return self.running.sandbox.login("acme.billing")

    @contextmanager
    def _sftp(self) -> Iterator[SftpConnection]:
        from resources.sftp import SftpConnection, SftpSettings

        login = self.login
        settings = SftpSettings(
            host=login.host, port=login.port, username=login.username, password=login.password, host_key=login.host_key
        )
        with SftpConnection(settings) as connection:
            yield connection

    def upload(self, file: Path, name: str) -> None:
        """Drop a file on SFTP, as a data team would: under another name until it is whole."""
        with self._sftp() as connection, self.view.progress(lines=True) as progress:
            client = connection.client()
            client.put(
                str(file), f"{FOLDER}/{name}.part", callback=lambda done, total: progress("bytes uploaded", done, total)
            )
            client.posix_rename(f"{FOLDER}/{name}.part", f"{FOLDER}/{name}")
        login = self.login
        self.say(f"uploaded {file.stat().st_size:,} bytes as {login.username}@{login.host}:{login.port}{FOLDER}/{name}")

    def fetched(self, name: str) -> bytes | None:
        """The content of a file in the folder; ``None`` while it is not there."""
        with self._sftp() as connection:
            try:
                with connection.client().open(f"{FOLDER}/{name}", "rb") as handle:
                    content: bytes = handle.read()
            except FileNotFoundError:
                return None
        return content

    def _ask(self, url: str, content: bytes | None, headers: dict[str, str]) -> dict[str, Any]:
        """Post to a server on loopback; gives its JSON. Raises :class:`UnavailableError` (``demo_failed``)."""
        request = urllib.request.Request(url, data=content, headers=headers)  # noqa: S310 - loopback
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as response:
                answer: dict[str, Any] = json.loads(response.read() or b"{}")
        except urllib.error.HTTPError as error:
            detail = error.read().decode("utf-8", "replace")[:500]
            raise UnavailableError("demo_failed", problem=f"{url} answered {error.code}: {detail}") from error
        return answer

    def send_by_api(self, feed: str, file: Path) -> str:
        """Upload a file as a program would; gives the campaign's key."""
        query = {"feed": f"{_TEAMS[feed]}/{feed}", "name": file.name}
        url = f"{self.running.portal_url}/v1/contact-files?{urllib.parse.urlencode(query)}"
        headers = {
            "Authorization": f"Bearer {self.running.new_keys[0].key}",
            "Content-Type": "application/octet-stream",
            "Idempotency-Key": f"demo-{file.name}",
        }
        answer = self._ask(url, file.read_bytes(), headers)
        self.say(f"POST /v1/contact-files {file.name} → campaign {answer['campaign']}")
        return str(answer["campaign"])

    def recipient_writes(self, number: str, text: str) -> None:
        """Have a recipient answer a message of the demo, by way of the sandbox's carrier."""
        assert self.running.sandbox is not None
        body = json.dumps({"from": number, "to": SENDER, "body": text}).encode()
        self._ask(f"{self.running.sandbox.control_url}/inbound", body, {"Content-Type": "application/json"})
