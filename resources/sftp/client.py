"""Paramiko's SFTP client, made to bear what servers send: names in any encoding, and every status as an error of its own."""

from __future__ import annotations

import contextlib
import errno
from typing import Any

import paramiko
from paramiko.sftp import CMD_CLOSE, CMD_HANDLE, CMD_NAME, CMD_OPENDIR, CMD_READDIR, SFTPError
from paramiko.sftp_attr import SFTPAttributes

from resources.sftp.names import bytes_of, text_of

EOF_STATUS = 1
_ERRNO_OF_STATUS = {
    2: errno.ENOENT,
    3: errno.EACCES,
    8: errno.EOPNOTSUPP,
    10: errno.ENOENT,
    11: errno.EEXIST,
    12: errno.EACCES,
    14: errno.ENOSPC,
    15: errno.EDQUOT,
}
"""Statuses with a meaning that callers act on (draft-ietf-secsh-filexfer-13, section 9.1); the others have no errno."""


def status_error(status: int, text: str) -> OSError:
    """The error of a status other than OK: a ``FileNotFoundError`` or ``PermissionError`` where it means that.

    Its attribute ``status`` is the server's number.
    """
    words = text or f"status {status}"
    number = _ERRNO_OF_STATUS.get(status)
    error = OSError(words) if number is None else OSError(number, words)
    error.status = status  # type: ignore[attr-defined]
    return error


class BearingClient(paramiko.SFTPClient):
    """The client of :class:`resources.sftp.connection.SftpConnection`. Paths are text of :mod:`resources.sftp.names`."""

    def listdir_attr(self, path: str | bytes = ".") -> list[SFTPAttributes]:
        """The folder's entries but ``.`` and ``..``, each with its ``filename`` as text of :mod:`resources.sftp.names`.

        Paramiko's own reads names as UTF-8 and fails for the whole folder at the first that is not.
        """
        client: Any = self
        kind, answer = client._request(CMD_OPENDIR, client._adjust_cwd(path))
        if kind != CMD_HANDLE:
            raise SFTPError("Expected handle")
        handle = answer.get_binary()
        entries: list[SFTPAttributes] = []
        try:
            while True:
                try:
                    kind, answer = client._request(CMD_READDIR, handle)
                except EOFError:
                    break
                if kind != CMD_NAME:
                    raise SFTPError("Expected name response")
                for _ in range(answer.get_int()):
                    name, line = answer.get_binary(), answer.get_binary()
                    entry: Any = SFTPAttributes
                    found = entry._from_msg(answer, text_of(name), line.decode("utf-8", "replace"))
                    if name not in (b".", b".."):
                        entries.append(found)
        finally:
            # A handle that stays open counts against the server's limit; what the listing said holds all the same.
            with contextlib.suppress(OSError, EOFError):
                client._request(CMD_CLOSE, handle)
        return entries

    def _adjust_cwd(self, path: str | bytes) -> bytes:
        return bytes_of(path) if isinstance(path, str) else path

    def _convert_status(self, answer: Any) -> None:
        status = answer.get_int()
        if status == 0:
            return
        # Older servers leave the text out; others write it in their machine's encoding.
        text = answer.get_binary().decode("utf-8", "replace").strip()
        if status == EOF_STATUS:
            raise EOFError(text)
        raise status_error(status, text)
