"""``nightmail decide MESSAGE DECISION``: a person settles a message in doubt."""

from __future__ import annotations

import typer

from commands.screen import counted, screen
from nightmail.errors import UsageError


def decide(
    message: str = typer.Argument(
        ..., help="A message id, as `nightmail doubts` shows it, or a campaign for all of its."
    ),
    decision: str = typer.Argument(..., help="accepted: the carrier has it; failed: drop it; resend: send it again."),
    *,
    why: str = typer.Option(None, "--why", help="Why, such as what the carrier's page said: kept in the audit log."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON; asks nothing."),
) -> None:
    """Decide about a message in doubt, after a look at the carrier's own pages. `resend` may send it a second time."""
    from commands.local import actor, open_database
    from nightmail.campaigns.campaign_rows import get_campaign
    from nightmail.message_ids import parse_message_id
    from nightmail.sending import doubt_decisions
    from nightmail.sending.doubt_lists import count_in_doubt

    view = screen(json_output)
    try:
        made = doubt_decisions.Decision(decision)
    except ValueError:
        known = ", ".join(doubt_decisions.Decision)
        raise UsageError("decision_unknown", value=decision, known=known) from None
    engine = open_database()
    try:
        parse_message_id(message)
    except ValueError:
        if not (yes or json_output):
            with engine.connect() as connection:
                left = count_in_doubt(connection, get_campaign(connection, message).id)
            if left and not typer.confirm(f"Decide about {counted(left, 'message')} in doubt: {made}?"):
                view.say("Nothing was changed.")
                raise typer.Exit(1) from None
        decided = doubt_decisions.decide_campaign(engine, message, made, actor=actor(), why=why)
    else:
        doubt_decisions.decide(engine, message, made, actor=actor(), why=why)
        decided = 1
    view.answer({"ok": True, "decided": decided, "decision": str(made)})
    view.say(f"{counted(decided, 'message')}: {made}")
