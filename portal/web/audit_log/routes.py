"""The pages of the audit log: with filters, and all that fits as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection, Engine

from nightmail.access.people import find_person, visible_person
from nightmail.access.permissions import Permission
from nightmail.audit import write_entry
from nightmail.audit.listing import AuditRow, EntryFilter, export_entries, list_entries
from nightmail.errors import NightmailError
from nightmail.organisation.teams import team_id_of
from portal.state import PortalState
from portal.web.actors import actor_names
from portal.web.rendering import page_headers, render
from portal.web.signed_in import SignedIn, needs
from portal.web.stated_days import beginning_of_day, end_of_day
from portal.web.translating import gettext

router = APIRouter(prefix="/audit", include_in_schema=False)
PAGE = 100
Reader = Annotated[SignedIn, needs(Permission.AUDIT_SEE)]
Typed = Annotated[str, Query(max_length=400)]


@router.get("")
def audit_log(
    request: Request,
    portal: PortalState,
    me: Reader,
    who: Typed = "",
    action: Typed = "",
    subject: Typed = "",
    team: Typed = "",
    origin: Typed = "",
    since: Typed = "",
    until: Typed = "",
    after: Annotated[str, Query(pattern=r"^[0-9]{0,18}$")] = "",
) -> Response:
    """Entries that fit, the newest first."""
    values = _cleaned(who=who, action=action, subject=subject, team=team, origin=origin, since=since, until=until)
    with portal.engine.connect() as connection:
        wanted, errors = _filter(connection, me, values)
        rows = [] if errors else list_entries(connection, wanted, after=int(after) if after else None, limit=PAGE + 1)
        names = actor_names(connection, [row.actor for row in rows])
    shown = rows[:PAGE]
    chosen = {name: value for name, value in values.items() if value}
    following = {**chosen, "after": str(shown[-1].position)} if rows[PAGE:] else None
    return render(
        request,
        "audit_log/list.html",
        422 if errors else 200,
        rows=[(row, names[row.actor], _changes(row)) for row in shown],
        values=values,
        errors=errors,
        filtered=bool(chosen),
        newer=f"/audit?{urlencode(chosen)}" if after else None,
        older=f"/audit?{urlencode(following)}" if following else None,
        export=f"/audit/entries.jsonl?{urlencode(chosen)}",
    )


@router.get("/entries.jsonl")
def export(
    request: Request,
    portal: PortalState,
    me: Reader,
    who: Typed = "",
    action: Typed = "",
    subject: Typed = "",
    team: Typed = "",
    origin: Typed = "",
    since: Typed = "",
    until: Typed = "",
) -> Response:
    """Every entry that fits, the oldest first, one JSON object a line."""
    values = _cleaned(who=who, action=action, subject=subject, team=team, origin=origin, since=since, until=until)
    with portal.engine.begin() as connection:
        wanted, _errors = _filter(connection, me, values)
        # What was asked for may hold an email address: the names of the filters say enough.
        detail = {"filters": sorted(name for name, value in values.items() if value)}
        # Those who see the log of the team see that it was taken.
        (upper, *_) = me.teams(Permission.AUDIT_SEE)
        write_entry(
            connection,
            actor=me.principal.actor,
            action="audit.exported",
            subject="audit",
            team_id=team_id_of(connection, upper) if upper else None,
            detail=detail,
        )
    headers = page_headers(request) | {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
    return StreamingResponse(_lines(portal.engine, wanted), headers=headers, media_type="application/x-ndjson")


def _lines(engine: Engine, wanted: EntryFilter) -> Iterator[str]:
    with engine.connect() as connection:
        for row in export_entries(connection, wanted):
            yield json.dumps(row.as_dict(), ensure_ascii=False, default=str) + "\n"


def _cleaned(**typed: str) -> dict[str, str]:
    return {name: value.replace("\x00", "").strip() for name, value in typed.items()}


def _filter(connection: Connection, me: SignedIn, values: dict[str, str]) -> tuple[EntryFilter, dict[str, str]]:
    """What is wanted, within what this person may see; and what is wrong with what was typed."""
    errors: dict[str, str] = {}
    actor = values["who"] or None
    if actor and "@" in actor:
        try:
            actor = f"person:{visible_person(connection, find_person(connection, actor).id, by=me.principal).id}"
        except NightmailError:
            errors["who"] = gettext("There is nobody with this email address.")
    moments: dict[str, datetime | None] = {"since": None, "until": None}
    for name, reading in (("since", beginning_of_day), ("until", end_of_day)):
        try:
            moments[name] = reading(values[name], me.zone)
        except ValueError:
            errors[name] = gettext("Give a date such as 2027-01-31, or leave it empty.")
    wanted = EntryFilter(
        teams=me.teams(Permission.AUDIT_SEE),
        team=values["team"] or None,
        actor=actor,
        action=values["action"] or None,
        subject=values["subject"] or None,
        origin=values["origin"] or None,
        since=moments["since"],
        until=moments["until"],
    )
    return wanted, errors


def _changes(row: AuditRow) -> list[tuple[str, str, str]]:
    """What an entry says beside who and what: a name, what was before and what is after, or what it notes."""
    before, after = row.before or {}, row.after or {}
    changed = [
        (name, _short(before.get(name)), _short(after.get(name)))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
    return changed + [(name, "", _short(value)) for name, value in sorted(row.detail.items()) if value is not None]


def _short(value: object) -> str:
    if value is None:
        return "–"
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return written if len(written) <= 300 else f"{written[:300]}…"
