"""``nightmail imports``: files that came into the address book, and the way back."""

from __future__ import annotations

from pathlib import Path

import typer

from commands.contact_import import import_file, show_counts
from commands.people import JSON_HELP
from commands.screen import screen, table

app = typer.Typer(
    no_args_is_help=True, help="Imports into the address book: take a file, list, show, apply, drop, undo."
)
NUMBER = "The import's number."

app.command("new")(import_file)


@app.command("list")
def list_all(
    *,
    team: str = typer.Option("", "--team", help="Only of this team and those below it."),
    limit: int = typer.Option(50, "--limit", min=1, max=1000, help="At most so many, the newest first."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """List imports, the newest first."""
    from commands.local import open_database
    from nightmail.contacts.import_rows import list_imports

    view = screen(json_output)
    with open_database().connect() as connection:
        found = list_imports(connection, [team], limit=limit)
    view.answer({"ok": True, "imports": [row.as_dict() for row in found]})
    cells = [
        (row.id, row.team, row.name, row.kind, row.mode, row.state, f"{row.created_at:%Y-%m-%d %H:%M}", row.created_by)
        for row in found
    ]
    view.show(
        table("Imports", ("import", "team", "file", "kind", "mode", "state", "came (UTC)", "by"), cells, numeric=[0])
    )


@app.command("show")
def show(
    number: int = typer.Argument(..., help=NUMBER),
    *,
    rejects: Path = typer.Option(None, "--rejects", help="Write the rows that were refused to this CSV file."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Show what an import changes or changed; with --rejects the refused rows, to be corrected."""
    from commands.local import open_database, principal
    from nightmail.contacts.import_answers import write_refused_rows
    from nightmail.contacts.import_rows import find_import
    from nightmail.lake import Lake
    from nightmail.settings import settings

    view = screen(json_output)
    with open_database().begin() as connection:
        row = find_import(connection, principal(), number)
        if rejects is not None:
            write_refused_rows(connection, Lake(settings().lake), row, rejects, by=principal())
    view.answer({"ok": True, "import": row.as_dict()})
    show_counts(view, row)
    view.say(f"{row.state}, by {row.applied_by or row.created_by}")


@app.command("apply")
def apply(
    number: int = typer.Argument(..., help=NUMBER),
    *,
    although: bool = typer.Option(False, "--although", help="Even if it removes or changes a large share."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Apply an import that was looked at and waits."""
    from commands.local import open_database, principal
    from nightmail.intake.import_work import carry_out_import
    from nightmail.lake import Lake
    from nightmail.settings import settings

    view = screen(json_output)
    row = carry_out_import(open_database(), Lake(settings().lake), number, by=principal(), although=although)
    view.answer({"ok": True, "import": row.as_dict()})
    show_counts(view, row)


@app.command("discard")
def discard(
    number: int = typer.Argument(..., help=NUMBER),
    *,
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Drop an import that is not applied: nothing is changed."""
    from commands.local import open_database, principal
    from nightmail.contacts.imports import discard_import
    from nightmail.lake import Lake
    from nightmail.settings import settings

    view = screen(json_output)
    row = discard_import(open_database(), Lake(settings().lake), number, by=principal())
    view.answer({"ok": True, "import": row.as_dict()})
    view.say(f"import {row.id} is discarded; nothing was changed")


@app.command("undo")
def undo(
    number: int = typer.Argument(..., help=NUMBER),
    *,
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Take an import back: everybody has the values from before, but for those who were changed since."""
    from commands.local import open_database, principal
    from nightmail.contacts.imports import undo_import

    view = screen(json_output)
    row = undo_import(open_database(), number, by=principal())
    view.answer({"ok": True, "import": row.as_dict()})
    counts = row.undone or {}
    view.say(
        f"import {row.id} is taken back: {counts.get('removed', 0):,} removed, {counts.get('restored', 0):,} as before, "
        f"{counts.get('changed_since', 0):,} changed since and left"
    )
