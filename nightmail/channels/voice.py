"""Calls in which a text is said or a recording played."""

from __future__ import annotations

from nightmail.channels.addresses import AddressKind
from nightmail.channels.model import BodyKind, Channel, Unit

VOICE = Channel(
    name="voice",
    code=2,
    label="Call",
    addresses=(AddressKind.SPEECH_NUMBER,),
    body=BodyKind.SPEECH,
    rate_unit=Unit.CALL,
    price_unit=Unit.MINUTE,
    default_rate=10_000.0,
    default_connections=4,
    quiet_hours_bind=True,
    # Twilio takes no longer TwiML with a call: https://www.twilio.com/docs/voice/api/call-resource
    most_characters=4000,
)
