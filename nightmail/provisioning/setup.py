"""One pass over an organisation within one transaction: what was found, made and changed, and how the parts refer to each other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select, update

from nightmail.audit import Entry, write_entries
from nightmail.errors import ConfigurationError

CREATE, CHANGE, KEEP, RETIRE = "create", "change", "keep", "retire"
CANNOT = "cannot"
"""The part is to be retired, and cannot yet: the details say why and what to do."""
LEAVE = "leave"
"""The part stays as it is, though the file says otherwise or does not name it: the details say why."""
NO_CHANGE = (KEEP, CANNOT, LEAVE)
"""The actions that change nothing."""
OWN_ENTRIES = frozenset({"template", "role", "person", "grant", "identity provider"})
"""Kinds of parts whose changes write their own entries to the audit log."""
_LONGEST_VALUE = 60
"""Characters of a value that a change shows."""


@dataclass(frozen=True)
class Change:
    """One part of the organisation: ``action`` is create, change, keep, retire, cannot or leave.

    ``details`` say what changes, without secrets, or why nothing does.
    """

    action: str
    kind: str
    name: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class NewKey:
    """An API key that was made: ``key`` can be shown only now."""

    team: str
    name: str
    key: str = field(repr=False)
    file: Path | None = None


class Setup:
    """The pass: each kind of part is brought into the database by a function that takes this.

    ``base`` is the folder that the file's paths start from; ``actor`` is who the audit log names; ``organisation`` is the
    path of the top team of the file that names the parts, if they come from one.
    """

    def __init__(self, connection: Connection, base: Path, actor: str, organisation: str | None = None) -> None:
        self.connection = connection
        self.base = base
        self.actor = actor
        self.organisation = organisation
        self.changes: list[Change] = []
        self.new_keys: list[NewKey] = []
        self.team_ids: dict[str, int] = {}
        self.sftp_server_ids: dict[str, int] = {}
        self.carrier_account_ids: dict[str, int] = {}

    def settle(
        self,
        kind: str,
        name: str,
        table: Any,
        key: Mapping[str, Any],
        values: Mapping[str, Any],
        *,
        hidden: tuple[str, ...] = (),
        named: Mapping[str, Any] | None = None,
    ) -> int:
        """Find the row of ``key``, make it or bring it to ``values``, record the change, and give the row's id.

        The values of ``hidden`` columns are not shown; those of ``named`` ones are ids, shown as names of their table's rows.
        """
        rows = table.__table__
        if self.organisation is not None and "provisioned_by" in rows.c:
            values = {**values, "provisioned_by": self.organisation}
        where = [rows.c[column].is_not_distinct_from(value) for column, value in key.items()]
        found = self.connection.execute(select(rows).where(*where)).mappings().first()
        if found is None:
            made = self.connection.execute(insert(table).values({**key, **values}).returning(rows.c.id)).scalar_one()
            self.changes.append(Change(CREATE, kind, name))
            return int(made)
        if found.get("provisioned_by") is not None:
            # A part that two files name stays with the one that made it.
            values = {column: value for column, value in values.items() if column != "provisioned_by"}
        different = {column: value for column, value in values.items() if found[column] != value}
        if different:
            self.connection.execute(update(table).where(rows.c.id == found["id"]).values(different))
        details = []
        for column, value in different.items():
            was, is_now = (self._shown(each, (named or {}).get(column)) for each in (found[column], value))
            changes = f"{column} changes" if column in hidden else f"{column.removesuffix('_id')}: {was} → {is_now}"
            details.append(changes)
        self.changes.append(Change(CHANGE if different else KEEP, kind, name, tuple(details)))
        return int(found["id"])

    def _shown(self, value: Any, table: Any) -> str:
        """A value as a change shows it: short, and an id of ``table`` as its row's name."""
        if table is not None and value is not None:
            value = self.connection.scalar(select(table.name).where(table.id == value))
        shown = json.dumps(value, default=str, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
        return shown if len(shown) <= _LONGEST_VALUE else f"{shown[: _LONGEST_VALUE - 3]}..."

    def team_id(self, path: str | None) -> int | None:
        """The id of a team of the organisation; ``None`` for ``None``, which means all teams."""
        return None if path is None else self.team_ids[path]

    def path(self, file: Path) -> Path:
        """A path of the file, from the folder that the file is in."""
        return file if file.is_absolute() else self.base / file

    def secret(self, reference: str | None) -> str | None:
        """A secret's reference; a file's path in it is made absolute, so that it holds in whatever folder a process starts."""
        if reference is not None and reference.startswith("file:"):
            return f"file:{self.path(Path(reference.removeprefix('file:'))).resolve()}"
        return reference

    def audit(self) -> None:
        """Write what was created or changed to the audit log; storing a template writes its own entry."""
        entries = [
            Entry(
                actor=self.actor,
                action=f"provision.{change.action}",
                subject=f"{change.kind} {change.name}",
                detail={"details": list(change.details)},
            )
            for change in self.changes
            if change.action not in NO_CHANGE and change.kind not in OWN_ENTRIES
        ]
        write_entries(self.connection, entries)


def organisation_invalid(problem: str) -> ConfigurationError:
    """The error for an organisation that names what does not exist or does not fit."""
    return ConfigurationError("organisation_invalid", problem=problem)
