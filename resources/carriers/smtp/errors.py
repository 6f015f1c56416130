"""SMTP's replies and enhanced status codes.

Sources: RFC 5321 section 4.2 (replies), RFC 4954 (AUTH), RFC 5248, RFC 7504 (521, 556), and IANA's "SMTP Enhanced Status
Codes" (``https://www.iana.org/assignments/smtp-enhanced-status-codes``), which gathers RFC 3463 and what came after.

Any ``4xx`` and ``4.x.x`` may be retried: RFC 5321 (4.2.1) has it that the command was not accepted and may be given again.
"""

from __future__ import annotations

from nightmail.carriers.error_tables import ErrorClass, ErrorScope, ErrorTable
from nightmail.carriers.error_tables import error_entry as line

_ADDRESS = ErrorClass.PERMANENT_ADDRESS
_SUPPRESS = ErrorClass.SUPPRESS
_MESSAGE = ErrorClass.PERMANENT_MESSAGE
_LATER = ErrorClass.RETRY_LATER
_STOP = ErrorClass.STOP_AND_ALERT
_SENDER = ErrorScope.SENDER

ERRORS = ErrorTable(
    "2026-11-25.1",
    (
        # Replies. 554 is left out: it does not say what failed, so a person is asked.
        line("421", _LATER, "the server is closing"),
        line("432", _STOP, "the server wants the password given in another way first"),
        line("450", _LATER, "the mailbox is busy"),
        line("451", _LATER, "the server has a problem"),
        line("452", _LATER, "the server has too little room"),
        line("454", _LATER, "the server cannot check credentials just now"),
        line("455", _LATER, "the server cannot take the parameters just now"),
        line("500", _STOP, "the server does not understand us"),
        line("501", _MESSAGE, "the server does not take the parameters"),
        line("502", _STOP, "the server does not do what is needed"),
        line("503", _STOP, "the server wants other commands first"),
        line("504", _STOP, "the server does not do what is needed"),
        line("521", _STOP, "the server takes no mail"),
        line("523", _STOP, "the server wants encryption"),
        line("524", _STOP, "the server wants encryption"),
        line("525", _STOP, "the account at the server is disabled"),
        line("530", _STOP, "the server wants credentials"),
        line("534", _STOP, "the credentials are too weak for the server"),
        line("535", _STOP, "the credentials were refused", credentials=True),
        line("538", _STOP, "the server wants encryption"),
        line("550", _ADDRESS, "the mailbox is not available"),
        line("551", _ADDRESS, "the mailbox is not here"),
        line("552", _MESSAGE, "the message is too large for the mailbox"),
        line("553", _ADDRESS, "the mailbox name is not allowed"),
        line("555", _MESSAGE, "the server does not take the parameters"),
        line("556", _SUPPRESS, "the domain takes no mail"),
        # Enhanced status codes: X.1 address, X.2 mailbox, X.3 system, X.4 network, X.5 protocol, X.6 content, X.7 policy
        line("4.7.12", _STOP, "the server wants the password given in another way first"),
        line("5.1.0", _ADDRESS, "the address has a problem"),
        line("5.1.1", _SUPPRESS, "the mailbox does not exist"),
        line("5.1.2", _SUPPRESS, "the domain does not exist"),
        line("5.1.3", _SUPPRESS, "the address is not valid"),
        line("5.1.4", _ADDRESS, "the address fits several mailboxes"),
        line("5.1.6", _SUPPRESS, "the mailbox moved without leaving an address"),
        line("5.1.7", _STOP, "the sender's address is not valid", scope=_SENDER),
        line("5.1.8", _STOP, "the sender's domain does not exist", scope=_SENDER),
        line("5.1.10", _SUPPRESS, "the domain takes no mail"),
        line("5.2.0", _ADDRESS, "the mailbox has a problem"),
        line("5.2.1", _SUPPRESS, "the mailbox is switched off"),
        line("5.2.2", _ADDRESS, "the mailbox is full"),
        line("5.2.3", _MESSAGE, "the message is too large for the mailbox"),
        line("5.2.4", _ADDRESS, "the mailing list at this address has a problem"),
        line("5.3.4", _MESSAGE, "the message is too large for the server"),
        line("5.4.1", _ADDRESS, "the domain's server does not answer"),
        line("5.4.4", _ADDRESS, "the domain cannot be routed to"),
        line("5.5.1", _STOP, "the server does not understand us"),
        line("5.6.0", _MESSAGE, "the message's content has a problem"),
        line("5.6.1", _MESSAGE, "the message's content is of a kind that is not taken"),
        line("5.6.3", _MESSAGE, "the message's content cannot be converted as it would have to be"),
        line("5.6.7", _ADDRESS, "the server does not take addresses in other scripts"),
        line("5.6.9", _ADDRESS, "the recipient's server does not take headers in other scripts"),
        line("5.7.0", _STOP, "the server's policy refuses us"),
        line("5.7.1", _STOP, "we may not send there or in this sender's name"),
        line("5.7.2", _ADDRESS, "we may not write to the mailing list at this address"),
        line("5.7.3", _STOP, "the server's policy wants another kind of security"),
        line("5.7.8", _STOP, "the credentials were refused", credentials=True),
        line("5.7.9", _STOP, "the credentials are too weak for the server"),
        line("5.7.10", _STOP, "the server wants encryption"),
        line("5.7.11", _STOP, "the server wants encryption"),
        line("5.7.12", _STOP, "the server wants the password given in another way first"),
        line("5.7.13", _STOP, "the account at the server is disabled"),
        line("5.7.14", _STOP, "the server lacks a trust that has to be set up"),
        line("5.7.20", _STOP, "no DKIM signature holds", scope=_SENDER),
        line("5.7.21", _STOP, "no DKIM signature is one that the server accepts", scope=_SENDER),
        line("5.7.22", _STOP, "no DKIM signature is of the sender's domain", scope=_SENDER),
        line("5.7.23", _STOP, "the sender's domain does not let this server send (SPF)", scope=_SENDER),
        line("5.7.24", _STOP, "the SPF record of the sender's domain has an error", scope=_SENDER),
        line("5.7.25", _STOP, "the sending server has no name that leads back to it (reverse DNS)"),
        line("5.7.26", _STOP, "SPF and DKIM do not cover the sender", scope=_SENDER),
        line("5.7.27", _STOP, "the sender's domain takes no mail", scope=_SENDER),
        line("5.7.28", _STOP, "the message looks like part of a flood"),
    ),
    patterns={r"4\d\d|4\.\d{1,3}\.\d{1,3}": _LATER},
)
