"""The SFTP servers of the database: connections that stay open between looks, and what was seen in the looks before.

A sensor's tick lasts seconds and comes again: within the code server's process the connection is kept, and so is the
time since which each file has not changed, so that a file is complete as soon as it was still for long enough.
"""

from __future__ import annotations

import posixpath
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
from sqlalchemy import Connection, text

from nightmail.settings import read_secret
from resources.sftp.connection import SftpConnection, SftpSettings
from resources.sftp.folder import Downloaded, RemoteFile, SftpFolder
from resources.sftp.late import LateLooks
from resources.sftp.put_aside import PutAside
from resources.sftp.settling import Settling


@dataclass(frozen=True, slots=True)
class SftpServerRow:
    """An active server as the database has it."""

    id: int
    name: str
    host: str
    port: int
    username: str
    password_secret: str | None
    private_key_secret: str | None
    host_key: str
    root: str

    def settings(self) -> SftpSettings:
        """The login. Raises :class:`nightmail.errors.ConfigurationError` when a secret is not there."""
        return SftpSettings(
            host=self.host,
            port=self.port,
            username=self.username,
            password=read_secret(self.password_secret) if self.password_secret else None,
            private_key=read_secret(self.private_key_secret) if self.private_key_secret else None,
            host_key=self.host_key,
        )

    def path(self, folder: str) -> str:
        """The path of a feed's folder on the server."""
        return posixpath.join(self.root or "/", folder.lstrip("/"))


@dataclass
class SftpWatch:
    """One server under watch: an open connection, a second one for large downloads, and what was seen of each folder."""

    server: SftpServerRow
    connection: SftpConnection
    folders: dict[str, Settling] = field(default_factory=dict)
    """What was seen of each folder's files, by its path."""
    downloads: dict[RemoteFile, Future[Downloaded]] = field(default_factory=dict)
    told: set[RemoteFile] = field(default_factory=set)
    """Files of no feed, and links, that were answered; after a restart they are answered once more, alike."""
    aside: PutAside = field(default_factory=PutAside)
    late: LateLooks = field(default_factory=LateLooks)
    resolved: bool = False
    """Whether alerts about the server were ended since this process looks at it."""
    strays_at: float = 0.0
    reports_at: float = 0.0
    noted_at: float | None = None
    """When it was last noted that a look went through; monotonic."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    _worker: ThreadPoolExecutor | None = None
    _second: SftpConnection | None = None

    def folder(self, path: str) -> SftpFolder:
        """A folder over the open connection."""
        return SftpFolder(self.connection, path)

    def settling(self, folder: str) -> Settling:
        """What was seen of the files of a folder."""
        return self.folders.setdefault(folder, Settling())

    def download(self, file: RemoteFile, destination: Path, maximum_bytes: int, wait_s: float) -> Downloaded | None:
        """Take a file in a thread of its own, waiting for it at most so long; ``None``: it goes on until the next call."""
        future = self.downloads.get(file)
        if future is None:
            if self._worker is None:
                self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"sftp-{self.server.name}")
                self._second = SftpConnection(self.connection.settings)
            assert self._second is not None
            folder = SftpFolder(self._second, posixpath.dirname(file.path))
            future = self._worker.submit(folder.download, file, destination, maximum_bytes)
            self.downloads[file] = future
        try:
            downloaded = future.result(timeout=max(wait_s, 0.0))
        except TimeoutError:
            if not future.done():
                return None
            self.downloads.pop(file, None)
            raise
        except BaseException:
            self.downloads.pop(file, None)
            raise
        self.downloads.pop(file, None)
        return downloaded

    def close(self) -> None:
        """Close what is open."""
        if self._worker is not None:
            self._worker.shutdown(wait=False, cancel_futures=True)
        if self._second is not None:
            self._second.close()
        self.connection.close()


_WATCHES: dict[int, SftpWatch] = {}
_WATCHES_LOCK = threading.Lock()


class SftpServersResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The servers on which teams drop files."""

    def servers(self, connection: Connection) -> list[SftpServerRow]:
        """The active servers."""
        rows = connection.execute(
            text(
                "select id, name, host, port, username, password_secret, private_key_secret, host_key, root "
                "from sftp_server where active order by id"
            )
        )
        return [SftpServerRow(**row._mapping) for row in rows]

    def watch(self, server: SftpServerRow) -> SftpWatch:
        """The watch of a server, kept between ticks; a new one when its login changed."""
        login = server.settings()
        with _WATCHES_LOCK:
            found = _WATCHES.get(server.id)
            if found is not None and found.server == server and found.connection.settings == login:
                return found
            if found is not None:
                found.close()
            made = _WATCHES[server.id] = SftpWatch(server, SftpConnection(login))
            return made


def close_watches() -> None:
    """Close every connection that is kept between ticks, and forget what was seen."""
    with _WATCHES_LOCK:
        for watch in _WATCHES.values():
            watch.close()
        _WATCHES.clear()
