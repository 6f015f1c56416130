"""What can go wrong at an SFTP server, as errors that a person can act on. Each names its reason in the registry."""

from __future__ import annotations

from nightmail.errors import ConfigurationError, NightmailError, UnavailableError


class SftpUnreachableError(UnavailableError):
    """The server does not answer, or went away and did not come back."""


class SftpHostKeyError(ConfigurationError):
    """The server's host key is not the agreed one, or none was agreed."""


class SftpCredentialsError(ConfigurationError):
    """The server refused the user, the password or the key."""


class SftpFolderError(ConfigurationError):
    """The folder is missing, or may not be read or written."""


class SftpOperationError(NightmailError):
    """The server answered one operation with a failure; the connection and other files are not affected."""


class SftpFileChangedError(NightmailError):
    """The file is gone, larger, or another than the one that was found. The next look finds its new state."""


class SftpFileTooLargeError(NightmailError):
    """The file is over the limit; nothing of it is kept."""
