"""``nightmail suppress ADDRESS``: an address is not used any more, for a team or for all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from commands.choices import refuse_missing_file, refuse_unknown_channel
from commands.screen import Screen, counted, screen, table
from nightmail.channels import CHANNELS
from nightmail.errors import ContactFileError, UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from nightmail.consent.addresses import Address


def suppress(
    address: str = typer.Argument(None, help="A phone number or an email address."),
    *,
    file: Path = typer.Option(None, "--file", help="A list instead: one address a line, or CSV with --column."),
    column: str = typer.Option(None, "--column", help="The column of the CSV file that holds the addresses."),
    team: str = typer.Option(None, "--team", help="Only for this team and those under it; by default for all."),
    channel: str = typer.Option(None, "--channel", help=f"Only on {CHANNELS.choice()}; by default on each."),
    category: str = typer.Option(None, "--category", help="Only for messages of this category; by default for all."),
    asked_for: bool = typer.Option(
        False, "--asked-for", help="The person asked for it, by telephone perhaps: keep it as an opt-out."
    ),
    why: str = typer.Option(None, "--why", help="Why, such as who asked whom and how: kept with it; names nobody."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask about a list."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON; asks nothing."),
) -> None:
    """Use an address, or a list of them, no more from the next hand-off on. `nightmail unsuppress` takes it back."""
    from commands.local import actor, open_database
    from commands.suppressions import given_address
    from nightmail.consent.suppressing import suppress_by_hand
    from nightmail.organisation.teams import team_id_of

    view = screen(json_output)
    if (address is None) == (file is None) or (column is not None and file is None):
        raise UsageError("arguments_wrong", problem="give an address, or a list with --file")
    refuse_unknown_channel(channel)
    engine = open_database()
    with engine.connect() as connection:
        team_id = None if team is None else team_id_of(connection, team)
        if file is None:
            addresses, empty = [given_address(connection, address, team)], 0
            shown = addresses[0].masked
        else:
            addresses, empty = _listed(view, connection, file, column, team, channel)
            shown = f"{len(addresses):,} addresses"
    if (
        file is not None
        and not (yes or json_output)
        and not typer.confirm(f"Suppress {shown} for {team or 'all teams'}?")
    ):
        view.say("Nothing was changed.")
        raise typer.Exit(1)
    with engine.begin() as connection:
        done = suppress_by_hand(
            connection,
            addresses,
            actor=actor(),
            team_id=team_id,
            channel=channel,
            category=category,
            asked_for=asked_for,
            why=why,
        )
    view.answer(
        {
            "ok": True,
            **(
                {"address": shown} if file is None else {"file": str(file), "addresses": len(addresses), "empty": empty}
            ),
            "team": team,
            "channel": channel,
            "category": category,
            "asked_for": asked_for,
            "added": done.added,
            "already": done.already,
        }
    )
    view.say(
        f"{shown}: suppressed for {team or 'all teams'}, {channel or 'every channel'}, {category or 'every category'}; "
        f"{counted(done.added, 'suppression')} made, {done.already:,} there already"
    )
    if empty:
        view.notice(f"{empty:,} rows have nothing in the column {column}")


def _listed(
    view: Screen, connection: Connection, file: Path, column: str | None, team: str | None, channel: str | None
) -> tuple[list[Address], int]:
    from nightmail.consent.addresses import country_for, read_addresses
    from nightmail.contact_files.address_list import read_address_list
    from nightmail.settings import settings

    refuse_missing_file(file)
    listed = read_address_list(file, column)
    configured = settings()
    try:
        addresses = read_addresses(
            listed.lines,
            country=country_for(connection, team, configured.default_country),
            hash_key=configured.key(),
            channel=channel,
        )
    except ContactFileError as error:
        cells = [(found["line"], found["reason"], found["message"]) for found in error.detail["lines"]]
        view.show(table("", ("line", "reason", "what is wrong"), cells, numeric=[0]))
        raise
    return addresses, listed.empty
