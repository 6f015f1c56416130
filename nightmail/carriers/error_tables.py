"""What a carrier's error code means to Nightmail. Each carrier's table is in its folder; the core reads the facts only.

Rules for every line of every table:

- A code without a line is :attr:`ErrorClass.UNKNOWN`: it alerts and is not retried, since sending again on a guess is
  worse than asking a person.
- ``RETRY_LATER`` wants a *refusal*: the carrier says that it did not take the message. A carrier that failed may have
  taken it: ``IN_DOUBT``.
- ``SUPPRESS`` wants a source that names the address itself as gone or its owner as unwilling. Where a source lists
  causes that pass (no signal, a filter, the wrong kind of sender), the address fails this time only.
- ``STOP_AND_ALERT`` is for what holds for everybody: account, credentials, sender. A number or a country that the
  account cannot reach must not stop the rest.
- On a *receipt* (the carrier had taken the message) only ``SUPPRESS``, ``STOP_AND_ALERT`` and ``UNKNOWN`` call for
  action: nothing that was taken is ever sent again, whatever its class.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum


class ErrorClass(StrEnum):
    """What an error means for the message, the address and the channel."""

    PERMANENT_ADDRESS = "permanent_address"
    """The address cannot be reached on this channel: the message fails, another channel may take over."""
    SUPPRESS = "suppress"
    """The message fails and the address must not be used again: opted out, hard bounce, complaint."""
    PERMANENT_MESSAGE = "permanent_message"
    """This one text was refused; address and channel work."""
    RETRY_LATER = "retry_later"
    """Certainly not taken; try again after a while."""
    STOP_AND_ALERT = "stop_and_alert"
    """Nothing gets through until a person mends something: credentials, sender, balance."""
    IN_DOUBT = "in_doubt"
    """It may have been taken."""
    UNKNOWN = "unknown"
    """Not in the table: alerts, and is not retried."""


class ErrorScope(StrEnum):
    """Whom an error is about: what is slowed, stopped or alerted of."""

    ACCOUNT = "account"
    """The carrier account, with all its senders."""
    SENDER = "sender"
    """One number, name or mailbox of the account; the others go on."""
    CAMPAIGN = "campaign"
    """One campaign's messages; other campaigns go on."""
    MESSAGE = "message"
    """One message or its address."""


class SuppressionReason(StrEnum):
    """What an error that suppresses says of the person.

    A person who asked for it is not written to on another channel instead; an address that does not work says nothing
    about the person's other addresses.
    """

    OPTED_OUT = "opted_out"
    COMPLAINT = "complaint"
    HARD_BOUNCE = "hard_bounce"


_SCOPES: Mapping[ErrorClass, ErrorScope] = {
    ErrorClass.PERMANENT_ADDRESS: ErrorScope.MESSAGE,
    ErrorClass.SUPPRESS: ErrorScope.MESSAGE,
    ErrorClass.PERMANENT_MESSAGE: ErrorScope.MESSAGE,
    ErrorClass.RETRY_LATER: ErrorScope.ACCOUNT,
    ErrorClass.STOP_AND_ALERT: ErrorScope.ACCOUNT,
    ErrorClass.IN_DOUBT: ErrorScope.ACCOUNT,
    ErrorClass.UNKNOWN: ErrorScope.ACCOUNT,
}


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    """One error of a carrier: a line of its table, or what the adapter made of an answer. Made by :func:`error_entry`."""

    code: str
    """Empty where the carrier reports what is bad news without an error, such as a complaint."""
    error_class: ErrorClass
    meaning: str
    """A few words; for a code without a line, the carrier's own words without addresses."""
    scope: ErrorScope
    throttles: bool
    """The carrier says that we are too fast, not that it is unwell."""
    credentials: bool
    """The carrier does not accept user name, key or token."""
    suppress_as: SuppressionReason | None
    """Set if and only if the class is ``SUPPRESS``."""


def error_entry(
    code: str,
    error_class: ErrorClass,
    meaning: str = "",
    *,
    scope: ErrorScope | None = None,
    throttles: bool = False,
    credentials: bool = False,
    suppress_as: SuppressionReason | None = None,
) -> ErrorEntry:
    """An error. ``scope`` follows from the class where it is not given; ``SUPPRESS`` without a reason is a hard bounce.

    Raises ``ValueError`` for facts that contradict the class.
    """
    suppresses = error_class is ErrorClass.SUPPRESS
    if suppress_as is not None and not suppresses:
        raise ValueError(f"{code}: only the class suppress has a reason to suppress")
    if throttles and error_class is not ErrorClass.RETRY_LATER:
        raise ValueError(f"{code}: what throttles is retried later")
    if credentials and error_class is not ErrorClass.STOP_AND_ALERT:
        raise ValueError(f"{code}: wrong credentials stop the account")
    return ErrorEntry(
        code,
        error_class,
        meaning,
        scope or _SCOPES[error_class],
        throttles,
        credentials,
        suppress_as or (SuppressionReason.HARD_BOUNCE if suppresses else None),
    )


NOT_CONNECTED = error_entry("not_connected", ErrorClass.RETRY_LATER, "no connection to the carrier")
"""No connection could be made: not a byte of the request was written."""
ANSWER_LOST = error_entry("answer_lost", ErrorClass.IN_DOUBT, "no answer to a request that was written")
ANSWER_MALFORMED = error_entry("answer_malformed", ErrorClass.IN_DOUBT, "the answer cannot be understood")
UNWRITABLE = error_entry(
    "unwritable",
    ErrorClass.STOP_AND_ALERT,
    "the request cannot be written: look at the account's settings and secret",
)
REFUSED_ALIKE = error_entry(
    "refused_alike",
    ErrorClass.STOP_AND_ALERT,
    "the carrier refuses every message alike",
    scope=ErrorScope.CAMPAIGN,
)
"""Many messages of one campaign are refused one by one, and none is taken: no row can be to blame."""

SERVER_ERRORS: Mapping[str, ErrorClass] = {r"http 5\d\d": ErrorClass.IN_DOUBT}
"""A server that failed may have taken the message before it did."""


class ErrorTable:
    """One carrier's error codes. Without a code of the carrier's own, ``http <status>`` is the code.

    >>> table = ErrorTable("2026-11-25.1", [error_entry("401", ErrorClass.STOP_AND_ALERT, "wrong key", credentials=True)])
    >>> table.entry("401").credentials
    True
    """

    def __init__(
        self,
        version: str,
        lines: Iterable[ErrorEntry],
        *,
        patterns: Mapping[str, ErrorClass] = SERVER_ERRORS,
    ) -> None:
        """``version`` changes with every change of a line. ``patterns`` class whole ranges of codes without a line.

        Raises ``ValueError`` when a code has two lines.
        """
        self.version = version
        self._lines: dict[str, ErrorEntry] = {}
        for line in lines:
            if line.code in self._lines:
                raise ValueError(f"{line.code} has two lines")
            self._lines[line.code] = line
        self._patterns = [(re.compile(pattern), error_class) for pattern, error_class in patterns.items()]

    def __iter__(self) -> Iterator[ErrorEntry]:
        """The lines in their order."""
        return iter(self._lines.values())

    def __len__(self) -> int:
        return len(self._lines)

    def entry(self, code: str | None) -> ErrorEntry:
        """What is known of a code: its line, the class of its range, or an entry of class ``UNKNOWN``."""
        code = code or ""
        line = self._lines.get(code)
        if line is not None:
            return line
        for pattern, error_class in self._patterns:
            if pattern.fullmatch(code):
                return error_entry(code, error_class)
        return error_entry(code, ErrorClass.UNKNOWN)

    def meaning(self, code: str | None) -> str:
        """What a code means, in a few words; empty for a code without a line."""
        return self.entry(code).meaning
