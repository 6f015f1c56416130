"""The cleaning of all fields of a file: white space around values, signs that nobody sees, a spreadsheet's sign for text.

Equal things come out equal. What people read keeps the signs that its script needs; what is compared or computed with keeps none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.contact_files.failures import file_decision
from nightmail.contact_files.summary import FileDecision
from nightmail.lake.masks import present, truth
from nightmail.row_checks.byte_spans import WORD, word
from nightmail.row_checks.recurring import numbered
from nightmail.row_checks.unseen_signs import (
    SPACES,
    UNSEEN,
    exact,
    figures_without_sign_of_text,
    seen,
    without_sign_of_text,
)

_Mask = npt.NDArray[np.bool_]
_Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Cleaned:
    """A clean column, and a mask of the values from which more than white space was taken; None where there is none."""

    values: pa.Array
    changed: _Mask | None = None


def cleaned(column: pa.Array, *, read: bool = False) -> Cleaned:
    """``column`` clean and without white space around its values; null where nothing is left.

    ``read``: people read it, as the value of a placeholder; otherwise it is compared or computed with.
    """
    if len(column) == column.null_count:
        return Cleaned(column)
    if pa.types.is_dictionary(column.type):
        distinct = cleaned(column.dictionary, read=read)
        if distinct.values is column.dictionary:
            return Cleaned(column)
        rows = pc.fill_null(column.indices, len(column.dictionary)).to_numpy(zero_copy_only=False)
        changed = None if distinct.changed is None else np.append(distinct.changed, False)[rows]
        return Cleaned(numbered(rows, [*distinct.values.to_pylist(), None]), changed)
    clean = _without(Cleaned(column), _may_have_unseen(column), seen if read else exact)
    edges = _Edges.of(clean.values)
    if len(edges.spaced):
        clean = Cleaned(_trimmed(clean.values, edges.spaced), clean.changed)
        edges = _Edges.of(clean.values)
    return _without(clean, edges.quoted, figures_without_sign_of_text if read else without_sign_of_text)


def _without(before: Cleaned, rows: _Rows, cleaning: Callable[[str], str]) -> Cleaned:
    """``before`` with ``cleaning`` done to the values of some rows, once for each distinct one."""
    if not len(rows):
        return before
    written = before.values.take(pa.array(rows)).dictionary_encode()
    texts = written.dictionary.to_pylist()
    clean = [cleaning(text) or None for text in texts]
    if clean == texts:
        return before
    concerned = np.zeros(len(before.values), dtype=bool)
    concerned[rows] = True
    values = pc.replace_with_mask(
        before.values, pa.array(concerned), pa.array(clean, before.values.type).take(written.indices)
    )
    differs = np.array([one != other for one, other in zip(texts, clean, strict=True)])
    changed = np.zeros(len(values), dtype=bool) if before.changed is None else before.changed.copy()
    changed[rows] |= differs[written.indices.to_numpy()]
    return Cleaned(values, changed)


_MAY_BE_UNSEEN = (
    "[" + "".join(f"\\x{{{ord(sign):X}}}" for sign in SPACES + UNSEEN + "\u3000") + r"\pM\x{1100}-\x{11FF}]"
)
"""Signs that nobody sees, and what may have a composed form: marks, and the letters that Hangul's syllables are made of."""


def _may_have_unseen(column: pa.Array) -> _Rows:
    """The rows whose values may have signs that nobody sees, or accents apart from their letters."""
    offsets, data = _bytes(column)
    beyond_ascii, control = _kinds_of_bytes(data)
    if not (beyond_ascii or control):
        return np.zeros(0, np.int64)
    places = np.zeros(0, np.int64)
    if beyond_ascii:
        # Neither the letters of Europe's alphabets nor the bytes that follow a first one begin like such a sign.
        places = np.flatnonzero((data >= _FIRST_MARKS) | (data == _LATIN_SIGNS) | (data - _COMBINING < _TWO))
    if control:
        places = np.union1d(places, np.flatnonzero(data < _SPACE))
    rows = np.unique(np.searchsorted(offsets, places, side="right") - 1)
    if column.null_count and len(rows):
        rows = rows[present(column)[rows]]
    if not len(rows):
        return rows
    return np.asarray(rows[truth(pc.match_substring_regex(column.take(pa.array(rows)), _MAY_BE_UNSEEN))])


_LATIN_SIGNS, _COMBINING, _FIRST_MARKS, _TWO = np.uint8(0xC2), np.uint8(0xCC), np.uint8(0xD6), np.uint8(2)
"""First bytes in UTF-8: of U+0080 to U+00BF; of combining accents (two of them); of what comes after Cyrillic."""


def _bytes(column: pa.Array) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """The bytes of all values of a column of strings, and where each begins in them, and the last one ends."""
    _, offset_buffer, data_buffer = column.buffers()
    if data_buffer is None or not len(column):
        return np.zeros(len(column) + 1, np.int32), np.zeros(0, np.uint8)
    offsets = np.frombuffer(offset_buffer, dtype=np.int32, count=column.offset + len(column) + 1)[column.offset :]
    return offsets - offsets[0], np.frombuffer(data_buffer, dtype=np.uint8)[offsets[0] : offsets[-1]]


def _kinds_of_bytes(data: npt.NDArray[np.uint8]) -> tuple[bool, bool]:
    """Whether some bytes are beyond ASCII, and whether some are below the space; looked at eight at a time."""
    whole = len(data) // WORD * WORD
    words, tail = data[:whole].view(np.uint64), data[whole:]
    high = int(np.bitwise_or.reduce(words, initial=np.uint64(0)))
    # Taking a space away from a smaller byte borrows from its top bit, which was not set.
    low = int(np.bitwise_or.reduce((words - _ALL_SPACES) & ~words, initial=np.uint64(0)))
    beyond_ascii = bool(high & _TOP_BITS) or bool((tail > _LAST_OF_ASCII).any())
    return beyond_ascii, bool(low & _TOP_BITS) or bool((tail < _SPACE).any())


_SPACE, _LAST_OF_ASCII = 32, 127
_TOP_BITS = int(word(b"\x80" * WORD))
_ALL_SPACES = word(b" " * WORD)


def _trimmed(column: pa.Array, rows: _Rows) -> pa.Array:
    """``column`` without white space around the values of some rows; null where nothing is left."""
    written = column.take(pa.array(rows))
    text = pc.utf8_trim_whitespace(written)
    empty = pc.equal(pc.binary_length(text), 0)
    if text.equals(written) and not pc.any(empty).as_py():
        return column
    mask = np.zeros(len(column), dtype=bool)
    mask[rows] = True
    return pc.replace_with_mask(column, pa.array(mask), pc.if_else(empty, pa.scalar(None, text.type), text))


@dataclass(frozen=True)
class _Edges:
    """What the first and last bytes of the values of a column tell."""

    spaced: _Rows
    """The rows that are empty, or may begin or end with white space."""
    quoted: _Rows
    """The rows that may begin with a quotation mark."""

    @classmethod
    def of(cls, column: pa.Array) -> _Edges:
        """Look at the ends of all values."""
        _, offset_buffer, data_buffer = column.buffers()
        rows = len(column)
        offsets = np.frombuffer(offset_buffer, dtype=np.int32, count=column.offset + rows + 1)[column.offset :]
        begin, end = offsets[:-1], offsets[1:]
        empty = begin == end
        if data_buffer is None or not data_buffer.size:
            return cls(np.flatnonzero(empty & present(column)), np.zeros(0, np.int64))
        data = np.frombuffer(data_buffer, dtype=np.uint8)
        first, last = data.take(begin, mode="clip"), data.take(end - 1, mode="clip")
        # Most letters, digits and signs of ASCII are passed over at once: what is below the first of them wraps around.
        odd = empty | (first - _FIRST_SIGN > _SIGNS) | (first == _BACKTICK) | (last - _LOWEST > _VISIBLE)
        if column.null_count:
            odd &= present(column)
        at = np.flatnonzero(odd)
        spaced = empty[at] | _SPACE_FIRST[first[at]] | _SPACE_LAST[last[at]]
        return cls(at[spaced], at[_QUOTE_FIRST[first[at]] & ~empty[at]])


_BACKTICK, _FIRST_SIGN, _LOWEST = np.uint8(ord("`")), np.uint8(ord("(")), np.uint8(ord("!"))
_SIGNS, _VISIBLE = np.uint8(ord("~") - ord("(")), np.uint8(ord("~") - ord("!"))


def _bytes_of(characters: str, position: int) -> npt.NDArray[np.bool_]:
    """A mask of the bytes that stand at ``position`` of one of ``characters`` in UTF-8."""
    mask = np.zeros(256, dtype=bool)
    mask[[character.encode()[position] for character in characters]] = True
    return mask


_WHITE_SPACE = "".join(character for character in map(chr, range(0x3001)) if character.isspace())
_SPACE_FIRST = _bytes_of(_WHITE_SPACE, 0)
_SPACE_LAST = _bytes_of(_WHITE_SPACE, -1)
_QUOTE_FIRST = _bytes_of("'`\"‘’‚‛“”„«»´", 0)


@dataclass
class Cleaning:
    """Cleans the columns of one contact file, and counts the values from which more than white space was taken."""

    headers: Mapping[str, str]
    """The columns of the file, each with its name there."""
    read: frozenset[str]
    """The columns that people read: placeholders of text that are no part of a key."""
    _counts: dict[str, int] = field(default_factory=dict)

    def look_at(self, name: str, column: pa.Array) -> pa.Array:
        """A column clean, for what looks at the whole of it beforehand."""
        return cleaned(column, read=name in self.read).values

    def clean(self, name: str, column: pa.Array) -> pa.Array:
        """A column clean, counted."""
        clean = cleaned(column, read=name in self.read)
        if clean.changed is not None:
            self._counts[name] = self._counts.get(name, 0) + int(np.count_nonzero(clean.changed))
        return clean.values

    def decisions(self) -> Iterable[FileDecision]:
        """What was taken away in whole columns."""
        for name, count in self._counts.items():
            fields = {"header": self.headers.get(name, name), "rows": f"{count:,}"}
            yield file_decision("decided_unseen_signs", column=name, count=count, **fields)
