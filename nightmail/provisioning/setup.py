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

CREATE, CHANGE, KEEP = "create", "change", "keep"
_LONGEST_VALUE = 60
"""Characters of a value that a change shows."""


@dataclass(frozen=True)
class Change:
    """One part of the organisation: ``action`` is create, change or keep; ``details`` say what changes, without secrets."""

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

    ``base`` is the folder that the file's paths start from; ``actor`` is who the audit log names.
    """

    def __init__(self, connection: Connection, base: Path, actor: str) -> None:
        self.connection = connection
        self.base = base
        self.actor = actor
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
    ) -> int:
        """Find the row of ``key``, make it or bring it to ``values``, record the change, and give the row's id.

        The values of ``hidden`` columns are not shown.
        """
        rows = table.__table__
        where = [rows.c[column].is_not_distinct_from(value) for column, value in key.items()]
        found = self.connection.execute(select(rows).where(*where)).mappings().first()
        if found is None:
            made = self.connection.execute(insert(table).values({**key, **values}).returning(rows.c.id)).scalar_one()
            self.changes.append(Change(CREATE, kind, name))
            return int(made)
        different = {column: value for column, value in values.items() if found[column] != value}
        if different:
            self.connection.execute(update(table).where(rows.c.id == found["id"]).values(different))
        details = tuple(
            f"{column} changes" if column in hidden else f"{column}: {_shown(found[column])} → {_shown(value)}"
            for column, value in different.items()
        )
        self.changes.append(Change(CHANGE if different else KEEP, kind, name, details))
        return int(found["id"])

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
            if change.action != KEEP and change.kind != "template"
        ]
        write_entries(self.connection, entries)


def organisation_invalid(problem: str) -> ConfigurationError:
    """The error for an organisation that names what does not exist or does not fit."""
    return ConfigurationError("organisation_invalid", problem=problem)


def _shown(value: Any) -> str:
    shown = json.dumps(value, default=str, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return shown if len(shown) <= _LONGEST_VALUE else f"{shown[: _LONGEST_VALUE - 3]}..."
