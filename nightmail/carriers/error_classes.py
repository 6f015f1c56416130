"""What to do about a carrier's error code: one versioned table, with the sources of its lines.

Each line was held against what its carrier publishes; what that leaves open is in ``docs/error-codes.md``. The pages are
not dated throughout, so no line has a date. The carriers change codes without notice, and a code that is new is
:attr:`ErrorClass.UNKNOWN` until somebody has read what it means.

- Twilio: "Error and Warning Dictionary", one page a code, ``https://www.twilio.com/docs/api/errors/<code>``, all of it
  as ``/docs/api/errors/twilio-error-codes.json``. HTTP 429 is never processed and safe to retry: the page of 20429.
- SendGrid, hand-off: "Mail Send" (``/docs/sendgrid/api-reference/mail-send/mail-send``, also in the description
  ``tsg_mail_v3``), "Responses" and "Errors" (``/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api``), and
  "4XX API Errors and Troubleshooting Suggestions" (``support.sendgrid.com``, article 18322114821403).
- SendGrid, events: "Event Webhook Reference" (``/docs/sendgrid/for-developers/tracking-events/event``), with the
  glossary's "Blocks", "Bounces" and "Drops" (``/docs/sendgrid/glossary``).
- SMTP: RFC 5321 section 4.2 (replies), RFC 4954 (AUTH), RFC 5248, RFC 7504 (521, 556), and IANA's "SMTP Enhanced Status
  Codes" (``https://www.iana.org/assignments/smtp-enhanced-status-codes``), which gathers RFC 3463 and what came after.

Rules that the classes follow:

- A code that is not here is :attr:`ErrorClass.UNKNOWN`: it alerts and is not retried, since to send again on a guess is
  worse than to ask a person.
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
from dataclasses import dataclass
from enum import StrEnum

TABLE_VERSION = "2026-11-25.1"
"""Changes with every change of a line; what a past attempt was judged to be is kept with it as its class."""


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
        # The account and the request, whatever is sent: /docs/api/errors/10001 to 20504
        ("10001", _STOP, "the account is disabled: no funds, or a breach of the terms"),
        ("10002", _STOP, "a trial account may not do this"),
        # The call was rejected; it is free to go when others have ended.
        ("10004", _LATER, "too many calls at once for this account"),
        ("10005", _STOP, "calls are switched off for this account"),
        ("20003", _STOP, "the credentials were refused, or the account is suspended"),
        ("20004", _STOP, "the address of the service does not take messages"),
        ("20005", _STOP, "the account is not active"),
        ("20006", _STOP, "access denied"),
        ("20008", _STOP, "test credentials cannot be used here"),
        ("20010", _STOP, "this is switched off for the account"),
        ("20011", _STOP, "the service does not take our TLS version"),
        ("20012", _STOP, "the service does not take our TLS ciphers"),
        ("20403", _STOP, "the account may not do this: it is suspended or closed"),
        ("20404", _STOP, "the account or address of the service does not exist"),
        ("20413", _MESSAGE, "the request is too large"),
        ("20426", _STOP, "the service wants a newer protocol"),
        ("20429", _LATER, "too many requests at once"),
        ("20500", _DOUBT, "an error at the carrier"),
        ("20503", _DOUBT, "the carrier is unavailable"),
        ("20504", _DOUBT, "an error at the carrier while it processed the message"),
        # Answers to the hand-off of a call: /docs/api/errors/21200 to 21264
        ("21201", _MESSAGE, "a call without a number to call"),
        ("21202", _ADDRESS, "the number is a premium number"),
        ("21203", _ADDRESS, "the account may not call abroad"),
        ("21205", _STOP, "the address of the call's instructions is not valid"),
        ("21208", _STOP, "the seconds of ringing are not valid"),
        ("21209", _STOP, "the HTTP method for the call's instructions is not valid"),
        ("21210", _STOP, "the caller's number is not verified"),
        ("21211", _ADDRESS, "the number is not valid"),
        ("21212", _STOP, "the sender is not valid"),
        ("21213", _STOP, "a call without a caller's number"),
        ("21214", _ADDRESS, "the number cannot be reached by calls"),
        ("21215", _ADDRESS, "the account may not call this country"),
        # Fraud or a regulation at the number called; for +1 also an account without a customer profile.
        ("21216", _ADDRESS, "the carrier blocks calls to this number"),
        ("21217", _ADDRESS, "the number does not seem to be valid"),
        ("21219", _STOP, "a trial account may call verified numbers only"),
        ("21234", _STOP, "the setting for machine detection is not valid"),
        # Answers to the hand-off of a message: /docs/api/errors/21265 to 21910
        ("21265", _ADDRESS, "the number is a short code"),
        ("21266", _ADDRESS, "the number is the sender's own"),
        ("21267", _STOP, "a trial account may not use a name as sender"),
        ("21268", _ADDRESS, "the number is a premium number or an information service"),
        ("21408", _ADDRESS, "the account may not send to this country"),
        ("21601", _STOP, "the sender is not a number of this account"),
        ("21602", _MESSAGE, "the text is empty"),
        ("21603", _STOP, "a message without a sender"),
        ("21604", _MESSAGE, "a message without a number"),
        ("21605", _MESSAGE, "the text is too long for the old address of the service"),
        ("21606", _STOP, "the sender cannot send messages, or not for this account"),
        ("21607", _STOP, "a trial account may send from its trial number only"),
        ("21608", _STOP, "a trial account, or one without a profile, may send to verified numbers only"),
        ("21609", _STOP, "the status callback address is not valid"),
        ("21610", _SUPPRESS, "the recipient opted out of this sender"),
        ("21611", _LATER, "the sender's queue is full"),
        ("21612", _ADDRESS, "this sender cannot reach this number"),
        ("21614", _ADDRESS, "the number cannot receive SMS"),
        ("21616", _STOP, "the sender fits several numbers of the account"),
        ("21617", _MESSAGE, "the text is over 1,600 characters"),
        ("21618", _MESSAGE, "the text cannot be sent"),
        ("21619", _MESSAGE, "the text is missing"),
        ("21620", _MESSAGE, "the media address is not valid"),
        ("21621", _STOP, "the sender cannot send pictures"),
        ("21622", _STOP, "the account cannot send pictures"),
        ("21623", _MESSAGE, "too many media files"),
        ("21624", _MESSAGE, "the validity period is not valid"),
        ("21635", _ADDRESS, "the number is a fixed line"),
        ("21656", _MESSAGE, "the content variables are not valid"),
        ("21657", _ADDRESS, "the sender is not supported where the number is"),
        ("21658", _MESSAGE, "a parameter is too long"),
        ("21659", _STOP, "the sender is not a number of this account or does not fit the country"),
        ("21660", _STOP, "the sender belongs to another account"),
        ("21661", _STOP, "the sender cannot send SMS"),
        ("21701", _STOP, "the messaging service does not exist"),
        ("21702", _LATER, "the messaging service takes no messages just now"),
        # Other recipients of the same service are reached: a country or medium without a sender, not a broken service.
        ("21703", _ADDRESS, "no sender of the messaging service can reach this number"),
        ("21704", _STOP, "the messaging service has no senders"),
        ("21705", _STOP, "the messaging service is not valid"),
        ("21910", _STOP, "sender and number are of different channels"),
        # Wait for the next day, says its page: nothing that twelve attempts would see.
        ("63038", _STOP, "the account's messages for a day are used up"),
        ("90007", _MESSAGE, "the validity period is not valid"),
        # Trial accounts: /docs/api/errors/572002 to 573005
        ("572002", _STOP, "a trial account must send from the number given for this recipient"),
        ("572005", _STOP, "a trial account may send to verified numbers only"),
        ("572006", _STOP, "a trial account may send texts of the carrier's own only"),
        ("573002", _STOP, "a trial account must call from the number given for this recipient"),
        ("573005", _STOP, "a trial account may call verified numbers only"),
        # What receipts of messages say later: /docs/api/errors/30001 to 30620
        ("14107", _MESSAGE, "the sender and this number wrote to each other too fast"),
        ("30001", _LATER, "the queue overflowed"),
        ("30002", _STOP, "the account is suspended"),
        ("30003", _ADDRESS, "the handset cannot be reached"),
        # A STOP or a register of the unwilling, says its page, but also no signal, or the carrier's filter for a text:
        # a filtered campaign must not suppress everybody in it. Who opted out is told by 21610 and by the reply itself.
        ("30004", _ADDRESS, "the recipient, the operator, a register or a filter blocks the message"),
        # The one line that suppresses though causes that pass are listed too: its title and first cause are plain.
        ("30005", _SUPPRESS, "the number is unknown and may no longer exist"),
        # Also what a short code gets that the operator does not take: another sender may get through.
        ("30006", _ADDRESS, "the number is a fixed line, or this sender does not reach its operator"),
        ("30007", _MESSAGE, "the operator or carrier filtered the text"),
        ("30008", _MESSAGE, "an unknown error at the operator"),
        ("30011", _MESSAGE, "the handset or its region takes no pictures"),
        ("30017", _LATER, "the operator's network is congested"),
        ("30018", _STOP, "the country wants registered senders, which this one is not: a warning"),
        ("30019", _MESSAGE, "the text or media are too large for the operator"),
        ("30021", _MESSAGE, "an error at the carrier"),
        ("30022", _LATER, "the operator's rate was exceeded"),
        ("30023", _LATER, "the operator's daily limit was reached"),
        ("30024", _STOP, "the sender is not set up at the operator"),
        ("30032", _STOP, "the toll-free sender is not verified"),
        ("30033", _STOP, "the sender's registered use is suspended"),
        ("30034", _STOP, "the sender is not registered with the operators"),
        ("30035", _STOP, "the sender's registration is not finished"),
        ("30036", _MESSAGE, "the validity period passed"),
        ("30037", _STOP, "the account may not send messages"),
        ("30040", _STOP, "the country wants registered senders, which this one is not"),
        ("30041", _STOP, "the United Kingdom wants this sender registered"),
        ("30042", _STOP, "the sender's name is too general or not allowed"),
        ("30043", _STOP, "the operator takes the message for a foreign one on a domestic way"),
        ("30044", _MESSAGE, "the text is too long for a trial account"),
        # Failed and not tried again by the carrier, lest it come twice: the operator may have it.
        ("30410", _DOUBT, "the operator did not answer in time"),
        # Fraud that runs up bills with messages: the number rests for a while, and to insist looks like more of it.
        ("30450", _MESSAGE, "the number is blocked for half an hour: it looks like fraud with SMS"),
        ("30453", _MESSAGE, "the number is blocked for some hours: it looks like fraud with SMS"),
        ("30454", _STOP, "a trial account's messages are used up"),
        ("30485", _MESSAGE, "the number is blocked for some hours: it looks like fraud with SMS"),
        ("30500", _MESSAGE, "an error at the carrier"),
        ("30610", _MESSAGE, "local rules forbid such a message at this hour"),
        ("30615", _MESSAGE, "local rules forbid such a message at this hour"),
        ("30620", _STOP, "the text does not fit the sender's registered use"),
        # What the carrier could not fetch or read: /docs/api/errors/11100 to 13521 and 32018
        ("11100", _STOP, "one of our addresses is not valid"),
        ("11200", _STOP, "one of our addresses, or a picture's, does not answer as it should"),
        ("11205", _STOP, "one of our addresses cannot be reached"),
        ("11210", _STOP, "the host of one of our addresses does not exist"),
        ("11217", _STOP, "one of our addresses answers with an error"),
        ("11220", _STOP, "one of our addresses fails at TLS"),
        ("11750", _MESSAGE, "the call's document is too large"),
        ("11751", _MESSAGE, "the media are too large"),
        ("12100", _MESSAGE, "the call's document cannot be read"),
        ("12300", _MESSAGE, "the media or document are of a kind that is not taken"),
        ("13520", _MESSAGE, "the words to be spoken are not valid"),
        ("13521", _MESSAGE, "the words to be spoken are too long"),
        ("32018", _MESSAGE, "the call's document is over 4,000 characters"),
        # Calls that a call's document dials, and what the network said of a call: 13214 to 13247, 32005 to 32017
        ("13214", _STOP, "the caller's number is not valid"),
        ("13223", _ADDRESS, "the number to dial is not written as it should"),
        ("13224", _ADDRESS, "the number to dial is not valid or cannot be called"),
        ("13225", _ADDRESS, "the carrier blocks calls to this number"),
        ("13226", _ADDRESS, "the number to dial has an unknown country code"),
        ("13227", _ADDRESS, "the account may not call this country"),
        ("13247", _STOP, "the caller's number is not valid"),
        ("32005", _STOP, "calls are switched off for this account"),
        ("32016", _ADDRESS, "no operator answered for this number within a minute"),
        ("32017", _STOP, "the operator blocks the caller's number for its reputation"),
        # Answers without a code of the carrier's
        ("http 401", _STOP, "the credentials were refused"),
        ("http 403", _STOP, "the account may not do this"),
        ("http 404", _STOP, "the address of the service does not exist"),
        ("http 429", _LATER, "too many requests"),
    ),
    "sendgrid": (
        ("http 400", _MESSAGE, "the request was refused for this message"),
        ("http 401", _STOP, "the key was refused, or the plan's credits are used up"),
        ("http 403", _STOP, "the key or sender may not send, or too many bad requests came before"),
        ("http 404", _STOP, "the address of the service does not exist"),
        ("http 405", _STOP, "the address of the service does not take messages"),
        ("http 406", _STOP, "the service misses the header that says what we read"),
        ("http 413", _MESSAGE, "the message is too large"),
        ("http 415", _STOP, "the service does not take JSON"),
        ("http 429", _LATER, "too many requests"),
        ("from", _STOP, "the sender is not verified"),
        # Events. A bounce is for good, and the carrier itself drops whatever is sent there again.
        ("bounce", _SUPPRESS, "the mailbox does not exist or refuses for good"),
        # About the message or the sending server, or 72 hours of "later": the carrier suppresses nobody for it.
        ("blocked", _MESSAGE, "the receiving server refused this message, or was not reached in 72 hours"),
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
        # Replies. 554 is left out: it tells nothing of what failed, so a person is asked.
        ("421", _LATER, "the server is closing"),
        ("432", _STOP, "the server wants the password given in another way first"),
        ("450", _LATER, "the mailbox is busy"),
        ("451", _LATER, "the server has a problem"),
        ("452", _LATER, "the server has too little room"),
        ("454", _LATER, "the server cannot check credentials just now"),
        ("455", _LATER, "the server cannot take the parameters just now"),
        ("500", _STOP, "the server does not understand us"),
        ("501", _MESSAGE, "the server does not take the parameters"),
        ("502", _STOP, "the server does not do what is needed"),
        ("503", _STOP, "the server wants other commands first"),
        ("504", _STOP, "the server does not do what is needed"),
        ("521", _STOP, "the server takes no mail"),
        ("523", _STOP, "the server wants encryption"),
        ("524", _STOP, "the server wants encryption"),
        ("525", _STOP, "the account at the server is disabled"),
        ("530", _STOP, "the server wants credentials"),
        ("534", _STOP, "the credentials are too weak for the server"),
        ("535", _STOP, "the credentials were refused"),
        ("538", _STOP, "the server wants encryption"),
        ("550", _ADDRESS, "the mailbox is not available"),
        ("551", _ADDRESS, "the mailbox is not here"),
        ("552", _MESSAGE, "the message is too large for the mailbox"),
        ("553", _ADDRESS, "the mailbox name is not allowed"),
        ("555", _MESSAGE, "the server does not take the parameters"),
        ("556", _SUPPRESS, "the domain takes no mail"),
        # Enhanced status codes: X.1 address, X.2 mailbox, X.3 system, X.4 network, X.5 protocol, X.6 content, X.7 policy
        ("4.7.12", _STOP, "the server wants the password given in another way first"),
        ("5.1.0", _ADDRESS, "the address has a problem"),
        ("5.1.1", _SUPPRESS, "the mailbox does not exist"),
        ("5.1.2", _SUPPRESS, "the domain does not exist"),
        ("5.1.3", _SUPPRESS, "the address is not valid"),
        ("5.1.4", _ADDRESS, "the address fits several mailboxes"),
        ("5.1.6", _SUPPRESS, "the mailbox moved without leaving an address"),
        ("5.1.7", _STOP, "the sender's address is not valid"),
        ("5.1.8", _STOP, "the sender's domain does not exist"),
        ("5.1.10", _SUPPRESS, "the domain takes no mail"),
        ("5.2.0", _ADDRESS, "the mailbox has a problem"),
        ("5.2.1", _SUPPRESS, "the mailbox is switched off"),
        ("5.2.2", _ADDRESS, "the mailbox is full"),
        ("5.2.3", _MESSAGE, "the message is too large for the mailbox"),
        ("5.2.4", _ADDRESS, "the mailing list at this address has a problem"),
        ("5.3.4", _MESSAGE, "the message is too large for the server"),
        ("5.4.1", _ADDRESS, "the domain's server does not answer"),
        ("5.4.4", _ADDRESS, "the domain cannot be routed to"),
        ("5.5.1", _STOP, "the server does not understand us"),
        ("5.6.0", _MESSAGE, "the message's content has a problem"),
        ("5.6.1", _MESSAGE, "the message's content is of a kind that is not taken"),
        ("5.6.3", _MESSAGE, "the message's content cannot be converted as it would have to be"),
        ("5.6.7", _ADDRESS, "the server does not take addresses in other scripts"),
        ("5.6.9", _ADDRESS, "the recipient's server does not take headers in other scripts"),
        ("5.7.0", _STOP, "the server's policy refuses us"),
        ("5.7.1", _STOP, "we may not send there or in this sender's name"),
        ("5.7.2", _ADDRESS, "we may not write to the mailing list at this address"),
        ("5.7.3", _STOP, "the server's policy wants another kind of security"),
        ("5.7.8", _STOP, "the credentials were refused"),
        ("5.7.9", _STOP, "the credentials are too weak for the server"),
        ("5.7.10", _STOP, "the server wants encryption"),
        ("5.7.11", _STOP, "the server wants encryption"),
        ("5.7.12", _STOP, "the server wants the password given in another way first"),
        ("5.7.13", _STOP, "the account at the server is disabled"),
        ("5.7.14", _STOP, "the server lacks a trust that has to be set up"),
        ("5.7.20", _STOP, "no DKIM signature holds"),
        ("5.7.21", _STOP, "no DKIM signature is one that the server accepts"),
        ("5.7.22", _STOP, "no DKIM signature is of the sender's domain"),
        ("5.7.23", _STOP, "the sender's domain does not let this server send (SPF)"),
        ("5.7.24", _STOP, "the SPF record of the sender's domain has an error"),
        ("5.7.25", _STOP, "the sending server has no name that leads back to it (reverse DNS)"),
        ("5.7.26", _STOP, "SPF and DKIM do not cover the sender"),
        ("5.7.27", _STOP, "the sender's domain takes no mail"),
        ("5.7.28", _STOP, "the message looks like part of a flood"),
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
_PASSING = re.compile(r"4\d\d|4\.\d{1,3}\.\d{1,3}")
_ASKED_FOR = {
    "21610": "opted_out",
    "dropped unsubscribed address": "opted_out",
    "dropped spam reporting address": "complaint",
}


def classify(family: str, code: str | None) -> ErrorClass:
    """The class of a carrier's code; without a code of its own, ``http <status>`` is the code.

    Any HTTP 5xx is in doubt (the carrier may have taken it before it failed). Any SMTP ``4xx`` and ``4.x.x`` may be
    retried: RFC 5321 (4.2.1) has it that the command was not accepted and may be given again.
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


def suppression_reason(code: str | None) -> str:
    """What a code that suppresses says of the person: that they asked for it, or only that the address is no good.

    Who asked is not written to on another channel instead; an address that is no good does not speak for the others.
    """
    return _ASKED_FOR.get(code or "", "hard_bounce")
