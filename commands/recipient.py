"""``nightmail recipient ADDRESS``: what somebody got or did not get, and why."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import typer

from commands.screen import Screen, screen, table
from nightmail.errors import UsageError

if TYPE_CHECKING:
    from nightmail.recipients.history import History


def recipient(
    address: str = typer.Argument(
        ..., help="A phone number, an email address, or an external id as the contact file has it."
    ),
    *,
    team: str = typer.Option(None, "--team", help="Only at this team and those under it."),
    since: str = typer.Option(None, "--since", help="The first day (UTC), such as 2026-11-24."),
    until: str = typer.Option(None, "--until", help="The last day (UTC); by default that of --since."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show what a recipient got or did not get and why, in order of time.

    With days, at most 31, contact files are looked through as well: for rows that became no message.
    """
    from commands.local import open_database, principal
    from nightmail.lake import Lake
    from nightmail.recipients.asked import Asked
    from nightmail.recipients.history import Surroundings, history_of
    from nightmail.recipients.lookup import readings_of
    from nightmail.settings import settings
    from resources.carriers import CARRIERS

    view = screen(json_output)
    configured = settings()
    asked = Asked(*_days(since, until), team=team)
    around = Surroundings(
        hash_key=configured.key(),
        meaning_of=CARRIERS.meaning_of,
        lake=Lake(configured.lake),
        default_country=configured.default_country,
    )
    with open_database().begin() as connection:
        readings = readings_of(
            connection,
            principal(),
            address,
            hash_key=around.hash_key,
            default_country=around.default_country,
            team=team,
        )
        found = [history_of(connection, principal(), reading, asked, around) for reading in readings]
    view.answer({"ok": True, "recipients": [each.as_dict() for each in found]})
    if len(found) > 1:
        view.say(f"This can be {len(found)} recipients; each is shown apart.", style="bold")
    for each in found:
        _show(view, each)


def _days(since: str | None, until: str | None) -> tuple[dt.datetime | None, dt.datetime | None]:
    """From the beginning of the first day to the end of the last one."""
    first, last = _day(since), _day(until)
    if first is not None and last is None:
        last = first
    if first is not None and last is not None and last < first:
        raise UsageError("arguments_wrong", problem="the last day is before the first")
    return first, None if last is None else last + dt.timedelta(days=1)


def _day(written: str | None) -> dt.datetime | None:
    if written is None:
        return None
    try:
        return dt.datetime.combine(dt.date.fromisoformat(written), dt.time(), dt.UTC)
    except (ValueError, OverflowError):
        raise UsageError("arguments_wrong", problem=f"{written} is no day: write it as 2026-11-24") from None


def _show(view: Screen, found: History) -> None:
    who = found.recipient
    where = f" in {who.team}" if who.team else ""
    read = f" (by the rules of {', '.join(who.countries)})" if who.countries else ""
    view.say(f"{who.shown}{where}{read}", style="bold")
    if found.empty:
        view.say("Nothing is known.")
    if found.outcomes:
        cells = [
            (
                f"{each.at:%Y-%m-%d %H:%M}",
                each.campaign,
                ", ".join(each.channels),
                str(each.outcome).replace("_", " "),
                each.as_dict()["because"] or "",
            )
            for each in found.outcomes
        ]
        view.show(table("In short", ("at (UTC)", "campaign", "channel", "went", "why"), cells))
    if found.events:
        lines = [(event, event.as_dict()["sentence"]) for event in found.events]
        told = [
            (f"{event.at:%Y-%m-%d %H:%M:%S}", event.message_id or event.campaign or event.team or "all teams", words)
            for event, words in lines
        ]
        view.show(table("In order of time", ("at (UTC)", "of", "what"), told))
    _show_limits(view, found)


def _show_limits(view: Screen, found: History) -> None:
    """What was not looked at, and what is not kept."""
    files = found.files
    if files is None:
        view.notice(
            "Rows of contact files that became no message are not looked through: give --since, at most 31 days."
        )
    else:
        if files.left_out:
            view.notice(f"Not looked through, as there were too many rows: {', '.join(files.left_out)}")
        if files.gone:
            view.notice(f"Retention has deleted the rows of: {', '.join(files.gone)}")
        view.notice("A row whose address could not be read is found by its external id alone.")
    if found.next is not None:
        view.notice("There are earlier messages: give days to see them.")
