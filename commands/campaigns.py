"""``nightmail campaigns``: what was sent, is being sent, waits or failed; with a key, one campaign in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from commands.screen import Screen, say_ending, screen, table
from nightmail.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from nightmail.campaigns.campaign_rows import CampaignRow

ALL_COUNTS = (
    "rows",
    "rejects",
    "duplicates",
    "contacts",
    "planned",
    "held",
    "messages",
    "queued",
    "standby",
    "segments",
)
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
    from commands.local import open_database
    from nightmail.campaigns.campaign_rows import get_campaign, list_campaigns
    from nightmail.campaigns.counts import message_counts
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
            _show_one(view, connection, get_campaign(connection, campaign))
        else:
            found = list_campaigns(
                connection, team_path=team, states=[CampaignState(name) for name in state], limit=limit
            )
            rows = [(row, message_counts(connection, row.id)) for row in found]
            view.answer({"ok": True, "campaigns": [as_json(row, sent) for row, sent in rows]})
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
            view.show(table("Campaigns", columns, cells, numeric=range(2, len(columns))))


def as_json(row: CampaignRow, sent: dict[str, int]) -> dict[str, Any]:
    """A campaign as ``--json`` shows it."""
    from nightmail.forecasts.recorded_forecasts import recorded_forecast

    return {
        "campaign": row.key,
        "team": row.team,
        "feed": row.feed,
        "category": row.category,
        "state": str(row.state),
        "source": row.source,
        "counts": row.counts,
        "messages": sent,
        "problem": row.problem,
        "created_at": row.created_at,
        "scheduled_at": row.scheduled_at,
        "local_start": row.local_start,
        **recorded_forecast(row).as_dict(),
        "first_hand_off_at": row.first_hand_off_at,
        "finished_at": row.finished_at,
    }


def _show_one(view: Screen, connection: Connection, row: CampaignRow) -> None:

    from commands.check_display import show_reasons
    from nightmail.campaigns.counts import message_counts
    from nightmail.forecasts.recorded_forecasts import recorded_forecast
    from nightmail.store.clock import database_time

    sent = message_counts(connection, row.id)
    view.answer({"ok": True, **as_json(row, sent)})
    view.say(row.key, style="bold")
    view.say(f"  {row.state.replace('_', ' ')} since {row.state_changed_at:%Y-%m-%d %H:%M:%S} UTC; source {row.source}")
    if row.problem:
        view.say(f"  {row.problem.get('message', '')} {row.problem.get('remedy', '')}", style="red")
    ending, now = recorded_forecast(row), database_time(connection)
    if ending.late or (ending.finishes_by is not None and ending.finishes_by > now):
        say_ending(view, ending)
    counts = [(name, f"{row.counts[name]:,}") for name in ALL_COUNTS if name in row.counts]
    view.show(table("Rows", ("", "count"), counts, numeric=[1]))
    for part in ("rejects", "held", "warnings"):
        by_reason = row.counts.get(f"{part}_by_reason")
        if by_reason:
            show_reasons(view, part.capitalize(), by_reason)
    view.show(table("Messages", ("state", "count"), sorted(sent.items()), numeric=[1]))


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
