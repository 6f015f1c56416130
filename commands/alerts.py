"""``nightmail alerts``: what a person must look at."""

from __future__ import annotations

import typer

from commands.screen import screen, table


def alerts(
    close: list[int] = typer.Option([], "--close", help="Close the alert of this id; may be given several times."),
    *,
    why: str = typer.Option(None, "--why", help="Why they are closed: kept with them and in the audit log."),
    team: str = typer.Option(None, "--team", help="Only of this team and those under it."),
    everything: bool = typer.Option(False, "--all", help="Also those that are closed."),
    limit: int = typer.Option(50, "--limit", min=1, max=1000, help="At most so many, the newest first."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List open alerts, or close some. Most end when their cause is over; one whose cause returns is raised again."""
    from commands.local import actor, open_database
    from nightmail.campaigns.alerts import close_alerts, list_alerts
    from nightmail.organisation.teams import team_id_of

    view = screen(json_output)
    engine = open_database()
    if close:
        with engine.begin() as connection:
            closed = close_alerts(connection, close, actor=actor(), why=why)
        view.answer({"ok": True, "alerts": [row.as_dict() for row in closed]})
        for row in closed:
            view.say(f"alert {row.id} is closed")
        return
    with engine.connect() as connection:
        if team is not None:
            team_id_of(connection, team)
        found = list_alerts(connection, team=team, closed=everything, limit=limit)
    view.answer({"ok": True, "alerts": [row.as_dict() for row in found]})
    if not found:
        view.say("no alert" if everything else "no alert is open")
        return
    cells = [
        (
            row.id,
            row.reason,
            f"{row.since:%Y-%m-%d %H:%M}",
            row.times,
            row.team or "all",
            row.campaign or "",
            row.message,
            *([f"{row.closed_at:%Y-%m-%d %H:%M}" if row.closed_at else ""] if everything else []),
        )
        for row in found
    ]
    columns = (
        "id",
        "reason",
        "since (UTC)",
        "times",
        "team",
        "campaign",
        "message",
        *(["closed"] if everything else []),
    )
    view.show(table("Alerts", columns, cells, numeric=[3], whole=(0, 1, 2, 5)))
    if not everything:
        view.say("What a reason means: nightmail explain REASON. Close one with: nightmail alerts --close ID")
