"""Contacts that an import wrote become found by search: after it, for the index costs more than the contacts themselves.

It begins where an earlier one was cut off, and may be repeated at any time.
"""

from __future__ import annotations

import pyarrow as pa
from sqlalchemy import Engine, text

from nightmail.contacts import import_queries as queries
from nightmail.contacts.search_columns import search_keys
from nightmail.contacts.search_hashes import team_key
from nightmail.lake import column_of
from nightmail.store.copying import copy_table
from nightmail.store.copying_in import copy_in

BLOCK = 50_000
_TEXTS = ("name", "external_id", "phone", "phone_2", "landline", "email", "further")
_ROWS = pa.schema([pa.field("id", pa.int64()), *(pa.field(name, pa.string()) for name in _TEXTS)])


def make_searchable(engine: Engine, team_id: int, hash_key: bytes) -> int:
    """Let all contacts of a team be found that are not yet; return how many. Each :data:`BLOCK` is committed on its own."""
    key, done, after = team_key(hash_key, team_id), 0, 0
    with engine.begin() as connection:
        connection.execute(text(queries.FORGET_EMPTY_SEARCH), {"team": team_id})
    while True:
        with engine.begin() as connection:
            connection.execute(text(queries.LOCK), {"name": f"nightmail.search.{team_id}"})
            values = {"team": team_id, "after": after, "limit": BLOCK}
            rows = copy_table(connection, queries.NOT_SEARCHABLE, values, _ROWS).combine_chunks()
            if not rows.num_rows:
                return done
            keys = search_keys([column_of(rows, name) for name in _TEXTS], key)
            table = pa.table(
                {"contact_id": rows.column("id"), "team_id": pa.repeat(team_id, rows.num_rows), "keys": keys}
            )
            copy_in(connection, "contact_search (contact_id, team_id, keys)", table)
        done += rows.num_rows
        after = rows.column("id")[-1].as_py()
