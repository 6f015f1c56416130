"""The first steps of a send: which template, and to whom. What was chosen is looked at at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection
from starlette.datastructures import UploadFile

from nightmail.access.decisions import sees_personal
from nightmail.access.permissions import Permission
from nightmail.contact_files.first_look import refuse_what_is_no_table
from nightmail.contacts.list_files import LIST, SEGMENT, find_source
from nightmail.contacts.list_overviews import sources_to_send
from nightmail.errors import NightmailError
from nightmail.intake.draft_looks import look
from nightmail.intake.pasted_rows import MOST_ROWS, keep_pasted
from nightmail.intake.send_drafts import FILE, Chosen, DraftRow, discard_draft, make_draft, teams_to_send_by
from nightmail.templates import Template, stored_template
from nightmail.templates.previews import BodyPreview, preview_bodies
from nightmail.templates.sample_values import sample_value
from nightmail.templates.template_listing import TemplateOverview, usable_templates
from portal.api.uploads import StoredUpload
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.list_places import place_of, place_text
from portal.web.messages import redirect
from portal.web.refusals import at_its_field
from portal.web.rendering import render
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, needs, streams_its_form
from portal.web.translating import gettext
from portal.web.uploads.receiving import SEND_FORM, ReceivedForm, receive_form

router = APIRouter(prefix="/send", include_in_schema=False)
PAGE = 60
MOST_LISTS = 200
LOOKED_AT_MOST = 50_000_000
"""Bytes of a file that is looked at here: a larger one takes long, and goes by a feed."""
Sender = Annotated[SignedIn, needs(Permission.CAMPAIGN_SEND)]
Typed = Annotated[str, Query(max_length=400)]
FIELDS = {"paste_empty": "rows", "paste_too_long": "rows", "team_unknown": "team", "not_permitted": "team"}


@dataclass(frozen=True)
class Picture:
    """A template as it is picked: its first body with made-up values; ``problem`` where it cannot be read."""

    found: TemplateOverview
    preview: BodyPreview | None


@router.get("")
def choose_template(
    request: Request, portal: PortalState, me: Sender, search: Typed = "", after: Annotated[str, Query()] = ""
) -> Response:
    """The templates that may be sent, by their categories."""
    words = search.replace("\x00", "").strip()
    with portal.engine.connect() as connection:
        teams = me.teams(Permission.CAMPAIGN_SEND)
        found = usable_templates(connection, teams, search=words, after=place_of(after), limit=PAGE + 1)
    pictures = sorted((picture_of(each) for each in found[:PAGE]), key=lambda each: each.found.category)
    return render(
        request,
        "send/choose.html",
        groups=[(name, list(each)) for name, each in groupby(pictures, key=lambda each: each.found.category)],
        values={"search": words},
        following=place_text(*found[PAGE - 1].place) if found[PAGE:] else None,
    )


@router.get("/new")
def choose_whom(
    request: Request,
    portal: PortalState,
    me: Sender,
    template: Annotated[str, Query(pattern=r"^[0-9]{0,9}$")] = "",
    team: Typed = "",
) -> Response:
    """Lists and segments, a file, or rows that are pasted."""
    return _whom(request, portal, me, template, team)


@router.post("/list")
def to_list(request: Request, portal: PortalState, me: Sender, form: FormSent) -> Response:
    """Look at a list or segment."""
    kind, number = form.value("kind", 10), form.number("list")
    if kind not in (LIST, SEGMENT) or number is None or not 0 < number < 2**31:
        return _whom(request, portal, me, form.value("template", 9), form.value("team", 250), {"": _choose()})

    def chosen(connection: Connection) -> Chosen:
        source = find_source(connection, form.value("team", 250), kind, number)
        return Chosen(source=kind, source_id=number, name=source.name)

    return _looked_at(request, portal, me, form.as_typed(), chosen, "")


@router.post(SEND_FORM.removeprefix("/send"))
@streams_its_form
async def to_file(request: Request, portal: PortalState, me: Sender) -> Response:
    """Look at a file."""
    received = await receive_form(request, portal, me)
    return await run_in_threadpool(_file_taken, request, portal, me, received)


async def pasted(request: Request) -> str:
    """The pasted rows, whole: more than any other field may be."""
    rows = (await request.form()).get("rows", "")
    return "" if isinstance(rows, UploadFile) else rows.replace("\x00", "")


@router.post("/paste")
def to_rows(
    request: Request, portal: PortalState, me: Sender, form: FormSent, rows: Annotated[str, Depends(pasted)]
) -> Response:
    """Look at rows that were pasted."""

    def chosen(_connection: Connection) -> Chosen:
        return keep_pasted(rows, portal.settings.incoming_dir, gettext("Pasted rows"))

    return _looked_at(request, portal, me, {**form.as_typed(), "rows": rows}, chosen, "rows")


def _file_taken(request: Request, portal: Portal, me: SignedIn, received: ReceivedForm) -> Response:
    values = {name: received.value(name) for name in ("template", "team")}
    stored = received.stored
    if stored is None:
        error = received.problem
        errors = {"file": gettext("Choose a file.")} if error is None else at_its_field(error, {error.reason: "file"})
        return _whom(request, portal, me, values["template"], values["team"], errors)
    try:
        if stored.size > LOOKED_AT_MOST:
            stored.discard()
            said = gettext(
                "It is too large to be looked at here: give it to a feed, which checks it before it is sent."
            )
            return _whom(request, portal, me, values["template"], values["team"], {"file": said})
        refuse_what_is_no_table(stored.path, stored.name)
        return _looked_at(request, portal, me, values, lambda _connection: _kept(stored), "file")
    except RequestError:
        stored.discard()
        raise
    except NightmailError as error:
        stored.discard()
        found = at_its_field(error, {error.reason: "file"})
        return _whom(request, portal, me, values["template"], values["team"], found)


def _kept(stored: StoredUpload) -> Chosen:
    return Chosen(source=FILE, name=stored.name, path=stored.path, size=stored.size, sha256=stored.sha256)


def _looked_at(
    request: Request,
    portal: Portal,
    me: SignedIn,
    values: Mapping[str, str],
    choose: Callable[[Connection], Chosen],
    field: str,
) -> Response:
    """Keep what was chosen as a draft, look at it, and lead to what was found; what cannot be used is said in its field."""
    if not values.get("template"):
        return redirect(request, "/send", gettext("Pick what to send first."), "info")
    template = template_to_send(portal, me, values["template"])
    kept: list[FilePath] = []
    try:
        with portal.engine.begin() as connection:
            chosen = choose(connection)
            kept += [chosen.path] if chosen.path else []
            draft = make_draft(connection, template, values.get("team", ""), chosen, by=me.principal)
    except NightmailError as error:
        for file in kept:
            file.unlink(missing_ok=True)
        errors = at_its_field(error, {error.reason: FIELDS.get(error.reason, field)})
        return _whom(request, portal, me, values.get("template", ""), values.get("team", ""), errors, values)
    try:
        look_in_turn(portal, me, draft)
    except NightmailError as error:
        with portal.engine.begin() as connection:
            discard_draft(connection, draft)
        errors = at_its_field(error, {error.reason: field})
        return _whom(request, portal, me, str(template.id), draft.team, errors, values)
    return redirect(request, f"/send/{draft.id}")


def look_in_turn(portal: Portal, me: SignedIn, draft: DraftRow, **how: Any) -> DraftRow:
    """Look at a draft when no other is being looked at. Raises what the look does, and ``too_many_requests``."""
    if not portal.checks.acquire(timeout=60):
        raise RequestError("too_many_requests", what=gettext("looks at once"), headers={"Retry-After": "30"})
    try:
        personal = sees_personal(me.principal, draft.team)
        return look(portal.engine, draft, portal.settings, by=me.principal, personal=personal, **how)
    finally:
        portal.checks.release()


def template_to_send(portal: Portal, me: SignedIn, number: str) -> TemplateOverview:
    """A template that this person may send; for any other there is no such page."""
    if number.isascii() and number.isdigit() and len(number) <= 9:
        with portal.engine.connect() as connection:
            teams = me.teams(Permission.CAMPAIGN_SEND)
            found = usable_templates(connection, teams, template_id=int(number), limit=1)
        if found:
            return found[0]
    raise RequestError("not_found", what="template")


def picture_of(found: TemplateOverview) -> Picture:
    """How a template looks: the first body in its default language, filled with made-up values."""
    try:
        template: Template = stored_template(dict(found.content))
    except NightmailError:
        return Picture(found, None)
    values = {name: sample_value(placeholder) for name, placeholder in template.placeholders.items()}
    return Picture(found, next(iter(preview_bodies(template, values)), None))


def _whom(
    request: Request,
    portal: Portal,
    me: SignedIn,
    template: str,
    team: str,
    errors: Mapping[str, str] | None = None,
    values: Mapping[str, str] | None = None,
) -> Response:
    if not template:
        return redirect(request, "/send", gettext("Pick what to send first."), "info")
    found = template_to_send(portal, me, template)
    with portal.engine.connect() as connection:
        teams = teams_to_send_by(connection, me.teams(Permission.CAMPAIGN_SEND), found.team)
        if not teams:
            raise RequestError("not_found", what="template")
        sender = team if team in teams else teams[0]
        held = me.teams(Permission.CAMPAIGN_SEND)
        sources = sources_to_send(connection, held, upper=found.team, sender=sender, limit=MOST_LISTS)
    return render(
        request,
        "send/whom.html",
        422 if errors else 200,
        chosen=picture_of(found),
        teams=teams,
        team=sender,
        sources=sources,
        most_rows=MOST_ROWS,
        most=min(LOOKED_AT_MOST, portal.settings.maximum_file_bytes),
        values=dict(values or {}),
        errors=dict(errors or {}),
    )


def _choose() -> str:
    return gettext("Choose a list or a segment.")
