"""Which of a file's judged rows are the same contact, and which of those an earlier campaign had."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.channels import ADDRESS_FIELDS
from nightmail.organisation.feed_choices import Keep
from nightmail.row_checks.aside import AsideTable
from nightmail.row_checks.byte_spans import Spans
from nightmail.row_checks.duplicates import (
    Collapsed,
    collapse,
    contact_keys,
    first_addresses,
    row_fingerprints,
    row_hashes,
)
from nightmail.row_checks.judged_rows import JudgedRows
from nightmail.row_checks.rules import ContactRules

_MANY_ADDRESSES = 3
"""Different addresses with one key from which the key is not trusted to be one person's: two are a person with two numbers."""


def row_keys(contacts: pa.Table, rules: ContactRules) -> pa.ChunkedArray:
    """The keys of judged rows; where nothing else makes a contact unique, equal rows are equal keys."""
    if rules.unique_by:
        return contact_keys(contacts, rules.unique_by, address_order(rules))
    return pa.chunked_array([pa.array([print_.hex() for print_ in row_fingerprints(contacts)], pa.large_string())])


def address_order(rules: ContactRules) -> tuple[str, ...]:
    """The address fields, those first that the template can use."""
    return tuple(dict.fromkeys((*rules.usable_fields, *ADDRESS_FIELDS)))


def _earlier_campaigns(keys: pa.ChunkedArray, rules: ContactRules) -> list[str | None] | None:
    """For each row the earlier campaign that had its contact; the first one that :attr:`ContactRules.earlier_campaigns` names."""
    if not rules.earlier_campaigns or not rules.unique_by:
        return None
    found: list[str | None] = [None] * len(keys)
    for earlier in rules.earlier_campaigns:
        available = set(earlier.contacts.schema().names)
        wanted = [name for name in dict.fromkeys((*rules.unique_by, *ADDRESS_FIELDS)) if name in available]
        parts = [row_keys(block, rules) for block in earlier.contacts.blocks(wanted)]
        known = pa.chunked_array([chunk for part in parts for chunk in part.chunks], pa.large_string())
        for position in np.flatnonzero(pc.is_in(keys, value_set=known, skip_nulls=True).to_numpy()):
            found[position] = found[position] or earlier.campaign
    return found


@dataclass(frozen=True)
class SameContacts:
    """What became of each row, by position, beside the contact that it is."""

    collapsed: Collapsed
    equal: npt.NDArray[np.bool_]
    """A mask of the duplicates that equal, in address and all values, the row that they collapse into."""
    already: npt.NDArray[np.bool_]
    """A mask of the rows whom an earlier campaign had."""
    earlier: list[str | None] | None
    """That campaign."""
    addresses: npt.NDArray[np.int32]
    """For each kept row how many addresses its key stands with, where that is many; else 0."""
    sharing: int
    """Duplicates of such rows that have another address than the row that is kept."""
    rows_of: npt.NDArray[np.int32]
    """For each kept row how many rows were taken for it."""

    @classmethod
    def of(cls, judged: JudgedRows, rules: ContactRules) -> SameContacts:
        """Find the duplicates among all rows."""
        keys = judged.take_keys()
        collapsed = collapse(keys, judged.preference, keep_last=rules.keep == Keep.LAST)
        earlier = _earlier_campaigns(keys, rules)
        del keys
        duplicate = collapsed.duplicates
        prints, rows_of, addresses = _prints(judged.contacts, collapsed, rules)
        already = np.zeros(len(duplicate), dtype=bool)
        if earlier is not None:
            already = np.array([campaign is not None for campaign in earlier], dtype=bool)
            already &= ~duplicate & ~judged.rejected
        many, sharing = _shared(collapsed, rows_of, addresses)
        return cls(collapsed, (prints == prints[collapsed.into]) & duplicate, already, earlier, many, sharing, rows_of)

    @property
    def duplicates(self) -> npt.NDArray[np.bool_]:
        """A mask of the rows that are not kept."""
        return self.collapsed.duplicates


def _prints(
    aside: AsideTable, collapsed: Collapsed, rules: ContactRules
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32], npt.NDArray[np.uint64]]:
    """For rows that collapse or are collapsed into: a number that tells their values apart, how many rows the kept one stands for,
    and, where these may have many addresses, a number that tells the addresses apart.
    """
    rows = len(collapsed.into)
    duplicate = collapsed.duplicates
    rows_of = np.bincount(collapsed.into[duplicate], minlength=rows).astype(np.int32)
    rows_of[rows_of > 0] += 1
    concerned = duplicate | (rows_of > 0)
    crowded = concerned & (rows_of[collapsed.into] >= _MANY_ADDRESSES) & bool(rules.unique_by)
    prints, addresses = np.zeros(rows, dtype=np.uint64), np.zeros(rows, dtype=np.uint64)
    start = 0
    for index in range(aside.blocks):
        block = aside.block(index)
        stop = start + block.num_rows
        wanted = np.flatnonzero(concerned[start:stop])
        if len(wanted):
            prints[start + wanted] = row_hashes(block, wanted)
        wanted = np.flatnonzero(crowded[start:stop])
        if len(wanted):
            first = first_addresses(block.take(pa.array(wanted)), address_order(rules)).combine_chunks()
            addresses[start + wanted] = Spans.of(pc.fill_null(first, "")).hashes()
        start = stop
    return prints, rows_of, addresses


def _shared(
    collapsed: Collapsed, rows_of: npt.NDArray[np.int32], addresses: npt.NDArray[np.uint64]
) -> tuple[npt.NDArray[np.int32], int]:
    """How many addresses the key of each kept row stands with, where that is many, and the duplicates with another address."""
    many = np.zeros(len(rows_of), dtype=np.int32)
    members = np.flatnonzero(rows_of[collapsed.into] >= _MANY_ADDRESSES)
    if not len(members):
        return many, 0
    into = collapsed.into[members]
    order = np.lexsort((addresses[members], into))
    kept, hashes = into[order], addresses[members][order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (kept[1:] != kept[:-1]) | (hashes[1:] != hashes[:-1])
    different = np.bincount(kept[new], minlength=len(many)).astype(np.int32)
    many[different >= _MANY_ADDRESSES] = different[different >= _MANY_ADDRESSES]
    return many, int(np.count_nonzero((many[into] > 0) & (addresses[members] != addresses[into])))
