"""The keyed hashes by which a recipient is known: as addresses of pages have them, and as the database does."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nightmail.privacy import AddressHash, address_hash_of

DIGEST = re.compile(r"[0-9a-f]{32}")


def is_digest(word: str) -> bool:
    """Whether a word reads like a keyed hash."""
    return DIGEST.fullmatch(word) is not None


def stored(digests: Iterable[str]) -> list[AddressHash]:
    """Hashes of addresses as the database's columns have them; those of contacts are text there too."""
    return [address_hash_of(digest) for digest in digests]
