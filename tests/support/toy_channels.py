"""Channels that only tests have, registered for as long as one needs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nightmail.channels import CHANNELS, AddressKind, BodyKind, Channel, Unit


def toy_channel(name: str = "pager", code: int = 5) -> Channel:
    """A channel of plain texts to numbers, with a rate and a unit of its own."""
    return Channel(
        name=name,
        code=code,
        label="Pager",
        addresses=(AddressKind.TEXT_NUMBER,),
        body=BodyKind.TEXT,
        rate_unit=Unit.MESSAGE,
        price_unit=Unit.MESSAGE,
        default_rate=500.0,
        default_connections=2,
        quiet_hours_bind=False,
        most_characters=200,
    )


@contextmanager
def registered(channel: Channel) -> Iterator[Channel]:
    """Have a channel among the product's."""
    CHANNELS.register(channel)
    try:
        yield channel
    finally:
        CHANNELS.withdraw(channel)
