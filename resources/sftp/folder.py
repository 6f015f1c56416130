"""One folder on an SFTP server: what data teams drop, what they get back, and the archive beside it.

>>> with SftpConnection(settings) as connection:
...     folder = SftpFolder(connection, "/billing")
...     for file in folder.look():
...         taken = folder.download(file, incoming / file.name, maximum_bytes=2 * 1024**3)
...         ...
...         folder.archive(file)
...         folder.write_beside(f"{file.name}.result.json", answer)

Paths and names are text of :mod:`resources.sftp.names`, whatever bytes the server has for them.
"""

from __future__ import annotations

import contextlib
import errno
import posixpath
import stat
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightmail.errors import UnavailableError
from nightmail.intake.answer_names import REJECTS_SUFFIX, RESULT_SUFFIX
from resources.sftp.connection import SftpConnection
from resources.sftp.errors import (
    SftpFileChangedError,
    SftpFileTooLargeError,
    SftpFolderError,
    SftpOperationError,
    SftpUnreachableError,
)
from resources.sftp.names import shown

if TYPE_CHECKING:
    import paramiko

    from resources.sftp.client import BearingClient

ARCHIVE = "archive"
UNFINISHED_SUFFIXES = (".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", ".uploading", ".swp", "~")
"""Names under which clients keep a file that they are still writing."""
UNKNOWN_TIME = datetime.fromtimestamp(0, UTC)
"""Stands for the time of change on a server that states none."""
_CHUNK = 256 * 1024
_REQUESTS_UNDER_WAY = 512
"""Reads of 32 KB asked for ahead: at most 16 MB in memory. With 64 paramiko waits between them and is 20 times slower."""
_ENTRIES_AT_MOST = 100_000


@dataclass(frozen=True, order=True)
class RemoteFile:
    """A file as one look saw it. Two looks that agree in all of this saw the same, unchanged file."""

    path: str
    size: int
    modified_at: datetime
    """:data:`UNKNOWN_TIME` where the server states none."""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return posixpath.basename(self.path)

    def unchanged_as(self, other: RemoteFile | None) -> bool:
        """Whether ``other`` is this file, unchanged. A time that one of two operations leaves out decides nothing."""
        if other is None or (self.path, self.size) != (other.path, other.size):
            return False
        return UNKNOWN_TIME in (self.modified_at, other.modified_at) or self.modified_at == other.modified_at


@dataclass(frozen=True)
class Listing:
    """What one look at a folder saw."""

    files: tuple[RemoteFile, ...]
    """Files that could be contact files, and answers, oldest first."""
    unfinished: tuple[RemoteFile, ...] = ()
    """Hidden files, and names under which clients keep what they are still writing."""
    links: tuple[RemoteFile, ...] = ()
    """Symbolic links. They are never followed."""


@dataclass(frozen=True)
class Downloaded:
    """A file that was taken whole."""

    path: Path
    size: int
    sha256: str
    connections: int
    """How many connections it took: more than 1 when the server went away in between."""


def is_unfinished(name: str) -> bool:
    """Whether a name says that its file is still being written, or is hidden."""
    return name.startswith(".") or name.lower().endswith(UNFINISHED_SUFFIXES)


class SftpFolder:
    """See the module. Raises as :meth:`SftpConnection.translated` does."""

    def __init__(self, connection: SftpConnection, path: str) -> None:
        self.connection = connection
        self.path = path.rstrip("/") or "/"

    def _at(self, name: str) -> str:
        return posixpath.join(self.path, name)

    def listing(self) -> Listing:
        """Everything in the folder but subfolders, which are not entered.

        Servers may leave out an entry's type, size or time: the type is then read from the line meant for people, as
        ``ls -l`` prints it, and what is missing still is asked for one by one. An entry that went away meanwhile is not
        listed.
        """
        files: list[RemoteFile] = []
        unfinished: list[RemoteFile] = []
        links: list[RemoteFile] = []
        with self.connection.translated(self.path, "list"):
            entries = self.connection.client().listdir_attr(self.path)
        for entry in entries[:_ENTRIES_AT_MOST]:
            name, known, kind = entry.filename, entry, _kind(entry)
            if kind is None or (kind != "d" and entry.st_size is None):
                asked = self._asked_for(name)
                if asked is None:
                    continue
                known, kind = asked, kind or _kind(asked) or "-"
            file = RemoteFile(self._at(name), known.st_size or 0, _time(known))
            if kind == "l":
                links.append(file)
            elif kind == "-":
                (unfinished if is_unfinished(name) else files).append(file)
        files.sort(key=lambda file: (file.modified_at, file.path))
        return Listing(tuple(files), tuple(unfinished), tuple(links))

    def _asked_for(self, name: str) -> paramiko.SFTPAttributes | None:
        path = self._at(name)
        try:
            with self.connection.translated(path, "look at"):
                return self.connection.client().lstat(path)
        except (SftpFolderError, SftpOperationError):
            return None

    def look(self, answers: Collection[RemoteFile] | None = None) -> list[RemoteFile]:
        """The files in the folder that could be contact files, oldest first.

        Left out are names of files that are still being written, and Nightmail's answers. A reject file that was
        corrected and dropped under its own name is a contact file: with ``answers``, what :meth:`write_beside`
        returned, only answers that are still as they were written are left out; without, every ``*.rejects.csv`` is.
        """
        return [
            file
            for file in self.listing().files
            if not file.name.endswith(RESULT_SUFFIX)
            and not (file.name.endswith(REJECTS_SUFFIX) and (answers is None or file in answers))
        ]

    def download(
        self,
        file: RemoteFile,
        destination: Path,
        maximum_bytes: int,
        connections: int = 3,
        progress: Callable[[int], None] | None = None,
    ) -> Downloaded:
        """Take a file whole, to ``<destination>.part`` and then by a rename; the answer has its SHA-256.

        When the server goes away it is connected to again, up to ``connections`` times in all, and the transfer goes
        on where it stopped. Raises :class:`SftpFileChangedError` when the file is no longer the one that was found,
        :class:`SftpFileTooLargeError`, :class:`SftpUnreachableError`, or
        :class:`~nightmail.errors.UnavailableError` when this machine's disk is full.
        """
        if file.size > maximum_bytes:
            raise SftpFileTooLargeError(
                "file_too_large",
                size=file.size,
                limit=maximum_bytes,
                facts={"size": file.size, "limit": maximum_bytes},
            )
        destination.parent.mkdir(parents=True, exist_ok=True)
        aside = destination.with_name(destination.name + ".part")
        digest = sha256()
        try:
            with aside.open("wb") as local:
                for attempt in range(1, connections + 1):
                    try:
                        self._transfer(file, local, digest, progress)
                        self._check_unchanged(file)
                        break
                    except SftpUnreachableError:
                        if attempt == connections:
                            raise
                        time.sleep(min(0.2 * 2**attempt, 5.0))
            aside.replace(destination)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise UnavailableError("disk_full", problem=f"{shown(file.name)} has {file.size} bytes") from error
        finally:
            aside.unlink(missing_ok=True)
        return Downloaded(destination, file.size, digest.hexdigest(), attempt)

    def _transfer(self, file: RemoteFile, local: Any, digest: Any, progress: Callable[[int], None] | None) -> None:
        """Read on from where ``local`` ends."""
        self._check_unchanged(file)
        done = local.tell()
        with self.connection.translated(file.path, "read"):
            remote = self.connection.client().open(file.path, "rb")
        # The local disk's errors are not the server's: only reading is translated.
        try:
            remote.seek(done)
            _quieten(remote)
            remote.prefetch(file.size, _REQUESTS_UNDER_WAY)
            while done < file.size:
                with self.connection.translated(file.path, "read"):
                    chunk = remote.read(min(_CHUNK, file.size - done))
                if not chunk:
                    break
                local.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                if progress is not None:
                    progress(done)
        finally:
            with contextlib.suppress(Exception):
                remote.close()
        if done != file.size:
            raise self._changed(file)

    def _check_unchanged(self, file: RemoteFile) -> None:
        if not file.unchanged_as(self.stat(file.path)):
            raise self._changed(file)

    def _changed(self, file: RemoteFile) -> SftpFileChangedError:
        return SftpFileChangedError("sftp_file_changed", file=shown(file.name))

    def stat(self, path: str) -> RemoteFile | None:
        """A file as it is now; ``None`` when it is not there."""
        with self.connection.translated(path, "look at"):
            try:
                entry = self.connection.client().stat(path)
            except FileNotFoundError:
                return None
        return RemoteFile(path, entry.st_size or 0, _time(entry))

    def write_beside(self, name: str, content: bytes | Path) -> RemoteFile:
        """Write an answer (``<name>.result.json``, ``<name>.rejects.csv``): aside and renamed, in place of an older one.

        Its size is compared before the rename, so that a reader never sees half of it. Returns the file as the server
        has it, for :meth:`look`.
        """
        target, aside = self._at(name), self._at(f".{name}.part")
        size = 0
        with self.connection.translated(target, "write"):
            client = self.connection.client()
            with client.open(aside, "wb") as remote:
                remote.set_pipelined(True)
                if isinstance(content, Path):
                    with content.open("rb") as local:
                        while chunk := local.read(_CHUNK):
                            remote.write(chunk)
                            size += len(chunk)
                else:
                    for start in range(0, len(content), _CHUNK):
                        remote.write(content[start : start + _CHUNK])
                    size = len(content)
        written = self.stat(aside)
        if written is None or written.size != size:
            raise self._failed("write", target, f"{written.size if written else 0} of {size} bytes arrived")
        with self.connection.translated(target, "write"):
            self._put_in_place(self.connection.client(), aside, target)
        placed = self.stat(target)
        if placed is None:
            raise SftpFolderError("sftp_answer_gone", server=self.connection.settings.name, path=shown(target))
        if placed.size != size:
            raise self._failed("write", target, "the answer before it is still there")
        return placed

    def _put_in_place(self, client: BearingClient, aside: str, target: str) -> None:
        try:
            client.posix_rename(aside, target)
        except FileNotFoundError:
            raise
        except OSError as error:
            # A server without the extension: the moment without a file is the price of its age.
            if error.errno not in (None, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EEXIST):
                raise
            with contextlib.suppress(FileNotFoundError):
                client.remove(target)
            client.rename(aside, target)

    def archive(self, file: RemoteFile, now: datetime | None = None) -> RemoteFile | None:
        """Move a file into ``archive/``, never over another; a taken name gets the time added.

        Returns the file as it lies there: another size than ``file``'s says that somebody is still writing it. Nothing
        is moved, and ``None`` returned, when the file is no longer the one that was taken: it was archived before, or
        another one was dropped under its name.
        """
        if not file.unchanged_as(self.stat(file.path)):
            return None
        folder = self._at(ARCHIVE)
        stem, dot, extension = file.name.partition(".")
        stamp = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
        names = [
            file.name,
            *(f"{stem}.{stamp}{suffix}{dot}{extension}" for suffix in ("", *map("-{}".format, range(2, 100)))),
        ]
        if self.stat(folder) is None:
            with self.connection.translated(folder, "make"):
                self.connection.client().mkdir(folder)
        for name in names:
            target = posixpath.join(folder, name)
            if self.stat(target) is not None:
                continue
            with self.connection.translated(file.path, "archive"):
                try:
                    self.connection.client().rename(file.path, target)
                except FileNotFoundError:
                    raise
                except OSError:
                    # SFTP's rename fails rather than overwrite: another process may have taken the name just now.
                    if self.stat(target) is None:
                        raise
                    continue
            archived = self.stat(target)
            if archived is None or self.stat(file.path) is not None:
                # Some servers say that all went well when it did not: what is still there must not count as archived.
                raise self._failed("archive", file.path, "it is still where it was after the rename")
            return archived
        raise SftpFolderError("sftp_archive_full", path=shown(folder))

    def _failed(self, action: str, path: str, problem: str) -> SftpOperationError:
        server = self.connection.settings.name
        return SftpOperationError(
            "sftp_operation_failed", server=server, action=action, path=shown(path), problem=problem
        )


def _kind(entry: paramiko.SFTPAttributes) -> str | None:
    """``-`` for a file, ``d`` for a folder, ``l`` for a link, ``?`` for anything else; ``None`` where nothing says so."""
    mode = entry.st_mode
    if mode is not None and stat.S_IFMT(mode):
        kinds = ((stat.S_ISREG, "-"), (stat.S_ISDIR, "d"), (stat.S_ISLNK, "l"))
        return next((kind for test, kind in kinds if test(mode)), "?")
    # Some servers (Windows) send permissions without type bits, or none: the line for people has the type in front.
    line = str(getattr(entry, "longname", "") or "")
    if line[:1] in ("-", "d", "l") and len(line) > 10 and set(line[1:10]) <= set("rwxsStT-"):
        return line[0]
    return None


def _quieten(remote: Any) -> None:
    """Keep paramiko's prefetching thread from printing a traceback when the server goes away: the reader reports it."""
    import paramiko

    prefetch = remote._prefetch_thread

    def quiet(*arguments: Any) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            prefetch(*arguments)

    remote._prefetch_thread = quiet


def _time(entry: paramiko.SFTPAttributes) -> datetime:
    return datetime.fromtimestamp(entry.st_mtime, UTC) if entry.st_mtime else UNKNOWN_TIME
