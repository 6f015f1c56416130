"""``nightmail suspend CHANNEL``: a channel is not used for now, for a team or for all."""

from __future__ import annotations

import typer

from commands.choices import refuse_unknown_channel
from commands.screen import counted, screen
from nightmail.channels import CHANNELS
from nightmail.errors import UsageError

LONGEST_REASON = 200


def suspend(
    channel: str = typer.Argument(..., help=f"{CHANNELS.choice()}."),
    *,
    team: str = typer.Option(None, "--team", help="Only for this team and those under it; by default for all."),
    reason: str = typer.Option(..., "--reason", help="Why: shown to everybody who wonders."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Stop using a channel within a second. Its messages wait, or fall to the next channel where the team set it; none is lost.

    `nightmail lift` ends it.
    """
    from commands.local import actor, open_database
    from nightmail.campaigns.suspensions import messages_waiting, suspend_channel
    from nightmail.organisation.teams import team_id_of

    view = screen(json_output)
    refuse_unknown_channel(channel)
    if not 1 <= len(reason.strip()) <= LONGEST_REASON:
        raise UsageError("arguments_wrong", problem=f"--reason must say why in 1 to {LONGEST_REASON} characters")
    engine = open_database()
    team_id = None
    if team is not None:
        with engine.connect() as connection:
            team_id = team_id_of(connection, team)
    made = suspend_channel(engine, channel, reason=reason, by=actor(), team_id=team_id)
    with engine.connect() as connection:
        waiting = messages_waiting(connection, channel, team_id)
    view.answer(
        {
            "ok": True,
            "suspension": made.id,
            "channel": made.channel,
            "team": team,
            "since": made.since,
            "waiting": waiting,
        }
    )
    view.say(
        f"{channel} is suspended for {team or 'all'}; {counted(waiting, 'message')} waiting; end it with: nightmail lift {made.id}"
    )
