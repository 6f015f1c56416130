"""``nightmail contacts import FILE``: a contact file comes into the address book. What would change is shown first."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from commands.choices import refuse_missing_file
from commands.one_team import TEAM_HELP, one_team
from commands.people import JSON_HELP
from commands.screen import Screen, counted, screen, table
from nightmail.errors import ContactFileError, UsageError

if TYPE_CHECKING:
    from nightmail.contacts.import_rows import ImportRow, ImportSettings

_CHUNK = 1 << 20
_COUNTS: Mapping[str, tuple[str, ...]] = {
    "contacts": ("rows", "new", "changed", "equal", "removed", "unknown", "refused", "duplicates"),
    "preferences": ("rows", "stated", "refused", "contacts", "changed", "equal"),
}


def import_file(
    file: Path = typer.Argument(..., help="The contact file, in any format that a send takes."),
    *,
    mode: str = typer.Option(
        ...,
        "--mode",
        help="add: new contacts only; update: new ones and changes; replace: those of the file alone; remove.",
    ),
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    mapping: list[str] = typer.Option([], "--map", help="HEADER=FIELD: what a column is; may be repeated."),
    keep: str = typer.Option(
        "first", "--keep", help="Which of several rows of one contact: first, last, most_complete."
    ),
    country: str = typer.Option(None, "--country", help="Of national numbers; by default the team's."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Show what would change, and change nothing."),
    although: bool = typer.Option(False, "--although", help="Apply it even if it removes or changes a large share."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    json_output: bool = typer.Option(False, "--json", help=f"{JSON_HELP} Asks nothing."),
) -> None:
    """Bring a contact file into the address book: by default shown and asked about first. `nightmail imports undo` takes it back."""
    how = import_settings(mapping, keep, country)
    bring(
        screen(json_output),
        file,
        team,
        mode,
        "contacts",
        how,
        dry_run=dry_run,
        although=although,
        ask=not (yes or json_output),
    )


def bring(
    view: Screen,
    file: Path,
    team: str | None,
    mode: str,
    kind: str,
    how: ImportSettings,
    *,
    dry_run: bool,
    although: bool = False,
    ask: bool,
) -> None:
    """Look at a file, show what it would change and, unless it is a dry run or somebody says no, apply it."""
    from commands.lean_arrow import leave_pandas_out
    from commands.local import open_database, principal
    from nightmail.contacts.imports import discard_import
    from nightmail.intake.import_work import carry_out_import, look_at_import
    from nightmail.lake import Lake
    from nightmail.settings import settings

    leave_pandas_out()
    refuse_missing_file(file)
    engine, lake = open_database(), Lake(settings().lake)
    number = _taken(file, team, mode, kind, how)
    with view.progress() as progress:
        row = look_at_import(engine, lake, number, progress=progress)
    if row.problem is not None:
        error = ContactFileError("import_refused", problem=row.problem["message"], facts=row.problem)
        raise error
    show_counts(view, row)
    if dry_run:
        row = discard_import(engine, lake, number, by=principal())
        view.answer({"ok": True, "import": row.as_dict()})
        view.say("Nothing was changed.")
        return
    if ask and not typer.confirm("Apply it?"):
        discard_import(engine, lake, number, by=principal())
        view.say("Nothing was changed.")
        raise typer.Exit(1)
    row = carry_out_import(engine, lake, number, by=principal(), although=although)
    view.answer({"ok": True, "import": row.as_dict()})
    back = f"; `nightmail imports undo {row.id}` takes it back" if kind == "contacts" else ""
    view.say(f"import {row.id} is applied{back}", style="bold green")


def import_settings(mapping: list[str], keep: str, country: str | None) -> ImportSettings:
    """How the file is read. Raises :class:`UsageError` (``arguments_wrong``)."""
    from pydantic import ValidationError

    from nightmail.contacts.import_rows import ImportSettings

    columns = dict(pair.split("=", 1) for pair in mapping if "=" in pair)
    if len(columns) < len(mapping):
        raise UsageError("arguments_wrong", problem="--map takes HEADER=FIELD")
    try:
        return ImportSettings.model_validate({"mapping": columns, "keep": keep, "default_country": country})
    except ValidationError as error:
        raise UsageError("arguments_wrong", problem=f"--keep {keep}: {error.errors()[0]['msg']}") from None


def _taken(file: Path, team: str | None, mode: str, kind: str, how: ImportSettings) -> int:
    """The number of the import that a file becomes, a copy of which is kept."""
    from commands.local import open_database, principal
    from nightmail.contact_files.kept_files import incoming_path
    from nightmail.contacts.import_rows import ImportKind, import_mode, take_import
    from nightmail.settings import settings

    wanted = import_mode(mode)
    with open_database().connect() as connection:
        owner = one_team(connection, team, "has the address book").path
    kept = incoming_path(settings().incoming_dir, file.name, uuid.uuid4().hex)
    shutil.copyfile(file, kept)
    digest = hashlib.sha256()
    with kept.open("rb") as content:
        while piece := content.read(_CHUNK):
            digest.update(piece)
    with open_database().begin() as connection:
        return take_import(
            connection,
            owner,
            wanted,
            kind=ImportKind(kind),
            by=principal(),
            source="command",
            name=file.name,
            size=kept.stat().st_size,
            sha256=digest.hexdigest(),
            stored_path=kept,
            settings=how,
        )


def show_counts(view: Screen, row: ImportRow) -> None:
    """What an import changes, for people."""
    counts = row.counts
    cells = [(name, f"{counts.get(name, 0):,}") for name in _COUNTS[row.kind]]
    view.show(
        table(
            f"import {row.id}: {row.name} ({row.kind}, {row.mode}) into {row.team}",
            ("what", "number"),
            cells,
            numeric=[1],
        )
    )
    for reason, number in counts.get("rejects_by_reason", {}).items():
        view.notice(f"{counted(number, 'row')}: {reason}; see `nightmail explain {reason}`")
    if ignored := counts.get("ignored_columns"):
        view.notice(f"columns that are not taken: {', '.join(ignored)}")
    if row.waits_for:
        view.say(row.waits_for["message"], style="bold red")
