"""``nightmail up``: everything on this machine, until Ctrl-C."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from commands.screen import Screen, screen, table

if TYPE_CHECKING:
    from commands.deployment import Deployment


def up(
    organisation: bool = typer.Option(
        True, help="Set up the sample organisation where the database has none, so that there is something to try."
    ),
) -> None:
    """Run everything on this machine: database, portal, Dagster and, without a carrier, the sandbox. Ctrl-C stops it."""
    from commands.deployment import SAMPLE_ORGANISATION, deployment
    from commands.local import sandbox_of
    from commands.supervisor import StopRequested
    from nightmail.settings import settings

    view = screen()
    try:
        with deployment(settings(), view.notice, organisation=SAMPLE_ORGANISATION if organisation else None) as running:
            if running.sandbox is not None:
                view.sandbox(sandbox_of(running.engine))
            show_addresses(view, running)
            offer_administration(view)
            view.say("Everything is up. Ctrl-C stops it.", style="bold green")
            running.watch()
    except StopRequested:
        pass
    view.notice("stopped")


def offer_administration(view: Screen) -> None:
    """Show the link for the first administrator, where there is none: one that was shown before is over."""
    from commands.local import actor, link_address, open_database
    from nightmail.access.first_administrator import offer_administration as offer

    with open_database().begin() as connection:
        token = offer(connection, by=actor())
    if token is not None:
        view.say(
            "There is no administrator yet. Who opens this link becomes the first one; it is good once, for 24 hours:"
        )
        view.say(link_address(token, "first-administrator"), style="yellow")


def show_addresses(view: Screen, running: Deployment, keys: bool = True) -> None:
    """What can be opened, and where things are."""
    rows = [
        ("Dagster: runs, assets, checks", running.dagster_url),
        ("Portal: API description", f"{running.portal_url}/docs"),
        ("Lake", running.settings.lake),
        ("Logs", str(running.logs)),
    ]
    if running.sandbox is not None:
        rows[2:2] = [
            (f"SFTP of {sftp.team}", f"sftp -P {sftp.port} {sftp.username}@{sftp.host}   password {sftp.password}")
            for sftp in running.sandbox.logins()
        ]
    view.show(table("Addresses", ("", "address"), rows))
    for key in running.new_keys if keys else ():
        view.say(f"API key {key.name} of {key.team}, shown only now: {key.key}", style="yellow")
