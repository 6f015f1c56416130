"""``nightmail pause CAMPAIGN``: senders stop handing off its messages within a second."""

from __future__ import annotations

import typer

from commands.screen import counted, screen


def pause(
    campaign: str = typer.Argument(..., help="The campaign's key, as `nightmail campaigns` shows it."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Pause a campaign within a second, between hand-offs; nothing is lost."""
    from commands.local import actor, open_database
    from nightmail.campaigns import transitions

    view = screen(json_output)
    done = transitions.pause(open_database(), campaign, actor=actor())
    view.answer(
        {
            "ok": True,
            "campaign": done.campaign.key,
            "state": str(done.campaign.state),
            "waiting": done.not_sent,
            "under_way": done.under_way,
        }
    )
    view.say(
        f"{done.campaign.key} is paused; {counted(done.not_sent, 'message')} waiting, {done.under_way:,} under way"
    )
