"""Imports of what contacts chose: a file is looked at, then recorded. What is recorded stays, and the latest time counts."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.access.principals import Principal
from nightmail.consent.preference_files import JudgedPreferences, PreferenceRules, judge_preferences, statement_blocks
from nightmail.consent.preference_rows import RowRules
from nightmail.consent.preference_statements import Chosen, PreferenceStatement, taken_together
from nightmail.consent.preferences import record_preferences, statements_of
from nightmail.contacts import import_queries
from nightmail.contacts.import_reading import ImportTables
from nightmail.contacts.import_rows import (
    ImportRow,
    ImportSettings,
    ImportState,
    keep_checked,
    note,
    permitted_import,
    read_import,
    require_state,
)
from nightmail.contacts.import_samples import SAMPLES
from nightmail.contacts.import_writing import source_of
from nightmail.contacts.imports import file_limits
from nightmail.errors import NightmailError, UsageError
from nightmail.lake import Lake
from nightmail.organisation.categories import category_names
from nightmail.organisation.teams import get_team
from nightmail.progress import Progress
from nightmail.settings import Settings, settings

_COMPARED = (
    "channels",
    "topics_in",
    "topics_out",
    "quiet_from",
    "quiet_until",
    "time_zone",
    "language",
    "paused_until",
)


def check_preferences(
    engine: Engine, lake: Lake, number: int, *, configured: Settings | None = None, progress: Progress | None = None
) -> ImportRow:
    """Look at a received file of preferences: what it would change is kept with it, and nothing is changed.

    A file that cannot be used at all makes it ``refused``. Raises :class:`UsageError` (``import_not_in_state``).
    """
    configured = configured or settings()
    with engine.connect() as connection:
        row = read_import(connection, number)
        require_state(row, "looked at", ImportState.RECEIVED, ImportState.CHECKED)
        tables = ImportTables.of_import(lake, number)
        try:
            source = Path(row.stored_path or "")
            if not source.is_file():
                raise UsageError("import_file_gone", number=number)
            judged = judge_preferences(connection, source, tables, _rules(connection, row, configured), progress)
        except NightmailError as error:
            return keep_checked(engine, number, ImportState.REFUSED, problem=error.as_dict())
        counts, samples = _compared(connection, row, tables)
    return keep_checked(engine, number, ImportState.CHECKED, _counts(judged, counts), samples)


def apply_preferences(engine: Engine, lake: Lake, number: int, *, by: Principal) -> ImportRow:
    """Record what a file that was looked at states. One that was applied is left as it is.

    Raises :class:`UsageError` (``import_not_in_state``, ``import_file_gone``).
    """
    tables = ImportTables.of_import(lake, number)
    with engine.begin() as connection:
        row = permitted_import(connection, number, by)
        if row.state != ImportState.APPLIED:
            require_state(row, "applied", ImportState.CHECKED, ImportState.APPLYING)
            if not tables.contacts.exists():
                raise UsageError("import_file_gone", number=number)
            new = 0
            for block in statement_blocks(tables):
                stated = [(each["contact_id"], each["at"], each["changes"]) for each in block]
                if stated:
                    new += record_preferences(connection, row.team_id, stated, source=source_of(number), actor=by.actor)
            counts = {"recorded": new}
            values = {"id": number, "counts": json.dumps(counts), "by": by.actor}
            connection.execute(text(import_queries.SET_APPLIED), values)
            note(connection, number, row.team_id, by.actor, "import.applied", counts)
    with engine.connect() as connection:
        return read_import(connection, number)


def _rules(connection: Connection, row: ImportRow, configured: Settings) -> PreferenceRules:
    stated = ImportSettings.model_validate(row.settings)
    team = get_team(connection, row.team)
    return PreferenceRules(
        team_id=team.id,
        team=team.path,
        hash_key=configured.key(),
        rows=RowRules(
            team.time_zone, row.created_at, frozenset(category_names(connection, team.path)), stated.date_order
        ),
        default_country=stated.default_country or team.country or configured.default_country,
        mapping=stated.mapping,
        file_name=row.name,
        limits=file_limits(configured),
    )


def _counts(judged: JudgedPreferences, compared: dict[str, int]) -> dict[str, Any]:
    """``rows = refused + stated``; of contacts, ``changed`` and ``equal``, which are those whose later statements count as well."""
    return {
        "rows": judged.rows,
        "rejects": judged.rejects,
        "refused": judged.rejects,
        "stated": judged.stated,
        **compared,
        "rejects_by_reason": dict(sorted(judged.by_reason.items())),
        "decided": judged.decisions,
        "ignored_columns": list(judged.ignored),
    }


def _compared(
    connection: Connection, row: ImportRow, tables: ImportTables
) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """How many contacts the file changes, and the first of them with what they chose before and after it."""
    stated: dict[str, list[PreferenceStatement]] = defaultdict(list)
    named: dict[str, tuple[int, str | None]] = {}
    changed = total = 0
    samples: list[dict[str, Any]] = []

    def settle() -> None:
        nonlocal changed, total
        before: dict[str, list[PreferenceStatement]] = defaultdict(list)
        for one in statements_of(connection, [row.team_id], list(stated)):
            before[one.contact_id].append(one)
        for contact, statements in stated.items():
            total += 1
            old, new = (taken_together(each) for each in (before[contact], [*before[contact], *statements]))
            differs = [
                [name, _shown(old, name), _shown(new, name)]
                for name in _COMPARED
                if _value(old, name) != _value(new, name)
            ]
            changed += bool(differs)
            if differs and len(samples) < SAMPLES:
                line, identity = named[contact]
                samples.append({"what": "changed", "external_id": identity, "line": line, "changes": differs})
        stated.clear()

    for block in statement_blocks(tables):
        for each in block:
            at: dt.datetime = each["at"]
            stated[each["contact_id"]].append(PreferenceStatement(each["contact_id"], at, each["changes"]))
            named.setdefault(each["contact_id"], (each["line"], each["identity"]))
    # All statements of a contact are looked at together, wherever they stand in the file.
    everybody = dict(stated)
    stated.clear()
    for place, contact in enumerate(sorted(everybody, key=lambda each: named[each][0]), 1):
        stated[contact] = everybody[contact]
        if place % _AT_ONCE == 0:
            settle()
    settle()
    return {"contacts": total, "changed": changed, "equal": total - changed}, samples


_AT_ONCE = 5_000
"""Contacts whose statements are read at once."""


def _value(chosen: Chosen, name: str) -> Any:
    return getattr(chosen, name) or None


def _shown(chosen: Chosen, name: str) -> str | None:
    value = _value(chosen, name)
    if value is None:
        return None
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, str):
        return value
    return ", ".join(value if isinstance(value, tuple) else sorted(value))
