"""An import carried out: new contacts by COPY, all others by one statement for each thing that is done to them.

It goes by the plan that it was given, or not at all: who was changed since the plan was made stops it, and nothing is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from psycopg.errors import UniqueViolation
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from nightmail.channels import ADDRESS_FIELDS
from nightmail.contacts import import_queries as queries
from nightmail.contacts.import_book import BOOK_FIELDS
from nightmail.contacts.import_list_queries import AFTER, BEFORE
from nightmail.contacts.import_list_writing import ListWriter
from nightmail.contacts.import_lists import FURTHER, quoted_hashes
from nightmail.contacts.import_modes import KEY, Fate, ImportPlan
from nightmail.contacts.json_columns import json_objects
from nightmail.errors import NightmailError
from nightmail.lake import column_of
from nightmail.lake.schemas import IDENTITY_FIELDS
from nightmail.privacy.keyed_hashes import address_digests, hex_column
from nightmail.store.copying_in import copy_in

RESTORED = 6
"""Beside the fates: a new row of somebody who was removed."""


@dataclass(frozen=True)
class ImportWriter:
    """Carries out the plans of one import, in the caller's transaction."""

    connection: Connection
    import_id: int
    team_id: int
    actor: str
    types: Mapping[str, str]
    hash_key: bytes

    @property
    def source(self) -> str:
        """What contacts that it makes or changes have as their source."""
        return source_of(self.import_id)

    def write(self, plan: ImportPlan) -> None:
        """Carry out a plan. Raises :class:`NightmailError` (``import_book_changed``)."""
        new, restored = self._new_rows(plan)
        lists = ListWriter(self.connection, self.team_id, self.source, plan.lists)
        staged = [
            self._stage(plan, plan.rows(Fate.CHANGED), Fate.CHANGED, plan.result(Fate.CHANGED)),
            self._stage(plan, restored, RESTORED, plan.incoming.select(list(plan.fields)).take(pa.array(restored))),
            self._staged_removals(plan),
        ]
        try:
            self._insert(plan.incoming.take(pa.array(new)), plan.fields)
        except (UniqueViolation, IntegrityError):
            raise NightmailError("import_book_changed") from None
        there = [table for table in staged if table.num_rows]
        if there:
            self._merge(
                plan,
                pa.concat_tables(there, promote_options="default"),
                lists,
                self._listed(plan, lists, new, restored),
            )
        elif plan.lists:
            lists.write(*self._listed(plan, lists, new, restored))

    def _listed(
        self, plan: ImportPlan, lists: ListWriter, new: npt.NDArray[np.int64], restored: npt.NDArray[np.int64]
    ) -> tuple[pa.Table, pa.Table, pa.Table]:
        """What the contacts that are new, changed and brought back have of tags and further addresses after it."""
        given = plan.incoming.take(pa.array(new)), plan.incoming.take(pa.array(restored))
        known = plan.book.select([KEY]).take(pa.array(plan.places[plan.rows(Fate.CHANGED)]))
        changed = plan.result(Fate.CHANGED) if plan.lists else known.slice(0, 0)
        keys = column_of(known, KEY) if plan.lists else pa.array([], pa.string())
        back = column_of(plan.book.select([KEY]).take(pa.array(plan.places[restored])), KEY)
        return (
            lists.staged(column_of(given[0], KEY), given[0], restored=False),
            lists.staged(keys, changed, restored=False),
            lists.staged(back, given[1], restored=True),
        )

    def _new_rows(self, plan: ImportPlan) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        rows = plan.rows(Fate.NEW)
        there = plan.places[rows] >= 0
        return rows[~there], rows[there]

    def _insert(self, rows: pa.Table, fields: tuple[str, ...]) -> None:
        if not rows.num_rows:
            return
        attributes = self._attribute_names(fields)
        stated = [name for name in fields if name in BOOK_FIELDS and name != "external_id"]
        identity = pc.coalesce(*(column_of(rows, name) for name in IDENTITY_FIELDS if name in rows.column_names))
        columns: dict[str, pa.Array] = {
            "team_id": pa.repeat(self.team_id, rows.num_rows),
            "contact_id": column_of(rows, KEY),
            "external_id": identity,
            "source": pa.repeat(self.source, rows.num_rows),
            "address_hashes": self._hashes(rows),
            **{name: column_of(rows, name) for name in stated},
        }
        if attributes:
            columns["attributes"] = self._attributes(rows, attributes)
        copy_in(self.connection, f"contact ({', '.join(columns)})", pa.table(columns))

    def _attribute_names(self, fields: Sequence[str]) -> list[str]:
        return [name for name in fields if name not in BOOK_FIELDS and name in self.types]

    def _attributes(self, rows: pa.Table, names: list[str]) -> pa.Array:
        if not names:
            return pa.repeat("{}", rows.num_rows)
        bare = [name for name in names if self.types.get(name) in ("number", "boolean")]
        return json_objects({name: column_of(rows, name) for name in names}, bare)

    def _hashes(self, rows: pa.Table) -> pa.Array:
        """The keyed hashes of all addresses of each row, as PostgreSQL writes an array of bytes."""
        found = []
        for name in ADDRESS_FIELDS:
            if name in rows.column_names:
                digits = hex_column(address_digests(column_of(rows, name).to_pylist(), self.hash_key))
                found.append(pc.fill_null(pc.binary_join_element_wise(',"\\\\x', digits, '"', ""), ""))
        further = [name for name in FURTHER if name in rows.column_names and name not in self.types]
        found += [quoted_hashes(column_of(rows, name), self.hash_key) for name in further]
        if not found:
            return pa.repeat("{}", rows.num_rows)
        joined = pc.utf8_slice_codeunits(pc.binary_join_element_wise(*found, ""), 1)
        return pc.binary_join_element_wise("{", joined, "}", "")

    def _stage(self, plan: ImportPlan, rows: npt.NDArray[np.int64], change: int, result: pa.Table) -> pa.Table:
        """Rows of somebody who is in the book, as the table ``import_stage`` takes them."""
        book = plan.book.take(pa.array(plan.places[rows]))
        attributes = self._attribute_names(plan.fields)
        after = {name: column_of(result, name) for name in plan.fields}
        addresses = {
            name: after.get(name, column_of(book, name) if change != RESTORED else pa.nulls(len(rows), pa.string()))
            for name in ADDRESS_FIELDS
        }
        addresses |= {name: after[name] for name in plan.lists if name in FURTHER}
        return pa.table(
            {
                "contact": book.column("id"),
                "version": book.column("version"),
                "change": pa.repeat(pa.scalar(int(change), pa.int16()), len(rows)),
                "old_hashes": self._hashes(book),
                "new_hashes": self._hashes(pa.table(addresses)),
                "attributes": self._attributes(result, attributes),
                **{name: values for name, values in after.items() if name in BOOK_FIELDS and name != "external_id"},
            }
        )

    def _staged_removals(self, plan: ImportPlan) -> pa.Table:
        gone = plan.book.select(["id", "version"]).take(pa.array(plan.removed))
        change = pa.repeat(pa.scalar(int(Fate.REMOVED), pa.int16()), gone.num_rows)
        return gone.rename_columns(["contact", "version"]).append_column("change", change)

    def _merge(
        self, plan: ImportPlan, staged: pa.Table, lists: ListWriter, listed: tuple[pa.Table, pa.Table, pa.Table]
    ) -> None:
        stated = [name for name in plan.fields if name in BOOK_FIELDS and name != "external_id"]
        attributes = self._attribute_names(plan.fields)
        columns = "".join(f", {name} {'date' if name == 'birth_date' else 'text'}" for name in stated)
        self.connection.execute(text("drop table if exists import_stage"))
        self.connection.execute(text(queries.STAGE.format(columns=columns)))
        copy_in(self.connection, f"import_stage ({', '.join(staged.column_names)})", staged)
        keeping = queries.KEEP_BEFORE.format(lists=BEFORE.format(restored=RESTORED))
        kept = self.connection.execute(text(keeping), {"import": self.import_id, "lists": bool(plan.lists)}).rowcount
        if kept != staged.num_rows:
            raise NightmailError("import_book_changed")
        values = {
            "stated": attributes,
            "sources": json_of_sources([*stated, *attributes], self.source),
            "source": self.source,
        }
        given = "".join(f"{name} = s.{name}, " for name in stated)
        others = [name for name in BOOK_FIELDS if name not in stated and name != "external_id"]
        whole = given + "".join(f"{name} = null, " for name in others)
        for query, assignments, change in (
            (queries.CHANGE_STAGED, given, int(Fate.CHANGED)),
            (queries.RESTORE_STAGED, whole, RESTORED),
            (queries.REMOVE_STAGED, "", int(Fate.REMOVED)),
        ):
            self.connection.execute(text(query.format(assignments=assignments, change=change)), values)
        lists.write(*listed)
        history = queries.WRITE_HISTORY.format(removed=int(Fate.REMOVED), restored=RESTORED, lists=AFTER.format())
        self.connection.execute(
            text(history),
            {
                "import": self.import_id,
                "by": self.actor,
                "source": self.source,
                "fields": [*BOOK_FIELDS, *attributes, "tags", "further_addresses"],
            },
        )
        self.connection.execute(text(queries.FORGET_SEARCH), {"import": self.import_id})


def source_of(import_id: int) -> str:
    """What an import is called where a contact says where it, or a value, came from."""
    return f"import:{import_id}"


def json_of_sources(fields: list[str], source: str) -> str:
    """Where the values of ``fields`` came from, as ``contact.sources`` holds it."""
    return json.dumps(dict.fromkeys(fields, source))
