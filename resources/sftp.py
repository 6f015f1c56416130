"""Files over SFTP (paramiko): found when complete, taken whole, answered beside, archived.

>>> with SftpConnection(settings) as connection:
...     folder = connection.folder("/billing")
...     for file in folder.complete_files(settle_s=2):
...         taken = folder.download(file, incoming / file.name, maximum_bytes=2 * 1024**3)
...         ...
...         folder.write_beside(f"{file.name}.result.json", answer)
...         folder.archive(file)

The server's host key is always checked, against a pinned key or a known_hosts file, and never learnt by itself.
Every wait has an end. What a person can mend is a :class:`~nightmail.errors.NightmailError` with a remedy.
"""

from __future__ import annotations

import contextlib
import errno
import io
import posixpath
import socket
import stat
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightmail.errors import ConfigurationError, NightmailError, UnavailableError

if TYPE_CHECKING:
    import paramiko

ARCHIVE = "archive"
RESULT_SUFFIX = ".result.json"
REJECTS_SUFFIX = ".rejects.csv"
UNFINISHED_SUFFIXES = (".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", ".uploading", ".swp", "~")
"""Names under which clients keep a file that they are still writing."""
_CHUNK = 256 * 1024
_REQUESTS_UNDER_WAY = 512
"""Reads of 32 KB asked for ahead: at most 16 MB in memory. With 64 paramiko waits between them and is 20 times slower."""
_ENTRIES_AT_MOST = 100_000


class SftpUnreachableError(UnavailableError):
    """The server does not answer, or went away and did not come back."""


class SftpHostKeyError(ConfigurationError):
    """The server's host key is not the one that was agreed, or none was agreed."""


class SftpCredentialsError(ConfigurationError):
    """The server refused the user, the password or the key."""


class SftpFolderError(ConfigurationError):
    """The folder is missing, or may not be read or written."""


class SftpFileChangedError(NightmailError):
    """The file is not what it was when it was found: gone, larger, or another. The next look sees it anew."""


class SftpFileTooLargeError(NightmailError):
    """The file is over the limit; nothing of it is kept."""


@dataclass(frozen=True)
class SftpSettings:
    """One server and one login. ``host_key`` is a line such as ``ssh-ed25519 AAAA...``; or give ``known_hosts``."""

    host: str
    username: str
    port: int = 22
    password: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    """The private key itself, in OpenSSH or PEM form."""
    passphrase: str | None = field(default=None, repr=False)
    host_key: str | None = None
    known_hosts: Path | None = None
    connect_timeout_s: float = 10.0
    timeout_s: float = 30.0

    @property
    def name(self) -> str:
        """``user@host:port``, for messages."""
        return f"{self.username}@{self.host}:{self.port}"


@dataclass(frozen=True, order=True)
class RemoteFile:
    """A file as one look saw it. Two looks that agree in all of this saw the same, unchanging file."""

    path: str
    size: int
    modified_at: datetime

    @property
    def name(self) -> str:
        """The last part of the path."""
        return posixpath.basename(self.path)


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


def settled(before: Collection[RemoteFile], now: Sequence[RemoteFile]) -> list[RemoteFile]:
    """The files that two looks saw alike, in size and time: nobody is writing them."""
    earlier = set(before)
    return [file for file in now if file in earlier]


class SftpConnection:
    """One connection, opened when first used and opened again when it broke. Not shared between threads."""

    def __init__(self, settings: SftpSettings) -> None:
        self.settings = settings
        self._ssh: paramiko.SSHClient | None = None
        self._sftp: paramiko.SFTPClient | None = None
        self.opened = 0

    def __enter__(self) -> SftpConnection:
        self.client()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def folder(self, path: str) -> SftpFolder:
        """A folder on the server."""
        return SftpFolder(self, path)

    def client(self) -> paramiko.SFTPClient:
        """The open SFTP client; one that the server closed while it was idle is opened anew."""
        transport = self._ssh.get_transport() if self._ssh is not None else None
        if self._sftp is not None and (transport is None or not transport.is_active()):
            self.close()
        if self._sftp is None:
            self._open()
        assert self._sftp is not None
        return self._sftp

    def close(self) -> None:
        """Close, if open."""
        for part in (self._sftp, self._ssh):
            if part is not None:
                with contextlib.suppress(Exception):
                    part.close()
        self._sftp = self._ssh = None

    def check(self) -> str:
        """Log in and list the home: what ``doctor`` and ``provision`` ask. Returns a sentence; raises as others do."""
        with self.translated("/"):
            count = len(self.client().listdir("."))
        return f"{self.settings.name} answers; {count} entries in its home."

    def _open(self) -> None:
        import paramiko

        settings = self.settings
        ssh = paramiko.SSHClient()
        try:
            self._load_host_keys(ssh)
            ssh.set_missing_host_key_policy(paramiko.RejectPolicy())
            ssh.connect(
                settings.host,
                settings.port,
                settings.username,
                password=settings.password,
                pkey=self._private_key(),
                timeout=settings.connect_timeout_s,
                banner_timeout=settings.connect_timeout_s,
                auth_timeout=settings.connect_timeout_s,
                channel_timeout=settings.connect_timeout_s,
                allow_agent=False,
                look_for_keys=False,
            )
            transport = ssh.get_transport()
            assert transport is not None
            transport.set_keepalive(15)
            sftp = ssh.open_sftp()
            channel = sftp.get_channel()
            assert channel is not None
            channel.settimeout(settings.timeout_s)
        except BaseException as error:
            ssh.close()
            translated = self._translate_connecting(error)
            if translated is None:
                raise
            raise translated from error
        self._ssh, self._sftp = ssh, sftp
        self.opened += 1

    def _load_host_keys(self, ssh: paramiko.SSHClient) -> None:
        import paramiko

        settings = self.settings
        if settings.host_key:
            name = settings.host if settings.port == 22 else f"[{settings.host}]:{settings.port}"
            entry = None
            with contextlib.suppress(Exception):
                entry = paramiko.hostkeys.HostKeyEntry.from_line(f"{name} {settings.host_key.strip()}")
            if entry is None or entry.key is None:
                raise SftpHostKeyError(
                    "sftp_host_key_unknown",
                    f"The host key in the settings of {settings.host} cannot be read.",
                    "Write it as `ssh-ed25519 AAAA...`, as `ssh-keyscan` prints it after the host's name.",
                )
            ssh.get_host_keys().add(name, entry.key.get_name(), entry.key)
        elif settings.known_hosts is not None:
            try:
                ssh.load_host_keys(str(settings.known_hosts))
            except OSError as error:
                raise SftpHostKeyError(
                    "sftp_host_key_unknown",
                    f"The known_hosts file {settings.known_hosts} cannot be read.",
                    "Create it with `ssh-keyscan`, and compare the key with what the server's owner says.",
                ) from error

    def _private_key(self) -> paramiko.PKey | None:
        import paramiko

        settings = self.settings
        if settings.private_key is None:
            return None
        for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
            try:
                return kind.from_private_key(io.StringIO(settings.private_key), settings.passphrase)
            except paramiko.PasswordRequiredException as error:
                raise SftpCredentialsError(
                    "sftp_credentials",
                    f"The private key for {settings.name} needs a passphrase.",
                    "Give the passphrase, or a key without one.",
                ) from error
            except (paramiko.SSHException, ValueError, IndexError, TypeError):
                continue
        raise SftpCredentialsError(
            "sftp_credentials",
            f"The private key for {settings.name} cannot be read.",
            "Give an Ed25519, ECDSA or RSA key in OpenSSH or PEM form, and the right passphrase.",
        )

    def _translate_connecting(self, error: BaseException) -> NightmailError | None:
        import paramiko

        name = self.settings.name
        if isinstance(error, paramiko.BadHostKeyException):
            return SftpHostKeyError(
                "sftp_host_key_mismatch",
                f"The host key of {self.settings.host} is not the one that was agreed: another server may be answering.",
                "Ask the server's owner whether the key was changed, and put the new key into the settings only then.",
                expected=error.expected_key.fingerprint,
                found=error.key.fingerprint,
            )
        if isinstance(error, paramiko.AuthenticationException):
            return SftpCredentialsError(
                "sftp_credentials",
                f"The server refused the login of {name}.",
                "Check the user name, and the password or key.",
            )
        if isinstance(error, paramiko.SSHException) and "not found in known_hosts" in str(error):
            return SftpHostKeyError(
                "sftp_host_key_unknown",
                f"No host key was agreed for {self.settings.host}, port {self.settings.port}.",
                "Put the key that the server's owner states into the settings; `ssh-keyscan` shows the one in use.",
            )
        if isinstance(error, (paramiko.SSHException, OSError, EOFError)):
            return self.unreachable(error)
        return None

    def unreachable(self, error: BaseException) -> SftpUnreachableError:
        """The error for a server that does not answer."""
        self.close()
        what = type(error).__name__
        if isinstance(error, socket.gaierror):
            what = "the host name is not known"
        elif isinstance(error, TimeoutError):
            what = "it did not answer in time"
        elif isinstance(error, OSError) and error.strerror:
            what = error.strerror.lower()
        return SftpUnreachableError(
            "sftp_unreachable",
            f"The SFTP server of {self.settings.name} cannot be reached: {what}.",
            "Nothing is lost: it is tried again at the next look. Check host, port and network if it lasts.",
        )

    @contextlib.contextmanager
    def translated(self, path: str) -> Iterator[None]:
        """Turn what paramiko raises about ``path`` into errors that say what to do."""
        import paramiko

        try:
            yield
        except PermissionError as error:
            raise SftpFolderError(
                "sftp_permission",
                f"{self.settings.name} may not do this with {path}.",
                "Give the user the right to read, write and rename in the folder.",
            ) from error
        except FileNotFoundError as error:
            raise SftpFolderError(
                "sftp_folder_missing",
                f"There is no {path} on the server of {self.settings.name}.",
                "Create the folder, or correct it in the feed.",
            ) from error
        except (paramiko.SSHException, EOFError, TimeoutError, ConnectionError) as error:
            raise self.unreachable(error) from error
        except OSError as error:
            if "closed" in str(error).lower():
                raise self.unreachable(error) from error
            raise


class SftpFolder:
    """One folder: what data teams drop, what they get back, and the archive beside it."""

    def __init__(self, connection: SftpConnection, path: str) -> None:
        self.connection = connection
        self.path = path.rstrip("/") or "/"

    def _at(self, name: str) -> str:
        return posixpath.join(self.path, name)

    def look(self, answers: Collection[RemoteFile] | None = None) -> list[RemoteFile]:
        """The files in the folder that could be contact files, oldest first; subfolders are not entered.

        Left alone are hidden files, names of files that are still being written, and our own answers. A reject file
        that was corrected and dropped under its own name is a contact file: with ``answers``, what
        :meth:`write_beside` returned, only answers that are still as we wrote them are left alone; without, every
        ``*.rejects.csv`` is.
        """
        found: list[RemoteFile] = []
        with self.connection.translated(self.path):
            for entry in self.connection.client().listdir_attr(self.path):
                if len(found) >= _ENTRIES_AT_MOST:
                    break
                name = entry.filename
                if not stat.S_ISREG(entry.st_mode or 0) or is_unfinished(name) or name.endswith(RESULT_SUFFIX):
                    continue
                file = RemoteFile(self._at(name), entry.st_size or 0, _time(entry))
                if name.endswith(REJECTS_SUFFIX) and (answers is None or file in answers):
                    continue
                found.append(file)
        return sorted(found, key=lambda file: (file.modified_at, file.path))

    def complete_files(self, settle_s: float, answers: Collection[RemoteFile] | None = None) -> list[RemoteFile]:
        """Look twice, ``settle_s`` apart; the files that did not change. Sensors compare ticks by :func:`settled`."""
        before = self.look(answers)
        if not before:
            return []
        time.sleep(settle_s)
        return settled(before, self.look(answers))

    def download(
        self,
        file: RemoteFile,
        destination: Path,
        maximum_bytes: int,
        connections: int = 3,
        progress: Callable[[int], None] | None = None,
    ) -> Downloaded:
        """Take a file whole, to ``<destination>.part`` and then by a rename; the answer has its SHA-256.

        When the server goes away it is called again, up to ``connections`` times in all, and the transfer goes on
        where it stopped. Raises :class:`SftpFileChangedError` when the file is no longer what was found,
        :class:`SftpFileTooLargeError`, :class:`SftpUnreachableError`, or :class:`~nightmail.errors.UnavailableError` when our own disk is full.
        """
        if file.size > maximum_bytes:
            raise SftpFileTooLargeError(
                "file_too_large",
                f"The file has {file.size} bytes; the limit is {maximum_bytes}.",
                "Split the file, or ask an administrator to raise the limit.",
                size=file.size,
                limit=maximum_bytes,
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
            raise UnavailableError(
                "disk_full",
                f"There is no room for the {file.size} bytes of {file.name} in {destination.parent}.",
                "Free some room; the file stays on the server and is taken at the next look.",
            ) from error
        finally:
            aside.unlink(missing_ok=True)
        return Downloaded(destination, file.size, digest.hexdigest(), attempt)

    def _transfer(self, file: RemoteFile, local: Any, digest: Any, progress: Callable[[int], None] | None) -> None:
        """Read on from where ``local`` ends."""
        self._check_unchanged(file)
        done = local.tell()
        with self.connection.translated(file.path):
            remote = self.connection.client().open(file.path, "rb")
        # The local disk's errors are not the server's: only reading is translated.
        try:
            remote.seek(done)
            _quieten(remote)
            remote.prefetch(file.size, _REQUESTS_UNDER_WAY)
            while done < file.size:
                with self.connection.translated(file.path):
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
        if self._stat(file.path) != file:
            raise self._changed(file)

    def _changed(self, file: RemoteFile) -> SftpFileChangedError:
        return SftpFileChangedError(
            "sftp_file_changed",
            f"The file {file.name} changed or went away while it was being taken.",
            "Nothing to do: it is taken once it stays as it is.",
        )

    def _stat(self, path: str) -> RemoteFile | None:
        """A file as it is now; nothing when it is not there."""
        with self.connection.translated(path):
            try:
                entry = self.connection.client().stat(path)
            except FileNotFoundError:
                return None
        return RemoteFile(path, entry.st_size or 0, _time(entry))

    def write_beside(self, name: str, content: bytes | Path) -> RemoteFile:
        """Write an answer (``<name>.result.json``, ``<name>.rejects.csv``): aside and renamed, in place of an older one.

        Returns the file as the server has it, for :meth:`look`.
        """
        target, aside = self._at(name), self._at(f".{name}.part")
        with self.connection.translated(target):
            client = self.connection.client()
            with client.open(aside, "wb") as remote:
                remote.set_pipelined(True)
                if isinstance(content, Path):
                    with content.open("rb") as local:
                        while chunk := local.read(_CHUNK):
                            remote.write(chunk)
                else:
                    for start in range(0, len(content), _CHUNK):
                        remote.write(content[start : start + _CHUNK])
            self._put_in_place(client, aside, target)
        written = self._stat(target)
        if written is None:
            raise SftpFolderError(
                "sftp_permission",
                f"The answer {name} was written to {self.path} and is not there.",
                "See whether something on the server takes files away.",
            )
        return written

    def _put_in_place(self, client: paramiko.SFTPClient, aside: str, target: str) -> None:
        try:
            client.posix_rename(aside, target)
        except FileNotFoundError:
            raise
        except OSError as error:
            # A server without the extension: the gap without a file is the price of its age.
            if error.errno not in (None, errno.EOPNOTSUPP, errno.ENOTSUP):
                raise
            with contextlib.suppress(FileNotFoundError):
                client.remove(target)
            client.rename(aside, target)

    def archive(self, file: RemoteFile, now: datetime | None = None) -> str | None:
        """Move a file into ``archive/``, never over another; a taken name gets the time added. Returns the new path.

        Nothing is moved, and ``None`` returned, when the file is no longer the one that was taken: it was archived
        before, or another one was dropped under its name.
        """
        if self._stat(file.path) != file:
            return None
        folder = self._at(ARCHIVE)
        stem, dot, extension = file.name.partition(".")
        stamp = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
        names = [
            file.name,
            *(f"{stem}.{stamp}{suffix}{dot}{extension}" for suffix in ("", *map("-{}".format, range(2, 100)))),
        ]
        with self.connection.translated(folder):
            client = self.connection.client()
            with contextlib.suppress(OSError):
                client.mkdir(folder)
            for name in names:
                target = posixpath.join(folder, name)
                if self._stat(target) is not None:
                    continue
                try:
                    client.rename(file.path, target)
                except FileNotFoundError:
                    raise
                except OSError:
                    # SFTP's rename fails rather than overwrite: another process may have taken the name just now.
                    if self._stat(target) is None:
                        raise
                    continue
                return target
        raise SftpFolderError(
            "sftp_archive_full",
            f"The archive beside {self.path} has too many files of one name and time.",
            "Clear the archive folder.",
        )


def _quieten(remote: Any) -> None:
    """Keep paramiko's prefetching thread from printing a traceback when the server goes away: the reader reports it."""
    import paramiko

    prefetch = remote._prefetch_thread

    def quiet(*arguments: Any) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            prefetch(*arguments)

    remote._prefetch_thread = quiet


def _time(entry: paramiko.SFTPAttributes) -> datetime:
    return datetime.fromtimestamp(entry.st_mtime or 0, UTC)
