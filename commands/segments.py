"""``nightmail segments``: contacts by a rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from commands.one_team import TEAM_HELP, one_team
from commands.people import JSON_HELP
from commands.screen import screen, table
from nightmail.errors import UsageError

if TYPE_CHECKING:
    from nightmail.contacts.segments import SegmentRow

app = typer.Typer(no_args_is_help=True, help="Segments: list, show, make, change, remove.")

SEGMENT_HELP = "The segment's name."
RULE_HELP = "The rule as JSON, or a file that holds it."
_WHAT = "has the segment"


@app.command("list")
def list_all(
    *,
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    limit: int = typer.Option(100, "--limit", min=1, max=1000, help="At most so many, by name."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """List the segments that a team uses."""
    from commands.local import open_database
    from nightmail.contacts.segments import segments

    view = screen(json_output)
    with open_database().connect() as connection:
        found = segments(connection, one_team(connection, team, _WHAT).path, limit=limit)
    view.answer({"ok": True, "segments": [_as_json(row) for row in found]})
    rows = [(row.name, row.team, row.description, f"{row.changed_at:%Y-%m-%d %H:%M}") for row in found]
    view.show(table("Segments", ("segment", "team", "description", "changed (UTC)"), rows))


@app.command("show")
def show(
    name: str = typer.Argument(..., help=SEGMENT_HELP),
    *,
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Show a segment: its rule as a sentence, and how many contacts meet it now."""
    from commands.local import open_database
    from nightmail.contacts.list_membership import count_members, segment_membership
    from nightmail.contacts.segment_sentences import rule_sentence
    from nightmail.contacts.segments import find_segment, rule_of

    view = screen(json_output)
    with open_database().connect() as connection:
        sender = one_team(connection, team, _WHAT)
        found = find_segment(connection, sender.path, name)
        sentence = rule_sentence(rule_of(connection, found))
        count = count_members(connection, segment_membership(connection, found, sender.path))
    view.answer({"ok": True, "segment": _as_json(found), "sentence": sentence, "contacts": count})
    view.say(f"{found.name} of {found.team}: {count:,} contacts now", style="bold")
    view.say(sentence)


@app.command("make")
def make(
    name: str = typer.Argument(..., help="The new segment's name."),
    rule: str = typer.Argument(..., help=RULE_HELP),
    *,
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    description: str = typer.Option("", "--description", help="What it is for."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Make a segment of the contacts that meet a rule."""
    from commands.local import open_database, principal
    from nightmail.contacts.segments import make_segment

    view = screen(json_output)
    written = _rule(rule)
    with open_database().begin() as connection:
        owner = one_team(connection, team, _WHAT).path
        made = make_segment(connection, by=principal(), team=owner, name=name, rule=written, description=description)
    view.answer({"ok": True, "segment": _as_json(made)})
    view.say(f"segment {made.name} of {made.team}", style="bold green")


@app.command("change")
def change(
    name: str = typer.Argument(..., help=SEGMENT_HELP),
    *,
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    rename: str = typer.Option(None, "--rename", help="Its new name."),
    rule: str = typer.Option(None, "--rule", help=RULE_HELP),
    description: str = typer.Option(None, "--description", help="What it is for."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Change a segment: its name, its rule, its description."""
    from commands.local import open_database, principal
    from nightmail.contacts.segments import change_segment, find_segment

    view = screen(json_output)
    written = None if rule is None else _rule(rule)
    with open_database().begin() as connection:
        found = find_segment(connection, one_team(connection, team, _WHAT).path, name)
        changed = change_segment(connection, found, by=principal(), name=rename, rule=written, description=description)
    view.answer({"ok": True, "segment": _as_json(changed)})
    view.say(f"segment {changed.name} of {changed.team} is changed")


@app.command("remove")
def remove(
    name: str = typer.Argument(..., help=SEGMENT_HELP),
    *,
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Remove a segment that no list holds; its contacts stay, and campaigns keep what it was."""
    from commands.local import open_database, principal
    from nightmail.contacts.segments import find_segment, remove_segment

    view = screen(json_output)
    with open_database().begin() as connection:
        found = find_segment(connection, one_team(connection, team, _WHAT).path, name)
        remove_segment(connection, found, by=principal())
    view.answer({"ok": True, "segment": _as_json(found)})
    view.say(f"segment {found.name} of {found.team} is removed")


def _rule(written: str) -> Any:
    """The rule that was given as JSON, or as a file of it. Raises :class:`UsageError` (``segment_rule_invalid``)."""
    if not written.lstrip().startswith("{"):
        try:
            written = Path(written).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problem = "it is neither JSON nor a file that can be read"
            raise UsageError("segment_rule_invalid", place="the rule", problem=problem) from error
    try:
        return json.loads(written)
    except (ValueError, RecursionError) as error:
        where = f" at line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise UsageError("segment_rule_invalid", place="the rule", problem=f"it is no JSON{where}") from error


def _as_json(row: SegmentRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "team": row.team,
        "description": row.description,
        "rule": dict(row.rule),
        "version": row.version,
    }
