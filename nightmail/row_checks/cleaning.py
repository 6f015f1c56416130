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
    seen_signs = _without(Cleaned(column), _may_have_unseen(column), seen if read else exact)
    trimmed = _trimmed(seen_signs.values)
    sign_of_text = figures_without_sign_of_text if read else without_sign_of_text
    return _without(Cleaned(trimmed, seen_signs.changed), _may_have_sign_of_text(trimmed), sign_of_text)


def _without(before: Cleaned, concerned: _Mask, cleaning: Callable[[str], str]) -> Cleaned:
    """``before`` with ``cleaning`` done to the values that ``concerned`` marks, once for each distinct one."""
    if not concerned.any():
        return before
    where = pa.array(concerned)
    written = before.values.filter(where).dictionary_encode()
    texts = written.dictionary.to_pylist()
    clean = [cleaning(text) or None for text in texts]
    if clean == texts:
        return before
    values = pc.replace_with_mask(before.values, where, pa.array(clean, before.values.type).take(written.indices))
    differs = np.array([one != other for one, other in zip(texts, clean, strict=True)])
    changed = np.zeros(len(values), dtype=bool) if before.changed is None else before.changed.copy()
    changed[concerned] |= differs[written.indices.to_numpy()]
    return Cleaned(values, changed)


_MAY_BE_UNSEEN = (
    "[" + "".join(f"\\x{{{ord(sign):X}}}" for sign in SPACES + UNSEEN + "\u3000") + r"\pM\x{1100}-\x{11FF}]"
)
"""Signs that nobody sees, and what may have a composed form: marks, and the letters that Hangul's syllables are made of."""
_CONTROL = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F]"


def _may_have_unseen(column: pa.Array) -> _Mask:
    """A mask of the values that may have signs that nobody sees, or accents apart from their letters."""
    found = np.zeros(len(column), dtype=bool)
    data = _bytes(column)
    if data.max(initial=0) > _LAST_OF_ASCII:
        rows = np.flatnonzero(truth(pc.invert(pc.string_is_ascii(column))))
        may = truth(pc.match_substring_regex(column.take(pa.array(rows)), _MAY_BE_UNSEEN))
        found[rows[may]] = True
    if (_CONTROL_BYTES[data]).any():
        found |= truth(pc.match_substring_regex(column, _CONTROL))
    return found


def _bytes(column: pa.Array) -> npt.NDArray[np.uint8]:
    """The bytes of all values of a column of strings."""
    _, offset_buffer, data_buffer = column.buffers()
    if data_buffer is None or not len(column):
        return np.zeros(0, np.uint8)
    offsets = np.frombuffer(offset_buffer, dtype=np.int32, count=column.offset + len(column) + 1)[column.offset :]
    return np.frombuffer(data_buffer, dtype=np.uint8)[offsets[0] : offsets[-1]]


_LAST_OF_ASCII = 127
_CONTROL_BYTES = np.isin(np.arange(256), [*range(9), 11, 12, *range(14, 32), 127])


def _trimmed(column: pa.Array) -> pa.Array:
    """``column`` without white space around its values; null where nothing is left."""
    concerned = _ends(column, _SPACE_FIRST, _SPACE_LAST, empty=True)
    if not concerned.any():
        return column
    where = pa.array(concerned)
    written = column.filter(where)
    text = pc.utf8_trim_whitespace(written)
    if text.equals(written) and not pc.any(pc.equal(pc.binary_length(text), 0)).as_py():
        return column
    text = pc.if_else(pc.equal(pc.binary_length(text), 0), pa.scalar(None, text.type), text)
    return pc.replace_with_mask(column, where, text)


def _may_have_sign_of_text(column: pa.Array) -> _Mask:
    """A mask of the values that may begin with a quotation mark."""
    return _ends(column, _QUOTE_FIRST, _NEVER, empty=False)


def _ends(column: pa.Array, firsts: _Mask, lasts: _Mask, *, empty: bool) -> _Mask:
    """A mask of the values that begin or end with one of these bytes, or are empty if those count."""
    _, offset_buffer, data_buffer = column.buffers()
    rows = len(column)
    offsets = np.frombuffer(offset_buffer, dtype=np.int32, count=column.offset + rows + 1)[column.offset :]
    begin, end = offsets[:-1], offsets[1:]
    nothing = begin == end
    if data_buffer is None or not data_buffer.size:
        return np.asarray(nothing & present(column) & empty)
    data = np.frombuffer(data_buffer, dtype=np.uint8)
    first, last = data.take(begin, mode="clip"), data.take(end - 1, mode="clip")
    found = (firsts[first] | lasts[last]) & ~nothing
    if empty:
        found |= nothing
    if column.null_count:
        found &= present(column)
    return np.asarray(found)


def _bytes_of(characters: str, position: int) -> _Mask:
    """A mask of the bytes that stand at ``position`` of one of ``characters`` in UTF-8."""
    mask = np.zeros(256, dtype=bool)
    mask[[character.encode()[position] for character in characters]] = True
    return mask


_WHITE_SPACE = "".join(character for character in map(chr, range(0x3001)) if character.isspace())
_SPACE_FIRST = _bytes_of(_WHITE_SPACE, 0)
_SPACE_LAST = _bytes_of(_WHITE_SPACE, -1)
_QUOTE_FIRST = _bytes_of("'`\"‘’‚‛“”„«»´", 0)
_NEVER = np.zeros(256, dtype=bool)


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
