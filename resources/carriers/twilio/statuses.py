"""Twilio's words for the status of messages and calls, and ours for each."""

from __future__ import annotations

from nightmail.carriers.protocol import ReceiptStatus

MESSAGE_STATUS = {
    "accepted": ReceiptStatus.QUEUED,
    "scheduled": ReceiptStatus.QUEUED,
    "queued": ReceiptStatus.QUEUED,
    "sending": ReceiptStatus.QUEUED,
    "sent": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "read": ReceiptStatus.OPENED,
    "undelivered": ReceiptStatus.UNDELIVERED,
    "failed": ReceiptStatus.FAILED,
    "canceled": ReceiptStatus.CANCELLED,
}
CALL_STATUS = {
    "queued": ReceiptStatus.QUEUED,
    "initiated": ReceiptStatus.SENT,
    "ringing": ReceiptStatus.RINGING,
    "in-progress": ReceiptStatus.ANSWERED,
    "answered": ReceiptStatus.ANSWERED,
    "completed": ReceiptStatus.ANSWERED,
    "busy": ReceiptStatus.BUSY,
    "no-answer": ReceiptStatus.NO_ANSWER,
    "failed": ReceiptStatus.FAILED,
    "canceled": ReceiptStatus.CANCELLED,
}


def call_status(status: str, answered_by: str | None) -> ReceiptStatus | None:
    """Our word for a call's status, answering machines apart from people; ``None`` for a status that Twilio's pages do not have."""
    word = CALL_STATUS.get(status)
    if word is ReceiptStatus.ANSWERED and answered_by is not None and answered_by.startswith(("machine", "fax")):
        return ReceiptStatus.ANSWERED_BY_MACHINE
    return word
