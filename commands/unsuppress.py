"""``nightmail unsuppress ADDRESS``: an address is used again."""

from __future__ import annotations

import typer

from commands.choices import refuse_unknown_channel
from commands.screen import counted, screen
from nightmail.channels import CHANNELS


def unsuppress(
    address: str = typer.Argument(..., help="A phone number or an email address."),
    *,
    suppression: int = typer.Option(None, "--id", help="Only this one, as `nightmail suppressions` numbers them."),
    team: str = typer.Option(None, "--team", help="Only those made for this team or one under it."),
    channel: str = typer.Option(None, "--channel", help=f"Only on {CHANNELS.choice()}."),
    although_asked_for: bool = typer.Option(
        False,
        "--although-asked-for",
        help="Also what the person asked for: they have agreed again, and it can be proved.",
    ),
    why: str = typer.Option(None, "--why", help="Why it is used again: kept with it and in the audit log."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON; asks nothing."),
) -> None:
    """Lift the suppressions of an address: a hard bounce that was none, or one by hand. Opt-outs and complaints stay."""
    from commands.local import actor, open_database
    from commands.suppressions import given_address, show_suppressions
    from nightmail.consent.suppressing import carriers_own_lists, lift_suppressions, refuse_lifting
    from nightmail.consent.suppressions import suppression_unknown, suppressions_of

    view = screen(json_output)
    refuse_unknown_channel(channel)
    engine = open_database()
    with engine.connect() as connection:
        found = given_address(connection, address, team)
        there = suppressions_of(connection, found.hash, team=team, channel=channel)
    rows = [row for row in there if suppression in (None, row.id)]
    if suppression is not None and not rows:
        raise suppression_unknown(suppression)
    # What a team above made is left alone beside the team's own, and refused where there is nothing else.
    rows = [row for row in rows if team is None or row.is_of(team)] or rows
    refuse_lifting(rows, team=team, although_asked_for=although_asked_for)
    if rows and not (yes or json_output):
        show_suppressions(view, f"Suppressions of {found.masked}", rows)
        if not typer.confirm("Lift them?"):
            view.say("Nothing was changed.")
            raise typer.Exit(1)
    with engine.begin() as connection:
        lifted = lift_suppressions(
            connection, rows, actor=actor(), team=team, although_asked_for=although_asked_for, why=why
        )
        left = suppressions_of(connection, found.hash)
    carriers = carriers_own_lists(row.channel for row in lifted)
    view.answer(
        {
            "ok": True,
            "address": found.masked,
            "lifted": [row.as_dict() for row in lifted],
            "in_force": [row.as_dict() for row in left],
            "carriers_own_lists": carriers,
        }
    )
    if not there:
        view.say(f"{found.masked} is not suppressed.")
        return
    view.say(f"{found.masked}: {counted(len(lifted), 'suppression')} lifted, {len(left):,} still in force")
    for words in carriers:
        view.say(f"  {words}")
