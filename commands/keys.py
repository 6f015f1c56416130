"""``nightmail keys``: how programs prove who they are."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from commands.people import JSON_HELP
from commands.screen import Screen, screen, table
from commands.stated_ends import UNTIL_HELP, stated_end

if TYPE_CHECKING:
    from nightmail.access.key_changes import KeyRow

app = typer.Typer(no_args_is_help=True, help="List, make, rotate and revoke API keys.", rich_markup_mode="rich")

KEY_HELP = "The key's number, its first eleven characters, or team/name."
FILE_HELP = "Write the key to this file (mode 0600) instead of showing it."


@app.command("list")
def list_all(
    *,
    team: str = typer.Option(None, "--team", help="Only of this team and those under it."),
    over: bool = typer.Option(False, "--all", help="Also those that are revoked or expired."),
    before: int = typer.Option(None, "--before", help="Go on with keys of lower numbers."),
    limit: int = typer.Option(100, "--limit", min=1, max=1000, help="At most so many, the newest first."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """List API keys: what each may do, from where, until when, and when it was last used."""
    from commands.local import open_database, principal
    from nightmail.access.key_changes import list_keys
    from nightmail.organisation.teams import team_id_of

    view = screen(json_output)
    with open_database().connect() as connection:
        if team is not None:
            team_id_of(connection, team)
        if team is not None:
            team_id_of(connection, team)
        found = list_keys(connection, principal(), team=team, over=over, before=before, limit=limit)
    view.answer({"ok": True, "keys": [key.as_dict() for key in found]})
    rows = [
        (
            key.id,
            f"{key.team}/{key.name}",
            key.prefix,
            key.state,
            ", ".join(sorted(key.permissions)),
            ", ".join(key.allowed_networks) or "anywhere",
            "never" if key.expires_at is None else f"{key.expires_at:%Y-%m-%d %H:%M}",
            "never" if key.last_used_at is None else f"{key.last_used_at:%Y-%m-%d %H:%M}",
        )
        for key in found
    ]
    header = ("number", "key", "begins", "is", "permissions", "from", "ends (UTC)", "last used (UTC)")
    view.show(table("API keys", header, rows))


@app.command("new")
def new(
    team: str = typer.Argument(..., help="The team that the key is of; it sees that team and those below."),
    name: str = typer.Argument(..., help="A name: the program that uses it."),
    *,
    permission: list[str] = typer.Option(
        ..., "--permission", "-p", help="A permission, such as file.upload; may be given several times."
    ),
    until: str = typer.Option(None, "--until", help=UNTIL_HELP),
    network: list[str] = typer.Option(
        [], "--from", help="A network (CIDR) it may come from; by default from anywhere."
    ),
    file: Path = typer.Option(None, "--file", help=FILE_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Make an API key. It is shown once."""
    from commands.local import open_database, principal
    from nightmail.access.key_changes import new_key
    from nightmail.access.permissions import scopes_among

    view = screen(json_output)
    with open_database().begin() as connection:
        made, secret = new_key(
            connection,
            by=principal(),
            team=team,
            name=name,
            permissions=permission,
            expires_at=stated_end(until),
            allowed_networks=network,
        )
        _hand_over(view, made, secret, file)
    old = scopes_among(permission)
    if old:
        view.notice(f"{', '.join(old)}: scopes of earlier versions; the key has {', '.join(sorted(made.permissions))}")


@app.command("rotate")
def rotate(
    key: str = typer.Argument(..., help=KEY_HELP),
    *,
    overlap_hours: int = typer.Option(
        24, "--overlap-hours", min=0, max=720, help="Hours for which the old key is taken beside the new one."
    ),
    file: Path = typer.Option(None, "--file", help=FILE_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Make a new key in the place of another, with the same rights; the old one ends when the overlap is over."""
    from commands.local import open_database, principal
    from nightmail.access.key_changes import find_key, rotate_key

    view = screen(json_output)
    by = principal()
    with open_database().begin() as connection:
        found = find_key(connection, key, by=by)
        made, secret = rotate_key(connection, found, by=by, overlap=dt.timedelta(hours=overlap_hours))
        _hand_over(view, made, secret, file)
    view.say(f"The key {found.prefix} is taken for {overlap_hours} hours more.")


@app.command("revoke")
def revoke(
    key: str = typer.Argument(..., help=KEY_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """End an API key: the next request with it is refused."""
    from commands.local import open_database, principal
    from nightmail.access.key_changes import find_key, revoke_key

    view = screen(json_output)
    by = principal()
    with open_database().begin() as connection:
        ended = revoke_key(connection, find_key(connection, key, by=by), by=by)
    view.answer({"ok": True, "key": ended.as_dict()})
    view.say(f"the key {ended.prefix} of {ended.team}/{ended.name} is revoked")


def _hand_over(view: Screen, key: KeyRow, secret: str, file: Path | None) -> None:
    """Write the key to its file, or show it. A file that cannot be written leaves no key behind: the caller rolls back."""
    from commands.key_files import write_key

    if file is not None:
        write_key(file, secret, name=key.name, team=key.team)
    view.answer({"ok": True, "key": key.as_dict(), "secret": None if file is not None else secret, "file": file})
    if file is None:
        view.say(f"API key {key.name} of {key.team}, shown only now:")
        view.say(secret, style="yellow")
    else:
        view.say(f"API key {key.name} of {key.team}: in {file}")
