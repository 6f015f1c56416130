"""``nightmail provision ORG.yaml``: an organisation set up from one file. The plan is shown first; running again is safe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from commands.key_files import write_key
from commands.screen import Screen, screen, table
from nightmail.errors import ConfigurationError

if TYPE_CHECKING:
    from commands.part_checks import Checked
    from nightmail.provisioning import Change, NewKey


def provision(
    organisation: Path = typer.Argument(..., help="The organisation file; samples/organisation.yaml shows the form."),
    *,
    plan_only: bool = typer.Option(False, "--plan", help="Only show what would change."),
    prune: bool = typer.Option(False, "--prune", help="Retire what the file no longer names, where nothing needs it."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask before changing."),
    checks: bool = typer.Option(True, help="Afterwards, ask each part whether it answers."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON; changes without asking, unless --plan."),
) -> None:
    """Set an organisation up: teams, feeds, templates, senders, carriers, keys, SFTP folders, prices. Safe to run again."""
    from commands.local import actor, database_for_maintenance, sandbox_of
    from commands.sandbox_setup import write_sftp_users
    from nightmail import provisioning
    from nightmail.settings import settings
    from resources.carriers import CARRIERS

    view = screen(json_output)
    wanted = provisioning.load_organisation(organisation, CARRIERS.adapters)
    with database_for_maintenance() as database:
        database.upgrade()
        engine = database.working
        changes = provisioning.plan(engine, wanted, organisation.parent, prune=prune)
        _show_changes(view, "Plan", changes)
        different = [change for change in changes if change.action not in provisioning.NO_CHANGE]
        stuck = [f"{change.kind} {change.name}" for change in changes if change.action == provisioning.CANNOT]
        answer: dict[str, Any] = {"ok": True, "applied": False, "changes": [change.__dict__ for change in changes]}
        view.sandbox(sandbox_of(engine))
        if not different and not stuck:
            view.say("Everything is as the file says.", style="green")
        if stuck:
            view.say(f"Cannot be retired yet: {', '.join(stuck)}.", style="bold red")
        if plan_only:
            view.answer(answer)
            return
        if different and not (yes or json_output) and not typer.confirm(f"Make these {len(different)} changes?"):
            view.say("Nothing was changed.")
            raise typer.Exit(1)
        outcome = provisioning.provision(engine, wanted, organisation.parent, actor(), prune=prune)
        write_sftp_users(engine, settings().data_dir / "sandbox")
        keys = [_hand_over(view, key) for key in outcome.new_keys]
        found = list(_checks(engine)) if checks else []
        if sandbox_of(engine).channels != view.sandbox_channels:
            view.sandbox(sandbox_of(engine))
    ill = [check for check in found if check.ill]
    answer |= {
        "ok": not ill and not stuck,
        "applied": outcome.changed,
        "api_keys": keys,
        "checks": [check.as_dict() for check in found],
    }
    view.answer(answer)
    show_checks(view, found)
    if ill:
        raise typer.Exit(ConfigurationError.exit_code)
    if stuck:
        raise typer.Exit(1)


def _checks(engine: Any) -> list[Checked]:
    from commands.part_checks import check_carriers, check_sftp_servers, check_templates

    return [*check_sftp_servers(engine, make_folders=True), *check_carriers(engine), *check_templates(engine)]


def _show_changes(view: Screen, title: str, changes: tuple[Change, ...]) -> None:
    cells = [(change.action, change.kind, change.name, "; ".join(change.details)) for change in changes]
    view.show(table(title, ("", "part", "name", "details"), cells))


def show_checks(view: Screen, found: list[Checked]) -> None:
    """Whether each part answers, and what to do where it does not."""
    marks = {"well": "✓", "note": "!", "ill": "✗"}
    cells = [(marks[check.state], check.part, " ".join(filter(None, (check.message, check.remedy)))) for check in found]
    if cells:
        view.show(table("Checks", ("", "part", "answer"), cells))


def _hand_over(view: Screen, key: NewKey) -> dict[str, Any]:
    """Show a new key, the only time; write it to its file where the organisation names one."""
    if key.file is not None:
        write_key(key.file, key.key, name=key.name, team=key.team)
        view.say(f"API key {key.name} of {key.team}: written to {key.file}", style="yellow")
    else:
        view.say(f"API key {key.name} of {key.team}, shown only now: {key.key}", style="yellow")
    return {"team": key.team, "name": key.name, "key": key.key, "file": str(key.file) if key.file else None}
