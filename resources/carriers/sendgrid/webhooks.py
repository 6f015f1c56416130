"""What SendGrid posts to us: signed batches of events."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from nightmail.carriers.webhooks import (
    WebhookContent,
    WebhookRequest,
    WebhookRoute,
    WebhookSecret,
    accounts_that_signed,
)
from nightmail.errors import ConfigurationError
from resources.carriers.sendgrid.events import events
from resources.carriers.sendgrid.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER, signature_fits, signed_at

EVENTS = "/webhooks/sendgrid/events"
"""The path under which SendGrid reaches us. Accounts hold it: it never changes."""

_log = logging.getLogger("nightmail.carriers")


def _read(request: WebhookRequest, secrets: Sequence[WebhookSecret]) -> WebhookContent | None:
    accounts = _proved(request, secrets)
    if not accounts:
        return None
    batch = events(request.body)
    return WebhookContent(
        receipts=batch.receipts,
        accounts=accounts,
        unreadable=batch.malformed,
        signed_at=signed_at(request.headers[TIMESTAMP_HEADER.lower()]),
    )


def _proved(request: WebhookRequest, secrets: Sequence[WebhookSecret]) -> frozenset[int]:
    """The accounts whose verification key fits the signature; several where they share one."""
    signature = request.headers.get(SIGNATURE_HEADER.lower())
    timestamp = request.headers.get(TIMESTAMP_HEADER.lower())

    def fits(key: str) -> bool:
        try:
            return signature_fits(key, request.body, signature, timestamp)
        except ConfigurationError as error:
            broken = [known.account_id for known in secrets if known.secret == key]
            _log.error("webhooks of carrier accounts %s cannot be verified: %s", broken, error)
            return False

    return accounts_that_signed(secrets, fits)


ROUTES = (WebhookRoute(EVENTS, "signed batches of events of emails", _read),)
