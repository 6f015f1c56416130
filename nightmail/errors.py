"""Errors that a user caused or can mend. Anything else is a defect and keeps its traceback."""

from __future__ import annotations

from typing import Any


class NightmailError(Exception):
    """An error with a reason code, a sentence and a remedy; the command line prints it without a traceback.

    ``reason`` is a code of :mod:`nightmail.reasons`; ``exit_code`` is what a command ends with. ``detail`` holds
    whatever a program may want to read (file, line, column), never personal data.
    """

    exit_code = 1

    def __init__(self, reason: str, message: str, remedy: str = "", **detail: Any) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.remedy = remedy
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()

    def as_dict(self) -> dict[str, Any]:
        """The error as JSON-ready values: ``reason, message, remedy, detail``."""
        return {"reason": self.reason, "message": self.message, "remedy": self.remedy, "detail": self.detail}


class UsageError(NightmailError):
    """What was asked for cannot be understood: an unknown name, a malformed option."""

    exit_code = 2


class ContactFileError(NightmailError):
    """The contact file as a whole cannot be used: nothing of it is sent."""

    exit_code = 3


class ContractError(NightmailError):
    """The file was read but breaks its feed's contract, such as a missing column or too many rejects."""

    exit_code = 4


class ConfigurationError(NightmailError):
    """A setting, a credential or an outside part is missing or wrong."""

    exit_code = 5


class UnavailableError(NightmailError):
    """An outside part (database, SFTP server, carrier) does not answer."""

    exit_code = 6
