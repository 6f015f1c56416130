"""How many segments an SMS takes: the alphabets and lengths of 3GPP TS 23.038 and 23.040.

A text whose characters are all in the GSM 7-bit default alphabet, or in its extension table (two septets each), has 160
septets, or 153 in each of several segments. Any other character makes it UCS-2: 70 code units, or 67 in each. A character of the
extension table and a surrogate pair are never cut in two by a segment's end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

GSM_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The GSM 7-bit default alphabet without its escape character."""
GSM_EXTENSION = "\f^{}\\[~]|€"
"""The extension table: each takes two septets."""

_ONE_GSM, _MANY_GSM, _ONE_UCS2, _MANY_UCS2 = 160, 153, 70, 67
_BASIC, _EXTENDED, _OTHER, _ASTRAL = 0, 1, 2, 3
_CLASSES = np.full(0x10001, _OTHER, dtype=np.uint8)
_CLASSES[[ord(character) for character in GSM_BASIC]] = _BASIC
_CLASSES[[ord(character) for character in GSM_EXTENSION]] = _EXTENDED
_CLASSES[0x10000] = _ASTRAL
_ODD_BYTES = np.array([_CLASSES[byte] != _BASIC if byte < 0x80 else byte >= 0xC0 for byte in range(256)], dtype=bool)
"""Bytes that begin a character which has to be looked at: the odd ones of ASCII, and every first byte of a longer sequence."""

Counts = npt.NDArray[np.int64]


def is_gsm(text: str) -> bool:
    """Whether every character of ``text`` is in the GSM 7-bit alphabet or its extension table."""
    return not _of_kinds(text, _OTHER, _ASTRAL)


def segments(text: str) -> int:
    """The segments of one text; an empty one takes one."""
    if is_gsm(text):
        costs = [2 if character in GSM_EXTENSION else 1 for character in text]
        return _packed(costs, _ONE_GSM, _MANY_GSM)
    costs = [2 if ord(character) > 0xFFFF else 1 for character in text]
    return _packed(costs, _ONE_UCS2, _MANY_UCS2)


def utf16_units(column: pa.Array) -> Counts:
    """The length of each text as carriers count characters: UTF-16 code units."""
    lengths: Counts = pc.utf8_length(column).to_numpy(zero_copy_only=False).astype(np.int64)
    data, starts = _bytes(column)
    astral = np.flatnonzero(data >= 0xF0)
    if len(astral):
        lengths += np.bincount(_rows_of(astral, starts), minlength=len(column))
    return lengths


@dataclass(frozen=True)
class Measured:
    """The segments of a column's texts, and what they follow from."""

    segments: Counts
    characters: Counts
    extended: Counts
    """Characters of the extension table in each text."""
    others: Counts
    """The code points outside of the alphabet, in the order of the texts."""
    other_rows: Counts
    """The text in which each of them stands."""


def count_segments(column: pa.Array | pa.ChunkedArray) -> Counts:
    """:func:`segments` of every text of a column without nulls."""
    return measure(column).segments


def in_septets(septets: Counts) -> Counts:
    """The segments of so many septets, but for a character of two that a segment's end would cut."""
    found: Counts = np.where(septets <= _ONE_GSM, 1, -(-septets // _MANY_GSM))
    return found


def measure(column: pa.Array | pa.ChunkedArray) -> Measured:
    """Measure every text of a column without nulls."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    rows = len(column)
    none = np.zeros(0, dtype=np.int64)
    if not rows:
        return Measured(none, none, none, none, none)
    characters: Counts = pc.utf8_length(column).to_numpy(zero_copy_only=False).astype(np.int64)
    data, starts = _bytes(column)
    # Only characters outside the basic alphabet's part of ASCII are looked at one by one: in most texts they are few.
    odd = np.flatnonzero(_ODD_BYTES[data])
    if not len(odd):
        return Measured(in_septets(characters), characters, np.zeros(rows, dtype=np.int64), none, none)
    codes = _code_points(data, odd)
    classes = _CLASSES[np.minimum(codes, 0x10000)]
    odd_rows = _rows_of(odd, starts)

    def count(*kinds: int) -> Counts:
        counted: Counts = np.bincount(odd_rows[np.isin(classes, kinds)], minlength=rows)
        return counted

    extended, astral = count(_EXTENDED), count(_ASTRAL)
    is_other = classes >= _OTHER
    gsm = count(_OTHER, _ASTRAL) == 0
    double = np.where(gsm, extended, astral)
    units = characters + double
    one, many = np.where(gsm, _ONE_GSM, _ONE_UCS2), np.where(gsm, _MANY_GSM, _MANY_UCS2)
    found: Counts = np.where(units <= one, 1, -(-units // many))
    # A character of two units may not be cut, so a segment may end one unit early. Where that cannot change the number, done.
    worst = np.where(units <= one, 1, -(-units // (many - 1)))
    for row in np.flatnonzero((worst != found) & (double > 0)):
        found[row] = segments(column[int(row)].as_py())
    return Measured(found, characters, extended, codes[is_other], odd_rows[is_other])


def _bytes(column: pa.Array) -> tuple[npt.NDArray[np.uint8], Counts]:
    """The texts' bytes in one piece, and where each text starts in it."""
    if not len(column) or column.buffers()[2] is None:
        return np.zeros(0, dtype=np.uint8), np.zeros(len(column), dtype=np.int64)
    offsets = np.frombuffer(column.buffers()[1], dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    data = np.frombuffer(column.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[-1]]
    return data, (offsets[:-1] - offsets[0]).astype(np.int64)


def _rows_of(positions: Counts, starts: Counts) -> Counts:
    return np.searchsorted(starts, positions, side="right") - 1


def _code_points(data: npt.NDArray[np.uint8], positions: Counts) -> Counts:
    """The code points of the UTF-8 sequences that begin at these positions."""
    padded = np.concatenate((data, np.zeros(3, dtype=np.uint8)))
    first, second, third, fourth = (padded[positions + ahead].astype(np.int64) for ahead in range(4))
    two = (first & 0x1F) << 6 | (second & 0x3F)
    three = (first & 0x0F) << 12 | (second & 0x3F) << 6 | (third & 0x3F)
    four = (first & 0x07) << 18 | (second & 0x3F) << 12 | (third & 0x3F) << 6 | (fourth & 0x3F)
    return np.select([first < 0x80, first < 0xE0, first < 0xF0], [first, two, three], four)


def _of_kinds(text: str, *kinds: int) -> bool:
    return any(_CLASSES[min(ord(character), 0x10000)] in kinds for character in text)


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
