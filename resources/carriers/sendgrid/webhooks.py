"""What SendGrid posts to us: signed batches of events, and emails from recipients."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from nightmail.carriers.webhooks import (
    WebhookAnswer,
    WebhookContent,
    WebhookRequest,
    WebhookRoute,
    WebhookSecret,
    accounts_that_signed,
)
from nightmail.errors import ConfigurationError
from resources.carriers.sendgrid.events import events
from resources.carriers.sendgrid.inbound import inbound_email
from resources.carriers.sendgrid.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER, signature_fits, signed_at

EVENTS = "/webhooks/sendgrid/events"
"""The path under which SendGrid reaches us. Accounts hold it: it never changes."""

INBOUND = "/webhooks/sendgrid/inbound"

_log = logging.getLogger("nightmail.carriers")


def _read(request: WebhookRequest, secrets: Sequence[WebhookSecret]) -> WebhookContent | None:
    accounts = _proved(request, secrets)
    if not accounts:
        return None
    batch = events(request.body, accounts=accounts)
    return WebhookContent(
        receipts=batch.receipts,
        accounts=accounts,
        unreadable=batch.malformed,
        signed_at=signed_at(request.headers[TIMESTAMP_HEADER.lower()]),
    )


def _read_email(request: WebhookRequest, secrets: Sequence[WebhookSecret]) -> WebhookContent | None:
    accounts = _proved(request, secrets)
    if not accounts:
        return None
    try:
        reply = inbound_email(request.headers.get("content-type", ""), request.body)
    except (LookupError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        # Anybody may send an email of any form: Python's own parser does not foresee all.
        raise ValueError(f"the email cannot be read ({type(error).__name__})") from error
    return WebhookContent(
        replies=() if reply is None else (reply,),
        accounts=accounts,
        signed_at=signed_at(request.headers[TIMESTAMP_HEADER.lower()]),
        answer=WebhookAnswer(200),
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


ROUTES = (
    WebhookRoute(EVENTS, "signed batches of events of emails", _read),
    WebhookRoute(INBOUND, "an email from a recipient (Inbound Parse, with signatures)", _read_email),
)
