"""``nightmail db``: bring the database to the newest schema, back it up, restore it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import typer

from commands.screen import screen
from nightmail.errors import ConfigurationError

app = typer.Typer(no_args_is_help=True, help="Upgrade, back up and restore the database.", rich_markup_mode="rich")


@app.command("upgrade")
def upgrade_database(json_output: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Bring the database to this version's schema. Safe to run again."""
    from commands.local import database_for_maintenance

    view = screen(json_output)
    with database_for_maintenance() as database:
        before, after = database.upgrade()
    view.answer({"ok": True, "before": before, "after": after, "changed": before != after})
    view.say(
        f"schema {after}: " + ("already the newest" if before == after else f"upgraded from {before or 'nothing'}")
    )


@app.command("backup")
def backup(
    file: Path = typer.Argument(
        None, help="Where to write it; default: backups/nightmail-<time>.dump in the data folder."
    ),
    force: bool = typer.Option(False, "--force", help="Replace a file of that name."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Write the product's database to one file, consistently, while everything runs."""
    from commands.local import database_for_maintenance
    from nightmail.settings import settings
    from nightmail.store.backup import back_up

    view = screen(json_output)
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    target = file if file is not None else settings().data_dir / "backups" / f"nightmail-{stamp}.dump"
    with database_for_maintenance(make=False) as database:
        size = back_up(database.owner, target, replace=force)
    view.answer({"ok": True, "file": str(target), "bytes": size})
    view.say(f"wrote {target} ({size:,} bytes)")
    view.notice("The lake and the secret key are files: copy data_dir/lake and data_dir/secret_key with it.")


@app.command("restore")
def restore(
    file: Path = typer.Argument(..., help="A file that `nightmail db backup` wrote."),
    replace: bool = typer.Option(False, "--replace", help="Replace the database that is there, and all it holds."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Restore a backup. Nothing is sent by it: running campaigns come back paused, and the deployment's epoch counts up."""
    from commands.local import database_for_maintenance
    from nightmail.store.backup_files import read_backup
    from nightmail.store.restore import holds_anything
    from nightmail.store.restore import restore as restore_backup

    view = screen(json_output)
    looked_at = read_backup(file)
    with database_for_maintenance() as database:
        if not replace and holds_anything(database.owner):
            raise ConfigurationError("database_not_empty")
        fenced = restore_backup(database.owner, looked_at, working_role=database.working_role)
    view.answer(
        {
            "ok": True,
            "file": str(file),
            "epoch": fenced.epoch,
            "paused": list(fenced.paused),
            "stopped": list(fenced.stopped),
            "in_doubt": fenced.in_doubt,
        }
    )
    view.say(
        f"restored {file}; epoch {fenced.epoch}; {len(fenced.paused)} campaigns paused, {len(fenced.stopped)} stopped, "
        f"{fenced.in_doubt} messages in doubt"
    )
    if fenced.paused or fenced.stopped:
        view.notice(
            "Messages may have gone out since the backup. What the carriers' records show is settled without you; "
            "`nightmail doubts` and `nightmail decide` settle the rest, then `nightmail resume` each campaign."
        )


@app.command("tally")
def tally(
    rebuild: bool = typer.Option(False, "--rebuild", help="Count the campaigns again that are wrong."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Compare what is counted of each campaign with the ledger. It reads the whole ledger; ends with 1 while something is wrong."""
    from commands.local import actor, database_for_maintenance
    from nightmail.campaigns.tallies import compare_tallies, rebuild_tally

    view = screen(json_output)
    with database_for_maintenance(make=False) as database:
        wrong = compare_tallies(database.working)
        for each in wrong if rebuild else ():
            with database.working.begin() as connection:
                rebuild_tally(connection, each.campaign_id, actor=actor())
    rows = [{"campaign": each.campaign, "messages": each.messages, "counted": each.counted} for each in wrong]
    view.answer({"ok": rebuild or not wrong, "wrong": rows, "rebuilt": rebuild and bool(wrong)})
    for each in wrong:
        view.say(f"{each.campaign}: {each.messages:,} messages, {each.counted:,} counted")
    view.say(f"{len(wrong)} campaigns were counted wrong" + ("; they are counted again" if rebuild and wrong else ""))
    if wrong and not rebuild:
        view.notice("`nightmail db tally --rebuild` counts them again. Sending does not depend on it.")
        raise typer.Exit(1)
