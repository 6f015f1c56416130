"""Imports carried out: looked at, applied and taken back, in the background or where somebody waits for it.

Pages and programs only order what shall be done; what is ordered is in the database, and goes on after any crash. The command
line, which waits for it, does it itself.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress

from sqlalchemy import Connection, Engine, text

from nightmail.access.principals import Principal, product_principal
from nightmail.consent.preference_imports import apply_preferences, check_preferences
from nightmail.contacts.import_guards import guard_kept
from nightmail.contacts.import_rows import (
    ImportKind,
    ImportRow,
    ImportState,
    note,
    permitted_import,
    read_import,
    require_state,
)
from nightmail.contacts.imports import apply_import, check_import, require_way_back, undo_import
from nightmail.errors import NightmailError, UsageError
from nightmail.intake import queries
from nightmail.lake import Lake
from nightmail.progress import Progress
from nightmail.settings import Settings

_SHOWN_EVERY_S = 1.0


def imports_to_carry_out(connection: Connection, limit: int = 20) -> list[int]:
    """The imports with which the background goes on, the oldest first."""
    return list(connection.scalars(text(queries.IMPORTS_TO_CARRY_OUT), {"limit": limit}))


def look_at_import(
    engine: Engine, lake: Lake, number: int, *, configured: Settings | None = None, progress: Progress | None = None
) -> ImportRow:
    """Look at what an import would change, whatever its kind. Raises :class:`UsageError` (``import_not_in_state``)."""
    with engine.connect() as connection:
        row = read_import(connection, number)
    check = check_import if row.kind == ImportKind.CONTACTS else check_preferences
    return check(engine, lake, number, configured=configured, progress=progress)


def carry_out_import(
    engine: Engine,
    lake: Lake,
    number: int,
    *,
    by: Principal,
    although: bool = False,
    configured: Settings | None = None,
) -> ImportRow:
    """Apply an import that was looked at, whatever its kind. Raises what :func:`~nightmail.contacts.imports.apply_import` does."""
    with engine.connect() as connection:
        row = read_import(connection, number)
    if row.kind == ImportKind.CONTACTS:
        return apply_import(engine, lake, number, by=by, although=although, configured=configured)
    return apply_preferences(engine, lake, number, by=by)


def order_apply(connection: Connection, number: int, *, by: Principal, although: bool = False) -> ImportRow:
    """Have an import applied in the background; one that is applied, or is about to be, is left as it is.

    Raises :class:`NightmailError` (what it waits for, unless somebody who has seen that says ``although``) and
    :class:`UsageError` (``import_not_in_state``, ``import_file_gone``).
    """
    row = permitted_import(connection, number, by)
    if row.state in (ImportState.APPLIED, ImportState.APPLYING):
        return row
    require_state(row, "applied", ImportState.CHECKED)
    if row.forgotten_at is not None:
        raise UsageError("import_file_gone", number=number)
    if row.waits_for is not None and not although:
        raise guard_kept(row.waits_for)
    return _ordered(connection, row, ImportState.APPLYING, by, although)


def order_undo(connection: Connection, number: int, *, by: Principal) -> ImportRow:
    """Have an applied import taken back in the background; one that is taken back, or is about to be, is left as it is.

    Raises :class:`UsageError` (``import_not_in_state``, ``preference_no_way_back``, ``import_forgotten``).
    """
    row = permitted_import(connection, number, by)
    if row.state in (ImportState.UNDONE, ImportState.UNDOING):
        return row
    require_way_back(row)
    return _ordered(connection, row, ImportState.UNDOING, by, although=False)


def _ordered(connection: Connection, row: ImportRow, state: ImportState, by: Principal, although: bool) -> ImportRow:
    values = {"id": row.id, "state": str(state), "by": by.actor, "although": although}
    connection.execute(text(queries.ORDER_IMPORT), values)
    note(connection, row.id, row.team_id, by.actor, "import.ordered", {"state": str(state), "although": although})
    return read_import(connection, row.id)


def carry_on(engine: Engine, lake: Lake, number: int, *, configured: Settings | None = None) -> ImportRow:
    """Go on with an import as far as it goes without anybody. Safe to call again after a crash."""
    with engine.connect() as connection:
        row = read_import(connection, number)
    with suppress(UsageError):
        # Somebody dropped it, or went on with it, meanwhile: its state says so.
        if row.state == ImportState.RECEIVED:
            row = look_at_import(engine, lake, number, configured=configured, progress=_Recorded(engine, number))
        if row.state == ImportState.CHECKED and row.feed is not None and row.waits_for is None:
            _applied(engine, lake, row, product_principal(f"feed:{row.team}/{row.feed}"), configured)
        elif row.state == ImportState.APPLYING:
            _applied(engine, lake, row, product_principal(row.ordered_by or "system"), configured)
        elif row.state == ImportState.UNDOING:
            undo_import(engine, number, by=product_principal(row.ordered_by or "system"), configured=configured)
    with engine.connect() as connection:
        return read_import(connection, number)


def _applied(engine: Engine, lake: Lake, row: ImportRow, by: Principal, configured: Settings | None) -> None:
    try:
        carry_out_import(engine, lake, row.id, by=by, although=row.although, configured=configured)
    except NightmailError as error:
        if error.reason == "import_book_changed":
            # Others go on changing the book: the next round tries again.
            return
        # What has come up since waits for somebody, with the preview that is there.
        values = {"id": row.id, "waits": json.dumps(error.as_dict(), default=str)}
        with engine.begin() as connection:
            connection.execute(text(queries.IMPORT_WAITS), values)


class _Recorded:
    """Progress that is kept with the import, once in a while."""

    def __init__(self, engine: Engine, number: int) -> None:
        self._engine, self._number, self._last = engine, number, 0.0

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        if time.monotonic() - self._last < _SHOWN_EVERY_S:
            return
        self._last = time.monotonic()
        shown = json.dumps({"stage": stage, "done": done, "total": total})
        with self._engine.begin() as connection:
            connection.execute(text(queries.IMPORT_PROGRESS), {"id": self._number, "progress": shown})
