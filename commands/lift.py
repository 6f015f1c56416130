"""``nightmail lift ID``: a suspended channel is used again."""

from __future__ import annotations

import typer

from commands.screen import screen


def lift(
    suspension: int = typer.Argument(..., help="Its id, as `nightmail campaigns --suspensions` shows it."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """End a suspension: what waited goes on."""
    from commands.local import actor, open_database
    from nightmail.campaigns.suspensions import lift_suspension

    view = screen(json_output)
    lift_suspension(open_database(), suspension, by=actor())
    view.answer({"ok": True, "suspension": suspension})
    view.say(f"suspension {suspension} is lifted")
