"""``nightmail resume CAMPAIGN``: a paused campaign goes on."""

from __future__ import annotations

import typer

from commands.screen import say_ending, screen


def resume(
    campaign: str = typer.Argument(..., help="The campaign's key, as `nightmail campaigns` shows it."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Let a paused campaign go on where it stopped."""
    from commands.local import actor, open_database
    from nightmail.campaigns import transitions
    from nightmail.forecasts.recorded_forecasts import recorded_forecast, renew_forecast

    view = screen(json_output)
    engine = open_database()
    done = renew_forecast(engine, transitions.resume(engine, campaign, actor=actor()))
    ending = recorded_forecast(done)
    view.answer({"ok": True, "campaign": done.key, "state": str(done.state), **ending.as_dict()})
    view.say(f"{done.key} is {done.state.replace('_', ' ')}")
    say_ending(view, ending)
