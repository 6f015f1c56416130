"""The addresses under which carriers reach us: adapters hand them out, the portal answers them.

The message id travels in the query of the addresses that belong to one message, so that a callback names its message
even when the carrier's answer to the hand-off was lost.
"""

from __future__ import annotations

from urllib.parse import urlencode

TWILIO_MESSAGE_STATUS = "/webhooks/twilio/message-status"
"""POST by Twilio: the status of an SMS (``?message_id=``)."""
TWILIO_CALL_STATUS = "/webhooks/twilio/call-status"
"""POST by Twilio: the status of a call (``?message_id=``)."""
TWILIO_KEYS = "/webhooks/twilio/keys"
"""POST by Twilio: a key pressed in a call (``?message_id=``); answered with TwiML."""
TWILIO_INBOUND_SMS = "/webhooks/twilio/inbound-sms"
"""POST by Twilio: an SMS from a recipient; answered with empty TwiML."""
SENDGRID_EVENTS = "/webhooks/sendgrid/events"
"""POST by SendGrid: a signed batch of events."""


def webhook_address(base_url: str, path: str, message_id: str | None = None) -> str:
    """The full address of ``path`` under our public ``base_url``, naming the message if there is one."""
    address = f"{base_url.rstrip('/')}{path}"
    return address if message_id is None else f"{address}?{urlencode({'message_id': message_id})}"
