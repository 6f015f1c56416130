"""Keyed hashes by the column: the hashes of :mod:`nightmail.privacy`, computed for blocks of rows and looked up by blocks.

A hash is held as two 64-bit numbers while it is compared, and as 32 hex digits where it is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.privacy import HASH_BYTES

Hashes = npt.NDArray[np.uint64]
"""Hashes of many rows: shape (rows, 2)."""

NO_HASH: tuple[int, int] = (0, 0)
"""Stands where there is no address."""

_HEX = np.frombuffer(b"".join(b"%02x" % byte for byte in range(256)), dtype=np.uint16)
_NIBBLES = np.full(256, 255, dtype=np.uint8)
_NIBBLES[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = np.arange(16)


def address_digests(addresses: Iterable[str | None], key: bytes) -> Hashes:
    """:func:`nightmail.privacy.address_hash` of each address; :data:`NO_HASH` for null."""
    copy = blake2b(digest_size=HASH_BYTES, key=key).copy
    nothing = bytes(HASH_BYTES)
    digests = []
    for address in addresses:
        if address is None:
            digests.append(nothing)
            continue
        digest = copy()
        digest.update(address.casefold().encode())
        digests.append(digest.digest())
    return np.frombuffer(b"".join(digests), dtype=np.uint64).reshape(-1, 2)


def contact_digests(team: str, identities: Iterable[str], key: bytes) -> Hashes:
    """:func:`nightmail.privacy.contact_ids` of each identity."""
    base = blake2b(f"{team}\x1f".encode(), digest_size=HASH_BYTES, key=key)
    copy = base.copy
    digests = []
    for identity in identities:
        digest = copy()
        digest.update(identity.encode())
        digests.append(digest.digest())
    return np.frombuffer(b"".join(digests), dtype=np.uint64).reshape(-1, 2)


def hex_column(hashes: Hashes) -> pa.Array:
    """The hashes as text, as tables hold them; :data:`NO_HASH` becomes null."""
    rows = len(hashes)
    digits = _HEX[np.ascontiguousarray(hashes).view(np.uint8).reshape(-1)]
    offsets = np.arange(rows + 1, dtype=np.int32) * (2 * HASH_BYTES)
    present = hashes.any(axis=1)
    validity = None if present.all() else pa.py_buffer(np.packbits(present, bitorder="little").tobytes())
    return pa.Array.from_buffers(pa.string(), rows, [validity, pa.py_buffer(offsets), pa.py_buffer(digits)])


def from_hex(column: pa.Array | pa.ChunkedArray) -> Hashes:
    """Hashes that a table holds as text. Null, and text that is not a hash, become :data:`NO_HASH`."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if not len(column):
        return np.empty((0, 2), dtype=np.uint64)
    fits = pc.fill_null(pc.equal(pc.binary_length(column), 2 * HASH_BYTES), False)
    if not pc.all(fits).as_py():
        column = pc.if_else(fits, column, "0" * 2 * HASH_BYTES)
    offsets = np.frombuffer(column.buffers()[1], dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    digits = np.frombuffer(column.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[-1]]
    nibbles = _NIBBLES[digits].reshape(-1, 2 * HASH_BYTES)
    hashes = np.ascontiguousarray(nibbles[:, 0::2] << 4 | nibbles[:, 1::2]).view(np.uint64)
    damaged = (nibbles > 15).any(axis=1)
    if damaged.any():
        hashes[damaged] = NO_HASH
    return hashes


class HashIndex:
    """Many hashes, sorted once, in which blocks of hashes are looked up."""

    def __init__(self, hashes: Hashes) -> None:
        self._order = np.argsort(hashes[:, 0], kind="stable")
        self._first = np.ascontiguousarray(hashes[self._order, 0])
        self._second = np.ascontiguousarray(hashes[self._order, 1])

    def __len__(self) -> int:
        return len(self._first)

    def find(self, hashes: Hashes) -> npt.NDArray[np.int64]:
        """The position of each hash in what the index was made of (the first, where it stands there twice), or -1."""
        found = np.full(len(hashes), -1, dtype=np.int64)
        if not len(self._first) or not len(hashes):
            return found
        # Looking up in sorted order keeps to the cache: several times faster than random order in a large index.
        order = np.argsort(hashes[:, 0])
        positions = np.empty(len(hashes), dtype=np.int64)
        positions[order] = np.searchsorted(self._first, hashes[order, 0])
        inside = positions < len(self._first)
        rows = np.flatnonzero(inside)
        at = positions[rows]
        hits = self._first[at] == hashes[rows, 0]
        rows, at = rows[hits], at[hits]
        # Two hashes with the same first half are next to each other; there are hardly ever any.
        while len(rows):
            equal = self._second[at] == hashes[rows, 1]
            found[rows[equal]] = self._order[at[equal]]
            rows, at = rows[~equal], at[~equal] + 1
            more = at < len(self._first)
            rows, at = rows[more], at[more]
            same = self._first[at] == hashes[rows, 0]
            rows, at = rows[same], at[same]
        found[~hashes.any(axis=1)] = -1
        return found

    def contains(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """Whether each hash is in the index."""
        return self.find(hashes) >= 0
