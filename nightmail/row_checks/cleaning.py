"""White space around the values of a column."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.lake.masks import present
from nightmail.row_checks.recurring import plain


def trimmed(column: pa.Array) -> pa.Array:
    """``column`` without white space around its values; null where nothing is left."""
    if len(column) == column.null_count:
        return column
    if pa.types.is_dictionary(column.type):
        clean = trimmed(column.dictionary) is column.dictionary
        return column if clean else trimmed(plain(column))
    concerned = _may_need_trimming(column)
    if not concerned.any():
        return column
    where = pa.array(concerned)
    written = column.filter(where)
    text = pc.utf8_trim_whitespace(written)
    if text.equals(written) and not pc.any(pc.equal(pc.binary_length(text), 0)).as_py():
        return column
    text = pc.if_else(pc.equal(pc.binary_length(text), 0), pa.scalar(None, text.type), text)
    return pc.replace_with_mask(column, where, text)


def _may_need_trimming(column: pa.Array) -> np.ndarray:
    """A mask of the values that are empty, or begin or end with a byte that may be of white space."""
    _, offset_buffer, data_buffer = column.buffers()
    rows = len(column)
    offsets = np.frombuffer(offset_buffer, dtype=np.int32, count=column.offset + rows + 1)[column.offset :]
    begin, end = offsets[:-1], offsets[1:]
    empty = begin == end
    if data_buffer is None or not data_buffer.size:
        return np.asarray(empty & present(column))
    data = np.frombuffer(data_buffer, dtype=np.uint8)
    first, last = data.take(begin, mode="clip"), data.take(end - 1, mode="clip")
    # Letters, digits and signs of ASCII are passed over at once: what is below "!" wraps around.
    found = empty | (first - _FIRST_SIGN > _SIGNS) | (last - _FIRST_SIGN > _SIGNS)
    if column.null_count:
        found &= present(column)
    at = np.flatnonzero(found)
    found[at] = empty[at] | _SPACE_FIRST[first[at]] | _SPACE_LAST[last[at]]
    return np.asarray(found)


_FIRST_SIGN, _SIGNS = np.uint8(ord("!")), np.uint8(ord("~") - ord("!"))


def _bytes_of(characters: str, position: int) -> np.ndarray:
    """A mask of the bytes that stand at ``position`` of one of ``characters`` in UTF-8."""
    mask = np.zeros(256, dtype=bool)
    mask[[character.encode()[position] for character in characters]] = True
    return mask


_WHITE_SPACE = "".join(character for character in map(chr, range(0x3001)) if character.isspace())
_SPACE_FIRST = _bytes_of(_WHITE_SPACE, 0)
_SPACE_LAST = _bytes_of(_WHITE_SPACE, -1)
