"""What to do about a carrier's error code: one versioned table."""

from __future__ import annotations

from enum import StrEnum


class ErrorClass(StrEnum):
    """What an error means for the message, the address and the channel."""

    PERMANENT_ADDRESS = "permanent_address"
    """The address cannot be reached on this channel: the message fails, another channel may take over."""
    SUPPRESS = "suppress"
    """The message fails and the address must not be used again: opted out, hard bounce, complaint."""
    PERMANENT_MESSAGE = "permanent_message"
    """This one text was refused; the address and the channel are well."""
    RETRY_LATER = "retry_later"
    """Certainly not taken; try again after a while."""
    STOP_AND_ALERT = "stop_and_alert"
    """Nothing will get through until a person mends something: credentials, sender, balance."""
    IN_DOUBT = "in_doubt"
    """It may have been taken."""
    UNKNOWN = "unknown"
    """Not in the table: alerts, and is not retried."""
