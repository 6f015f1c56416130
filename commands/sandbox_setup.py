"""The sandbox of ``up`` and ``demo``: its processes, its SFTP users and its rows in the database.

The carriers' stand-ins and the SFTP server run as processes of their own on ports that are free at the time; after each
start their rows in the database (accounts marked ``sandbox``, the SFTP server ``sandbox``) are brought up to date. The SFTP
users are the teams whose feeds have folders there (:mod:`nightmail.organisation.sandbox_logins`).
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from commands.supervisor import Supervisor

SERVICE_USER = "nightmail.service"
"""Nightmail's own login. No team's user has a dot in it."""
USERS_FILE = "users.json"
START_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class SftpLogin:
    """How a data team reaches its home on the sandbox's SFTP server."""

    team: str
    host: str
    port: int
    username: str
    password: str
    host_key: str


@dataclass(frozen=True)
class Sandbox:
    """The running sandbox."""

    carriers: dict[str, Any]
    sftp: dict[str, Any]
    users_file: Path

    @property
    def control_url(self) -> str:
        """Where its behaviour can be changed and asked for (:mod:`sandbox.carriers`)."""
        return str(self.carriers["control_url"])

    def logins(self) -> list[SftpLogin]:
        """The data teams' logins, by their teams."""
        users = json.loads(self.users_file.read_text())["users"]
        return [
            SftpLogin(
                entry["team"], self.sftp["host"], self.sftp["port"], user, entry["password"], self.sftp["host_key"]
            )
            for user, entry in users.items()
            if user != SERVICE_USER
        ]

    def login(self, team: str) -> SftpLogin:
        """A data team's login. Raises :class:`LookupError` for a team that has none."""
        for login in self.logins():
            if login.team == team:
                return login
        raise LookupError(team)


def write_sftp_users(engine: Engine, folder: Path) -> None:
    """Let in whoever has feeds on the sandbox's SFTP server now, and nobody else; passwords stay.

    Does nothing where no sandbox was ever started in ``folder``.
    """
    from nightmail.organisation.sandbox_logins import sandbox_logins
    from nightmail.provisioning.sandbox import sandbox_feeds

    file = folder / USERS_FILE
    if not file.exists():
        return
    with engine.connect() as connection:
        feeds = sandbox_feeds(connection)
    before = json.loads(file.read_text())["users"]
    after = {SERVICE_USER: before.get(SERVICE_USER) or _service()}
    for login in sandbox_logins((feed.team, feed.folder or "") for feed in feeds):
        kept = before.get(login.user) or {"password": secrets.token_urlsafe(12)}
        after[login.user] = {**kept, "home": login.home, "team": login.team}
    if after != before:
        _write_secret(file, json.dumps({"users": after}, indent=2))


def _service() -> dict[str, str]:
    return {"password": secrets.token_urlsafe(24), "home": "."}


def start_sandbox(
    supervisor: Supervisor, folder: Path, webhook_base: str, config: dict[str, Any] | None = None
) -> Sandbox:
    """Start both processes; ``config`` is the carriers' behaviour and faults."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    users_file = folder / USERS_FILE
    users = json.loads(users_file.read_text())["users"] if users_file.exists() else {}
    if SERVICE_USER not in users:
        _write_secret(users_file, json.dumps({"users": {SERVICE_USER: _service()}}, indent=2))
    arguments = [
        *(sys.executable, "-m", "sandbox.carriers", "--state-dir", str(folder / "carriers")),
        *("--webhook-base", webhook_base),
    ]
    if config:
        config_file = folder / "behaviour.json"
        config_file.write_text(json.dumps(config))
        arguments += ["--config", str(config_file)]
    _, carriers = supervisor.start_told("sandbox-carriers", arguments, START_TIMEOUT_S)
    _, sftp = supervisor.start_told(
        "sandbox-sftp",
        [
            *(sys.executable, "-m", "sandbox.sftp_server", "--state-dir", str(folder / "sftp-server")),
            *("--root", str(folder / "sftp"), "--users", str(users_file)),
        ],
        START_TIMEOUT_S,
    )
    return Sandbox(json.loads(carriers), json.loads(sftp), users_file)


def provision_sandbox(engine: Engine, sandbox: Sandbox, folder: Path, actor: str) -> None:
    """Bring the sandbox's rows up to date: an account per channel, and the SFTP server."""
    from nightmail.organisation.sandbox_accounts import SANDBOX_SERVER
    from nightmail.provisioning import sandbox as rows
    from nightmail.provisioning.organisation import CarrierAccountPart, SftpServerPart

    keys = folder / "secrets"
    keys.mkdir(parents=True, exist_ok=True)
    keys.chmod(0o700)
    users = json.loads(sandbox.users_file.read_text())["users"]

    def kept(name: str, secret: str) -> str:
        _write_secret(keys / name, secret)
        return f"file:{(keys / name).resolve()}"

    accounts = []
    for account in sandbox.carriers["accounts"]:
        name = f"sandbox-{account['channel']}"
        references = {
            key: kept(f"{name}_{key}", account[key]) for key in ("secret", "webhook_secret") if account.get(key)
        }
        accounts.append(
            CarrierAccountPart(
                name=name,
                adapter=f"{account['carrier']}_{account['channel']}",
                carrier=account["carrier"],
                channel=account["channel"],
                account=account.get("account", ""),
                base_url=account["base_url"],
                sandbox=True,
                priority=9,
                **references,
            )
        )
    server = SftpServerPart(
        name=SANDBOX_SERVER,
        host=sandbox.sftp["host"],
        port=sandbox.sftp["port"],
        username=SERVICE_USER,
        password_secret=kept("sftp_password", users[SERVICE_USER]["password"]),
        host_key=sandbox.sftp["host_key"],
    )
    rows.provision_sandbox(engine, server, accounts, folder, actor)


def _write_secret(file: Path, content: str) -> None:
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(content)
    aside.replace(file)
