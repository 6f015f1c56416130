"""Keyed hashes and masks: how tables, logs and metadata refer to people without naming them."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

HASH_BYTES = 16


def address_hash(address: str, key: bytes) -> str:
    """The keyed hash (BLAKE2b, RFC 7693, 16 bytes, hex) of a normalised address: E.164, or an email folded to lower case."""
    return blake2b(address.casefold().encode(), digest_size=HASH_BYTES, key=key).hexdigest()


def address_hashes(addresses: Iterable[str | None], key: bytes) -> list[str | None]:
    """:func:`address_hash` of each address; null stays null."""
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
