"""SendGrid's error codes: HTTP statuses of hand-offs, and the kinds of its events.

Sources: "Mail Send" (``/docs/sendgrid/api-reference/mail-send/mail-send``, also in the description ``tsg_mail_v3``),
"Responses" and "Errors" (``/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api``), "4XX API Errors and
Troubleshooting Suggestions" (``support.sendgrid.com``, article 18322114821403); for events the "Event Webhook Reference"
(``/docs/sendgrid/for-developers/tracking-events/event``) with the glossary's "Blocks", "Bounces" and "Drops"
(``/docs/sendgrid/glossary``). What they leave open is in ``docs/error-codes.md``.
"""

from __future__ import annotations

from nightmail.carriers.error_tables import ErrorClass, ErrorScope, ErrorTable, SuppressionReason
from nightmail.carriers.error_tables import error_entry as line

_SUPPRESS = ErrorClass.SUPPRESS
_MESSAGE = ErrorClass.PERMANENT_MESSAGE
_LATER = ErrorClass.RETRY_LATER
_STOP = ErrorClass.STOP_AND_ALERT
_SENDER = ErrorScope.SENDER
_OPTED_OUT = SuppressionReason.OPTED_OUT
_COMPLAINT = SuppressionReason.COMPLAINT

ERRORS = ErrorTable(
    "2026-11-25.1",
    (
        line("http 400", _MESSAGE, "the request was refused for this message"),
        line("http 401", _STOP, "the key was refused, or the plan's credits are used up", credentials=True),
        line("http 403", _STOP, "the key or sender may not send, or too many bad requests came before"),
        line("http 404", _STOP, "the address of the service does not exist"),
        line("http 405", _STOP, "the address of the service does not take messages"),
        line("http 406", _STOP, "the service misses the header that says what we read"),
        line("http 413", _MESSAGE, "the message is too large"),
        line("http 415", _STOP, "the service does not take JSON"),
        line("http 429", _LATER, "too many requests", throttles=True),
        line("from", _STOP, "the sender is not verified", scope=_SENDER),
        # Events. A bounce is for good, and the carrier itself drops whatever is sent there again.
        line("bounce", _SUPPRESS, "the mailbox does not exist or refuses for good"),
        # About the message or the sending server, or 72 hours of "later": the carrier suppresses nobody for it.
        line("blocked", _MESSAGE, "the receiving server refused this message, or was not reached in 72 hours"),
        line("dropped bounced address", _SUPPRESS, "the address bounced before"),
        line("dropped unsubscribed address", _SUPPRESS, "the recipient unsubscribed", suppress_as=_OPTED_OUT),
        line("dropped spam reporting address", _SUPPRESS, "the recipient complained before", suppress_as=_COMPLAINT),
        line("dropped invalid", _SUPPRESS, "the address is not valid"),
        line("dropped invalid smtpapi header", _MESSAGE, "the message's header is not valid"),
        line("dropped spam content", _MESSAGE, "the text looks like spam"),
        line("dropped recipient list over package quota", _STOP, "the plan's quota is used up"),
        line("spamreport", _SUPPRESS, "the recipient complained", suppress_as=_COMPLAINT),
        line("unsubscribe", _SUPPRESS, "the recipient unsubscribed", suppress_as=_OPTED_OUT),
        line("group_unsubscribe", _SUPPRESS, "the recipient unsubscribed from a group", suppress_as=_OPTED_OUT),
    ),
)
