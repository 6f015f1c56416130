"""Whether a webhook comes from SendGrid: ECDSA with SHA-256 over the timestamp and the raw bytes of the body.

Sources: "Getting Started with the Event Webhook Security Features",
``https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features``, and
"Securing your Inbound Parse webhooks",
``https://www.twilio.com/docs/sendgrid/for-developers/parsing-email/securing-your-parse-webhooks``: the same headers and the same
signature, by the key of a security policy (``policy.signature.public_key``), which is another than the event webhook's.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from datetime import UTC, datetime

from nightmail.errors import ConfigurationError

SIGNATURE_HEADER = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP_HEADER = "X-Twilio-Email-Event-Webhook-Timestamp"


def signature_fits(public_keys: str, body: bytes, signature: str | None, timestamp: str | None) -> bool:
    """Whether SendGrid signed this body with one of some keys, separated by blanks or line ends.

    An account has a key for its events and one for each security policy of Inbound Parse. SendGrid's SDK verifies texts only,
    and an email's attachments are none. Raises :class:`ConfigurationError` when a key cannot be used.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from sendgrid.helpers.eventwebhook import EventWebhook

    if not signature or not timestamp:
        return False
    try:
        keys = [EventWebhook(each).public_key for each in public_keys.split()]
    except ValueError as error:
        raise ConfigurationError(
            "carrier_credentials",
            problem="a verification key of SendGrid's webhooks cannot be read; copy it again from Mail Settings, Event Webhook, "
            "or from the security policy of Inbound Parse",
        ) from error
    try:
        signed_at(timestamp)
        proof, signed = b64decode(signature), timestamp.encode("ascii") + body
    except (ValueError, OverflowError, OSError, binascii.Error, UnicodeEncodeError):
        return False
    for key in keys:
        try:
            key.verify(proof, signed, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            continue
        return True
    return False


def signed_at(timestamp: str) -> datetime:
    """The moment that is signed with a batch. Raises ``ValueError``, ``OverflowError`` or ``OSError`` for no Unix time."""
    return datetime.fromtimestamp(int(timestamp), UTC)
