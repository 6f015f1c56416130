"""Backups of the database and what a restored one may do: nothing that the lost one may have done already.

A backup is a snapshot; what was handed off after it was made, the snapshot still believes to be unsent. So every restore
counts the deployment's *epoch* up. Senders take messages of the present epoch only; those of an earlier one that the
snapshot has as unsent become *in doubt*, and receipts, the carrier's records or a person settle them.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, text

from nightmail.errors import ConfigurationError, UnavailableError, UsageError
from nightmail.store.local_server import LocalServer

MAGIC = b"PGDMP"
ASIDE = "before_restore"
PROBLEM = {
    "reason": "restored_from_backup",
    "message": "The database was restored from a backup made before this campaign was sent; it may have gone out since.",
    "remedy": "Compare with the carrier's records, then send the file again if nothing went out.",
}


@dataclass(frozen=True, slots=True)
class Fenced:
    """What a restore put out of action until a person decides."""

    epoch: int
    paused: tuple[str, ...]
    """Campaigns that were sending or scheduled: keys."""
    stopped: tuple[str, ...]
    """Campaigns that were not yet loaded: the lost database may have sent them."""
    in_doubt: int
    """Messages that the snapshot has as unsent."""


def back_up(engine: Engine, destination: Path) -> int:
    """Write a consistent snapshot to ``destination`` while everything runs; gives its size in bytes.

    The file holds personal data: only its owner can read it. It appears under its name when it is whole.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    aside = destination.with_name(f".{destination.name}.aside")
    try:
        os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        _run("pg_dump", engine, "--format=custom", "--no-owner", "--no-privileges", f"--file={aside}")
        aside.rename(destination)
    finally:
        aside.unlink(missing_ok=True)
    return destination.stat().st_size


def restore(engine: Engine, source: Path) -> Fenced:
    """Replace the database's content by a backup, in one transaction, and fence what it believes to be unsent.

    Raises :class:`UsageError` (``backup_unusable``), :class:`ConfigurationError` (``senders_at_work``).
    """
    from nightmail.store.upgrade import upgrade

    if not source.is_file():
        raise UsageError("backup_unusable", f"There is no file {source}.", "Give the path of a backup.")
    with source.open("rb") as handle:
        if handle.read(len(MAGIC)) != MAGIC:
            raise UsageError(
                "backup_unusable", f"{source} is not a backup.", "Give a file that `nightmail db backup` wrote."
            )
    with engine.connect() as connection:
        used = connection.scalar(text("select to_regclass('campaign') is not null"))
        epoch = int(connection.scalar(text("select max(epoch) from deployment")) or 0) if used else 0
        at_work = connection.scalar(
            text(
                "select count(*) from pg_stat_activity where application_name = 'nightmail sender' and datname = current_database()"
            )
        )
    if at_work:
        raise ConfigurationError(
            "senders_at_work",
            f"{at_work} senders are at work on this database.",
            "Stop them first: end `nightmail up`, or the runs of `send` on Dagster's page.",
        )
    # The present content stays aside until the backup is in whole.
    with engine.begin() as connection:
        connection.execute(text(f"drop schema if exists {ASIDE} cascade"))
        connection.execute(text(f"alter schema public rename to {ASIDE}"))
        connection.execute(text("create schema public"))
    engine.dispose()
    try:
        _run(
            "pg_restore",
            engine,
            "--no-owner",
            "--no-privileges",
            "--exit-on-error",
            "--single-transaction",
            str(source),
        )
    except BaseException:
        with engine.begin() as connection:
            connection.execute(text("drop schema public cascade"))
            connection.execute(text(f"alter schema {ASIDE} rename to public"))
        raise
    with engine.begin() as connection:
        connection.execute(text(f"drop schema {ASIDE} cascade"))
    upgrade(engine)
    return fence_restored(engine, epoch)


def fence_restored(engine: Engine, epoch_before: int) -> Fenced:
    """Count the epoch up beyond both databases' and take every campaign that may have been sent out of action.

    Campaigns scheduled for later cannot have been sent: they keep their messages, but are paused as well.
    """
    from nightmail.sending.advance import fence_earlier_epochs

    with engine.begin() as connection:
        epoch = int(
            connection.execute(
                text("update deployment set epoch = greatest(epoch, :before) + 1 returning epoch"),
                {"before": epoch_before},
            ).scalar_one()
        )
        connection.execute(
            text(
                "update message m set epoch = :epoch from campaign c where c.id = m.campaign_id "
                "and m.state in ('queued', 'standby') and c.state = 'scheduled' and c.scheduled_at > now()"
            ),
            {"epoch": epoch},
        )
        paused = connection.execute(
            text("update campaign set state = 'paused' where state in ('sending', 'scheduled') returning key")
        ).scalars()
        paused_keys = tuple(paused)
        stopped = connection.execute(
            text(
                "update campaign set state = 'stopped', problem = cast(:problem as jsonb) where state in "
                "('received', 'checking', 'awaiting_approval', 'ready') returning key"
            ),
            {"problem": _problem_json()},
        ).scalars()
        stopped_keys = tuple(stopped)
        connection.execute(text("update sender_run set finished_at = now() where finished_at is null"))
    doubtful = fence_earlier_epochs(engine)
    return Fenced(epoch, paused_keys, stopped_keys, doubtful)


def _problem_json() -> str:
    import json

    return json.dumps(PROBLEM)


def _run(program: str, engine: Engine, *arguments: str) -> None:
    url = engine.url.set(drivername="postgresql", password=None)
    environment = dict(os.environ)
    if engine.url.password:
        # In the environment, as every user of the machine can read a command's arguments.
        environment["PGPASSWORD"] = str(engine.url.password)
    done = subprocess.run(  # noqa: S603
        [LocalServer.binaries() / program, f"--dbname={url.render_as_string(hide_password=False)}", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise UnavailableError(
            "database_program_failed",
            f"{program} ended with {done.returncode}: {last[0][:300]}",
            "Check the database's address, the disk's free space and that its version is not newer than ours.",
        )
