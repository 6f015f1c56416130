"""What an import would make of a book, by its mode: worked out by the column, and nothing is written.

A preview counts what :func:`plan_import` says and an apply carries out the same plan, so that the two cannot differ.

==========  ==========================  =================================  ==============================
mode        a row of nobody known       a row of somebody known            known, and no row of the file
==========  ==========================  =================================  ==============================
add         becomes a contact           is left as it is                   is left as it is
update      becomes a contact           takes the cells that are filled    is left as it is
replace     becomes a contact           takes every cell, the empty too    is removed
remove      is unknown: nothing to do   is removed                         is left as it is
==========  ==========================  =================================  ==============================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.channels import ADDRESS_FIELDS
from nightmail.contacts.import_lists import too_long, united
from nightmail.lake import column_of
from nightmail.lake.masks import Mask, present, truth
from nightmail.privacy.keyed_hashes import HashIndex, from_hex

KEY = "contact_id"
"""The column by which a row and a contact are the same: the contact's id, as text."""
REMOVED = "removed"
"""The column of the book that says whether a contact was removed: it is there for a restore, and is no one known."""


class ImportMode(StrEnum):
    """What an import does; see the module."""

    ADD = "add"
    UPDATE = "update"
    REPLACE = "replace"
    REMOVE = "remove"


class Fate(IntEnum):
    """What becomes of one row of a file."""

    NEW = 0
    CHANGED = 1
    EQUAL = 2
    """Of somebody known, and nothing changes: all is as it was, or ``add`` leaves it."""
    REMOVED = 3
    UNKNOWN = 4
    """A row of ``remove`` that is of nobody known."""
    REFUSED = 5


@dataclass(frozen=True)
class ImportPlan:
    """What an import would do to a book. ``incoming`` and ``book`` are what it was made of."""

    mode: ImportMode
    incoming: pa.Table = field(repr=False)
    book: pa.Table = field(repr=False)
    fields: tuple[str, ...]
    """The columns whose values the file states."""
    fates: npt.NDArray[np.uint8] = field(repr=False)
    """For each row of ``incoming`` its :class:`Fate`."""
    places: npt.NDArray[np.int64] = field(repr=False)
    """For each row of ``incoming`` its contact's place in ``book``, or -1. A new row has one where it restores somebody."""
    refusals: Mapping[int, str] = field(repr=False)
    """The reason of each refused row, by its place in ``incoming``."""
    left_out: npt.NDArray[np.int64] = field(repr=False)
    """The places in ``book`` that no row of a ``replace`` is of: they are removed."""
    unread: Mapping[str, Mask] = field(default_factory=dict, repr=False)
    """By field, the rows whose cell says nothing, not even that it is empty."""
    lists: tuple[str, ...] = ()
    """The fields whose cells hold several values."""

    def rows(self, fate: Fate) -> npt.NDArray[np.int64]:
        """The places in ``incoming`` of the rows with a fate."""
        return np.flatnonzero(self.fates == fate)

    @property
    def removed(self) -> npt.NDArray[np.int64]:
        """The places in ``book`` of the contacts that the import removes."""
        return np.sort(np.concatenate([self.places[self.rows(Fate.REMOVED)], self.left_out]))

    @property
    def known(self) -> int:
        """How many contacts the book has, without those that were removed."""
        return int(self.book.num_rows) - int(truth(self.book.column(REMOVED)).sum())

    def counts(self) -> dict[str, int]:
        """``new, changed, equal, removed, unknown, refused``: of rows, but ``removed``, which is of contacts."""
        found = np.bincount(self.fates, minlength=len(Fate))
        return {
            "new": int(found[Fate.NEW]),
            "changed": int(found[Fate.CHANGED]),
            "equal": int(found[Fate.EQUAL]),
            "removed": len(self.removed),
            "unknown": int(found[Fate.UNKNOWN]),
            "refused": int(found[Fate.REFUSED]),
        }

    def result(self, fate: Fate) -> pa.Table:
        """The columns :attr:`fields` of the rows with a fate as the book will have them; in the order of :meth:`rows`."""
        rows = self.rows(fate)
        wanted = pa.array(rows)
        given = self.incoming.select(list(self.fields)).take(wanted)
        if fate is not Fate.CHANGED:
            return given
        before = self.book.select(list(self.fields)).take(pa.array(self.places[rows]))
        return pa.table({name: self.merged(name, rows, given[name], before[name]) for name in self.fields})

    def merged(
        self, name: str, rows: npt.NDArray[np.int64], given: pa.ChunkedArray, before: pa.ChunkedArray
    ) -> pa.ChunkedArray:
        """What a field of somebody known is after the import, for the ``rows`` that state ``given``."""
        if name in self.lists and self.mode is not ImportMode.REPLACE:
            # What is listed comes to what is there.
            return pa.chunked_array([united(given, before, name)])
        # Who a contact is never goes: a row that was matched by its address states no number of its own.
        if self.mode is not ImportMode.REPLACE or name == "external_id":
            return pc.coalesce(given, before)
        if name in self.unread:
            return pc.if_else(pa.array(self.unread[name][rows]), pc.coalesce(given, before), given)
        return given


def plan_import(
    book: pa.Table,
    incoming: pa.Table,
    mode: ImportMode,
    fields: Sequence[str],
    spared: pa.Array | None = None,
    unread: Mapping[str, Mask] | None = None,
    lists: Sequence[str] = (),
) -> ImportPlan:
    """Work out what an import of ``incoming`` would do to ``book``; both have :data:`KEY` and ``fields``.

    A row is of the contact with its id. A row without an ``external_id`` that is of nobody by its id is of the one contact
    that has one of its addresses; where several have, it is refused as ``import_several_contacts``. Each row is of another
    contact: the later of two that are not is refused as ``import_contact_twice``. A row of nobody known without any
    address is refused as ``no_address``, for nobody could ever write to it.

    ``spared`` are the ids of rows that are not among ``incoming``, for something is wrong with them: what is wrong with a row
    costs nobody their place. ``unread`` marks, by field, the rows whose cell cannot be read: it says nothing in any mode.
    ``lists`` are fields whose cells hold several values: those of a row come to what its contact has, but by ``replace``.
    """
    places, several, meant = _matched(book, incoming)
    rows = incoming.num_rows
    gone = truth(book.column(REMOVED))
    known = (places >= 0) & ~_at(gone, places)
    twice = _later_of_two(places)
    fates = np.full(rows, Fate.NEW, dtype=np.uint8)
    if mode is ImportMode.REMOVE:
        fates[:] = Fate.UNKNOWN
        fates[known] = Fate.REMOVED
        nowhere = np.zeros(rows, dtype=bool)
    else:
        fates[known] = Fate.EQUAL
        nowhere = ~known & ~_has_address(incoming)
    refusals: dict[int, str] = {}
    for mask, reason in (
        (nowhere, "no_address"),
        (twice, "import_contact_twice"),
        (several, "import_several_contacts"),
    ):
        fates[mask] = Fate.REFUSED
        refusals.update(dict.fromkeys(np.flatnonzero(mask).tolist(), reason))
    left_out = np.zeros(0, dtype=np.int64)
    if mode is ImportMode.REPLACE:
        over = ~gone
        over[places[places >= 0]] = False
        over[list(meant)] = False
        if spared is not None and len(spared) and len(over):
            over &= ~HashIndex(from_hex(spared)).contains(from_hex(book.column(KEY)))
        left_out = np.flatnonzero(over)
    plan = ImportPlan(
        mode, incoming, book, tuple(fields), fates, places, refusals, left_out, unread or {}, tuple(lists)
    )
    if mode in (ImportMode.UPDATE, ImportMode.REPLACE):
        fates[_changed(plan)] = Fate.CHANGED
        _refuse_long_lists(plan, refusals)
    return plan


def _refuse_long_lists(plan: ImportPlan, refusals: dict[int, str]) -> None:
    """Refuse the rows after which a contact would have more tags or addresses than it may."""
    rows = plan.rows(Fate.CHANGED)
    result = plan.result(Fate.CHANGED) if plan.lists else None
    for name in plan.lists:
        long = rows[truth(too_long(column_of(result, name), name))]
        plan.fates[long] = Fate.REFUSED
        refusals.update(dict.fromkeys(long.tolist(), "import_list_too_long"))


def _matched(book: pa.Table, incoming: pa.Table) -> tuple[npt.NDArray[np.int64], Mask, set[int]]:
    """For each row its contact's place in the book, or -1; where several contacts may be meant; and the places of those."""
    places = HashIndex(from_hex(book.column(KEY))).find(from_hex(incoming.column(KEY)))
    several = np.zeros(incoming.num_rows, dtype=bool)
    open_ = np.flatnonzero((places < 0) & ~present(column_of(incoming, "external_id")))
    if not len(open_) or not book.num_rows:
        return places, several, set()
    owners = _owners(book)
    asked = incoming.take(pa.array(open_))
    meant: set[int] = set()
    columns = [column_of(asked, name).to_pylist() for name in ADDRESS_FIELDS if name in asked.column_names]
    for row, addresses in zip(open_.tolist(), zip(*columns, strict=True), strict=True):
        found = set[int]().union(*(owners.get(address, ()) for address in addresses if address))
        if len(found) == 1:
            places[row] = found.pop()
        elif found:
            several[row] = True
            meant |= found
    return places, several, meant


def _owners(book: pa.Table) -> dict[str, set[int]]:
    """Who of the book, by place, has each address. Those who were removed have none."""
    owners: dict[str, set[int]] = {}
    there = np.flatnonzero(~truth(book.column(REMOVED)))
    for name in ADDRESS_FIELDS:
        if name in book.column_names:
            column = column_of(book, name).take(pa.array(there)).to_pylist()
            for place, address in zip(there.tolist(), column, strict=True):
                if address:
                    owners.setdefault(address, set()).add(place)
    return owners


def _later_of_two(places: npt.NDArray[np.int64]) -> Mask:
    """A mask of the rows whose contact an earlier row is of already."""
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    twice = np.zeros(len(places), dtype=bool)
    twice[order[1:]] = (ordered[1:] == ordered[:-1]) & (ordered[1:] >= 0)
    return twice


def _has_address(incoming: pa.Table) -> Mask:
    found = np.zeros(incoming.num_rows, dtype=bool)
    for name in ADDRESS_FIELDS:
        if name in incoming.column_names:
            found |= present(column_of(incoming, name))
    return found


def _changed(plan: ImportPlan) -> npt.NDArray[np.int64]:
    """The places of the rows of somebody known that state another value than the book has."""
    rows = plan.rows(Fate.EQUAL)
    given = plan.incoming.select(list(plan.fields)).take(pa.array(rows))
    before = plan.book.select(list(plan.fields)).take(pa.array(plan.places[rows]))
    differs = np.zeros(len(rows), dtype=bool)
    for name in plan.fields:
        after = plan.merged(name, rows, given[name], before[name])
        same = pc.or_(
            pc.fill_null(pc.equal(after, before[name]), False), pc.and_(pc.is_null(after), pc.is_null(before[name]))
        )
        differs |= ~truth(same)
    return rows[differs]


def _at(mask: Mask, places: npt.NDArray[np.int64]) -> Mask:
    """``mask`` at ``places``; false where there is none."""
    found = np.zeros(len(places), dtype=bool)
    inside = places >= 0
    found[inside] = mask[places[inside]]
    return found
