"""Email."""

from __future__ import annotations

from nightmail.channels.addresses import AddressKind
from nightmail.channels.model import BodyKind, Channel, Unit

EMAIL = Channel(
    name="email",
    code=1,
    label="Email",
    addresses=(AddressKind.EMAIL_ADDRESS,),
    body=BodyKind.EMAIL,
    rate_unit=Unit.EMAIL,
    price_unit=Unit.EMAIL,
    default_rate=100_000.0,
    default_connections=2,
    quiet_hours_bind=False,
    # Carriers take 20 to 30 MB a request, attachments included; mailbox pages cut long before.
    most_bytes=1024 * 1024,
    removal_advice=(
        "Carriers keep their own lists (bounces, spam reports, unsubscribes, invalid addresses): take the address off "
        "there too, or its messages are dropped and it is suppressed here again."
    ),
)
