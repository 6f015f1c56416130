"""A connection to one SFTP server (paramiko): opened when first used, opened again after it broke.

The server's host key is always checked, against a pinned key or a known_hosts file; an unknown key is never accepted.
Every wait has an end. What a person can mend is a :class:`~nightmail.errors.NightmailError` with a remedy.
"""

from __future__ import annotations

import contextlib
import io
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nightmail.errors import NightmailError
from resources.sftp.errors import (
    SftpCredentialsError,
    SftpFolderError,
    SftpHostKeyError,
    SftpOperationError,
    SftpUnreachableError,
)
from resources.sftp.names import shown

if TYPE_CHECKING:
    import paramiko

    from resources.sftp.client import BearingClient


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


class SftpConnection:
    """One connection, opened when first used and opened again when it broke. Not shared between threads."""

    def __init__(self, settings: SftpSettings) -> None:
        self.settings = settings
        self._ssh: paramiko.SSHClient | None = None
        self._sftp: BearingClient | None = None
        self.opened = 0

    def __enter__(self) -> SftpConnection:
        self.client()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def client(self) -> BearingClient:
        """The open SFTP client; where the server closed an idle one, a new one."""
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
        with self.translated("/", "list"):
            count = len(self.client().listdir_attr("."))
        return f"{self.settings.name} answers; {count} entries in its home."

    def _open(self) -> None:
        import paramiko

        from resources.sftp.client import BearingClient

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
            sftp = BearingClient.from_transport(transport)
            assert sftp is not None
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
                    "sftp_host_key_unknown", server=settings.host, problem="the one in the settings cannot be read"
                )
            ssh.get_host_keys().add(name, entry.key.get_name(), entry.key)
        elif settings.known_hosts is not None:
            try:
                ssh.load_host_keys(str(settings.known_hosts))
            except OSError as error:
                raise SftpHostKeyError(
                    "sftp_host_key_unknown",
                    server=settings.host,
                    problem=f"the known_hosts file {settings.known_hosts} cannot be read",
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
                    "sftp_credentials", server=settings.name, problem="its private key needs a passphrase"
                ) from error
            except (paramiko.SSHException, ValueError, IndexError, TypeError):
                continue
        raise SftpCredentialsError(
            "sftp_credentials",
            server=settings.name,
            problem="its private key cannot be read, or its passphrase is wrong",
        )

    def _translate_connecting(self, error: BaseException) -> NightmailError | None:
        import paramiko

        host, name = self.settings.host, self.settings.name
        if isinstance(error, paramiko.BadHostKeyException):
            return SftpHostKeyError(
                "sftp_host_key_mismatch",
                server=host,
                facts={"expected": error.expected_key.fingerprint, "found": error.key.fingerprint},
            )
        if isinstance(error, paramiko.AuthenticationException):
            return SftpCredentialsError("sftp_credentials", server=name, problem="the server refused it")
        if isinstance(error, paramiko.SSHException) and "not found in known_hosts" in str(error):
            return SftpHostKeyError(
                "sftp_host_key_unknown", server=f"{host}, port {self.settings.port}", problem="the settings have none"
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
        return SftpUnreachableError("sftp_unreachable", server=self.settings.name, problem=what)

    @contextlib.contextmanager
    def translated(self, path: str, action: str) -> Iterator[None]:
        """Turn what paramiko raises about ``path`` into errors that say what to do. ``action`` is a verb: ``read``.

        Raises :class:`SftpFolderError` for what a right or a folder mends, :class:`SftpOperationError` for any other
        status, and :class:`SftpUnreachableError` when the connection is gone.
        """
        import paramiko

        server, where = self.settings.name, shown(path)
        try:
            yield
        except PermissionError as error:
            raise SftpFolderError("sftp_permission", server=server, action=action, path=where) from error
        except FileNotFoundError as error:
            raise SftpFolderError("sftp_folder_missing", server=server, path=where) from error
        except (paramiko.SSHException, TimeoutError, ConnectionError) as error:
            raise self.unreachable(error) from error
        except (paramiko.SFTPError, struct.error) as error:
            # The answers no longer fit the questions: this connection is of no more use, another one may be.
            self.close()
            raise self._failed(action, where, "its answer does not follow the protocol") from error
        except EOFError as error:
            raise self._failed(action, where, "it answered that there is no more to read") from error
        except OSError as error:
            if not hasattr(error, "status") and "closed" in str(error).lower():
                raise self.unreachable(error) from error
            raise self._failed(action, where, error.strerror or str(error)) from error

    def _failed(self, action: str, path: str, problem: str) -> SftpOperationError:
        return SftpOperationError(
            "sftp_operation_failed", server=self.settings.name, action=action, path=path, problem=problem
        )
