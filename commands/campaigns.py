"""``nightmail campaigns``: what was sent, is being sent, waits or failed; with a key, one campaign in full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from commands.screen import Screen, screen, table
from nightmail.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from nightmail.campaigns.campaign_rows import CampaignRow


_LEDGER = (("accepted",), ("failed",), ("expired", "cancelled", "held"), ("in_doubt",), ("queued",))
"""The ledger's columns in the list: states counted together. In full, a campaign shows each."""
COUNTS = ("rows", "rejects", "duplicates", "held", "planned")


def campaigns(
    campaign: str = typer.Argument(None, help="A campaign's key: show this one in full."),
    *,
    team: str = typer.Option(None, "--team", help="Only of this team and those under it, such as acme.billing."),
    state: list[str] = typer.Option([], "--state", help="Only in this state; may be given several times."),
    limit: int = typer.Option(20, "--limit", min=1, max=1000, help="How many at the most, newest first."),
    suspensions: bool = typer.Option(False, "--suspensions", help="List the channels that are suspended instead."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List campaigns with their states and counts, newest first, or show one in full."""
    from commands.campaign_display import as_json, say_what_waits, show_campaign
    from commands.local import open_database
    from nightmail.campaigns.campaign_rows import get_campaign, list_campaigns
    from nightmail.campaigns.counts import message_counts
    from nightmail.campaigns.suspensions import list_suspensions
    from nightmail.organisation.teams import team_id_of
    from nightmail.store.states import CampaignState

    view = screen(json_output)
    unknown = [name for name in state if name not in set(CampaignState)]
    if unknown:
        raise UsageError("state_unknown", value=", ".join(unknown), known=", ".join(CampaignState))
    engine = open_database()
    with engine.connect() as connection:
        if team is not None:
            team_id_of(connection, team)
        if suspensions:
            _show_suspensions(view, connection)
        elif campaign:
            show_campaign(view, connection, get_campaign(connection, campaign))
        else:
            found = list_campaigns(
                connection, team_path=team, states=[CampaignState(name) for name in state], limit=limit
            )
            rows = [(row, message_counts(connection, row.id)) for row in found]
            view.answer({"ok": True, "campaigns": [as_json(row, sent) for row, sent in rows]})
            _show_list(view, rows)
            say_what_waits(view, found, list_suspensions(connection))


def _show_list(view: Screen, rows: Sequence[tuple[CampaignRow, dict[str, int]]]) -> None:
    """A line for each campaign; where the terminal is too narrow, its key on a line and its counts below."""
    columns = ("campaign", "state", *COUNTS, "accepted", "failed", "not sent", "in doubt", "queued")
    cells = [
        (
            row.key,
            row.state.replace("_", " "),
            *(row.counts.get(name, "") for name in COUNTS),
            *(sum(sent.get(name, 0) for name in names) for names in _LEDGER),
        )
        for row, sent in rows
    ]
    shown = table("Campaigns", columns, cells, numeric=range(2, len(columns)), whole=range(len(columns)))
    if not view.is_too_narrow_for(shown):
        view.show(shown)
        return
    for key, state, *counts in cells:
        view.say(f"{key}  {state}", style="bold")
        of = [f"{name} {count:,}" for name, count in zip(columns[2:], counts, strict=True) if count]
        view.say(f"  {', '.join(of) or 'nothing counted yet'}")


def _show_suspensions(view: Screen, connection: Connection) -> None:
    from nightmail.campaigns.suspensions import list_suspensions

    found = list_suspensions(connection)
    view.answer(
        {
            "ok": True,
            "suspensions": [
                {
                    "id": row.id,
                    "channel": row.channel,
                    "team": row.team,
                    "carrier_account": row.carrier_account,
                    "sender": row.sender,
                    "reason": row.reason,
                    "by": row.by,
                    "since": row.since,
                }
                for row in found
            ],
        }
    )
    if not found:
        view.say("No channel is suspended.")
        return
    cells = [
        (
            row.id,
            row.channel,
            row.team or "all",
            row.carrier_account or "all",
            row.sender or "all",
            row.reason,
            row.by,
            f"{row.since:%Y-%m-%d %H:%M}",
        )
        for row in found
    ]
    columns = ("id", "channel", "team", "account", "sender", "reason", "by", "since (UTC)")
    view.show(table("Suspended channels", columns, cells))
    view.say("A channel is used again after: nightmail lift ID")
