"""Web chat: a page of the recipient's own, whose link goes out by text message or by email."""

from __future__ import annotations

from nightmail.channels.addresses import AddressKind
from nightmail.channels.model import BodyKind, Channel, Unit

CHAT = Channel(
    name="chat",
    code=3,
    label="Web chat",
    addresses=(AddressKind.TEXT_NUMBER, AddressKind.EMAIL_ADDRESS),
    body=BodyKind.TEXT,
    rate_unit=Unit.MESSAGE,
    price_unit=Unit.MESSAGE,
    default_rate=10_000.0,
    default_connections=1,
    quiet_hours_bind=False,
    # No carrier delivers a chat: a feed that is to use it names it.
    used_by_default=False,
    most_characters=4000,
)
