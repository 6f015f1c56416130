"""``nightmail groups``: contacts of a team that were put together by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from commands.one_team import TEAM_HELP, one_team
from commands.people import JSON_HELP
from commands.screen import screen, table
from nightmail.errors import ContactFileError, UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from nightmail.contacts.groups import GroupRow

app = typer.Typer(no_args_is_help=True, help="Groups of contacts: list, show, make, change, remove.")

GROUP_HELP = "The group's name, or its number."
MEMBER_HELP = "A contact of the group's team, by its external id or one of its addresses; may be repeated."
FILE_HELP = "A file of such, one a line; - for standard input."
_WHAT = "has the group"
_STANDARD_INPUT = Path("-")


@app.command("list")
def list_all(
    *,
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    limit: int = typer.Option(100, "--limit", min=1, max=1000, help="At most so many, by name."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """List the groups of a team and of those below it."""
    from commands.local import open_database
    from nightmail.contacts.groups import list_groups

    view = screen(json_output)
    with open_database().connect() as connection:
        found = list_groups(connection, [one_team(connection, team, _WHAT).path], limit=limit)
    view.answer({"ok": True, "groups": [_as_json(row) for row in found]})
    rows = [(row.id, row.name, row.team, row.members, row.description) for row in found]
    view.show(table("Groups", ("number", "group", "team", "members", "description"), rows, numeric=[0, 3]))


@app.command("show")
def show(
    group: str = typer.Argument(..., help=GROUP_HELP),
    *,
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    after: int = typer.Option(0, "--after", min=0, help="Go on after the member with this number."),
    limit: int = typer.Option(50, "--limit", min=1, max=1000, help="At most so many members."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Show a group and its members."""
    from commands.local import actor, open_database
    from nightmail.audit.looks import record_look
    from nightmail.contacts.groups import members_of

    view = screen(json_output)
    with open_database().begin() as connection:
        found = _named(connection, group, team)
        rows = members_of(connection, found, after=after, limit=limit + 1)
        record_look(
            connection,
            actor=actor(),
            subject=f"group:{found.id}",
            team_id=found.team_id,
            shown=["external_id", "name"] if rows else [],
            count=len(rows[:limit]),
        )
    following = rows[limit - 1].id if len(rows) > limit else None
    members = [{"id": row.id, "external_id": row.external_id, "name": row.name} for row in rows[:limit]]
    view.answer({"ok": True, "group": _as_json(found), "members": members, "next": following})
    cells = [(each["id"], each["external_id"], each["name"] or "") for each in members]
    title = f"{found.name} of {found.team}: {found.members:,} contacts"
    view.show(table(title, ("number", "external id", "name"), cells, numeric=[0]))
    if following:
        view.notice(f"more: --after {following}")


@app.command("make")
def make(
    name: str = typer.Argument(..., help="The new group's name."),
    *,
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    description: str = typer.Option("", "--description", help="What it is for."),
    add: list[str] = typer.Option([], "--add", help=MEMBER_HELP),
    file: Path = typer.Option(None, "--add-file", help=FILE_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Make a group, with members where they are named."""
    from commands.local import open_database, principal
    from nightmail.contacts.groups import make_group

    view = screen(json_output)
    with open_database().begin() as connection:
        owner = one_team(connection, team, _WHAT).path
        made = make_group(connection, by=principal(), team=owner, name=name, description=description)
        changed = _members(connection, made, [*add, *_lines(file)], add=True)
        made = _read(connection, made.id)
    view.answer({"ok": True, "group": _as_json(made), **changed})
    view.say(f"group {made.name} of {made.team}, with {made.members:,} members", style="bold green")
    _say_left(view, changed)


@app.command("change")
def change(
    group: str = typer.Argument(..., help=GROUP_HELP),
    *,
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    rename: str = typer.Option(None, "--rename", help="Its new name."),
    description: str = typer.Option(None, "--description", help="What it is for."),
    add: list[str] = typer.Option([], "--add", help=f"Put in. {MEMBER_HELP}"),
    add_file: Path = typer.Option(None, "--add-file", help=f"Put in. {FILE_HELP}"),
    take_out: list[str] = typer.Option([], "--take-out", help=f"Take out. {MEMBER_HELP}"),
    take_out_file: Path = typer.Option(None, "--take-out-file", help=f"Take out. {FILE_HELP}"),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Change a group: its name, its description, its members. Who means nobody, or several, is named and left."""
    from commands.local import open_database, principal
    from nightmail.contacts.groups import change_group

    view = screen(json_output)
    with open_database().begin() as connection:
        found = _named(connection, group, team)
        if rename is not None or description is not None:
            name, what = rename or found.name, found.description if description is None else description
            found = change_group(connection, found, by=principal(), name=name, description=what)
        came = _members(connection, found, [*add, *_lines(add_file)], add=True)
        went = _members(connection, found, [*take_out, *_lines(take_out_file)], add=False)
        found = _read(connection, found.id)
    left = {name: came[name] + went[name] for name in ("nobody", "several")}
    counts = {"added": came["changed"], "taken_out": went["changed"]}
    view.answer({"ok": True, "group": _as_json(found), **counts, **left})
    view.say(f"group {found.name} of {found.team} has {found.members:,} members")
    _say_left(view, left)


@app.command("remove")
def remove(
    group: str = typer.Argument(..., help=GROUP_HELP),
    *,
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Remove a group that no list or segment has; its contacts stay."""
    from commands.local import open_database, principal
    from nightmail.contacts.groups import remove_group

    view = screen(json_output)
    with open_database().begin() as connection:
        found = _named(connection, group, team)
        remove_group(connection, found, by=principal())
    view.answer({"ok": True, "group": _as_json(found)})
    view.say(f"group {found.name} of {found.team} is removed")


def _read(connection: Connection, number: int) -> GroupRow:
    from commands.local import principal
    from nightmail.contacts.groups import find_group

    return find_group(connection, principal(), number)


def _named(connection: Connection, group: str, team: str | None) -> GroupRow:
    """The group of a number, or of a name in a team and below it. A name is never a number alone."""
    from nightmail.contacts.groups import list_groups

    if group.isdecimal():
        return _read(connection, int(group[:9]))
    owner = one_team(connection, team, _WHAT).path
    fits = [
        row for row in list_groups(connection, [owner], words=group, limit=1000) if row.name.lower() == group.lower()
    ]
    own = [row for row in fits if row.team == owner] or fits
    if len(own) > 1:
        raise UsageError("list_entry_unknown", kind="group", name=group, count="two or more", team=owner)
    if not own:
        raise UsageError("group_unknown", group=group)
    return own[0]


def _members(connection: Connection, group: GroupRow, lines: list[str], *, add: bool) -> dict[str, Any]:
    from commands.local import principal
    from nightmail.contacts.groups import add_members, remove_members, whom_lines_mean
    from nightmail.settings import settings

    if not lines:
        return {"changed": 0, "nobody": [], "several": []}
    meant = whom_lines_mean(connection, group, lines, key=settings().key())
    changed = (add_members if add else remove_members)(connection, group, meant.contacts, by=principal())
    return {"changed": changed, "nobody": list(meant.nobody), "several": list(meant.several)}


def _lines(file: Path | None) -> list[str]:
    if file is None:
        return []
    if file == _STANDARD_INPUT:
        return typer.get_text_stream("stdin").read().splitlines()
    try:
        return file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeError) as error:
        raise ContactFileError("file_unreadable", detail=f"{file}: {error}") from None


def _say_left(view: Any, left: dict[str, Any]) -> None:
    for name, what in (("nobody", "no contact of the team"), ("several", "several contacts")):
        if left[name]:
            view.notice(f"{len(left[name]):,} mean {what}, and nothing was done: {', '.join(left[name][:10])}")


def _as_json(row: GroupRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "team": row.team,
        "description": row.description,
        "members": row.members,
        "version": row.version,
    }
