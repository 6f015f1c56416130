"""Whether a webhook comes from the carrier: by the carriers' own SDKs, on the raw request.

The address that Twilio signed is the one it was given, so behind a proxy it is our *public* address that counts, not
what the portal sees: ``public_url + path + query``.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from nightmail.errors import ConfigurationError

TWILIO_SIGNATURE_HEADER = "X-Twilio-Signature"
SENDGRID_SIGNATURE_HEADER = "X-Twilio-Email-Event-Webhook-Signature"
SENDGRID_TIMESTAMP_HEADER = "X-Twilio-Email-Event-Webhook-Timestamp"
OLDEST_BATCH = timedelta(days=3)
"""SendGrid signs a batch anew for each of its tries, which end after 24 hours; older ones are replays."""


class _Form(dict[str, Sequence[str]]):
    """A form as Twilio's validator reads it: every value of a repeated name."""

    def getlist(self, name: str) -> Sequence[str]:
        return self[name]


def twilio_signature_is_right(
    auth_token: str, url: str, form: Mapping[str, Sequence[str]], signature: str | None
) -> bool:
    """Whether Twilio signed this form post to ``url`` (our public address with path and query).

    ``form`` has every value of every name, as ``urllib.parse.parse_qs(body, keep_blank_values=True)`` gives them.
    """
    from twilio.request_validator import RequestValidator

    if not signature:
        return False
    return bool(RequestValidator(auth_token).validate(url, _Form(form), signature))


def sendgrid_signature_is_right(public_key: str, body: bytes, signature: str | None, timestamp: str | None) -> bool:
    """Whether SendGrid signed this batch: ECDSA over the timestamp and the raw bytes of the body. See also :func:`signed_within`.

    Raises :class:`ConfigurationError` when the key itself, from SendGrid's settings page, cannot be used.
    """
    from sendgrid.helpers.eventwebhook import EventWebhook

    if not signature or not timestamp:
        return False
    try:
        verifier = EventWebhook(public_key)
    except ValueError as error:
        raise ConfigurationError(
            "carrier_credentials",
            "The verification key of SendGrid's event webhook cannot be read.",
            "Copy it again from SendGrid, Mail Settings, Event Webhook.",
        ) from error
    try:
        datetime.fromtimestamp(int(timestamp), UTC)
        return bool(verifier.verify_signature(body.decode(), signature, timestamp))
    except (ValueError, OverflowError, OSError, binascii.Error, UnicodeDecodeError):
        return False


def signed_within(timestamp: str, now: datetime) -> bool:
    """Whether a batch's signed time is near ``now``: one that is far from it is sent again by somebody, or a clock is wrong."""
    return abs(now - datetime.fromtimestamp(int(timestamp), UTC)) <= OLDEST_BATCH


def signed_form(url: str, form: Mapping[str, str], auth_token: str) -> str:
    """The signature that Twilio would give a form post: for ``doctor``, which posts one to itself."""
    from twilio.request_validator import RequestValidator

    return str(RequestValidator(auth_token).compute_signature(url, dict(form)))


def is_sendgrid_key(public_key: str) -> bool:
    """Whether a text is a verification key as SendGrid shows it: base64 of a public key on one line."""
    try:
        return len(base64.b64decode(public_key, validate=True)) > 60
    except binascii.Error:
        return False
