"""What only the sandbox's server does: jails, users that come later, and going away in the middle."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace

import paramiko
import pytest

from resources.sftp import SftpConnection, SftpCredentialsError, SftpFolder, SftpUnreachableError

pytestmark = pytest.mark.real_parts


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_transfer_goes_on_when_the_server_comes_back(sandboxed, tmp_path):
    """The second connection reads on where the first one ended; the whole is hashed once."""
    content = os.urandom(5_000_000)
    (sandboxed.home / "cut.bin").write_bytes(content)
    (sandboxed.state / "faults.json").write_text(json.dumps({"drop_after_bytes": 1_500_000, "count": 2}))
    seen: list[int] = []
    connection = sandboxed.connect()
    folder = SftpFolder(connection, "/")
    (file,) = [file for file in folder.look() if file.name == "cut.bin"]
    done = folder.download(file, tmp_path / "cut.bin", 10_000_000, connections=4, progress=seen.append)
    assert done.sha256 == hashlib.sha256(content).hexdigest() and done.path.read_bytes() == content
    assert done.connections == connection.opened == 3
    assert seen == sorted(set(seen))
    connection.close()
    (sandboxed.home / "cut.bin").unlink()


def test_a_server_that_stays_away_leaves_nothing_behind(sandboxed, tmp_path):
    (sandboxed.home / "cut.bin").write_bytes(os.urandom(3_000_000))
    (sandboxed.state / "faults.json").write_text(json.dumps({"drop_after_bytes": 500_000, "count": 99}))
    folder = SftpFolder(sandboxed.connect(), "/")
    (file,) = [file for file in folder.look() if file.name == "cut.bin"]
    with pytest.raises(SftpUnreachableError):
        folder.download(file, tmp_path / "cut.bin", 10_000_000, connections=2)
    assert not list(tmp_path.iterdir())
    (sandboxed.state / "faults.json").unlink()
    (sandboxed.home / "cut.bin").unlink()


def test_a_password_lets_in_and_a_wrong_one_does_not(sandboxed):
    assert sandboxed.connect(private_key=None, password=sandboxed.password).check()
    for user, password in (("acme", "wrong"), ("nobody", "acme-password"), ("keyless", "no password at all")):
        with pytest.raises(SftpCredentialsError):
            sandboxed.connect(private_key=None, username=user, password=password).check()


def test_a_user_added_later_can_log_in_at_once(sandboxed):
    users = sandboxed.state.parent / "users.json"
    content = json.loads(users.read_text())
    content["users"]["late"] = {"password": "late-password"}
    users.write_text(json.dumps(content))
    settings = replace(sandboxed.settings, username="late", private_key=None, password="late-password")
    with SftpConnection(settings) as connection:
        assert SftpFolder(connection, "/").look() == []


def test_nobody_leaves_the_home(sandboxed):
    secret = sandboxed.home.parent / "secret.csv"
    secret.write_text("secret")
    (sandboxed.home / "way-out").symlink_to(secret)
    (sandboxed.home / "way-out-folder").symlink_to(sandboxed.home.parent)
    with sandboxed.connect() as connection:
        client = connection.client()
        for path in ("../secret.csv", "/../secret.csv", "/way-out", "/way-out-folder/secret.csv"):
            with pytest.raises(OSError):
                client.open(path).read()
        with pytest.raises(OSError):
            client.rename("/way-out", "/../taken")
        for make in (client.symlink,):
            with pytest.raises(OSError):
                make("/etc/passwd", "/link")
    (sandboxed.home / "way-out").unlink()
    (sandboxed.home / "way-out-folder").unlink()


def test_there_is_no_shell_and_no_forwarding(sandboxed):
    with sandboxed.connect() as connection:
        assert connection._ssh is not None
        transport = connection._ssh.get_transport()
        assert transport is not None
        with pytest.raises(paramiko.SSHException):
            transport.open_session().exec_command("id")
        with pytest.raises(paramiko.SSHException):
            transport.open_channel("direct-tcpip", ("127.0.0.1", 22), ("127.0.0.1", 0), timeout=5)


def test_the_host_key_stays_the_same_over_restarts(tmp_path):
    from tests.support.sandbox_process import SandboxProcess

    users = tmp_path / "users.json"
    users.write_text('{"users": {}}')
    arguments = ["--state-dir", str(tmp_path / "state"), "--root", str(tmp_path / "homes"), "--users", str(users)]
    keys = []
    for _ in range(2):
        process = SandboxProcess("sandbox.sftp_server", *arguments)
        keys.append(process.told["host_key"])
        process.stop()
    assert keys[0] == keys[1]
