"""How many segments an SMS takes: the alphabets and lengths of 3GPP TS 23.038 and 23.040.

A text whose signs are all in the GSM 7-bit default alphabet, or in its extension table (two septets each), has 160
septets, or 153 in each of several segments. Any other sign makes it UCS-2: 70 code units, or 67 in each. A sign of the
extension table and a surrogate pair are never cut in two by a segment's end.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

GSM_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The GSM 7-bit default alphabet without its escape sign."""
GSM_EXTENSION = "\f^{}\\[~]|€"
"""The extension table: each takes two septets."""

_ONE_GSM, _MANY_GSM, _ONE_UCS2, _MANY_UCS2 = 160, 153, 70, 67
_BASIC, _EXTENDED, _OTHER, _ASTRAL = 0, 1, 2, 3
_CLASSES = np.full(0x10001, _OTHER, dtype=np.uint8)
_CLASSES[[ord(sign) for sign in GSM_BASIC]] = _BASIC
_CLASSES[[ord(sign) for sign in GSM_EXTENSION]] = _EXTENDED
_CLASSES[0x10000] = _ASTRAL
_ODD_ASCII = tuple(bytes([code]) for code in range(128) if _CLASSES[code] != _BASIC)
"""The signs of ASCII that are not in the basic alphabet: few, and sought one by one in a whole column."""

Counts = npt.NDArray[np.int64]


def is_gsm(text: str) -> bool:
    """Whether every sign of ``text`` is in the GSM 7-bit alphabet or its extension table."""
    return not _of_kinds(text, _OTHER, _ASTRAL)


def segments(text: str) -> int:
    """The segments of one text; an empty one takes one."""
    if is_gsm(text):
        costs = [2 if sign in GSM_EXTENSION else 1 for sign in text]
        return _packed(costs, _ONE_GSM, _MANY_GSM)
    costs = [2 if ord(sign) > 0xFFFF else 1 for sign in text]
    return _packed(costs, _ONE_UCS2, _MANY_UCS2)


def utf16_units(column: pa.Array) -> Counts:
    """The length of each text as carriers count characters: UTF-16 code units."""
    lengths: Counts = pc.utf8_length(column).to_numpy(zero_copy_only=False).astype(np.int64)
    if b"\xf0" in _bytes(column) or b"\xf1" in _bytes(column) or b"\xf3" in _bytes(column) or b"\xf4" in _bytes(column):
        astral = pc.count_substring_regex(column, r"[\x{10000}-\x{10FFFF}]").to_numpy(zero_copy_only=False)
        lengths = lengths + astral
    return lengths


def count_segments(column: pa.Array | pa.ChunkedArray) -> Counts:
    """:func:`segments` of every text of a column without nulls."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    rows = len(column)
    if not rows:
        return np.zeros(0, dtype=np.int64)
    characters: Counts = pc.utf8_length(column).to_numpy(zero_copy_only=False).astype(np.int64)
    size: Counts = pc.binary_length(column).to_numpy(zero_copy_only=False).astype(np.int64)
    found = _segments_of(characters, _ONE_GSM, _MANY_GSM)
    data = _bytes(column)
    odd = size != characters
    if any(data.find(sign) >= 0 for sign in _ODD_ASCII):
        odd = np.ones(rows, dtype=bool)
    if odd.any():
        at = np.flatnonzero(odd)
        found[at] = _by_signs(column if len(at) == rows else column.take(pa.array(at)), characters[at])
    return found


def _bytes(column: pa.Array) -> bytes:
    offsets = np.frombuffer(column.buffers()[1], dtype=np.int32)
    start, end = int(offsets[column.offset]), int(offsets[column.offset + len(column)])
    return memoryview(column.buffers()[2])[start:end].tobytes() if end > start else b""


def _segments_of(length: Counts, one: int, many: int) -> Counts:
    return np.where(length <= one, 1, -(-length // many))


def _by_signs(column: pa.Array, characters: Counts) -> Counts:
    signs = np.frombuffer(_bytes(column).decode().encode("utf-32-le"), dtype=np.uint32)
    classes = _CLASSES[np.minimum(signs, 0x10000)]
    ends = np.concatenate(([0], np.cumsum(characters)))

    def count(kind: int) -> Counts:
        sums = np.concatenate(([0], np.cumsum(classes == kind)))
        counted: Counts = sums[ends[1:]] - sums[ends[:-1]]
        return counted

    extended, astral = count(_EXTENDED), count(_ASTRAL)
    gsm = (count(_OTHER) + astral) == 0
    units = characters + np.where(gsm, extended, astral)
    one, many = np.where(gsm, _ONE_GSM, _ONE_UCS2), np.where(gsm, _MANY_GSM, _MANY_UCS2)
    found = np.where(units <= one, 1, -(-units // many))
    # A sign of two units may not be cut, so a segment may end one unit early. Where that cannot change the number, done.
    worst = np.where(units <= one, 1, -(-units // (many - 1)))
    double = np.where(gsm, extended, astral) > 0
    for row in np.flatnonzero((worst != found) & double):
        found[row] = segments(column[int(row)].as_py())
    return found


def _of_kinds(text: str, *kinds: int) -> bool:
    return any(_CLASSES[min(ord(sign), 0x10000)] in kinds for sign in text)


def _packed(costs: list[int], one: int, many: int) -> int:
    total = sum(costs)
    if total <= one:
        return 1
    count, room = 1, many
    for cost in costs:
        if cost > room:
            count, room = count + 1, many
        room -= cost
    return count


def as_int32(counts: Counts) -> Any:
    """The counts as the tables' ``segments`` column."""
    return pa.array(counts, pa.int32())
