"""Files over SFTP (paramiko): found when complete, taken whole, answered beside, archived.

What belongs here: how a server is spoken to, and what of a folder is a whole file. What does not: which feed a file is
of and what becomes of it (:mod:`nightmail.intake`, :mod:`sensors.sftp_files`). Paramiko is imported where a connection is
opened: it costs the command line 0.1 s.
"""

from __future__ import annotations

from resources.sftp.connection import SftpConnection, SftpSettings
from resources.sftp.errors import (
    SftpCredentialsError,
    SftpFileChangedError,
    SftpFileTooLargeError,
    SftpFolderError,
    SftpHostKeyError,
    SftpOperationError,
    SftpUnreachableError,
)
from resources.sftp.folder import (
    ARCHIVE,
    UNKNOWN_TIME,
    Downloaded,
    Listing,
    RemoteFile,
    SftpFolder,
)
from resources.sftp.names import shown

__all__ = [
    "ARCHIVE",
    "UNKNOWN_TIME",
    "Downloaded",
    "Listing",
    "RemoteFile",
    "SftpConnection",
    "SftpCredentialsError",
    "SftpFileChangedError",
    "SftpFileTooLargeError",
    "SftpFolder",
    "SftpFolderError",
    "SftpHostKeyError",
    "SftpOperationError",
    "SftpSettings",
    "SftpUnreachableError",
    "shown",
]
