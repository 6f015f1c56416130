"""Errors that a user caused or can mend. Anything else is a defect and keeps its traceback.

.. code-block:: text

    NightmailError          1   the exit code of a command that ends with it
      UsageError            2
      ContactFileError      3
      ContractError         4
      ConfigurationError    5
      UnavailableError      6
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nightmail.reasons import Surface, remedy, sentence


class NightmailError(Exception):
    """An error raised by its reason's code and the fields of its sentence.

    >>> raise UsageError("campaign_unknown", campaign="2026-11-23.acme.billing.7f3a9c")

    Sentence and remedy stand in the registry (:mod:`nightmail.reasons`) and nowhere else; ``fields`` fill their named
    places. ``facts`` become ``detail``: what a program reads beside the sentence (file, line, column), never personal data.
    The remedy depends on where it is shown: a shell is shown commands, a program the API. ``exit_code`` is what a
    command ends with. Raises ``KeyError`` for an unknown code or a missing field.
    """

    exit_code = 1

    def __init__(self, reason: str, /, *, facts: Mapping[str, Any] | None = None, **fields: Any) -> None:
        self.reason = reason
        self.fields = fields
        self.message = sentence(reason, **fields)
        self.detail: dict[str, Any] = dict(facts or {})
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()

    @property
    def remedy(self) -> str:
        """What to do next, in words that fit any surface."""
        return self.remedy_for(None)

    def remedy_for(self, surface: Surface | None) -> str:
        """What to do next, for somebody who reads it on ``surface``."""
        return remedy(self.reason, surface, **self.fields)

    def as_dict(self, surface: Surface | None = None) -> dict[str, Any]:
        """The error as JSON-ready values: ``reason, message, remedy, detail``."""
        return {
            "reason": self.reason,
            "message": self.message,
            "remedy": self.remedy_for(surface),
            "detail": self.detail,
        }


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
