"""``nightmail db``: bring the database to the newest schema, back it up, restore it."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from commands.screen import screen
from nightmail.errors import ConfigurationError, NightmailError, UsageError

if TYPE_CHECKING:
    from sqlalchemy import Engine

app = typer.Typer(no_args_is_help=True, help="Upgrade, back up and restore the database.", rich_markup_mode="rich")


@app.command("upgrade")
def upgrade_database(json_output: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Bring the database to this version's schema. Safe to run again."""
    from commands.local import database_for_maintenance
    from nightmail.store.upgrade import upgrade

    view = screen(json_output)
    with database_for_maintenance() as engine:
        before, after = upgrade(engine)
    view.answer({"ok": True, "before": before, "after": after, "changed": before != after})
    view.say(
        f"schema {after}: " + ("already the newest" if before == after else f"upgraded from {before or 'nothing'}")
    )


@app.command("backup")
def backup(
    file: Path = typer.Argument(None, help="Where to write it; default: nightmail-<time>.dump in the data folder."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Write the product's database to one file, consistently, while everything runs."""
    from commands.local import database_for_maintenance
    from nightmail.settings import settings

    view = screen(json_output)
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    target = file or settings().data_dir / "backups" / f"nightmail-{stamp}.dump"
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.aside")
    with database_for_maintenance() as engine:
        try:
            # The dump holds personal data: nobody else may read it, not even while it is written.
            os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
            _run("pg_dump", engine, "--format=custom", "--no-owner", "--no-privileges", f"--file={aside}")
            aside.rename(target)
        finally:
            aside.unlink(missing_ok=True)
    size = target.stat().st_size
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
    from sqlalchemy import text

    from commands.local import database_for_maintenance
    from nightmail.store.upgrade import upgrade

    view = screen(json_output)
    if not file.is_file():
        raise UsageError("backup_unusable", f"There is no file {file}.", "Give the path of a backup.")
    with file.open("rb") as handle:
        if handle.read(5) != b"PGDMP":
            raise UsageError(
                "backup_unusable", f"{file} is not a backup.", "Give a file that `nightmail db backup` wrote."
            )
    with database_for_maintenance() as engine:
        with engine.connect() as connection:
            used = connection.execute(text("select to_regclass('campaign') is not null")).scalar_one()
            epoch = connection.execute(text("select epoch from deployment")).scalar_one_or_none() if used else None
            filled = used and connection.execute(text("select exists (select 1 from team)")).scalar_one()
        if filled and not replace:
            raise ConfigurationError(
                "database_not_empty",
                "The database holds an organisation, which a restore would replace.",
                "Make a backup of it, then run the restore with --replace.",
            )
        with engine.begin() as connection:
            connection.execute(text("drop schema public cascade"))
            connection.execute(text("create schema public"))
        engine.dispose()
        _run(
            "pg_restore", engine, "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", str(file)
        )
        upgrade(engine)
        with engine.begin() as connection:
            restored = connection.execute(
                text("update deployment set epoch = greatest(epoch, :epoch) + 1 returning epoch"), {"epoch": epoch or 0}
            ).scalar_one()
            paused = connection.execute(
                text(
                    "update campaign set state = 'paused', state_changed_at = now() "
                    "where state in ('sending', 'scheduled') returning key"
                )
            ).scalars()
            keys = list(paused)
    view.answer({"ok": True, "file": str(file), "epoch": restored, "paused": keys})
    view.say(f"restored {file}; epoch {restored}; {len(keys)} campaigns paused")
    if keys:
        view.notice(
            "Messages may have gone out since the backup. Compare with the carrier, then `nightmail resume` each."
        )


def _run(program: str, engine: Engine, *arguments: str) -> None:
    from sqlalchemy.engine import make_url

    from nightmail.store.engine import libpq_url
    from nightmail.store.local_server import LocalServer

    # The password goes by the environment: other users of the machine can read a command's arguments.
    target = make_url(libpq_url(engine))
    environment = {**os.environ, "PGAPPNAME": "nightmail db"}
    if target.password:
        environment["PGPASSWORD"] = str(target.password)
    flag = f"--dbname={target.set(password=None).render_as_string(hide_password=False)}"
    done = subprocess.run(
        [LocalServer.binaries() / program, flag, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if done.returncode:
        raise NightmailError(
            "database_tool_failed",
            f"{program} failed: {' '.join(done.stderr.split())[:500]}.",
            "Check the free space of the disk, and that the server's version is not newer than the program's.",
        )
