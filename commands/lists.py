"""``nightmail lists``: whom a team writes to under one name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from commands.one_team import TEAM_HELP, one_team
from commands.people import JSON_HELP
from commands.screen import screen, table
from nightmail.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from nightmail.contacts.distribution_lists import Entry, EntryRow, ListRow

app = typer.Typer(no_args_is_help=True, help="Distribution lists: list, show, make, change, remove.")

LIST_HELP = "The list's name."
ENTRY_HELP = "Such as segment:Berlin, group:Board, list:Customers or contact:C-17 (an external id); may be repeated."
_WHAT = "has the list"


@app.command("list")
def list_all(
    *,
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    limit: int = typer.Option(100, "--limit", min=1, max=1000, help="At most so many, by name."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """List the distribution lists that a team uses."""
    from commands.local import open_database
    from nightmail.contacts.distribution_lists import lists

    view = screen(json_output)
    with open_database().connect() as connection:
        found = lists(connection, one_team(connection, team, _WHAT).path, limit=limit)
    view.answer({"ok": True, "lists": [_as_json(row) for row in found]})
    rows = [(row.name, row.team, row.description, f"{row.changed_at:%Y-%m-%d %H:%M}") for row in found]
    view.show(table("Distribution lists", ("list", "team", "description", "changed (UTC)"), rows))


@app.command("show")
def show(
    name: str = typer.Argument(..., help=LIST_HELP),
    *,
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Show a list: its entries, and how many contacts are in it now."""
    from commands.local import actor, open_database
    from nightmail.audit.looks import record_look
    from nightmail.contacts.distribution_lists import entries_of, find_list
    from nightmail.contacts.list_membership import count_members, list_membership

    view = screen(json_output)
    with open_database().begin() as connection:
        sender = one_team(connection, team, _WHAT)
        found = find_list(connection, sender.path, name)
        entries = entries_of(connection, found)
        count = count_members(connection, list_membership(connection, found.id, sender.path))
        people = sum(row.kind == "contact" for row in entries)
        record_look(
            connection,
            actor=actor(),
            subject=f"list {found.id}",
            team_id=found.team_id,
            shown=["external_id"] if people else [],
            count=people,
        )
    view.answer({"ok": True, "list": _as_json(found), "contacts": count, "entries": [_entry(row) for row in entries]})
    rows = [("excluded" if row.excluded else "included", row.kind, row.name or "(gone)") for row in entries]
    view.show(table(f"{found.name} of {found.team}: {count:,} contacts now", ("", "kind", "name"), rows))


@app.command("make")
def make(
    name: str = typer.Argument(..., help="The new list's name."),
    *,
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    description: str = typer.Option("", "--description", help="What it is for."),
    include: list[str] = typer.Option([], "--include", help=f"Who is in it. {ENTRY_HELP}"),
    exclude: list[str] = typer.Option([], "--exclude", help=f"Who is not, whatever includes them. {ENTRY_HELP}"),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Make a distribution list."""
    from commands.local import open_database, principal
    from nightmail.contacts.distribution_lists import make_list

    view = screen(json_output)
    with open_database().begin() as connection:
        owner = one_team(connection, team, _WHAT).path
        entries = [*_entries(connection, owner, include), *_entries(connection, owner, exclude, excluded=True)]
        made = make_list(connection, by=principal(), team=owner, name=name, description=description, entries=entries)
    view.answer({"ok": True, "list": _as_json(made)})
    view.say(f"list {made.name} of {made.team}, with {len(entries)} entries", style="bold green")


@app.command("change")
def change(
    name: str = typer.Argument(..., help=LIST_HELP),
    *,
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    rename: str = typer.Option(None, "--rename", help="Its new name."),
    description: str = typer.Option(None, "--description", help="What it is for."),
    include: list[str] = typer.Option([], "--include", help=f"Add to who is in it. {ENTRY_HELP}"),
    exclude: list[str] = typer.Option([], "--exclude", help=f"Add to who is not. {ENTRY_HELP}"),
    drop: list[str] = typer.Option([], "--drop", help=f"Take out an entry, including or excluding. {ENTRY_HELP}"),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Change a list: its name, its description, its entries."""
    from commands.local import open_database, principal
    from nightmail.contacts.distribution_lists import change_entries, find_list, rename_list

    view = screen(json_output)
    by = principal()
    with open_database().begin() as connection:
        found = find_list(connection, one_team(connection, team, _WHAT).path, name)
        owner = found.team
        if rename is not None or description is not None:
            found = rename_list(connection, found, by=by, name=rename, description=description)
        add = [*_entries(connection, owner, include), *_entries(connection, owner, exclude, excluded=True)]
        remove = [*_entries(connection, owner, drop), *_entries(connection, owner, drop, excluded=True)]
        if add or remove:
            found = change_entries(connection, found, add=add, remove=remove, by=by)
    view.answer({"ok": True, "list": _as_json(found)})
    view.say(f"list {found.name} of {found.team} is changed")


@app.command("remove")
def remove(
    name: str = typer.Argument(..., help=LIST_HELP),
    *,
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Remove a list that no other list holds; its contacts stay, and campaigns keep what it was."""
    from commands.local import open_database, principal
    from nightmail.contacts.distribution_lists import find_list, remove_list

    view = screen(json_output)
    with open_database().begin() as connection:
        found = find_list(connection, one_team(connection, team, _WHAT).path, name)
        remove_list(connection, found, by=principal())
    view.answer({"ok": True, "list": _as_json(found)})
    view.say(f"list {found.name} of {found.team} is removed")


def _entries(connection: Connection, team: str, written: list[str], *, excluded: bool = False) -> list[Entry]:
    """The entries that were typed as ``kind:name``."""
    from nightmail.contacts.distribution_lists import entry_named

    entries = []
    for number, each in enumerate(written, start=1):
        kind, colon, name = each.partition(":")
        if not colon or not name:
            raise UsageError("list_entry_invalid", number=number, problem=f"{each[:60]} is not written as kind:name")
        entries.append(entry_named(connection, team, kind, name, excluded=excluded))
    return entries


def _as_json(row: ListRow) -> dict[str, Any]:
    return {"id": row.id, "name": row.name, "team": row.team, "description": row.description, "version": row.version}


def _entry(row: EntryRow) -> dict[str, Any]:
    return {"kind": row.kind, "id": row.target_id, "name": row.name, "excluded": row.excluded}
