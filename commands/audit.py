"""``nightmail audit``: who did what; is the log whole; a copy of it."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import typer

from commands.screen import screen, table
from nightmail.errors import UsageError

if TYPE_CHECKING:
    from nightmail.audit.listing import EntryFilter

app = typer.Typer(no_args_is_help=True, help="Read, verify and hand out the audit log.", rich_markup_mode="rich")

ACTOR = typer.Option(None, "--actor", help="Only by this one: person:17, key:3, user:root.")
ACTION = typer.Option(
    None, "--action", help="Only this action, such as campaign.paused; campaign. means all of a noun."
)
SUBJECT = typer.Option(None, "--subject", help="Only what was done to this: a campaign's key, person:17.")
TEAM = typer.Option(None, "--team", help="Only of this team and those under it.")
ORIGIN = typer.Option(None, "--from", help="Only from this address.")
SINCE = typer.Option(None, "--since", help="Only from this time on: 2026-11-30 or 2026-11-30T08:00 (UTC).")
UNTIL = typer.Option(None, "--until", help="Only before this time.")
JSON = typer.Option(False, "--json", help="Print JSON.")


@app.command("list")
def list_log(
    actor: str = ACTOR,
    action: str = ACTION,
    subject: str = SUBJECT,
    *,
    team: str = TEAM,
    origin: str = ORIGIN,
    since: str = SINCE,
    until: str = UNTIL,
    limit: int = typer.Option(50, "--limit", min=1, max=1000, help="At most so many, the newest first."),
    json_output: bool = JSON,
) -> None:
    """List entries, the newest first."""
    from commands.local import open_database
    from nightmail.audit.listing import list_entries

    view = screen(json_output)
    wanted = _wanted(actor, action, subject, team, origin, since, until)
    with open_database().connect() as connection:
        found = list_entries(connection, wanted, limit=limit)
    view.answer({"ok": True, "entries": [row.as_dict() for row in found]})
    cells = [
        (
            f"{row.at:%Y-%m-%d %H:%M:%S}",
            row.actor,
            row.action,
            row.subject,
            row.team or "",
            row.origin or "",
            _short(row.before, row.after, row.detail),
        )
        for row in found
    ]
    view.show(table("Audit log", ("at (UTC)", "who", "did", "to", "team", "from", "what"), cells))


@app.command("export")
def export_log(
    actor: str = ACTOR,
    action: str = ACTION,
    subject: str = SUBJECT,
    *,
    team: str = TEAM,
    origin: str = ORIGIN,
    since: str = SINCE,
    until: str = UNTIL,
    follow: bool = typer.Option(
        False,
        "--follow",
        help="Go on: print what is sealed from now on, each entry once, until Ctrl-C. Without filters.",
    ),
    after_seal: int = typer.Option(
        None, "--after-seal", min=0, help="With --follow: begin after this seal, which a printed line named."
    ),
) -> None:
    """Print entries as JSON lines, the oldest first. That it was done is an entry too."""
    from commands.local import actor as who
    from commands.local import open_database
    from nightmail.audit import write_entry
    from nightmail.audit.listing import export_entries

    wanted = _wanted(actor, action, subject, team, origin, since, until)
    engine = open_database()
    with engine.begin() as connection:
        write_entry(connection, actor=who(), action="audit.exported", subject="audit", detail=_told(wanted, follow))
    if follow:
        _follow(engine, after_seal)
        return
    with engine.connect() as connection:
        for row in export_entries(connection, wanted):
            typer.echo(json.dumps(row.as_dict(), ensure_ascii=False))


@app.command("verify")
def verify_log(json_output: bool = JSON) -> None:
    """Seal what is not sealed yet, then compare the whole log with its seals. Ends with 1 when something is not as it was."""
    from commands.local import database_for_maintenance
    from nightmail.audit.copies import record_head, recorded_head
    from nightmail.audit.sealing import seal_entries
    from nightmail.audit.verifying import verify
    from nightmail.settings import settings

    view = screen(json_output)
    configured = settings()
    with database_for_maintenance(make=False) as database:
        known = recorded_head(configured.data_dir)
        seal_entries(database.working, configured.key())
        verdict = verify(database.working, configured.key(), known)
    if not verdict.findings and verdict.head is not None:
        record_head(configured.data_dir, verdict.head)
    head = verdict.head
    view.answer(
        {
            "ok": not verdict.findings,
            "entries": verdict.entries,
            "seals": verdict.seals,
            "head": {"seal": head.number, "hash": head.hash.hex()} if head else None,
            "unsealed": verdict.unsealed,
            "oldest_unsealed": verdict.oldest_unsealed.isoformat() if verdict.oldest_unsealed else None,
            "months_gone": verdict.months_gone,
            "findings": [{"reason": finding.code, "message": finding.message} for finding in verdict.findings],
        }
    )
    for finding in verdict.findings:
        view.say(finding.message, style="red")
    view.say(
        f"{verdict.entries} entries in {verdict.seals} seals" + (f"; the last one: {head.hash.hex()}" if head else "")
    )
    if verdict.unsealed:
        view.say(f"{verdict.unsealed} entries are not sealed yet, the oldest of {verdict.oldest_unsealed:%H:%M:%S} UTC")
    for month in verdict.months_gone:
        view.say(f"{month} was deleted by retention")
    if verdict.findings:
        raise typer.Exit(1)
    view.say("Every sealed entry is as it was sealed, and none is missing or added.", style="green")


def _follow(engine: Any, after_seal: int | None) -> None:
    import time

    from nightmail.audit.copies import newest_seal, sealed_lines

    position = newest_seal(engine) if after_seal is None else after_seal
    while True:
        for number, lines in sealed_lines(engine, position):
            for line in lines:
                typer.echo(json.dumps(line, ensure_ascii=False))
            position = number
        time.sleep(2.0)


def _wanted(
    actor: str | None,
    action: str | None,
    subject: str | None,
    team: str | None,
    origin: str | None,
    since: str | None,
    until: str | None,
) -> EntryFilter:
    from nightmail.audit.listing import EntryFilter

    return EntryFilter(
        team=team, actor=actor, action=action, subject=subject, origin=origin, since=_time(since), until=_time(until)
    )


def _time(stated: str | None) -> dt.datetime | None:
    if stated is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(stated)
    except ValueError as error:
        raise UsageError("moment_unreadable", value=stated) from error
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment


def _told(wanted: EntryFilter, follow: bool) -> dict[str, Any]:
    stated = {name: getattr(wanted, name) for name in wanted.__dataclass_fields__}
    return {name: str(value) for name, value in stated.items() if value is not None} | (
        {"follow": True} if follow else {}
    )


def _short(before: Any, after: Any, detail: Any) -> str:
    parts = [json.dumps(value, ensure_ascii=False) for value in (before, after, detail) if value]
    return " → ".join(parts)
