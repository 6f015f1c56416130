"""A mailbox that answers to emails come into, where a carrier brings none itself: what reading one gives.

An adapter's folder reads (:class:`Mailbox`), the domain remembers how far (:mod:`nightmail.receipts.mailboxes`).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Protocol

from nightmail.carriers.error_tables import ErrorEntry
from nightmail.carriers.protocol import Check, ReceiptStatus, Reply
from nightmail.errors import NightmailError


class MailboxError(NightmailError):
    """The mailbox cannot be read now: the server, the login or the folder."""


class UnreadableMailError(Exception):
    """One message of a mailbox cannot be read; the text says why, without personal data."""


@dataclass(frozen=True, slots=True)
class MailboxSettings:
    """Where a mailbox is. ``url`` is ``imaps://host[:port]``, or ``imap://host[:port]`` with STARTTLS."""

    url: str
    user: str
    secret: str = field(repr=False)
    folder: str = "INBOX"
    timeout_s: float = 20.0


@dataclass(frozen=True, slots=True)
class OpenedFolder:
    """A folder as it is now. ``validity`` is another once the server numbers its messages anew (RFC 3501 §2.3.1.1)."""

    validity: int
    next_number: int
    """The number that the next message to arrive gets: all that are there have lower ones."""


@dataclass(frozen=True, slots=True)
class ReturnedMail:
    """What a mail server reports of an email of ours.

    ``tokens`` are those of our Message-IDs in what it returns, ``recipients`` the names of the recipient that it is about.
    """

    status: ReceiptStatus
    event_key: str
    tokens: tuple[str, ...] = field(repr=False)
    recipients: tuple[str, ...] = field(repr=False)
    error: ErrorEntry | None = None


@dataclass(frozen=True, slots=True)
class Mail:
    """One message of a mailbox: a person's reply, what servers report, or (neither) what a machine wrote by itself."""

    reply: Reply | None = None
    returned: tuple[ReturnedMail, ...] = ()
    is_report: bool = False
    """Whether it has the form of a report, of one of our emails or of others."""


class Mailbox(Protocol):
    """One folder, read and never changed. Each method raises :class:`MailboxError` where the server does not do its part."""

    def open(self) -> OpenedFolder:
        """Connect, log in and open the folder for reading."""

    def numbers(self, first: int, last: int, since: dt.date | None) -> list[int]:
        """The numbers (UIDs) of messages between two, both counted in, that arrived on a day or later; ascending."""

    def fetch(self, number: int) -> Mail | None:
        """One message; ``None`` when it is gone. Raises :class:`UnreadableMailError` when it cannot be read."""

    def check(self) -> Check:
        """Whether it can be opened."""

    def close(self) -> None:
        """Close the connection."""
