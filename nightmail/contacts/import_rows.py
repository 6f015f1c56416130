"""Imports as the database has them: taken, found, listed."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Engine, text

from nightmail.access.decisions import allowed, covers, require, teams_with
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.audit import write_entry
from nightmail.contacts import import_queries as queries
from nightmail.contacts.import_modes import ImportMode
from nightmail.errors import UsageError
from nightmail.organisation.feed_choices import Keep
from nightmail.organisation.teams import team_id_of


class ImportState(StrEnum):
    """How far an import is."""

    RECEIVED = "received"
    CHECKED = "checked"
    """What it would change is known, and nothing is changed."""
    APPLYING = "applying"
    """Somebody asked for it, and it is done in the background; so is what is ``undoing``."""
    APPLIED = "applied"
    UNDOING = "undoing"
    UNDONE = "undone"
    DISCARDED = "discarded"
    REFUSED = "refused"


class ImportKind(StrEnum):
    """What the rows of a file are."""

    CONTACTS = "contacts"
    PREFERENCES = "preferences"
    """What contacts chose; :mod:`nightmail.consent.preference_imports`."""


_NEEDED: Mapping[str, Permission] = {
    ImportKind.CONTACTS: Permission.CONTACT_EDIT,
    ImportKind.PREFERENCES: Permission.CONSENT_EDIT,
}


class ImportSettings(BaseModel):
    """How the file of an import is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    mapping: dict[str, str] = Field(
        default_factory=dict, description="Column header to field or attribute; an empty name drops it"
    )
    keep: Keep = Field(
        Keep.FIRST, description="Which of several rows of one contact is taken: first, last, most_complete"
    )
    date_order: str | None = Field(None, pattern="^(day_first|month_first)$", description="Of birth dates")
    default_country: str | None = Field(None, description="Of national numbers; empty: the team's")


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One import."""

    id: int
    team_id: int
    team: str
    feed_id: int | None
    feed: str | None
    received_file_id: int | None
    source: str
    kind: str
    mode: str
    name: str
    size: int
    sha256: str
    stored_path: str | None
    settings: dict[str, Any]
    state: str
    counts: dict[str, Any]
    samples: list[dict[str, Any]] = field(repr=False)
    """The first rows of each kind: personal data."""
    waits_for: dict[str, Any] | None
    problem: dict[str, Any] | None
    created_at: dt.datetime
    created_by: str
    applied_at: dt.datetime | None
    applied_by: str | None
    undone_at: dt.datetime | None
    undone_by: str | None
    undone: dict[str, Any] | None
    progress: dict[str, Any] | None
    """How far the work on it is: ``stage``, ``done``, ``total``."""
    ordered_by: str | None
    """Who asked for what is done in the background."""
    although: bool
    forgotten_at: dt.datetime | None
    """When its file and what it found were deleted: there is no way back since."""

    @property
    def is_moving(self) -> bool:
        """Whether the background goes on with it."""
        return self.state in (ImportState.RECEIVED, ImportState.APPLYING, ImportState.UNDOING)

    @property
    def permission(self) -> Permission:
        """What somebody needs who brings it, applies it or takes it back."""
        return _NEEDED[self.kind]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values without personal data and without places on the disk."""
        hidden = ("samples", "stored_path", "team_id", "feed_id", "settings", "ordered_by", "although")
        return {name: getattr(self, name) for name in self.__slots__ if name not in hidden}


def import_mode(text_: str) -> ImportMode:
    """The mode of a name. Raises :class:`UsageError` (``import_mode_unknown``)."""
    try:
        return ImportMode(text_)
    except ValueError:
        raise UsageError("import_mode_unknown", value=text_, known=", ".join(ImportMode)) from None


def take_import(
    connection: Connection,
    team: str,
    mode: ImportMode,
    *,
    kind: ImportKind = ImportKind.CONTACTS,
    by: Principal,
    source: str,
    name: str,
    size: int,
    sha256: str,
    stored_path: Path,
    settings: ImportSettings | None = None,
    feed_id: int | None = None,
    received_file_id: int | None = None,
) -> int:
    """Record a whole file as an import that is to be looked at, in the caller's transaction; return its number.

    Raises :class:`UsageError` (``team_unknown``) and :class:`~nightmail.errors.NightmailError` (``not_permitted``).
    """
    require(by, _NEEDED[kind], team)
    team_id = team_id_of(connection, team)
    stated = (settings or ImportSettings()).model_dump(mode="json", exclude_defaults=True)
    values = {
        "team": team_id,
        "feed": feed_id,
        "file": received_file_id,
        "source": source,
        "kind": str(kind),
        "mode": str(mode),
        "name": name,
        "size": size,
        "sha256": sha256,
        "path": str(stored_path),
        "settings": json.dumps(stated),
        "by": by.actor,
    }
    number = int(connection.execute(text(queries.ADD_IMPORT), values).scalar_one())
    note(
        connection, number, team_id, by.actor, "import.taken", {"kind": str(kind), "mode": str(mode), "sha256": sha256}
    )
    return number


def note(connection: Connection, number: int, team_id: int, actor: str, action: str, detail: Mapping[str, Any]) -> None:
    """Write the audit entry of what was done to an import."""
    write_entry(
        connection, actor=actor, action=action, subject=f"import:{number}", team_id=team_id, detail=dict(detail)
    )


def find_import(
    connection: Connection, by: Principal, number: int, permission: Permission = Permission.CONTACT_SEE
) -> ImportRow:
    """An import of a team at which ``by`` has ``permission``. Raises :class:`UsageError` (``import_unknown``)."""
    row = read_import(connection, number)
    if not any(covers(team, row.team) for team in teams_with(by, permission)):
        raise import_unknown(number)
    return row


def read_import(connection: Connection, number: int) -> ImportRow:
    """An import, for the product's own work. Raises :class:`UsageError` (``import_unknown``)."""
    row = connection.execute(text(queries.ONE_IMPORT), {"id": number}).first()
    if row is None:
        raise import_unknown(number)
    return ImportRow(**row._mapping)


def lock_import(connection: Connection, number: int) -> ImportRow:
    """An import that nobody else moves on until the transaction ends. Raises :class:`UsageError` (``import_unknown``)."""
    row = connection.execute(text(queries.ONE_IMPORT_LOCKED), {"id": number}).first()
    if row is None:
        raise import_unknown(number)
    return ImportRow(**row._mapping)


def permitted_import(connection: Connection, number: int, by: Principal) -> ImportRow:
    """An import that ``by`` may carry out, locked. Raises :class:`UsageError` (``import_unknown``)."""
    row = lock_import(connection, number)
    if not allowed(by, row.permission, row.team).yes:
        raise import_unknown(number)
    return row


def keep_checked(
    engine: Engine,
    number: int,
    state: ImportState,
    counts: dict[str, Any] | None = None,
    samples: list[dict[str, Any]] | None = None,
    waits: dict[str, Any] | None = None,
    problem: dict[str, Any] | None = None,
) -> ImportRow:
    """Keep what was seen of an import: its counts, or why it is refused. Raises :class:`UsageError` (``import_not_in_state``)."""
    with engine.begin() as connection:
        row = lock_import(connection, number)
        require_state(row, "looked at", ImportState.RECEIVED, ImportState.CHECKED)
        values = {
            "id": number,
            "state": str(state),
            "counts": json.dumps(counts or {}),
            "samples": json.dumps(samples or [], default=str),
            "waits": None if waits is None else json.dumps(waits, default=str),
            "problem": None if problem is None else json.dumps(problem, default=str),
        }
        connection.execute(text(queries.SET_CHECKED), values)
        return read_import(connection, number)


def list_imports(
    connection: Connection, teams: Sequence[str], *, before: int | None = None, limit: int = 50
) -> list[ImportRow]:
    """The imports at or below ``teams``, the newest first, from the first one under the number ``before``."""
    values = {"teams": list(teams), "before": before, "limit": limit}
    return [ImportRow(**row._mapping) for row in connection.execute(text(queries.IMPORTS_OF_TEAMS), values)]


def import_unknown(number: int) -> UsageError:
    """The error of an import that is not there, or that is nobody's business here."""
    return UsageError("import_unknown", number=number)


def require_state(row: ImportRow, wanted: str, *states: ImportState) -> None:
    """Raise :class:`UsageError` (``import_not_in_state``) unless an import is in one of ``states``."""
    if row.state not in states:
        raise UsageError("import_not_in_state", number=row.id, state=row.state, wanted=wanted)
