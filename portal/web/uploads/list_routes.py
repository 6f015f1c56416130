"""The list of files that came: by SFTP, the API and the portal alike, with filters, and as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Engine

from nightmail.access.permissions import Permission
from nightmail.audit import write_entry
from nightmail.intake.upload_listing import Standing, Upload, UploadFilter, every_upload, list_uploads
from portal.state import PortalState
from portal.web.actors import actor_names
from portal.web.csv_answers import Cell, csv_answer
from portal.web.list_places import place_of, place_text
from portal.web.rendering import render
from portal.web.signed_in import SignedIn, needs
from portal.web.stated_days import beginning_of_day, end_of_day
from portal.web.translating import gettext
from portal.web.uploads.standings import source_words, standing_words

router = APIRouter(include_in_schema=False)
PAGE = 50
Reader = Annotated[SignedIn, needs(Permission.FILE_SEE)]
Typed = Annotated[str, Query(max_length=400)]


@router.get("/uploads")
def list_of_uploads(
    request: Request,
    portal: PortalState,
    me: Reader,
    search: Typed = "",
    team: Typed = "",
    state: Typed = "",
    source: Typed = "",
    since: Typed = "",
    until: Typed = "",
    mine: Typed = "",
    after: Annotated[str, Query()] = "",
) -> Response:
    """The files that fit, the newest first."""
    values = _cleaned(search=search, team=team, state=state, source=source, since=since, until=until, mine=mine)
    wanted, errors = _filter(me, values)
    place = place_of(after)
    uploads: list[Upload] = []
    with portal.engine.connect() as connection:
        if not errors:
            teams = me.teams(Permission.FILE_SEE)
            uploads = list_uploads(connection, teams, wanted, before=place[1] if place else None, limit=PAGE + 1)
        names = actor_names(connection, [upload.received_by for upload in uploads if upload.received_by])
    chosen = {name: value for name, value in values.items() if value}
    following = {**chosen, "after": place_text("", uploads[PAGE - 1].id)} if uploads[PAGE:] else None
    return render(
        request,
        "uploads/list.html",
        422 if errors else 200,
        uploads=uploads[:PAGE],
        names=names,
        standings=standing_words(),
        sources=source_words(),
        values=values,
        errors=errors,
        filtered=bool(chosen),
        newer=f"/uploads?{urlencode(chosen)}" if place else None,
        older=f"/uploads?{urlencode(following)}" if following else None,
        export=f"/uploads.csv?{urlencode(chosen)}",
        may_upload=me.may(Permission.FILE_UPLOAD),
    )


@router.get("/uploads.csv")
def uploads_as_csv(
    request: Request,
    portal: PortalState,
    me: Reader,
    search: Typed = "",
    team: Typed = "",
    state: Typed = "",
    source: Typed = "",
    since: Typed = "",
    until: Typed = "",
    mine: Typed = "",
) -> Response:
    """Every file that fits, the newest first."""
    values = _cleaned(search=search, team=team, state=state, source=source, since=since, until=until, mine=mine)
    wanted, _errors = _filter(me, values)
    with portal.engine.begin() as connection:
        detail = {"filters": sorted(name for name, value in values.items() if value)}
        write_entry(connection, actor=me.principal.actor, action="uploads.exported", subject="uploads", detail=detail)
    header = (
        *(gettext("Number"), gettext("File"), gettext("Team"), gettext("Feed"), gettext("Came"), gettext("By")),
        *(gettext("Way"), gettext("State"), gettext("Campaign"), gettext("Bytes"), gettext("Rows")),
        *(gettext("Rejects"), gettext("Duplicates"), gettext("Contacts")),
    )
    rows = _rows(portal.engine, me.teams(Permission.FILE_SEE), wanted, standing_words(), source_words())
    return csv_answer(request, "uploads", header, rows)


def _rows(
    engine: Engine,
    teams: tuple[str, ...],
    wanted: UploadFilter,
    standings: dict[Standing, tuple[str, str]],
    sources: dict[str, str],
) -> Iterator[tuple[Cell, ...]]:
    names: dict[str, str] = {}
    with engine.connect() as connection:
        for upload in every_upload(connection, teams, wanted):
            by = upload.received_by
            if by and by not in names:
                names |= actor_names(connection, [by])
            counts: dict[str, Any] = upload.counts
            yield (
                upload.id,
                upload.name,
                upload.team,
                upload.feed,
                upload.received_at,
                names.get(by or "", by),
                sources.get(upload.source, upload.source),
                standings[upload.standing][0],
                upload.campaign,
                upload.size,
                *(counts.get(name) for name in ("rows", "rejects", "duplicates", "contacts")),
            )


def _cleaned(**typed: str) -> dict[str, str]:
    return {name: value.replace("\x00", "").strip() for name, value in typed.items()}


def _filter(me: SignedIn, values: dict[str, str]) -> tuple[UploadFilter, dict[str, str]]:
    """What is wanted, and what is wrong with what was typed."""
    errors: dict[str, str] = {}
    moments: dict[str, datetime | None] = {"since": None, "until": None}
    for name, reading in (("since", beginning_of_day), ("until", end_of_day)):
        try:
            moments[name] = reading(values[name], me.zone)
        except ValueError:
            errors[name] = gettext("Give a date such as 2027-01-31, or leave it empty.")
    if values["state"] not in ("", *Standing):
        values["state"] = ""
    if values["source"] not in ("", *source_words()):
        values["source"] = ""
    values["mine"] = "yes" if values["mine"] else ""
    wanted = UploadFilter(
        search=values["search"] or None,
        team=values["team"] or None,
        standing=Standing(values["state"]) if values["state"] else None,
        source=values["source"] or None,
        received_by=me.principal.actor if values["mine"] else None,
        since=moments["since"],
        until=moments["until"],
    )
    return wanted, errors
