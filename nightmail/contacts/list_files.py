"""A list or a segment as a contact file: everybody in it as they are at one moment, in columns, in a file that is kept.

The file goes the way of every uploaded file from there on. Its column :data:`ID_COLUMN` is the id that each contact has in the
book of its own team, so that what they chose, agreed to and got there holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection

from nightmail.contacts import list_queries as queries
from nightmail.contacts.distribution_lists import ListRow, find_list
from nightmail.contacts.list_membership import Membership, list_membership, segment_membership
from nightmail.contacts.scopes import FIELDS, scope_of
from nightmail.contacts.segment_rules import Kind
from nightmail.contacts.segment_sql import DRIVER
from nightmail.contacts.segments import SegmentRow, find_segment
from nightmail.errors import ContactFileError
from nightmail.lake.schemas import CONTACTS, STANDARD_FIELDS
from nightmail.store.copying import copy_blocks

ID_COLUMN: Final = "contact_id"
LIST: Final = "list"
SEGMENT: Final = "segment"
BOOK_SOURCES = frozenset({LIST, SEGMENT})
"""The sources of campaigns whose file was written from the book: only of these is :data:`ID_COLUMN` believed."""
_FILE_FIELDS = tuple(name for name in STANDARD_FIELDS if name in FIELDS)
_RESERVED = frozenset({*CONTACTS.names, ID_COLUMN, "line"})
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class ListSource:
    """A list or a segment that a campaign is made of."""

    kind: str
    """``list`` or ``segment``."""
    found: ListRow | SegmentRow

    @property
    def name(self) -> str:
        """Its name."""
        return self.found.name


@dataclass(frozen=True, slots=True)
class ListFile:
    """The contacts of a list or segment as they were: ``path`` is a Parquet file of text columns."""

    source: ListSource
    definition: Mapping[str, Any]
    """The rules, names and versions that it was made by; no personal data."""
    contacts: int
    path: Path
    sha256: str
    """Of the file: the same for the same contacts with the same values."""
    columns: tuple[str, ...]
    numbers: tuple[str, ...]
    """The columns whose values are numbers, written with a decimal point."""

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.path.stat().st_size


def find_source(connection: Connection, team: str, kind: str, which: str | int) -> ListSource:
    """The list or segment that a team uses, by name or number. Raises :class:`UsageError` (``list_unknown``, ``segment_unknown``)."""
    found = find_list(connection, team, which) if kind == LIST else find_segment(connection, team, which)
    return ListSource(kind, found)


def source_membership(
    connection: Connection, source: ListSource, sender: str, *, written: str = ":{name}"
) -> Membership:
    """Who is in a list or segment now, among the contacts that the team at the path ``sender`` uses."""
    if isinstance(source.found, SegmentRow):
        return segment_membership(connection, source.found, sender, written=written)
    return list_membership(connection, source.found.id, sender, written=written)


def write_list_file(connection: Connection, source: ListSource, sender: str, destination: Path) -> ListFile:
    """Write everybody in a list or segment into ``destination``, a new Parquet file, as one statement finds them.

    Raises :class:`ContactFileError` (``list_nobody``), after which there is no file, and :class:`UsageError` for a list or rule that
    cannot be used.
    """
    membership = source_membership(connection, source, sender, written=DRIVER)
    kinds = scope_of(connection, sender).attributes
    attributes = [name for name in sorted(kinds) if name not in _RESERVED]
    columns = (ID_COLUMN, *_FILE_FIELDS, *attributes)
    contacts = _write(connection, membership, attributes, columns, destination)
    if contacts == 0:
        destination.unlink()
        raise ContactFileError("list_nobody", name=source.name)
    return ListFile(
        source=source,
        definition=membership.definition,
        contacts=contacts,
        path=destination,
        sha256=_sha256(destination),
        columns=columns,
        numbers=tuple(name for name in attributes if kinds[name] is Kind.NUMBER),
    )


def _write(
    connection: Connection, membership: Membership, attributes: list[str], columns: tuple[str, ...], destination: Path
) -> int:
    parameters = dict(membership.parameters)
    selected = [f"c.{ID_COLUMN} as {ID_COLUMN}", *(f"c.{name} as {name}" for name in _FILE_FIELDS)]
    for number, name in enumerate(attributes):
        # Names of attributes are no identifiers of the database: they may be longer, and anything.
        parameters[f"a{number}"] = name
        selected.append(f"c.attributes ->> %(a{number})s as a{number}")
    read_as = pa.schema(
        [pa.field(name, pa.string()) for name in (ID_COLUMN, *_FILE_FIELDS)]
        + [pa.field(f"a{number}", pa.string()) for number in range(len(attributes))]
    )
    statement = membership.statement(queries.MEMBERS, columns=", ".join(selected))
    schema = pa.schema([pa.field(name, pa.string()) for name in columns])
    rows = 0
    destination.touch(0o600)
    with pq.ParquetWriter(destination, schema, compression="zstd") as writer:
        for block in copy_blocks(connection, statement, parameters, read_as):
            writer.write_table(block.rename_columns(list(columns)))
            rows += block.num_rows
    return rows


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
