"""Text messages to mobile phones."""

from __future__ import annotations

from nightmail.channels.addresses import AddressKind
from nightmail.channels.model import BodyKind, Channel, Unit

SMS = Channel(
    name="sms",
    code=0,
    label="Text message",
    addresses=(AddressKind.TEXT_NUMBER,),
    body=BodyKind.TEXT,
    rate_unit=Unit.SEGMENT,
    price_unit=Unit.SEGMENT,
    default_rate=10_000.0,
    default_connections=4,
    quiet_hours_bind=True,
    # Twilio takes no longer body: https://www.twilio.com/docs/api/errors/21617
    most_characters=1600,
    removal_advice=(
        "Carriers keep their own list of who wrote STOP: until the person writes START, they refuse messages to the "
        "number, and it is suppressed here again."
    ),
)
