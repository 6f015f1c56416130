"""``nightmail lift ID``: a suspended channel is used again."""

from __future__ import annotations

import typer

from commands.screen import screen


def lift(
    suspension: int = typer.Argument(..., help="Its id, as `nightmail campaigns --suspensions` shows it."),
    *,
    why: str = typer.Option(None, "--why", help="Why it is lifted: kept with it and in the audit log."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """End a suspension: what waited goes on."""
    from commands.local import actor, open_database
    from nightmail.campaigns.suspensions import lift_suspension
    from nightmail.forecasts.recorded_forecasts import renew_forecasts

    view = screen(json_output)
    engine = open_database()
    renew_forecasts(engine, lift_suspension(engine, suspension, by=actor(), why=why))
    view.answer({"ok": True, "suspension": suspension})
    view.say(f"suspension {suspension} is lifted")
