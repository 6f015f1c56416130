"""An SFTP server with a home per team, for trying and testing.

``python -m sandbox.sftp_server --port 0 --state-dir DIR --root DIR --users users.json`` prints one line of JSON with
the port and the host key, and serves until SIGTERM or SIGINT.

The users file is read again whenever it changes, so that a team provisioned later can log in at once:

``{"users": {"acme": {"password": "...", "keys": ["ssh-ed25519 AAAA..."], "home": "acme"}}}``

Each user is jailed in ``<root>/<home>`` (made when missing): paths cannot leave it, links cannot be made, and links
that lead out of it cannot be followed. There is no shell, no scp and no forwarding. Renaming never overwrites;
``posix-rename`` does, atomically. The host key is made once and kept in the state folder, beside a ``known_hosts``
file with the address in use.

Faults for tests stand in ``<state-dir>/faults.json``: see :mod:`sandbox.sftp_faults`.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar, cast

import asyncssh

from sandbox.sftp_faults import SftpFaults

_NO_PASSWORD = "no password at all"  # noqa: S105


class UsersFile:
    """Users, passwords and keys; read again when the file changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._users: dict[str, dict[str, Any]] = {}

    def get(self, name: str) -> dict[str, Any] | None:
        """One user, or nothing."""
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp != self._stamp:
                self._users = json.loads(self._path.read_text())["users"]
                self._stamp = stamp
        except (OSError, ValueError, KeyError):
            # A file that is just being written keeps the users read before.
            pass
        return self._users.get(name)


class _Server(asyncssh.SSHServer):
    """Checks passwords and keys; everything but SFTP is refused."""

    def __init__(self, users: UsersFile) -> None:
        self._users = users

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        user = self._users.get(username)
        expected = str((user or {}).get("password") or _NO_PASSWORD)
        right = hmac.compare_digest(password.encode(), expected.encode())
        return right and user is not None and bool(user.get("password"))

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        user = self._users.get(username) or {}
        offered = key.export_public_key().split()[:2]
        return any(line.encode().split()[:2] == offered for line in user.get("keys", ()))


class JailedSftp(asyncssh.SFTPServer):
    """One user's view: the home as ``/``."""

    users: ClassVar[UsersFile]
    root: ClassVar[Path]
    faults: ClassVar[SftpFaults]

    def __init__(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        name = chan.get_extra_info("username")
        user = self.users.get(name) or {}
        home = (self.root / str(user.get("home") or name)).resolve()
        if home != self.root and self.root not in home.parents:
            raise asyncssh.SFTPPermissionDenied("no home")
        home.mkdir(parents=True, exist_ok=True)
        self._home = os.fsencode(home)
        self._read = 0
        self._gone = False
        self._connection = chan.get_connection()
        super().__init__(chan, chroot=self._home)

    def map_path(self, path: bytes) -> bytes:
        """The path on disk, which is never outside the home, even through links."""
        mapped: bytes = super().map_path(path)
        real = os.path.realpath(mapped)
        if real != self._home and not real.startswith(self._home + b"/"):
            raise asyncssh.SFTPPermissionDenied("outside the home")
        return mapped

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:  # noqa: ARG002
        """Not allowed."""
        raise asyncssh.SFTPPermissionDenied("links are not allowed")

    def link(self, oldpath: bytes, newpath: bytes) -> None:  # noqa: ARG002
        """Not allowed."""
        raise asyncssh.SFTPPermissionDenied("links are not allowed")

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        """Read, unless a test wants the server to go away."""
        if self._fails("read", b""):
            return b""
        data = cast(bytes, super().read(file_obj, offset, size))
        self._read += len(data)
        fault = {} if self._gone else self.faults.read()
        if fault.get("count", 0) > 0 and self._read > fault.get("drop_after_bytes", self._read):
            fault["count"] -= 1
            self.faults.write(fault)
            self._gone = True
            self._connection.abort()
        return data

    def _fails(self, operation: str, path: bytes) -> bool:
        """Fail as a test wants it. Returns whether to say that all is well and do nothing."""
        fault = self.faults.of(operation, path)
        if fault is None:
            return False
        if fault.get("cut"):
            self._gone = True
            self._connection.abort()
            raise asyncssh.SFTPConnectionLost("cut by a test")
        if fault.get("status", 4) == 0:
            return True
        raise asyncssh.SFTPError(fault.get("status", 4), f"refused by a test: {operation}")

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        """List, unless a test wants it to fail, to end early, or to leave out what clients need."""
        self._fails("opendir", path)
        bare = bool(self.faults.read().get("bare"))
        async for entry in super().scandir(path):
            if entry.filename not in (b".", b"..") and self._fails("readdir", cast(bytes, entry.filename)):
                return
            if bare:
                entry.attrs = asyncssh.SFTPAttrs()
                entry.longname = b" "
            yield entry

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        """Open, unless a test wants it to fail."""
        self._fails("open", path)
        return super().open(path, pflags, attrs)

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        """Write, unless a test wants it to fail or to lose the data."""
        if self._fails("write", b""):
            return len(data)
        return cast(int, super().write(file_obj, offset, data))

    def close(self, file_obj: object) -> None:
        """Close, unless a test wants it to fail; the file is closed all the same."""
        super().close(file_obj)
        self._fails("close", b"")

    def stat(self, path: bytes) -> Any:
        """Look at a file, unless a test wants it to fail."""
        self._fails("stat", path)
        return super().stat(path)

    def lstat(self, path: bytes) -> Any:
        """Look at a file or link, unless a test wants it to fail."""
        self._fails("lstat", path)
        return super().lstat(path)

    def fstat(self, file_obj: object) -> Any:
        """Look at an open file, unless a test wants it to fail."""
        self._fails("fstat", b"")
        return super().fstat(file_obj)

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """Make a folder, unless a test wants it to fail."""
        if not self._fails("mkdir", path):
            super().mkdir(path, attrs)

    def remove(self, path: bytes) -> None:
        """Remove a file, unless a test wants it to fail."""
        if not self._fails("remove", path):
            super().remove(path)

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Rename, unless a test wants it to fail."""
        if not self._fails("rename", oldpath):
            super().rename(oldpath, newpath)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Rename over what is there, unless a test wants it to fail."""
        if not self._fails("posix_rename", oldpath):
            super().posix_rename(oldpath, newpath)


def _host_key(state_dir: Path) -> asyncssh.SSHKey:
    path = state_dir / "ssh_host_ed25519_key"
    if not path.exists():
        key = asyncssh.generate_private_key("ssh-ed25519")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key.export_private_key())
    return asyncssh.read_private_key(path)


class SandboxSftpServer:
    """The server, for a command or a test."""

    def __init__(
        self, *, state_dir: Path, root: Path, users_file: Path, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        root.mkdir(parents=True, exist_ok=True)
        self._state_dir, self._host, self._port = state_dir, host, port
        self._users = UsersFile(users_file)
        self._root = root.resolve()
        self._acceptor: asyncssh.SSHAcceptor | None = None

    async def start(self) -> dict[str, Any]:
        """Listen, and return what a client needs to know, as printed by the command."""
        key = _host_key(self._state_dir)
        served = type(
            "ServedSftp",
            (JailedSftp,),
            {"users": self._users, "root": self._root, "faults": SftpFaults(self._state_dir / "faults.json")},
        )
        self._acceptor = await asyncssh.listen(
            self._host,
            self._port,
            server_factory=lambda: _Server(self._users),
            server_host_keys=[key],
            sftp_factory=served,
            allow_scp=False,
            allow_pty=False,
            keepalive_interval=30,
            login_timeout=20,
        )
        port = self._acceptor.get_port()
        public = key.export_public_key().decode().strip()
        known_hosts = self._state_dir / "known_hosts"
        known_hosts.write_text(f"[{self._host}]:{port} {' '.join(public.split()[:2])}\n")
        return {
            "host": self._host,
            "port": port,
            "host_key": " ".join(public.split()[:2]),
            "known_hosts": str(known_hosts),
            "root": str(self._root),
        }

    async def stop(self) -> None:
        """Stop listening and close connections."""
        if self._acceptor is not None:
            self._acceptor.close()
            await self._acceptor.wait_closed()


async def _serve(arguments: argparse.Namespace) -> None:
    server = SandboxSftpServer(
        state_dir=arguments.state_dir,
        root=arguments.root,
        users_file=arguments.users,
        host=arguments.host,
        port=arguments.port,
    )
    told = await server.start()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    await stopping.wait()
    await server.stop()


def main() -> None:
    """The command ``python -m sandbox.sftp_server``."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.sftp_server", description=str(__doc__).split("\n\n")[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--state-dir", type=Path, required=True, help="folder for the host key and known_hosts")
    parser.add_argument("--root", type=Path, required=True, help="folder that holds the homes")
    parser.add_argument("--users", type=Path, required=True, help="JSON file of users")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
