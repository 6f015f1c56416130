"""SendGrid's event webhooks as our receipts. Check the signature first (:mod:`resources.carriers.sendgrid.signatures`).

A batch holds up to thousands of events, of any mix of messages, in any order, some of them repeated. An event that
cannot be read is skipped and counted: one bad event must not make SendGrid send the whole batch again and again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from nightmail.carriers.error_tables import ErrorClass, ErrorEntry, error_entry
from nightmail.carriers.protocol import Receipt, ReceiptStatus
from nightmail.channels import EMAIL
from nightmail.message_ids import is_message_id
from resources.carriers.sendgrid.errors import ERRORS

MAXIMUM_BATCH_BYTES = 32 * 1024 * 1024
_STATUS = {
    "processed": ReceiptStatus.SENT,
    "deferred": ReceiptStatus.DEFERRED,
    "delivered": ReceiptStatus.DELIVERED,
    "bounce": ReceiptStatus.BOUNCED,
    "dropped": ReceiptStatus.DROPPED,
    "open": ReceiptStatus.OPENED,
    "click": ReceiptStatus.CLICKED,
    "spamreport": ReceiptStatus.SPAM_REPORT,
    "unsubscribe": ReceiptStatus.UNSUBSCRIBED,
    "group_unsubscribe": ReceiptStatus.UNSUBSCRIBED,
}


@dataclass
class EventBatch:
    """What was in a batch: receipts in its order, and how many events were not understood or not of interest."""

    receipts: list[Receipt] = field(default_factory=list)
    malformed: int = 0
    ignored: int = 0


def events(body: bytes, carrier: str = "sendgrid", accounts: frozenset[int] | None = None) -> EventBatch:
    """The receipts of a batch, said to come from ``accounts``. Raises ``ValueError`` when the body is not a JSON list."""
    try:
        content = json.loads(body)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    if not isinstance(content, list):
        raise ValueError("a batch of events is a list")
    batch = EventBatch()
    for event in content:
        try:
            receipt = _receipt(event, carrier, accounts)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError, RecursionError):
            batch.malformed += 1
            continue
        if receipt is None:
            batch.ignored += 1
        else:
            batch.receipts.append(receipt)
    return batch


def _receipt(event: Mapping[str, Any], carrier: str, accounts: frozenset[int] | None) -> Receipt | None:
    kind = event["event"]
    status = _STATUS.get(kind) if isinstance(kind, str) else None
    if status is None or event.get("sg_machine_open") is True:
        # A machine that opens mail ahead of its reader (a mail client's privacy feature) is no opening.
        return None
    error = _error(event)
    suppresses = error is not None and error.suppress_as is not None
    address = event.get("email")
    return Receipt(
        carrier=carrier,
        channel=EMAIL.name,
        event_key=_event_key(event),
        status=status,
        carrier_message_id=carrier_id(_short(event.get("sg_message_id"))) or None,
        message_id=_message_id(event.get("message_id")),
        error=error,
        occurred_at=datetime.fromtimestamp(int(event["timestamp"]), UTC),
        address=_storable(address)[:320] if suppresses and isinstance(address, str) and address else None,
        accounts=accounts,
    )


def _event_key(event: Mapping[str, Any]) -> str:
    """The event's own id. Events of SendGrid's own pages (unsubscribes, spam reports) may come without one, and without a
    message's: theirs is made of what they say, so that a repetition is known."""
    stated = event.get("sg_event_id")
    if isinstance(stated, str) and stated:
        return _short(stated)
    said = [
        event["event"],
        event["timestamp"],
        event.get("email"),
        event.get("sg_message_id"),
        event.get("asm_group_id"),
    ]
    if not isinstance(event.get("email"), str) and not event.get("sg_message_id"):
        raise ValueError("the event names neither itself nor anybody")
    return "made:" + blake2b(json.dumps(said).encode(), digest_size=16).hexdigest()


def _short(value: object) -> str:
    return _storable(value)[:200] if isinstance(value, str) else ""


def _storable(value: str) -> str:
    """A text without what PostgreSQL cannot store: NUL, and halves of surrogate pairs, which JSON may hold."""
    return value.replace("\x00", "").encode(errors="ignore").decode()


def carrier_id(sg_message_id: str) -> str:
    """The part of an event's id that the hand-off's ``X-Message-Id`` answered: up to the first full stop."""
    return sg_message_id.partition(".")[0]


def _message_id(value: object) -> str | None:
    """Our message id from the custom arguments; ``None`` for anything that does not have its form."""
    return value if isinstance(value, str) and is_message_id(value) else None


def _error(event: Mapping[str, Any]) -> ErrorEntry | None:
    """What an event that is an error means: by the kind of bounce, or the reason of a drop."""
    kind = event["event"]
    if kind == "bounce":
        entry = ERRORS.entry("blocked" if event.get("type") == "blocked" else "bounce")
        return replace(entry, code=_storable(str(event["status"]))[:40]) if event.get("status") else entry
    if kind == "dropped":
        return ERRORS.entry(_storable(f"dropped {str(event.get('reason') or 'for no stated reason').lower()}")[:80])
    if kind in ("spamreport", "unsubscribe", "group_unsubscribe"):
        return replace(ERRORS.entry(kind), code="")
    if kind == "deferred" and event.get("status"):
        return error_entry(
            _storable(str(event["status"]))[:40], ErrorClass.RETRY_LATER, "the receiving server put it off"
        )
    return None
