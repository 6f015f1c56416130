"""SendGrid's event webhook: signed batches of what became of emails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nightmail.carriers.webhook_paths import SENDGRID_EVENTS
from nightmail.errors import ConfigurationError
from portal.problems import RequestError
from portal.webhooks.receiver import ForgedError, WebhookAnswer, WebhookHandler, WebhookRequest
from resources.carriers.sendgrid_webhooks import events
from resources.carriers.webhook_signatures import (
    SENDGRID_SIGNATURE_HEADER,
    SENDGRID_TIMESTAMP_HEADER,
    sendgrid_signature_is_right,
    signed_within,
)

if TYPE_CHECKING:
    from portal.state import Portal

_log = logging.getLogger("nightmail.portal")

CARRIER = "sendgrid"


async def take_events(portal: Portal, request: WebhookRequest) -> WebhookAnswer:
    """A batch of events; one that cannot be read is skipped and counted, the others are stored."""
    if not _proved(portal, request) and not (
        await asyncio.to_thread(portal.accounts.refresh_after_failure) and _proved(portal, request)
    ):
        raise ForgedError
    if not signed_within(request.headers[SENDGRID_TIMESTAMP_HEADER.lower()], portal.accounts.now()):
        raise RequestError("webhook_outdated")
    try:
        batch = events(request.body)
    except ValueError as error:
        raise RequestError(
            "request_malformed", problem="this is not a batch of SendGrid's events", status=400
        ) from error
    if batch.malformed:
        _log.warning("%d of %d SendGrid events cannot be read", batch.malformed, batch.malformed + len(batch.receipts))
    await portal.queue.put(batch.receipts)
    return WebhookAnswer()


def _proved(portal: Portal, request: WebhookRequest) -> bool:
    signature = request.headers.get(SENDGRID_SIGNATURE_HEADER.lower())
    timestamp = request.headers.get(SENDGRID_TIMESTAMP_HEADER.lower())
    for known in portal.accounts.secrets(CARRIER):
        try:
            if sendgrid_signature_is_right(known.secret, request.body, signature, timestamp):
                return True
        except ConfigurationError as error:
            _log.error("webhooks of carrier account %d cannot be verified: %s", known.account_id, error)
    return False


HANDLERS: Mapping[str, WebhookHandler] = {SENDGRID_EVENTS: take_events}
"""SendGrid's address."""
