"""What the toy posts to us: the status of a message, and what a recipient answers. Signed with the account's key."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from nightmail.carriers.protocol import Receipt, ReceiptStatus, Reply, ReplyKind
from nightmail.carriers.webhooks import (
    WebhookContent,
    WebhookRequest,
    WebhookRoute,
    WebhookSecret,
    accounts_that_signed,
)
from nightmail.channels import Channel
from tests.support.toy_carrier.errors import ERRORS

NAME = "toy"
STATUS_PATH = f"/webhooks/{NAME}/status"
REPLIES_PATH = f"/webhooks/{NAME}/replies"
SIGNATURE_HEADER = "X-Toy-Signature"
STATUS = {
    "taken": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "failed": ReceiptStatus.FAILED,
}


def signature_of(key: str, body: bytes) -> str:
    """The HMAC of a body."""
    return hmac.new(key.encode(), body, sha256).hexdigest()


def routes(channel: Channel) -> tuple[WebhookRoute, ...]:
    """The toy's addresses, for one channel."""
    return (
        WebhookRoute(STATUS_PATH, "the status of a message", _reader(channel, _status)),
        WebhookRoute(REPLIES_PATH, "what a recipient answers", _reader(channel, _reply)),
    )


def _reader(
    channel: Channel, content: Callable[[Mapping[str, Any], str], WebhookContent]
) -> Callable[[WebhookRequest, Sequence[WebhookSecret]], WebhookContent | None]:
    def read(request: WebhookRequest, secrets: Sequence[WebhookSecret]) -> WebhookContent | None:
        signature = request.headers.get(SIGNATURE_HEADER.lower(), "")
        accounts = accounts_that_signed(
            secrets, lambda secret: hmac.compare_digest(signature_of(secret, request.body), signature)
        )
        if not accounts:
            return None
        try:
            return replace(content(json.loads(request.body), channel.name), accounts=accounts)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the event lacks something: {error}") from error

    return read


def _status(event: Mapping[str, Any], channel: str) -> WebhookContent:
    code = event.get("code")
    error = ERRORS.entry(code) if code else None
    receipt = Receipt(
        carrier=NAME,
        channel=channel,
        event_key=str(event["event"]),
        status=STATUS[event["status"]],
        carrier_message_id=str(event["message"]),
        message_id=event["id"],
        error=error,
        address=event["to"] if error is not None and error.suppress_as is not None else None,
    )
    return WebhookContent(receipts=(receipt,))


def _reply(event: Mapping[str, Any], channel: str) -> WebhookContent:
    reply = Reply(
        carrier=NAME,
        channel=channel,
        event_key=str(event["event"]),
        kind=ReplyKind.TEXT,
        text=event["text"],
        sender=event["from"],
        recipient=event["to"],
        message_id=event.get("id"),
    )
    return WebhookContent(replies=(reply,))
