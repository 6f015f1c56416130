"""The sandbox of ``up`` and ``demo``: its processes, its users and its rows in the database.

The carriers' stand-ins and the SFTP server run as processes of their own on ports that are free at the time; after each
start their rows in the database (accounts marked ``sandbox``, the SFTP server ``sandbox``) are brought up to date.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightmail.provisioning import provision_outside
from nightmail.provisioning.organisation import CarrierAccountPart, SftpServerPart

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from commands.supervisor import Supervisor

SERVICE_USER = "nightmail"
SFTP_SERVER = "sandbox"
START_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class SftpLogin:
    """How a data team reaches its home on the sandbox's SFTP server."""

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

    def login(self, user: str, home: str) -> SftpLogin:
        """A data team's login with ``home`` below the server's root; made when it is not there."""
        users = json.loads(self.users_file.read_text())
        if user not in users["users"]:
            users["users"][user] = {"password": secrets.token_urlsafe(12), "home": home}
            _write_secret(self.users_file, json.dumps(users, indent=2))
        return SftpLogin(
            self.sftp["host"], self.sftp["port"], user, users["users"][user]["password"], self.sftp["host_key"]
        )


def start_sandbox(
    supervisor: Supervisor, folder: Path, webhook_base: str, config: dict[str, Any] | None = None
) -> Sandbox:
    """Start both processes; ``config`` is the carriers' behaviour and faults."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    users_file = folder / "users.json"
    if not users_file.exists():
        service = {SERVICE_USER: {"password": secrets.token_urlsafe(24), "home": "."}}
        _write_secret(users_file, json.dumps({"users": service}, indent=2))
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
        name=SFTP_SERVER,
        host=sandbox.sftp["host"],
        port=sandbox.sftp["port"],
        username=SERVICE_USER,
        password_secret=kept("sftp_password", users[SERVICE_USER]["password"]),
        host_key=sandbox.sftp["host_key"],
    )
    provision_outside(engine, (server,), tuple(accounts), folder, actor)


def _write_secret(file: Path, content: str) -> None:
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(content)
    aside.replace(file)
