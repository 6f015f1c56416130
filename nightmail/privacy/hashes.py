"""Keyed hashes and masks: how tables, logs and metadata refer to people without naming them."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import NewType

HASH_BYTES = 16

AddressHash = NewType("AddressHash", bytes)
"""A keyed hash of an address as the database holds it: :data:`HASH_BYTES` bytes, ``bytea`` in every table and index.

Wherever people or programs read it (the lake, the API, the audit log) it is text: its ``hex()``, 32 digits.
"""


def address_hash(address: str, key: bytes) -> AddressHash:
    """The keyed hash (BLAKE2b, RFC 7693, 16 bytes) of a normalised address: E.164, or an email folded to lower case."""
    return AddressHash(blake2b(address.casefold().encode(), digest_size=HASH_BYTES, key=key).digest())


def address_hash_of(text: str) -> AddressHash:
    """The hash whose text the lake, the API or the audit log gives. Raises ``ValueError`` for what is not 32 hex digits."""
    hashed = bytes.fromhex(text)
    if len(hashed) != HASH_BYTES or len(text) != 2 * HASH_BYTES:
        raise ValueError("not the hash of an address")
    return AddressHash(hashed)


def address_hashes(addresses: Iterable[str | None], key: bytes) -> list[str | None]:
    """:func:`address_hash` of each address as text, as the lake holds it; null stays null."""
    return [
        None if address is None else blake2b(address.casefold().encode(), digest_size=HASH_BYTES, key=key).hexdigest()
        for address in addresses
    ]


def contact_ids(team: str, identities: Iterable[str], key: bytes) -> list[str]:
    """Stable ids of contacts within a team, from ``external_id`` or else an address; 32 hex digits."""
    prefix = f"{team}\x1f".encode()
    return [blake2b(prefix + identity.encode(), digest_size=HASH_BYTES, key=key).hexdigest() for identity in identities]


def mask(address: str | None) -> str:
    """An address as logs may show it: ``+44•••••••89`` or ``a•••@example.com``."""
    if not address:
        return ""
    if "@" in address:
        local, _, domain = address.rpartition("@")
        return f"{local[:1]}•••@{domain}"
    return f"{address[:3]}{'•' * max(len(address) - 5, 1)}{address[-2:]}"
