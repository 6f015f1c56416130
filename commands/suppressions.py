"""``nightmail suppressions ADDRESS``: why an address is not used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from commands.choices import refuse_unknown_channel
from commands.screen import Screen, screen, table
from nightmail.channels import CHANNELS

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from nightmail.consent.addresses import Address
    from nightmail.consent.suppressions import SuppressionRow


def suppressions(
    address: str = typer.Argument(..., help="A phone number or an email address."),
    *,
    team: str = typer.Option(
        None, "--team", help="Only what concerns this team: its own, those above, those under it."
    ),
    channel: str = typer.Option(None, "--channel", help=f"Only on {CHANNELS.choice()}."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show why an address is not used: since when, for what reason, by what message, for which team and category."""
    from commands.local import open_database
    from nightmail.consent.suppressions import suppressions_of

    view = screen(json_output)
    refuse_unknown_channel(channel)
    with open_database().connect() as connection:
        found = given_address(connection, address, team)
        rows = suppressions_of(connection, found.hash, team=team, channel=channel)
    view.answer({"ok": True, "address": found.masked, "suppressions": [row.as_dict() for row in rows]})
    if rows:
        show_suppressions(view, f"Suppressions of {found.masked}", rows)
    else:
        view.say(f"{found.masked} is not suppressed.")


def given_address(connection: Connection, written: str, team: str | None) -> Address:
    """An address as a person typed it. Raises :class:`UsageError` where it is none, or there is no such team."""
    from nightmail.consent.addresses import country_for, read_address
    from nightmail.organisation.teams import team_id_of
    from nightmail.settings import settings

    if team is not None:
        team_id_of(connection, team)
    configured = settings()
    country = country_for(connection, team, configured.default_country)
    return read_address(written, country=country, hash_key=configured.key())


def show_suppressions(view: Screen, title: str, rows: Sequence[SuppressionRow]) -> None:
    """A table of suppressions, for people."""
    cells = [
        (
            row.id,
            row.channel,
            row.team or "all",
            row.category or "all",
            row.reason.replace("_", " "),
            row.source,
            row.message_id or "",
            row.campaign or "",
            f"{row.created_at:%Y-%m-%d %H:%M}",
        )
        for row in rows
    ]
    columns = ("id", "channel", "team", "category", "reason", "source", "message", "campaign", "since")
    view.show(table(title, columns, cells))
