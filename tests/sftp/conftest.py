"""Two servers for every test: real OpenSSH and the sandbox's."""

from __future__ import annotations

import getpass
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from resources.sftp import SftpConnection, SftpSettings
from tests.support.sandbox_process import SandboxProcess

SSHD = "/usr/sbin/sshd"


@dataclass
class Server:
    """A running server, its client's settings, and the client's home as this machine sees it."""

    settings: SftpSettings
    home: Path
    base: str
    """The home as the client names it."""
    kind: str
    other_host_key: str
    password: str | None = None
    state: Path = field(default_factory=Path)

    def connect(self, **changes: object) -> SftpConnection:
        return SftpConnection(replace(self.settings, **changes))  # type: ignore[arg-type]


def keygen(path: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    """A key pair by the library itself: ssh-keygen is not installed everywhere."""
    import asyncssh

    names = {"ed25519": "ssh-ed25519", "rsa": "ssh-rsa", "ecdsa": "ecdsa-sha2-nistp256"}
    key = asyncssh.generate_private_key(names[kind])
    path.write_bytes(key.export_private_key(passphrase=passphrase or None))
    path.chmod(0o600)
    path.with_suffix(".pub").write_bytes(key.export_public_key())
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 15
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"sshd ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError("sshd does not listen")


def _start_openssh(folder: Path) -> tuple[Server, subprocess.Popen[bytes]]:
    folder.chmod(0o755)
    host_key, client_key, home = keygen(folder / "host"), keygen(folder / "client"), folder / "home"
    home.mkdir()
    authorized = folder / "authorized_keys"
    authorized.write_bytes((folder / "client.pub").read_bytes())
    authorized.chmod(0o600)
    port = _free_port()
    configuration = folder / "sshd_config"
    configuration.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {host_key}\nPidFile {folder}/pid\n"
        f"AuthorizedKeysFile {authorized}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
        "KbdInteractiveAuthentication no\nPermitRootLogin yes\nSubsystem sftp internal-sftp\nLogLevel ERROR\n"
    )
    if os.geteuid() == 0:
        # As root, sshd wants its folder for privilege separation, which a service would have made.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(configuration)], stderr=subprocess.DEVNULL)
    _wait_for(port, process)
    public = " ".join((folder / "host.pub").read_text().split()[:2])
    other = " ".join((keygen(folder / "other").with_suffix(".pub")).read_text().split()[:2])
    settings = SftpSettings(
        "127.0.0.1", getpass.getuser(), port, private_key=client_key.read_text(), host_key=public, timeout_s=10
    )
    return Server(settings, home, str(home), "openssh", other, state=folder), process


@pytest.fixture(scope="session")
def openssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server, process = _start_openssh(tmp_path_factory.mktemp("openssh"))
    yield server
    process.terminate()
    process.wait(timeout=10)


@pytest.fixture(scope="session")
def sandboxed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("sandboxed")
    keygen(folder / "client")
    users = folder / "users.json"
    users.write_text(
        json.dumps(
            {
                "users": {
                    "acme": {"password": "acme-password", "keys": [(folder / "client.pub").read_text()]},
                    "other": {"password": "other-password"},
                    "keyless": {"keys": []},
                }
            }
        )
    )
    arguments = ["--state-dir", str(folder / "state"), "--root", str(folder / "homes"), "--users", str(users)]
    process = SandboxProcess("sandbox.sftp_server", *arguments)
    other = " ".join((keygen(folder / "other").with_suffix(".pub")).read_text().split()[:2])
    settings = SftpSettings(
        "127.0.0.1",
        "acme",
        process.told["port"],
        private_key=(folder / "client").read_text(),
        host_key=process.told["host_key"],
        timeout_s=10,
    )
    home = folder / "homes" / "acme"
    home.mkdir(parents=True)
    yield Server(settings, home, "/", "sandbox", other, "acme-password", folder / "state")
    assert process.stop() == 0


@pytest.fixture(params=[pytest.param("openssh", marks=pytest.mark.needs_program("sshd")), "sandbox"])
def server(request: pytest.FixtureRequest) -> Server:
    found = request.getfixturevalue("openssh" if request.param == "openssh" else "sandboxed")
    assert isinstance(found, Server)
    return found


@pytest.fixture
def connection(server: Server) -> Iterator[SftpConnection]:
    with server.connect() as opened:
        yield opened


@pytest.fixture
def drop(server: Server, request: pytest.FixtureRequest) -> Iterator[Path]:
    """An empty folder on the server, as this machine sees it; the client names it ``<base>/<name>``."""
    import shutil

    folder = server.home / f"drop{abs(hash(request.node.name)) % 10**8}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
