"""The named choices of a feed: which duplicate is kept, what type a value has, how channels are used."""

from __future__ import annotations

from enum import StrEnum

from nightmail.errors import UsageError


class ValueType(StrEnum):
    """The type of a placeholder's values: what the column of ``contacts`` holds."""

    TEXT = "text"
    """A string, as in the file."""
    NUMBER = "number"
    """``decimal128(38, s)``: exact, ``s`` is the largest number of decimal places in the file's column."""
    MONEY = "money"
    """As a number; the currency, where the cells state one, stands in a further column ``<name>_currency``."""
    DATE = "date"
    """``date32``."""


class Keep(StrEnum):
    """Which row of several duplicates is kept."""

    FIRST = "first"
    LAST = "last"
    MOST_COMPLETE = "most_complete"
    """The row with the most filled columns; the first of these."""
    MOST_RECENT = "most_recent"
    """The row with the latest date, time or number in the column ``keep_by``; the first of these."""


class Delivery(StrEnum):
    """How the channels of a contact are used."""

    FIRST_REACHABLE = "first_reachable"
    """One message, on the first channel that can reach the contact. With ``keep_fallbacks`` the others stand by, for
    when the carrier refuses the first."""
    ALL_OF = "all_of"
    """One message on every channel that can reach the contact, all queued."""
    ESCALATION = "escalation"
    """The first channel's message is queued; the next ones stand by, and each is queued when the one before it was not
    delivered within ``escalate_after``."""


def parse_delivery(text: str) -> Delivery:
    """``first_reachable``, ``all_of`` or ``escalation``. Raises :class:`UsageError`."""
    try:
        return Delivery(text)
    except ValueError:
        raise UsageError("channel_policy_unknown", value=text, known=", ".join(Delivery)) from None
