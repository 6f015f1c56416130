"""A team's contacts as a table, for an import to be compared with: all of them, or those that a small file may be of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, text

from nightmail.channels import ADDRESS_FIELDS
from nightmail.contacts import import_queries as queries
from nightmail.contacts.contact_listing import attributes_known
from nightmail.contacts.import_list_queries import CELLS
from nightmail.contacts.import_modes import KEY, REMOVED, ImportMode
from nightmail.contacts.import_reading import JudgedFile, short_numbers
from nightmail.lake import column_of
from nightmail.lake.masks import present
from nightmail.lake.schemas import STANDARD_FIELDS
from nightmail.privacy.keyed_hashes import address_digests
from nightmail.store.copying import copy_table

BOOK_FIELDS = ("name", *STANDARD_FIELDS)
"""The fields of a contact that have a column of their own; all others are attributes."""
_SMALL_FILE = 20_000
"""Rows up to which only those contacts are read that the file may be of."""


def attribute_types(connection: Connection, team_id: int) -> dict[str, str]:
    """The attributes that contacts of a team have, each with the type of its values: text, number, date or boolean."""
    return {name: attribute.type for name, attribute in attributes_known(connection, team_id).items()}


def known_contacts(connection: Connection, team_id: int) -> int:
    """How many contacts a team has."""
    return int(connection.scalar(text(queries.KNOWN_CONTACTS), {"team": team_id}) or 0)


def load_book(
    connection: Connection, team_id: int, file: JudgedFile, mode: ImportMode, types: Mapping[str, str], key: bytes
) -> pa.Table:
    """The contacts of a team with their addresses and what ``file`` states of them, removed ones too.

    Columns: ``id``, ``version``, the :data:`~nightmail.contacts.import_modes.KEY`, ``removed``, and one per field.
    """
    fields = dict.fromkeys(("external_id", *ADDRESS_FIELDS, *file.fields))
    values: dict[str, Any] = {"team": team_id}
    columns, names = "", ["id", "version", KEY, REMOVED]
    for number, name in enumerate(fields):
        if name in BOOK_FIELDS:
            columns += f", c.{name}::text as f{number}"
        elif name in file.lists:
            columns += f", {CELLS[name]} as f{number}"
        else:
            values[f"n{number}"] = name
            columns += f", c.attributes ->> %(n{number})s as f{number}"
        names.append(f"f{number}")
    only = ""
    if mode is not ImportMode.REPLACE and file.incoming.num_rows <= _SMALL_FILE:
        only = queries.ONLY_MEANT
        values |= _meant(file.incoming, key)
    kinds = {"id": pa.int64(), "version": pa.int32(), REMOVED: pa.bool_()}
    schema = pa.schema([pa.field(name, kinds.get(name, pa.string())) for name in names])
    query = queries.BOOK.format(columns=columns, only=only)
    book = copy_table(connection, query, values, schema).combine_chunks()
    book = book.rename_columns(["id", "version", KEY, REMOVED, *fields])
    for name in fields:
        if types.get(name) == "number" and name not in BOOK_FIELDS:
            book = book.set_column(book.schema.get_field_index(name), name, short_numbers(column_of(book, name)))
    return book


def _meant(incoming: pa.Table, key: bytes) -> dict[str, list[Any]]:
    """The ids of a file's rows, and the hashes of the addresses of those that state no number of the team's own."""
    open_ = incoming.filter(pa.array(~present(column_of(incoming, "external_id"))))
    hashes: set[bytes] = set()
    for name in ADDRESS_FIELDS:
        if name in open_.column_names:
            given = column_of(open_, name).drop_null().to_pylist()
            hashes |= {bytes(digest.tobytes()) for digest in address_digests(given, key)}
    return {"keys": column_of(incoming, KEY).to_pylist(), "hashes": sorted(hashes)}
