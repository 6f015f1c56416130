"""Duplicates: which rows are the same contact, and which of them is kept.

Keys are strings in one Arrow column; equal keys are equal strings, not equal hashes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.channels import EMAIL_FIELD
from nightmail.lake import column_of
from nightmail.lake.masks import present
from nightmail.lake.schemas import CONTACTS, STANDARD_FIELDS
from nightmail.row_checks.byte_spans import Spans, may_recur, mixed
from nightmail.row_checks.key_trust import is_no_key

_TEXT = pa.large_string()
"""Keys of a block are joined in 64-bit offsets: Arrow's join of ordinary strings stops at 2 GiB."""
_BETWEEN = pa.scalar("\x1f", _TEXT)
_BY_COLUMNS = pa.scalar("\x01", _TEXT)
_BY_ADDRESS = pa.scalar("\x02", _TEXT)
_NOTHING = pa.scalar("", _TEXT)
_NULL = pa.scalar("\x00", _TEXT)


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column if column.type == _TEXT else column.cast(_TEXT)


def contact_keys(contacts: pa.Table, unique_by: Sequence[str], address_fields: Sequence[str]) -> pa.ChunkedArray:
    """The key of each contact: its ``unique_by`` columns where one of them is filled, else its first address.

    A value that identifies nobody (:mod:`nightmail.row_checks.key_trust`) is none. Of several columns, the address takes the place of such
    a value, and of an ``external_id`` that is missing. Null where ``unique_by`` is empty: then only equal rows are duplicates
    (:func:`row_fingerprints`).
    """
    rows = contacts.num_rows
    nothing = pa.chunked_array([pa.nulls(rows, _TEXT)])
    columns = {name: contacts.column(name) for name in unique_by if name in contacts.column_names}
    if not columns:
        return first_addresses(contacts, address_fields) if unique_by else nothing
    if len(columns) == 1:
        ((name, column),) = columns.items()
        by_columns = pc.binary_join_element_wise(_BY_COLUMNS, trusted(name, column), _NOTHING)
        if by_columns.null_count == 0 and rows:
            return by_columns
        return pc.coalesce(by_columns, first_addresses(contacts, address_fields))
    by_name = {name: trusted(name, column) for name, column in columns.items()}
    filled = pa.chunked_array([pa.repeat(False, rows)])
    for column in by_name.values():
        filled = pc.or_(filled, pc.is_valid(column))
    address = first_addresses(contacts, address_fields)
    parts = []
    for name, text in by_name.items():
        by_address = pc.is_null(text)
        if name != "external_id":
            by_address = pc.and_(by_address, pc.is_valid(columns[name]))
        parts.append(pc.coalesce(pc.if_else(by_address, address, text), _NULL) if text.null_count else text)
    joined = pc.binary_join_element_wise(_BY_COLUMNS, pc.binary_join_element_wise(*parts, _BETWEEN), _NOTHING)
    return pc.coalesce(pc.if_else(filled, joined, pa.scalar(None, _TEXT)), address)


def has_fillers(name: str, type_: pa.DataType) -> bool:
    """Whether a column of ``contacts`` can hold values that identify nobody: standard fields and typed columns hold none any more."""
    return name not in STANDARD_FIELDS and (pa.types.is_string(type_) or pa.types.is_dictionary(type_))


def trusted(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of a key as text, without values that identify nobody."""
    text = _as_text(column)
    if not has_fillers(name, column.type) or not len(column):
        return text
    wrong = np.concatenate([is_no_key(chunk) for chunk in column.chunks])
    return pc.if_else(pa.array(~wrong), text, pa.scalar(None, _TEXT)) if wrong.any() else text


def first_addresses(contacts: pa.Table, address_fields: Sequence[str]) -> pa.ChunkedArray:
    """The first address of each contact, marked as one; email addresses in lower case."""
    addresses = [
        pc.utf8_lower(contacts.column(name)) if name == EMAIL_FIELD else contacts.column(name)
        for name in address_fields
        if name in contacts.column_names
    ]
    if not addresses:
        return pa.chunked_array([pa.nulls(contacts.num_rows, _TEXT)])
    return pc.binary_join_element_wise(_BY_ADDRESS, _as_text(pc.coalesce(*addresses)), _NOTHING)


def row_fingerprints(contacts: pa.Table) -> list[bytes]:
    """16 bytes for each contact that are equal where the addresses and all values are (BLAKE2b).

    The line does not count, nor what follows from a number.
    """
    return [
        blake2b(row, digest_size=16).digest() for row in _rows_as_text(contacts).cast(pa.large_binary()).to_pylist()
    ]


def row_hashes(contacts: pa.Table, rows: np.ndarray) -> np.ndarray:
    """A number for some rows as :func:`row_fingerprints` has bytes: enough to tell rows apart that share a key."""
    found = np.zeros(len(rows), dtype=np.uint64)
    for name in _telling_columns(contacts):
        column = column_of(contacts, name)
        if column.null_count < len(column):
            for words in _words(column, rows):
                found = mixed(words, found)
    return found


def _words(column: pa.Array, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Words that are equal for rows whose values are."""
    valid: np.ndarray | bool = True
    if column.null_count:
        valid = present(column)[rows]
    if pa.types.is_dictionary(column.type):
        numbers = pc.fill_null(column.indices, 0).to_numpy(zero_copy_only=False)[rows]
        yield np.where(valid, Spans.of(column.dictionary).hashes()[numbers], 0)
    elif pa.types.is_string(column.type):
        yield np.where(valid, Spans.of(column, rows).hashes(), 0)
    elif pa.types.is_decimal128(column.type):
        halves = np.frombuffer(column.buffers()[1], np.uint64).reshape(-1, 2)[column.offset :][rows]
        yield from (np.where(valid, halves[:, half], 0) for half in (0, 1))
    elif pa.types.is_date32(column.type):
        days = np.frombuffer(column.buffers()[1], np.int32)[column.offset :][rows]
        yield np.where(valid, days.astype(np.uint64), 0)
    else:
        yield Spans.of(_as_text(column.take(pa.array(rows)))).hashes()


def _telling_columns(contacts: pa.Table) -> list[str]:
    """The columns whose values make rows different: not the line, nor what follows from a number."""
    return [
        name
        for name in contacts.column_names
        if name != "line" and not (name.endswith("_type") and name in CONTACTS.names)
    ]


def _rows_as_text(contacts: pa.Table) -> pa.ChunkedArray:
    columns = [pc.fill_null(_as_text(contacts.column(name)), _NULL) for name in _telling_columns(contacts)]
    return pc.binary_join_element_wise(*columns, _BETWEEN)


def _candidates(keys: pa.ChunkedArray) -> np.ndarray:
    """The positions of the keys that may stand there twice, found by their hashes."""
    hashes = np.concatenate([Spans.of(chunk).hashes() for chunk in keys.chunks])
    mask = may_recur(hashes)
    if keys.null_count:
        mask &= keys.is_valid().to_numpy()
    return np.flatnonzero(mask)


def _groups(keys: pa.ChunkedArray) -> np.ndarray:
    """A number for each key that is the same where the keys are."""
    indices = [chunk.indices.to_numpy(zero_copy_only=False) for chunk in keys.dictionary_encode().chunks]
    return np.concatenate(indices) if indices else np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Collapsed:
    """For each row, by position: the row it collapses into, which is itself for the rows that are kept or have no key."""

    into: np.ndarray

    @property
    def duplicates(self) -> np.ndarray:
        """A mask of the rows that are not kept."""
        return np.asarray(self.into != np.arange(len(self.into)))


def collapse(keys: pa.ChunkedArray, preference: np.ndarray | None, *, keep_last: bool = False) -> Collapsed:
    """Which rows collapse into which, of rows with equal keys. A row whose key is null is nobody's duplicate.

    The row with the highest ``preference`` is kept, the first of these; without preferences the first row or, with ``keep_last``, the last.
    """
    rows = len(keys)
    if rows == 0:
        return Collapsed(np.zeros(0, dtype=np.int64))
    into: np.ndarray = np.arange(rows, dtype=np.int64)
    candidates = _candidates(keys)
    if not len(candidates):
        return Collapsed(into)
    group = _groups(keys.take(pa.array(candidates)))
    # Of several positions written to one place the last one stays: the wanted row of each group is written last.
    order: np.ndarray = np.arange(len(candidates))
    if preference is not None:
        order = np.lexsort((-candidates, preference[candidates]))
    elif not keep_last:
        order = order[::-1]
    kept = np.empty(int(group.max()) + 1, dtype=np.int64)
    kept[group[order]] = candidates[order]
    into[candidates] = kept[group]
    return Collapsed(into)
