"""Whether a batch of events comes from SendGrid: by SendGrid's own SDK, on the raw bytes of the body.

Source: "Getting Started with the Event Webhook Security Features",
``https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features``.
"""

from __future__ import annotations

import binascii
from datetime import UTC, datetime

from nightmail.errors import ConfigurationError

SIGNATURE_HEADER = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP_HEADER = "X-Twilio-Email-Event-Webhook-Timestamp"


def signature_fits(public_key: str, body: bytes, signature: str | None, timestamp: str | None) -> bool:
    """Whether SendGrid signed this batch: ECDSA over the timestamp and the raw bytes of the body.

    ``public_key`` is from SendGrid's settings page. Raises :class:`ConfigurationError` when it cannot be used.
    """
    from sendgrid.helpers.eventwebhook import EventWebhook

    if not signature or not timestamp:
        return False
    try:
        verifier = EventWebhook(public_key)
    except ValueError as error:
        raise ConfigurationError(
            "carrier_credentials",
            problem="the verification key of SendGrid's event webhook cannot be read; copy it again from Mail Settings, "
            "Event Webhook",
        ) from error
    try:
        signed_at(timestamp)
        return bool(verifier.verify_signature(body.decode(), signature, timestamp))
    except (ValueError, OverflowError, OSError, binascii.Error, UnicodeDecodeError):
        return False


def signed_at(timestamp: str) -> datetime:
    """The moment that is signed with a batch. Raises ``ValueError``, ``OverflowError`` or ``OSError`` for no Unix time."""
    return datetime.fromtimestamp(int(timestamp), UTC)
