"""``nightmail preferences``: what contacts chose, and who recorded it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import typer

from commands.consents import AT_HELP, CONTACT_HELP, contact_id, stated_time
from commands.one_team import TEAM_HELP, one_team
from commands.people import JSON_HELP
from commands.screen import screen, table

app = typer.Typer(no_args_is_help=True, help="Preferences: show, set, import.")

_WHAT = "has the contact"


@app.command("show")
def show(
    contact: str = typer.Argument(..., help=CONTACT_HELP),
    *,
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Show what a contact chose, and each statement that it is made of."""
    from commands.local import open_database
    from nightmail.consent.preference_statements import taken_together
    from nightmail.consent.preferences import preference_history

    view = screen(json_output)
    with open_database().connect() as connection:
        owner = one_team(connection, team, _WHAT)
        history = preference_history(connection, owner.path, contact_id(owner, contact))
    chosen = taken_together(history).as_dict()
    told = [
        {"stated_at": one.stated_at, "changes": dict(one.changes), "source": one.source, "set_by": one.set_by}
        for one in history
    ]
    view.answer({"ok": True, "chosen": chosen, "history": told})
    if not history:
        view.say(f"{contact} has chosen nothing.")
        return
    facts = [(name.replace("_", " "), _told(value)) for name, value in chosen.items() if value is not None]
    view.show(table(f"What {contact} chose", ("field", "choice"), facts))
    rows = [
        (
            f"{one.stated_at:%Y-%m-%d %H:%M}",
            "; ".join(f"{name}: {_told(value)}" for name, value in one.changes.items()),
            one.source,
            one.set_by,
        )
        for one in history
    ]
    view.show(table("What was stated", ("when (UTC)", "what", "from", "set by"), rows))


@app.command("set")
def set_choices(
    contact: str = typer.Argument(..., help=CONTACT_HELP),
    *,
    channels: str = typer.Option(None, "--channels", help="Channels in order, with commas."),
    wants: list[str] = typer.Option([], "--wants", help="A category that the contact wants; may be repeated."),
    wants_no: list[str] = typer.Option([], "--wants-no", help="A category that it does not want; may be repeated."),
    quiet: str = typer.Option(None, "--quiet", help="Hours in which nothing comes: 21:00-08:00."),
    time_zone: str = typer.Option(None, "--time-zone", help="By which these hours are read."),
    language: str = typer.Option(None, "--language", help="A tag such as en."),
    pause_until: str = typer.Option(None, "--pause-until", help="Until then nothing comes but what is urgent."),
    clear: list[str] = typer.Option([], "--clear", help="A field to have no choice any more; may be repeated."),
    at: dt.datetime = typer.Option(None, "--at", help=AT_HELP),
    source: str = typer.Option("command", "--source", help="From where it comes, such as a call."),
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Record what a contact chose; what is not named stays as it is."""
    from commands.local import open_database, principal
    from nightmail.consent.preferences import read_changes, record_preferences

    view = screen(json_output)
    written: dict[str, object] = dict.fromkeys(clear)
    stated = {"time_zone": time_zone, "language": language, "paused_until": pause_until}
    written |= {name: value for name, value in stated.items() if value is not None}
    if channels is not None:
        written["channels"] = [name.strip() for name in channels.split(",") if name.strip()]
    if wants or wants_no:
        written["topics"] = {**dict.fromkeys(wants, True), **dict.fromkeys(wants_no, False)}
    if quiet is not None:
        written["quiet_from"], _, written["quiet_until"] = quiet.partition("-")
    with open_database().begin() as connection:
        owner = one_team(connection, team, _WHAT)
        changes = read_changes(connection, owner.path, written)
        stating = [(contact_id(owner, contact), stated_time(owner, at), changes)]
        new = record_preferences(connection, owner.id, stating, source=source, actor=principal().actor)
    view.answer({"ok": True, "added": new, "changes": changes})
    view.say(f"recorded what {contact} chose" if new else "it was recorded before")


@app.command("import")
def import_file(
    file: Path = typer.Argument(..., help="The file, in any format that a send takes: one row per statement."),
    *,
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    mapping: list[str] = typer.Option([], "--map", help="HEADER=COLUMN: what a column is; may be repeated."),
    country: str = typer.Option(None, "--country", help="Of national numbers; by default the team's."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Show what would change, and change nothing."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    json_output: bool = typer.Option(False, "--json", help=f"{JSON_HELP} Asks nothing."),
) -> None:
    """Record what contacts chose from a file: by default shown and asked about first. The later statement counts, whatever the order."""
    from commands.contact_import import bring, import_settings

    how = import_settings(mapping, "first", country)
    ask = not (yes or json_output)
    bring(screen(json_output), file, team, "update", "preferences", how, dry_run=dry_run, ask=ask)


def _told(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {'yes' if wanted else 'no'}" for name, wanted in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
