"""The hashes by which many contacts are found, by the column: those of :func:`nightmail.contacts.search_hashes.stored_hashes`.

The same part of a word stands in thousands of contacts: each different one is hashed once. Texts with other letters than the
plain Latin ones go one by one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.contacts.search_hashes import hash_of_part, stored_hashes
from nightmail.lake.masks import truth

_SIGNS = b" 0123456789_abcdefghijklmnopqrstuvwxyz"
_CODES = np.zeros(256, dtype=np.int32)
_CODES[np.frombuffer(_SIGNS, dtype=np.uint8)] = np.arange(len(_SIGNS))
_BASE = len(_SIGNS)


def search_keys(texts: Sequence[pa.Array], key: bytes) -> pa.Array:
    """For each row the hashes of all its texts, as PostgreSQL writes an array of numbers; ``key`` is a team's."""
    joined = pc.binary_join_element_wise(*(pc.fill_null(column, "") for column in texts), " ")
    plain = pc.string_is_ascii(joined)
    found = _of_plain(pc.if_else(plain, joined, ""), key)
    odd = ~truth(plain)
    if odd.any():
        rows = zip(*(column.filter(pa.array(odd)).to_pylist() for column in texts), strict=True)
        written = [f"{{{','.join(map(str, stored_hashes(row, key)))}}}" for row in rows]
        found = pc.replace_with_mask(found, pa.array(odd), pa.array(written, pa.string()))
    return found


def _of_plain(joined: pa.Array, key: bytes) -> pa.Array:
    """The same for texts of plain Latin letters, digits and signs."""
    words = pc.replace_substring_regex(pc.ascii_lower(joined), r"[^a-z0-9_]+", "  ")
    padded = pc.binary_join_element_wise("  ", words, "")
    padded = padded.cast(pa.string()).combine_chunks() if isinstance(padded, pa.ChunkedArray) else padded
    offsets = np.frombuffer(padded.buffers()[1], np.int32)[padded.offset : padded.offset + len(padded) + 1]
    signs = np.frombuffer(padded.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    codes = _CODES[signs]
    # A part ends in a sign of a word. Each row begins with two spaces, so that no part reaches into the row before.
    ends = np.flatnonzero(codes)
    parts = (codes[ends - 2] * _BASE + codes[ends - 1]) * _BASE + codes[ends]
    # A space between two signs would be a part of two words: words stand two spaces apart, so that there is none.
    hashes = _hashes(parts, key)
    counts = np.searchsorted(ends, offsets - offsets[0]).astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(counts), pa.array(hashes).cast(pa.string()))
    return pc.binary_join_element_wise("{", pc.binary_join(lists, ","), "}", "")


def _hashes(parts: npt.NDArray[np.int32], key: bytes) -> npt.NDArray[np.int32]:
    table = np.zeros(_BASE**3, dtype=np.int32)
    signs = _SIGNS.decode()
    for part in np.flatnonzero(np.bincount(parts, minlength=len(table))).tolist():
        first, rest = divmod(part, _BASE * _BASE)
        second, third = divmod(rest, _BASE)
        table[part] = hash_of_part(f"{signs[first]}{signs[second]}{signs[third]}", key)
    return table[parts]
