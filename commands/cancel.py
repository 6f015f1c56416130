"""``nightmail cancel CAMPAIGN``: what was not handed off never will be."""

from __future__ import annotations

import typer

from commands.screen import counted, screen


def cancel(
    campaign: str = typer.Argument(..., help="The campaign's key, as `nightmail campaigns` shows it."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON; asks nothing."),
) -> None:
    """Cancel a campaign for good: what was not handed off never will be."""
    from commands.local import actor, open_database
    from nightmail.campaigns import transitions

    view = screen(json_output)
    engine = open_database()
    if not (yes or json_output) and not typer.confirm(f"Cancel {campaign} for good?"):
        view.say("Nothing was changed.")
        raise typer.Exit(1)
    done = transitions.cancel(engine, campaign, actor=actor())
    view.answer(
        {
            "ok": True,
            "campaign": done.campaign.key,
            "state": str(done.campaign.state),
            "cancelled": done.not_sent,
            "under_way": done.under_way,
        }
    )
    view.say(
        f"{done.campaign.key} is cancelled; {counted(done.not_sent, 'message')} not sent, {done.under_way:,} under way"
    )
