"""What a channel is: the one class whose objects hold all that differs between channels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from nightmail.channels.addresses import ADDRESS_FIELDS, AddressKind

CODE_BITS = 3
"""Bits that a message key has for the channel's code, so codes are 0 to 7."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,15}")


class BodyKind(StrEnum):
    """What a body of a template is, and how it is rendered."""

    TEXT = "text"
    """One plain text."""
    EMAIL = "email"
    """A subject, with HTML, plain text or both."""
    SPEECH = "speech"
    """A text to say or a recording to play, and what the keys do."""


class Unit(StrEnum):
    """What rates and prices are counted in."""

    SEGMENT = "segment"
    """A part of a text message, as networks carry it (3GPP TS 23.038 and 23.040)."""
    MINUTE = "minute"
    """A started minute of a call."""
    EMAIL = "email"
    CALL = "call"
    MESSAGE = "message"


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One way to reach a person.

    Raises ``ValueError`` for a name or code that cannot stand in a message id or key.

    >>> CHANNELS["voice"].fields
    ('phone', 'phone_2', 'landline')
    """

    name: str
    """Lower-case letters, digits and ``_``: stands in message ids, tables, files and the API."""
    code: int
    """0 to 7: stands in message keys. Given once, and never to another channel."""
    label: str
    """What reports and pages call it."""
    addresses: tuple[AddressKind, ...]
    """The kinds of address that it goes to: the first that a contact has is used."""
    body: BodyKind
    rate_unit: Unit
    """What rates are counted in: units per second."""
    price_unit: Unit
    """What a carrier charges for."""
    default_rate: float
    """Units per second where a carrier account states none: more than any carrier allows, so no limit."""
    default_connections: int
    """Hand-offs at once within one sender run where a carrier account states none."""
    quiet_hours_bind: bool
    """Whether a feed's quiet hours bind it where the feed does not say. A contact's own bind every channel."""
    used_by_default: bool = True
    """Whether a feed that names no channels uses it when its template has a body for it."""
    most_characters: int | None = None
    """Longest body, in UTF-16 code units, as carriers count them; for speech the whole document that is said."""
    most_bytes: int | None = None
    """Largest body in UTF-8, all its parts together."""
    removal_advice: str | None = None
    """What else to do where an address is taken off the suppressions: carriers keep lists of their own."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"not a channel's name: {self.name!r}")
        if not 0 <= self.code < 2**CODE_BITS:
            raise ValueError(f"no code of a channel: {self.code}")
        if not self.addresses:
            raise ValueError(f"the channel {self.name} goes to no address")

    def __str__(self) -> str:
        return self.name

    @property
    def fields(self) -> tuple[str, ...]:
        """The standard fields that hold an address for it, in the order of :data:`ADDRESS_FIELDS`."""
        fields = {field for kind in self.addresses for field in kind.fields}
        return tuple(field for field in ADDRESS_FIELDS if field in fields)

    def shares_addresses(self, other: Channel) -> bool:
        """Whether one address may be used on both."""
        return not set(self.fields).isdisjoint(other.fields)

    @property
    def takes_numbers(self) -> bool:
        """Whether it goes to phone numbers, whose prefix tells the recipient's country."""
        return any(kind.is_number for kind in self.addresses)

    @property
    def takes_emails(self) -> bool:
        """Whether it goes to email addresses: the recipient's country is then what is known of the contact."""
        return not all(kind.is_number for kind in self.addresses)

    @property
    def needs_country(self) -> bool:
        """Whether a recipient without a known country is always held: so where only numbers are taken."""
        return not self.takes_emails
