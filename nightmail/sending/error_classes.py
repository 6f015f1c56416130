"""What to do about a carrier's error code: one versioned table.

Sources, read in November 2026:

- Twilio: the error dictionary, ``https://www.twilio.com/docs/api/errors/<code>``
- SendGrid: "Mail Send errors" and "Event Webhook reference", ``https://www.twilio.com/docs/sendgrid``
- SMTP: RFC 5321 §4.2.3 (reply codes), RFC 3463 and its IANA registry (enhanced status codes), RFC 7505 (5.1.10)

A code that is not here is :attr:`ErrorClass.UNKNOWN`: it alerts and is not retried, since to send again on a guess is
worse than to ask a person. On a *receipt* (the carrier had taken the message) only ``SUPPRESS`` and
``STOP_AND_ALERT`` call for action: nothing that was taken is ever sent again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

TABLE_VERSION = "2026-11-23.1"
"""Changes with every change of a class, and is stored with the attempts it judged."""


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


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    """One line of the table."""

    family: str
    code: str
    error_class: ErrorClass
    meaning: str


_ADDRESS = ErrorClass.PERMANENT_ADDRESS
_SUPPRESS = ErrorClass.SUPPRESS
_MESSAGE = ErrorClass.PERMANENT_MESSAGE
_LATER = ErrorClass.RETRY_LATER
_STOP = ErrorClass.STOP_AND_ALERT
_DOUBT = ErrorClass.IN_DOUBT

_LINES: dict[str, tuple[tuple[str, ErrorClass, str], ...]] = {
    "twilio": (
        # Answers to the hand-off of a message or a call
        ("20003", _STOP, "the credentials were refused"),
        ("20005", _STOP, "the account is not active"),
        ("20006", _STOP, "access denied"),
        ("20008", _STOP, "test credentials cannot be used here"),
        ("20403", _STOP, "the account may not do this"),
        ("20404", _STOP, "the account or address of the service does not exist"),
        ("20429", _LATER, "too many requests"),
        ("20500", _DOUBT, "an error at the carrier"),
        ("20503", _DOUBT, "the carrier is unavailable"),
        ("21201", _MESSAGE, "a call without a number to call"),
        ("21205", _STOP, "the address of the call's instructions is not valid"),
        ("21209", _STOP, "the status callback address is not valid"),
        ("21210", _STOP, "the caller's number is not verified"),
        ("21211", _ADDRESS, "the number is not valid"),
        ("21212", _STOP, "the sender is not valid"),
        ("21213", _STOP, "a call without a caller's number"),
        ("21214", _ADDRESS, "the number cannot be reached by calls"),
        ("21215", _ADDRESS, "the account may not call this country"),
        ("21216", _STOP, "the account may not call this number"),
        ("21217", _ADDRESS, "the number does not seem to be valid"),
        ("21219", _STOP, "a trial account may call verified numbers only"),
        ("21265", _ADDRESS, "the number is a short code"),
        ("21266", _ADDRESS, "the number is the sender's own"),
        ("21267", _STOP, "a trial account may not use a name as sender"),
        ("21268", _ADDRESS, "the number is a premium number"),
        ("21269", _ADDRESS, "the number is an information service"),
        ("21408", _ADDRESS, "the account may not send to this country"),
        ("21421", _ADDRESS, "the number is not valid"),
        ("21601", _STOP, "the sender cannot send SMS"),
        ("21602", _MESSAGE, "the text is empty"),
        ("21603", _STOP, "a message without a sender"),
        ("21604", _MESSAGE, "a message without a number"),
        ("21605", _MESSAGE, "the text is too long"),
        ("21606", _STOP, "the sender is not a number of this account"),
        ("21607", _STOP, "the sender is not valid for this account"),
        ("21608", _STOP, "a trial account may send to verified numbers only"),
        ("21609", _STOP, "the status callback address is not valid"),
        ("21610", _SUPPRESS, "the recipient opted out of this sender"),
        ("21611", _LATER, "the sender's queue is full"),
        ("21612", _ADDRESS, "this sender cannot reach this number"),
        ("21614", _ADDRESS, "the number cannot receive SMS"),
        ("21617", _MESSAGE, "the text is over 1,600 characters"),
        ("21619", _MESSAGE, "the text is missing"),
        ("21620", _MESSAGE, "the media address is not valid"),
        ("21623", _MESSAGE, "too many media files"),
        ("21624", _MESSAGE, "the validity period is not valid"),
        ("21635", _ADDRESS, "the number is a fixed line"),
        ("21656", _MESSAGE, "the content variables are not valid"),
        ("21658", _MESSAGE, "a parameter is too long"),
        ("21659", _STOP, "the sender is not a number of this account or does not fit the country"),
        ("21660", _STOP, "the sender belongs to another account"),
        ("21661", _STOP, "the sender cannot send SMS"),
        ("21701", _STOP, "the messaging service does not exist"),
        ("21703", _STOP, "the messaging service has no senders"),
        ("21705", _STOP, "the messaging service is not valid"),
        # What receipts say later
        ("30001", _LATER, "the queue overflowed"),
        ("30002", _STOP, "the account is suspended"),
        ("30003", _ADDRESS, "the handset cannot be reached"),
        ("30004", _SUPPRESS, "the recipient's operator or handset blocks the sender"),
        ("30005", _SUPPRESS, "the handset is unknown"),
        ("30006", _SUPPRESS, "the number is a fixed line or cannot be reached"),
        ("30007", _MESSAGE, "the operator filtered the text"),
        ("30008", _MESSAGE, "an unknown error at the operator"),
        ("30009", _MESSAGE, "a segment was lost"),
        ("30010", _MESSAGE, "the price is over the maximum"),
        ("30011", _MESSAGE, "the operator does not support pictures"),
        ("30022", _LATER, "the operator's rate was exceeded"),
        ("30023", _LATER, "the operator's daily limit was reached"),
        ("30032", _STOP, "the toll-free sender is not verified"),
        ("30034", _STOP, "the sender is not registered with the operators"),
        ("30035", _STOP, "the sender's registration is not finished"),
        ("30036", _MESSAGE, "the validity period passed"),
        ("30410", _MESSAGE, "the operator did not answer in time"),
        ("30450", _MESSAGE, "delivery attempts were too fast"),
        ("30453", _MESSAGE, "the number was sent to too often"),
        ("13224", _ADDRESS, "the number to call is not valid"),
        ("13225", _ADDRESS, "calls to this number are not allowed"),
        ("13227", _ADDRESS, "calls to this country are not allowed"),
        ("32203", _MESSAGE, "the call's connection was lost"),
        # Answers without a code of the carrier's
        ("http 401", _STOP, "the credentials were refused"),
        ("http 403", _STOP, "the account may not do this"),
        ("http 404", _STOP, "the address of the service does not exist"),
        ("http 429", _LATER, "too many requests"),
    ),
    "sendgrid": (
        ("http 400", _MESSAGE, "the request was refused for this message"),
        ("http 401", _STOP, "the key was refused"),
        ("http 403", _STOP, "the key or the sender is not allowed to send"),
        ("http 404", _STOP, "the address of the service does not exist"),
        ("http 405", _STOP, "the address of the service does not take messages"),
        ("http 413", _MESSAGE, "the message is too large"),
        ("http 415", _STOP, "the service does not take JSON"),
        ("http 429", _LATER, "too many requests"),
        ("from", _STOP, "the sender is not verified"),
        # Events
        ("bounce", _SUPPRESS, "the mailbox does not exist or refuses for good"),
        ("blocked", _ADDRESS, "the receiving server refused this time"),
        ("dropped bounced address", _SUPPRESS, "the address bounced before"),
        ("dropped unsubscribed address", _SUPPRESS, "the recipient unsubscribed"),
        ("dropped spam reporting address", _SUPPRESS, "the recipient complained before"),
        ("dropped invalid", _SUPPRESS, "the address is not valid"),
        ("dropped invalid smtpapi header", _MESSAGE, "the message's header is not valid"),
        ("dropped spam content", _MESSAGE, "the text looks like spam"),
        ("dropped recipient list over package quota", _STOP, "the plan's quota is used up"),
        ("spamreport", _SUPPRESS, "the recipient complained"),
        ("unsubscribe", _SUPPRESS, "the recipient unsubscribed"),
        ("group_unsubscribe", _SUPPRESS, "the recipient unsubscribed from a group"),
    ),
    "smtp": (
        ("421", _LATER, "the server is closing"),
        ("450", _LATER, "the mailbox is busy"),
        ("451", _LATER, "the server has a problem"),
        ("452", _LATER, "the server has too little room"),
        ("454", _LATER, "the server cannot check credentials just now"),
        ("500", _STOP, "the server does not understand us"),
        ("501", _MESSAGE, "the server does not take the parameters"),
        ("502", _STOP, "the server does not do what is needed"),
        ("503", _STOP, "the server wants other commands first"),
        ("504", _STOP, "the server does not do what is needed"),
        ("521", _STOP, "the server takes no mail"),
        ("523", _MESSAGE, "the message is too large"),
        ("530", _STOP, "the server wants credentials"),
        ("534", _STOP, "the credentials are too weak for the server"),
        ("535", _STOP, "the credentials were refused"),
        ("538", _STOP, "the server wants encryption"),
        ("550", _ADDRESS, "the mailbox is not available"),
        ("551", _ADDRESS, "the mailbox is not here"),
        ("552", _MESSAGE, "the message is too large for the mailbox"),
        ("553", _ADDRESS, "the mailbox name is not allowed"),
        ("555", _MESSAGE, "the server does not take the parameters"),
        ("556", _ADDRESS, "the domain takes no mail"),
        ("5.1.0", _ADDRESS, "the address has a problem"),
        ("5.1.1", _SUPPRESS, "the mailbox does not exist"),
        ("5.1.2", _SUPPRESS, "the domain does not exist"),
        ("5.1.3", _SUPPRESS, "the address is not valid"),
        ("5.1.6", _SUPPRESS, "the mailbox moved without leaving an address"),
        ("5.1.7", _STOP, "the sender's address is not valid"),
        ("5.1.8", _STOP, "the sender's domain does not exist"),
        ("5.1.10", _SUPPRESS, "the domain takes no mail"),
        ("5.2.1", _SUPPRESS, "the mailbox is switched off"),
        ("5.2.2", _ADDRESS, "the mailbox is full"),
        ("5.2.3", _MESSAGE, "the message is too large for the mailbox"),
        ("5.3.4", _MESSAGE, "the message is too large for the server"),
        ("5.4.1", _ADDRESS, "the domain's server does not answer"),
        ("5.4.4", _ADDRESS, "the domain cannot be routed to"),
        ("5.5.1", _STOP, "the server does not understand us"),
        ("5.6.0", _MESSAGE, "the message's content has a problem"),
        ("5.6.7", _ADDRESS, "the server does not take addresses in other scripts"),
        ("5.7.0", _STOP, "the server's policy refuses us"),
        ("5.7.1", _STOP, "we may not send there or in this sender's name"),
        ("5.7.8", _STOP, "the credentials were refused"),
        ("5.7.9", _STOP, "the credentials are too weak for the server"),
        ("5.7.11", _STOP, "the server wants encryption"),
        ("5.7.26", _STOP, "SPF and DKIM do not cover the sender"),
        ("5.7.27", _STOP, "the sender's domain takes no mail"),
    ),
}

ERROR_TABLE: dict[tuple[str, str], ErrorEntry] = {
    (family, code): ErrorEntry(family, code, error_class, meaning)
    for family, lines in _LINES.items()
    for code, error_class, meaning in lines
}
"""Every line by family (``twilio``, ``sendgrid``, ``smtp``) and code."""

if len(ERROR_TABLE) != sum(len(lines) for lines in _LINES.values()):
    raise AssertionError("an error code is listed twice")

_SERVER_ERROR = re.compile(r"http 5\d\d")
_PASSING = re.compile(r"4\.\d{1,3}\.\d{1,3}")


def classify(family: str, code: str | None) -> ErrorClass:
    """The class of a carrier's code; without a code of its own, ``http <status>`` is the code.

    Any HTTP 5xx is in doubt (the carrier may have taken it before it failed) and any SMTP ``4.x.x`` may be retried.
    """
    entry = ERROR_TABLE.get((family, code or ""))
    if entry is not None:
        return entry.error_class
    if code is not None and _SERVER_ERROR.fullmatch(code):
        return ErrorClass.IN_DOUBT
    if family == "smtp" and code is not None and _PASSING.fullmatch(code):
        return ErrorClass.RETRY_LATER
    return ErrorClass.UNKNOWN


def meaning(family: str, code: str | None) -> str:
    """What a code means, in a few words; empty for a code that is not in the table."""
    entry = ERROR_TABLE.get((family, code or ""))
    return entry.meaning if entry else ""
