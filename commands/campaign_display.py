"""One campaign in full: what it waits for, what holds it, when it ends, what became of its rows and messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from commands.screen import Screen, say_ending, table

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from nightmail.campaigns.campaign_rows import CampaignRow
    from nightmail.campaigns.held_channels import HeldChannel
    from nightmail.campaigns.suspensions import SuspensionRow
    from nightmail.forecasts.finish_forecast import FinishForecast

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


def as_json(row: CampaignRow, sent: dict[str, int], ending: FinishForecast | None = None) -> dict[str, Any]:
    """A campaign as ``--json`` shows it; ``ending`` is its forecast where it is not the one that was recorded."""
    from nightmail.campaigns.approval import waits_for_approval
    from nightmail.forecasts.recorded_forecasts import recorded_forecast
    from nightmail.reasons import Surface

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
        "waits_for_approval": waits_for_approval(row, Surface.SHELL),
        "created_at": row.created_at,
        "scheduled_at": row.scheduled_at,
        "local_start": row.local_start,
        "held_until": row.held_until,
        **(ending or recorded_forecast(row)).as_dict(),
        "first_hand_off_at": row.first_hand_off_at,
        "finished_at": row.finished_at,
    }


def show_campaign(view: Screen, connection: Connection, row: CampaignRow) -> None:
    """Show one campaign in full."""
    from commands.check_display import show_reasons
    from nightmail.campaigns.counts import message_counts
    from nightmail.campaigns.held_channels import held_channels
    from nightmail.forecasts.recorded_forecasts import present_forecast
    from nightmail.intake.list_sends import source_of_campaign
    from nightmail.store.clock import database_time

    sent, now = message_counts(connection, row.id), database_time(connection)
    held = held_channels(connection, row)
    ending = present_forecast(connection, row, held)
    made_of = source_of_campaign(connection, row)
    view.answer(
        {
            "ok": True,
            **as_json(row, sent, ending),
            "suspensions": _held_as_json(held),
            "made_of": None if made_of is None else asdict(made_of),
        }
    )
    view.say(row.key, style="bold")
    view.say(f"  {row.state.replace('_', ' ')} since {row.state_changed_at:%Y-%m-%d %H:%M:%S} UTC")
    of = [
        f"team {row.team}",
        *([f"feed {row.feed}"] if row.feed else []),
        f"category {row.category}",
        f"from {row.source}"
        if made_of is None
        else f"from the {made_of.kind} {made_of.name} ({made_of.contacts:,} contacts)",
    ]
    view.say(f"  {', '.join(of)}")
    if row.problem:
        view.say(f"  {row.problem.get('message', '')} {row.problem.get('remedy', '')}", style="red")
    _say_what_it_waits_for(view, row, held)
    if ending.late or ending.suspended or (ending.finishes_by is not None and ending.finishes_by > now):
        say_ending(view, ending)
    counts = [(name, f"{row.counts[name]:,}") for name in ALL_COUNTS if name in row.counts]
    view.show(table("Rows", ("", "count"), counts, numeric=[1]))
    for part in ("rejects", "held", "warnings"):
        by_reason = row.counts.get(f"{part}_by_reason")
        if by_reason:
            show_reasons(view, part.capitalize(), by_reason)
    view.show(table("Messages", ("state", "count"), sorted(sent.items()), numeric=[1]))


def _say_what_it_waits_for(view: Screen, row: CampaignRow, held: Sequence[HeldChannel]) -> None:
    """A person's approval, its start, and what suspensions hold; nothing for a campaign that waits for none of them."""
    from nightmail.campaigns.approval import waits_for_approval
    from nightmail.reasons import Surface
    from nightmail.store.states import CampaignState

    waits = waits_for_approval(row, Surface.SHELL)
    if waits is not None:
        view.say(f"  It waits for approval: {waits['message']}", style="yellow")
        view.say(f"  {waits['remedy']}")
    if row.scheduled_at is not None and row.state in (CampaignState.SCHEDULED, CampaignState.AWAITING_APPROVAL):
        if row.local_start is not None:
            view.say(f"  It starts at {row.local_start:%Y-%m-%d %H:%M} in each recipient's own time zone.")
        else:
            view.say(f"  It starts at {row.scheduled_at:%Y-%m-%d %H:%M} UTC.")
    if row.held_until is not None and row.state is CampaignState.SCHEDULED:
        view.say(f"  It can be undone until {row.held_until:%Y-%m-%d %H:%M:%S} UTC: nightmail cancel {row.key}")
    for channel in held:
        for suspension in channel.suspensions:
            of = scope_of(suspension)
            view.say(
                f"  {channel.channel} is suspended for {of} since {suspension.since:%Y-%m-%d %H:%M} UTC by {suspension.by}: "
                f"{suspension.reason}",
                style="yellow",
            )
            view.say(f"  {_what_follows(channel)} It ends with: nightmail lift {suspension.id}")


def say_what_waits(view: Screen, rows: Sequence[CampaignRow], suspensions: Sequence[SuspensionRow]) -> None:
    """Below a list: the campaigns in it that wait for a person, and the suspensions in force; nothing where there is none."""
    from nightmail.campaigns.approval import waits_for_approval

    for row in rows:
        waits = waits_for_approval(row)
        if waits is not None:
            view.say(f"{row.key} waits for approval: {waits['message']}", style="yellow")
    for suspension in suspensions:
        of, since = scope_of(suspension), f"{suspension.since:%Y-%m-%d %H:%M} UTC"
        view.say(
            f"{suspension.channel} is suspended for {of} since {since} by {suspension.by}: {suspension.reason} "
            f"(nightmail lift {suspension.id})",
            style="yellow",
        )


def scope_of(suspension: SuspensionRow) -> str:
    """What a suspension is of, besides its channel: an account, a sender, a team, or all."""
    return ", ".join(part for part in (suspension.carrier_account, suspension.sender, suspension.team) if part) or "all"


def _what_follows(channel: HeldChannel) -> str:
    if channel.usable:
        return "Its messages go over another account or sender meanwhile."
    if channel.falls:
        return "Its due messages fall to the contact's next channel, and wait where there is none."
    return "Its messages wait."


def _held_as_json(held: Sequence[HeldChannel]) -> list[dict[str, Any]]:
    return [
        {
            "channel": channel.channel,
            "suspension": suspension.id,
            "team": suspension.team,
            "carrier_account": suspension.carrier_account,
            "sender": suspension.sender,
            "reason": suspension.reason,
            "by": suspension.by,
            "since": suspension.since,
            "usable": channel.usable,
            "falls": channel.falls,
            "remedy": f"nightmail lift {suspension.id}",
        }
        for channel in held
        for suspension in channel.suspensions
    ]
