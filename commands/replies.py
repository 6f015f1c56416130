"""``nightmail replies``: what recipients answered."""

from __future__ import annotations

import typer

from commands.screen import screen, table


def replies(
    opt_out: list[int] = typer.Option(
        [], "--opt-out", help="The reply of this id asks for an end: suppress its writer."
    ),
    no_opt_out: list[int] = typer.Option([], "--no-opt-out", help="The reply of this id does not ask for an end."),
    *,
    team: str = typer.Option(None, "--team", help="Only to this team and those under it."),
    undecided: bool = typer.Option(False, "--undecided", help="Only those that probably ask for an end."),
    limit: int = typer.Option(50, "--limit", min=1, max=1000, help="At most so many, the newest first."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List what recipients answered, or decide about replies that probably ask for an end."""
    from commands.local import actor, open_database
    from nightmail.conversations.team_replies import decide_reply, list_replies
    from nightmail.organisation.teams import team_id_of
    from nightmail.receipts.undecided import ReplyDecision

    view = screen(json_output)
    engine = open_database()
    orders = [(each, ReplyDecision.OPT_OUT) for each in opt_out] + [
        (each, ReplyDecision.NO_OPT_OUT) for each in no_opt_out
    ]
    if orders:
        with engine.begin() as connection:
            settled = [
                {"reply": each, "decision": str(decision), "settled": list(done)}
                for each, decision in orders
                for done in [decide_reply(connection, each, decision, actor=actor(), team=team)]
            ]
        view.answer({"ok": True, "decided": settled})
        for order in settled:
            view.say(f"reply {order['reply']}: {str(order['decision']).replace('_', '-')}")
        return
    with engine.connect() as connection:
        if team is not None:
            team_id_of(connection, team)
        found = list_replies(connection, team=team, undecided=undecided, limit=limit)
    view.answer({"ok": True, "replies": [row.as_dict() for row in found]})
    if not found:
        view.say("no reply waits for a decision" if undecided else "no reply")
        return
    cells = [
        (
            row.id,
            f"{row.received_at:%Y-%m-%d %H:%M}",
            row.team or "",
            row.channel,
            row.from_masked,
            row.sent_to or "",
            row.decision or row.kind,
            (row.text or "")[:200],
        )
        for row in found
    ]
    view.show(table("Replies", ("id", "at (UTC)", "team", "channel", "from", "to", "is", "text"), cells))
    if any(row.kind == "probable_stop" and row.decision is None for row in found):
        view.say("Decide about a probable_stop with: nightmail replies --opt-out ID, or --no-opt-out ID")
