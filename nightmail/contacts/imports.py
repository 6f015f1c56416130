"""What is done with an import: looked at, applied, discarded, taken back. Nothing changes before it is applied.

>>> check_import(engine, lake, number)  # doctest: +SKIP
>>> apply_import(engine, lake, number, by=principal)  # doctest: +SKIP

What is applied are the rows that were looked at: they are kept beside the import, and the file is not read again. The plan is
made anew, for the book may have changed meanwhile; so is the question whether somebody must confirm it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.access.principals import Principal
from nightmail.contacts import import_queries as queries
from nightmail.contacts.import_book import BOOK_FIELDS, attribute_types, known_contacts, load_book
from nightmail.contacts.import_guards import guard_of
from nightmail.contacts.import_list_writing import give_lists_back
from nightmail.contacts.import_modes import ImportMode, ImportPlan, plan_import
from nightmail.contacts.import_reading import ImportRules, ImportTables, JudgedFile, judge_file, stated_rows
from nightmail.contacts.import_rows import (
    ImportKind,
    ImportRow,
    ImportSettings,
    ImportState,
    keep_checked,
    note,
    permitted_import,
    read_import,
    require_state,
)
from nightmail.contacts.import_samples import plan_counts, refuse_rows, samples_of
from nightmail.contacts.import_searching import make_searchable
from nightmail.contacts.import_writing import ImportWriter, source_of
from nightmail.errors import NightmailError, UsageError
from nightmail.lake import Lake
from nightmail.organisation.teams import get_team
from nightmail.progress import Progress
from nightmail.settings import Settings, settings

_TRIES = 3
"""How often a plan is made anew where somebody changed the book meanwhile."""


def check_import(
    engine: Engine, lake: Lake, number: int, *, configured: Settings | None = None, progress: Progress | None = None
) -> ImportRow:
    """Look at a received import: what it would change is kept with it, and nothing is changed.

    A file that cannot be used at all makes it ``refused``. Raises :class:`UsageError` (``import_not_in_state``).
    """
    configured = configured or settings()
    with engine.connect() as connection:
        row = read_import(connection, number)
        require_state(row, "looked at", ImportState.RECEIVED, ImportState.CHECKED)
        rules = rules_of(connection, row, configured)
    tables = ImportTables.of_import(lake, number)
    try:
        source = Path(row.stored_path or "")
        if not source.is_file():
            raise UsageError("import_file_gone", number=number)
        _, judged = judge_file(source, tables, rules, progress)
        file = stated_rows(tables, rules)
    except NightmailError as error:
        return keep_checked(engine, number, ImportState.REFUSED, problem=error.as_dict())
    with engine.connect() as connection:
        plan, guard = _planned(connection, row, file, rules)
    refused = refuse_rows(tables, plan)
    counts = plan_counts(plan, judged, refused) | {"ignored_columns": list(file.ignored)}
    waits = None if guard is None else guard.as_dict()
    return keep_checked(engine, number, ImportState.CHECKED, counts, samples_of(plan), waits)


def apply_import(
    engine: Engine,
    lake: Lake,
    number: int,
    *,
    by: Principal,
    although: bool = False,
    searchable: bool = True,
    configured: Settings | None = None,
) -> ImportRow:
    """Apply an import that was looked at. One that was applied is left as it is.

    Contacts are there first and found by search a little later; without ``searchable`` that is left to
    :func:`~nightmail.contacts.import_searching.make_searchable`.

    Raises :class:`NightmailError`: ``import_removes_many``, ``import_changes_many`` or ``import_rows_unclear`` unless somebody
    who has seen that says ``although``; ``import_book_changed`` where others go on changing the book; and :class:`UsageError`
    (``import_not_in_state``).
    """
    configured = configured or settings()
    tables = ImportTables.of_import(lake, number)
    for attempt in range(_TRIES):
        try:
            with engine.begin() as connection:
                _apply(connection, number, tables, by, although, configured)
            break
        except NightmailError as error:
            if error.reason != "import_book_changed" or attempt == _TRIES - 1:
                raise
    with engine.connect() as connection:
        row = read_import(connection, number)
    if searchable:
        make_searchable(engine, row.team_id, configured.key())
    return row


def _apply(
    connection: Connection, number: int, tables: ImportTables, by: Principal, although: bool, configured: Settings
) -> None:
    row = permitted_import(connection, number, by)
    if row.state == ImportState.APPLIED:
        return
    require_state(row, "applied", ImportState.CHECKED, ImportState.APPLYING)
    if not tables.contacts.exists():
        raise UsageError("import_file_gone", number=number)
    connection.execute(text(queries.LOCK), {"name": f"nightmail.import.{row.team_id}"})
    rules = rules_of(connection, row, configured)
    file = stated_rows(tables, rules)
    plan, guard = _planned(connection, row, file, rules)
    if guard is not None and not although:
        raise guard
    writer = ImportWriter(connection, number, row.team_id, by.actor, rules.attributes, rules.hash_key)
    writer.write(plan)
    counts = plan.counts()
    confirmed = {} if guard is None else {"confirmed": guard.reason}
    values = {"id": number, "counts": json.dumps(_shown(counts, row.counts)), "by": by.actor}
    connection.execute(text(queries.SET_APPLIED), values)
    note(connection, number, row.team_id, by.actor, "import.applied", counts | confirmed)


def _shown(counts: dict[str, int], before: dict[str, Any]) -> dict[str, int]:
    """The counts of a plan beside those of the file: rows that the checks rejected are refused too."""
    return counts | {"refused": counts["refused"] + int(before.get("rejects", 0))}


def discard_import(engine: Engine, lake: Lake, number: int, *, by: Principal) -> ImportRow:
    """Drop an import that is not applied. Raises :class:`UsageError` (``import_not_in_state``)."""
    with engine.begin() as connection:
        row = permitted_import(connection, number, by)
        if row.state != ImportState.DISCARDED:
            require_state(row, "discarded", ImportState.RECEIVED, ImportState.CHECKED)
            connection.execute(text(queries.SET_DISCARDED), {"id": number})
            note(connection, number, row.team_id, by.actor, "import.discarded", {})
    ImportTables.of_import(lake, number).delete()
    with engine.connect() as connection:
        return read_import(connection, number)


def undo_import(engine: Engine, number: int, *, by: Principal, configured: Settings | None = None) -> ImportRow:
    """Take an applied import back: everybody has the values from before, and whom it made is removed.

    Who was changed by somebody since is left as they are, and counted as ``changed_since``. One that was taken back is left so.
    Raises :class:`UsageError` (``import_not_in_state``).
    """
    with engine.begin() as connection:
        row = permitted_import(connection, number, by)
        if row.state != ImportState.UNDONE:
            require_way_back(row)
            connection.execute(text(queries.LOCK), {"name": f"nightmail.import.{row.team_id}"})
            counts = _undo(connection, row, by.actor)
            values = {"id": number, "counts": json.dumps(counts), "by": by.actor}
            connection.execute(text(queries.SET_UNDONE), values)
            note(connection, number, row.team_id, by.actor, "import.undone", counts)
    make_searchable(engine, row.team_id, (configured or settings()).key())
    with engine.connect() as connection:
        return read_import(connection, number)


def _undo(connection: Connection, row: ImportRow, actor: str) -> dict[str, int]:
    values = {"import": row.id, "team": row.team_id, "source": source_of(row.id), "by": actor}
    since = int(connection.scalar(text(queries.CHANGED_SINCE), values) or 0)
    given = ("attributes", "address_hashes", "source", "sources", "removed_at")
    assignments = ", ".join(f"{name} = b.{name}" for name in (*BOOK_FIELDS, *given) if name != "external_id")
    # Whom the import made first: a contact that it brought back has its name as source too, and another version.
    removed = connection.execute(text(queries.REMOVE_MADE), values).rowcount
    restored = connection.execute(text(queries.GIVE_BACK.format(assignments=assignments)), values).rowcount
    give_lists_back(connection, row.id)
    for query in (queries.FOLLOW_BACK, queries.MADE_AGAIN, queries.HISTORY_OF_WAY_BACK, queries.FORGET_SEARCH):
        connection.execute(text(query), values)
    return {"removed": removed, "restored": restored, "changed_since": since}


def rules_of(connection: Connection, row: ImportRow, configured: Settings) -> ImportRules:
    """How the file of an import is read and judged."""
    stated = ImportSettings.model_validate(row.settings)
    team = get_team(connection, row.team)
    return ImportRules(
        team=row.team,
        hash_key=configured.key(),
        mode=ImportMode(row.mode),
        attributes=attribute_types(connection, row.team_id),
        default_country=stated.default_country or team.country or configured.default_country,
        mapping=stated.mapping,
        keep=stated.keep,
        date_order=stated.date_order,
        file_name=row.name,
        limits=file_limits(configured),
    )


def file_limits(configured: Settings) -> dict[str, int]:
    """How large a file may be, in each respect: of the reader's options."""
    return {
        "size_limit": configured.maximum_file_bytes,
        "expanded_limit": configured.maximum_expanded_bytes,
        "row_limit": configured.maximum_rows,
        "column_limit": configured.maximum_columns,
        "field_limit": configured.maximum_field_characters,
    }


def require_way_back(row: ImportRow) -> None:
    """Raise :class:`UsageError` (``import_not_in_state``, ``preference_no_way_back``, ``import_forgotten``) unless it can be taken back."""
    require_state(row, "taken back", ImportState.APPLIED, ImportState.UNDOING)
    if row.kind != ImportKind.CONTACTS:
        raise UsageError("preference_no_way_back", number=row.id)
    if row.forgotten_at is not None:
        raise UsageError("import_forgotten", number=row.id, day=f"{row.forgotten_at:%Y-%m-%d}")


def _planned(
    connection: Connection, row: ImportRow, file: JudgedFile, rules: ImportRules
) -> tuple[ImportPlan, NightmailError | None]:
    book = load_book(connection, row.team_id, file, rules.mode, rules.attributes, rules.hash_key)
    plan = plan_import(book, file.incoming, rules.mode, file.fields, file.spared, file.unread, file.lists)
    return plan, guard_of(plan, known_contacts(connection, row.team_id), file.unclear)
