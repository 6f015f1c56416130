"""Privacy: keyed hashes, masks and signed links, by which tables, logs and addresses refer to people without naming them.

What belongs here: how an address becomes a hash, a mask or a link. What does not: who may see personal data
(:mod:`nightmail.access`), and when it is deleted (:mod:`nightmail.retention`).
"""

from __future__ import annotations

from nightmail.privacy.hashes import (
    HASH_BYTES,
    AddressHash,
    address_hash,
    address_hash_of,
    address_hashes,
    contact_ids,
    mask,
)

__all__ = [
    "HASH_BYTES",
    "AddressHash",
    "address_hash",
    "address_hash_of",
    "address_hashes",
    "contact_ids",
    "mask",
]
