"""Tags and further addresses written by an import: of new contacts, of changed ones, and of those that it brings back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlalchemy import Connection, text

from nightmail.contacts import import_list_queries as queries
from nightmail.contacts.import_lists import FURTHER, LIST_FIELDS, TAGS
from nightmail.lake import column_of
from nightmail.lake.masks import present
from nightmail.store.copying_in import copy_in


@dataclass(frozen=True)
class ListWriter:
    """Writes the columns ``names`` of one import, in the caller's transaction."""

    connection: Connection
    team_id: int
    source: str
    names: tuple[str, ...]

    def staged(self, keys: pa.Array, result: pa.Table, *, restored: bool) -> pa.Table:
        """Rows as the table ``import_lists`` takes them: ``keys`` are their contacts' ids."""
        cells = {
            name: column_of(result, name) if name in self.names else pa.nulls(len(keys), pa.string())
            for name in LIST_FIELDS
        }
        return pa.table({"contact_id": keys, "restored": pa.repeat(restored, len(keys)), **cells})

    def write(self, new: pa.Table, changed: pa.Table, restored: pa.Table) -> None:
        """Write what was staged; new contacts are there already, and have nothing of it yet."""
        filled: npt.NDArray[np.bool_] = np.zeros(new.num_rows, dtype=bool)
        for name in self.names:
            filled |= present(column_of(new, name))
        staged = pa.concat_tables([new.filter(pa.array(filled)), changed, restored])
        if not staged.num_rows:
            return
        self.connection.execute(text("drop table if exists import_lists"))
        self.connection.execute(text(queries.STAGE))
        copy_in(self.connection, f"import_lists ({', '.join(staged.column_names)})", staged)
        values = {"team": self.team_id, "source": self.source}
        tags = {"team": self.team_id, "stated": TAGS in self.names}
        self.connection.execute(text(queries.DROP_TAGS), tags)
        self.connection.execute(text(queries.ADD_TAGS), {"team": self.team_id})
        for column, kind in FURTHER.items():
            dropped = {"team": self.team_id, "kind": kind, "stated": column in self.names}
            self.connection.execute(text(queries.DROP_ADDRESSES.format(column=column)), dropped)
            self.connection.execute(text(queries.ADD_ADDRESSES.format(column=column)), {**values, "kind": kind})


def give_lists_back(connection: Connection, import_id: int) -> None:
    """Give those whom the way back gave their values again their tags and further addresses as well."""
    for query in queries.WAY_BACK:
        connection.execute(text(query), {"import": import_id})
