"""``nightmail demo``: the main job once, narrated, in the sandbox, in a data folder of its own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from commands.screen import Screen, clock, screen
from nightmail.errors import UnavailableError

if TYPE_CHECKING:
    from commands.demonstration.tour import Tour
    from commands.deployment import Deployment

ROWS = 1000
FEW_ROWS = 20_000
START_S = 90.0
"""What the demo takes apart from its rows: starting everything, small files, waiting for receipts and reports."""
CPU_S_PER_ROW = 0.0018
"""Over all processes, from the row that is made up to its line in the report: measured at 1,000,000 rows on two cores."""
BYTES_PER_ROW = 3_500
BYTES_BESIDE_ROWS = 3 * 1024**3
"""The database's write-ahead log and Dagster's history."""
EXAMPLE_FILE = (
    r"external_id,phone,first_name,invoice_no,amount,due_date\n"
    r"1001,+447400123456,Anna,INV-1,12.50,2026-12-20\n"
    r"1002,12345,Ben,INV-2,8.00,2026-12-20\n"
)
"""A contact file as ``printf`` writes it: one good row, and one whose number cannot be used."""
KEY_FILE = "api_key"
"""Where the demo's API key is, in its data folder."""
SETTINGS = {
    # Reports follow within seconds, so that the demo need not wait minutes for them.
    "NIGHTMAIL_REPORT_INTERVAL_S": "10",
    "NIGHTMAIL_FILE_SETTLE_S": "1",
}


def demo(
    rows: int = typer.Option(
        ROWS, "--rows", min=100, max=10_000_000, envvar="ROWS", help="Rows of the main contact file."
    ),
    *,
    keep: bool = typer.Option(False, "--keep", help="Stay up afterwards, until Ctrl-C, to look around."),
) -> None:
    """Run the main job once, narrated: files in by SFTP and API, messages out, answers back, corrections, a report."""
    from commands.demonstration.story import STOPPING, Demonstration
    from commands.deployment import deployment
    from commands.supervisor import StopRequested
    from commands.up import show_addresses
    from nightmail.settings import settings

    view = screen()
    folder = prepare_folder(settings().data_dir / "demo")
    configured = settings()
    view.sandbox()
    refuse_full_disk(folder, rows)
    view.say(f"The demo keeps everything in {folder} and stops what it starts.")
    for line in expectations(rows):
        view.say(line)
    totals = None
    try:
        # A million recipients with three receipts each would show the sandbox's speed, not the product's.
        behaviour = {"behaviour": {"intermediate": rows <= FEW_ROWS}}
        with deployment(
            configured, lambda part: view.notice(f"starting {part}"), sandbox_behaviour=behaviour
        ) as running:
            show_addresses(view, running, keys=False)
            (folder / KEY_FILE).touch(mode=0o600)
            (folder / KEY_FILE).write_text(running.new_keys[0].key + "\n", encoding="utf-8")
            tour = prepare_tour(view, running, folder / "files") if keep else None
            story = Demonstration(view, running, rows, folder / "files")
            totals, report = story.run()
            if tour is not None:
                tour.set_up()
                tour.fill(story.campaigns)
                show_requests(view, running.portal_url, folder / KEY_FILE)
                tour.show(stopped=STOPPING)
                view.say("Everything stays up. Ctrl-C stops it.", style="bold green")
                view.say(totals.line(report))
                running.watch()
    except StopRequested:
        view.notice("stopped")
        if totals is None:
            raise typer.Exit(130) from None
    if not keep:
        view.say(f"To look around: nightmail demo --keep, or NIGHTMAIL_DATA_DIR={folder} nightmail up")
        view.say(totals.line(report))
    if not totals.reconcile:
        raise typer.Exit(1)


def prepare_tour(view: Screen, running: Deployment, files: Path) -> Tour:
    """What a demo that stays up shows at its end; now only numbers are set aside for what is older than its own messages."""
    from commands.demonstration.tour import Tour
    from nightmail.demonstration.reservations import reserve

    with running.engine.begin() as connection:
        return Tour(view, running, files, reserve(connection))


def show_requests(view: Screen, portal_url: str, key_file: Path) -> None:
    """Requests to try on a demo that stays up, ready to be copied."""
    key = f'-H "Authorization: Bearer $(cat {key_file})"'
    view.say("To try the API, in another terminal:", style="bold")
    view.say(f"  printf '{EXAMPLE_FILE}' | curl --data-binary @- {key} \\")
    view.say(f"    '{portal_url}/v1/contact-files?feed=acme.billing/invoices&name=bills.csv'")
    view.say(f"  curl {key} {portal_url}/v1/campaigns")


def expectations(rows: int) -> list[str]:
    """What a person should know before a large demo: how long it may take, what it leaves on the disk, what is simpler."""
    if rows <= FEW_ROWS:
        return ["It takes one to three minutes."]
    cores = os.process_cpu_count() if hasattr(os, "process_cpu_count") else len(os.sched_getaffinity(0))
    # Two senders, the portal, the sandbox and the database: more cores than these find little to do.
    seconds = START_S + rows * CPU_S_PER_ROW / min(cores or 1, 5)
    return [
        f"With {rows:,} rows it may take about {clock(seconds)} on {cores} free cores, longer where other work is done, "
        f"and {disk_needed(rows) / 1e9:.1f} GB of the disk, most of which is freed when it is run again.",
        "To show the speed of Nightmail, not of the sandbox, its carriers report only how each message ended, not the steps before.",
    ]


def disk_needed(rows: int) -> int:
    """Bytes that a demo of so many rows may take on the disk."""
    return rows * BYTES_PER_ROW + BYTES_BESIDE_ROWS


def refuse_full_disk(folder: Path, rows: int) -> None:
    """Raise :class:`UnavailableError` where a large demo would fill the disk."""
    free = shutil.disk_usage(folder).free
    if rows > FEW_ROWS and free < disk_needed(rows):
        raise UnavailableError(
            "disk_full",
            problem=f"a demo of {rows:,} rows takes up to {disk_needed(rows) / 1e9:.1f} GB, and {folder} has "
            f"{free / 1e9:.1f} GB free; NIGHTMAIL_DATA_DIR names a folder on another disk",
        )


def prepare_folder(folder: Path) -> Path:
    """An empty data folder, and this process's settings for it: nothing of the deployment's own is used or touched."""
    from commands.local import is_running, local_server, postgres_folder
    from commands.supervisor import free_port
    from nightmail.settings import settings

    folder = folder.resolve()
    if is_running(postgres_folder(folder)):
        # A demo that was killed hard leaves its database running.
        local_server(folder).stop()
    try:
        shutil.rmtree(folder, ignore_errors=False)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise UnavailableError("folder_unusable", folder=folder, problem=f"it cannot be emptied: {error}") from error
    folder.mkdir(parents=True)
    # The usual port, so that examples in the docs work, or the one that was asked for; another where something else has it.
    port = free_port(preferred=settings().portal_port)
    for name in [name for name in os.environ if name.startswith("NIGHTMAIL_")]:
        del os.environ[name]
    os.environ |= {
        **SETTINGS,
        "NIGHTMAIL_DATA_DIR": str(folder),
        "NIGHTMAIL_SETTINGS_FILE": str(folder / "nightmail.toml"),
        "NIGHTMAIL_PORTAL_PORT": str(port),
    }
    settings.cache_clear()
    return folder
