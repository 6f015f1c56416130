"""``nightmail approve CAMPAIGN``: a campaign that waits for a person may be sent."""

from __future__ import annotations

import typer

from commands.screen import say_ending, screen


def approve(
    campaign: str = typer.Argument(..., help="The campaign's key, as `nightmail campaigns` shows it."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Let a campaign that awaits approval be sent, now or at its time."""
    from commands.local import actor, open_database
    from nightmail.campaigns import approval
    from nightmail.forecasts.recorded_forecasts import recorded_forecast, renew_forecast

    view = screen(json_output)
    engine = open_database()
    done = renew_forecast(engine, approval.approve(engine, campaign, actor=actor()))
    ending = recorded_forecast(done)
    view.answer({"ok": True, "campaign": done.key, "state": str(done.state), **ending.as_dict()})
    view.say(f"{done.key} is {done.state.replace('_', ' ')}")
    say_ending(view, ending)
