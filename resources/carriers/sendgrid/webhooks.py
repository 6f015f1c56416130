"""What SendGrid posts to us: signed batches of events."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from nightmail.carriers.webhooks import WebhookContent, WebhookRequest, WebhookRoute, WebhookSecret
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
    for known in secrets:
        try:
            if signature_fits(known.secret, request.body, signature, timestamp):
                return frozenset(each.account_id for each in secrets if each.secret == known.secret)
        except ConfigurationError as error:
            _log.error("webhooks of carrier account %d cannot be verified: %s", known.account_id, error)
    return frozenset()


ROUTES = (WebhookRoute(EVENTS, "signed batches of events of emails", _read),)
