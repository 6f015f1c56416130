"""The pages of imports: a file is given in, what it would change is shown, then it is applied, and can be taken back as a whole."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from sqlalchemy import Connection

from nightmail.access.decisions import allowed, sees_personal
from nightmail.access.permissions import Permission
from nightmail.audit import record_look
from nightmail.contact_files.first_look import refuse_what_is_no_table
from nightmail.contacts.import_answers import write_refused_rows
from nightmail.contacts.import_rows import ImportRow, ImportState, find_import, import_mode, list_imports, take_import
from nightmail.contacts.imports import discard_import
from nightmail.errors import NightmailError, UsageError
from nightmail.intake.import_work import order_apply, order_undo
from nightmail.lake import Lake
from portal.api.uploads import StoredUpload
from portal.csv_files import csv_file_answer
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.actors import actor_names
from portal.web.contact_imports.words import (
    column_words,
    kind_label,
    mode_choices,
    moving_words,
    sample_title,
    state_words,
)
from portal.web.contacts.words import field_label
from portal.web.messages import changed_meanwhile, redirect, tell
from portal.web.reason_words import reasons_counted
from portal.web.refusals import at_its_field, sentence_of
from portal.web.rendering import page_headers, render
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, needs, streams_its_form
from portal.web.translating import gettext
from portal.web.uploads.receiving import ReceivedForm, receive_form

router = APIRouter(include_in_schema=False)
PAGE = 50
Number = Annotated[str, Query(pattern=r"^[0-9]{0,9}$")]
ImportNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]
Reader = Annotated[SignedIn, needs(Permission.CONTACT_SEE)]
Editor = Annotated[SignedIn, needs(Permission.CONTACT_EDIT)]
TakesRejects = Annotated[SignedIn, needs(Permission.PERSONAL_SEE)]
FIELDS = {"team_unknown": "team", "not_permitted": "team", "import_mode_unknown": "mode"}


@router.get("/contact-imports")
def list_of_imports(request: Request, portal: PortalState, me: Reader, before: Number = "") -> Response:
    """Imports, the newest first."""
    with portal.engine.connect() as connection:
        teams = me.teams(Permission.CONTACT_SEE)
        found = list_imports(connection, teams, before=int(before) if before else None, limit=PAGE + 1)
        names = actor_names(connection, [each.created_by for each in found[:PAGE]])
    older = f"/contact-imports?{urlencode({'before': found[PAGE - 1].id})}" if found[PAGE:] else None
    return render(
        request,
        "contact_imports/list.html",
        imports=[(each, kind_label(each), state_words(each)) for each in found[:PAGE]],
        names=names,
        may_edit=me.may(Permission.CONTACT_EDIT),
        newer="/contact-imports" if before else None,
        older=older,
    )


@router.get("/contact-imports/new")
def form_of_import(request: Request, portal: PortalState, me: Editor) -> Response:
    """The form in which a file is given in."""
    return _form(request, portal, me, {"team": me.teams(Permission.CONTACT_EDIT)[0], "mode": "update"}, {})


@router.post("/contact-imports/new")
@streams_its_form
async def give_in(request: Request, portal: PortalState, me: Editor) -> Response:
    """Take a file and look at what it would change: nothing is changed yet."""
    received = await receive_form(request, portal, me)
    return await run_in_threadpool(_taken, request, portal, me, received)


@router.get("/contact-imports/{import_id}")
def show_import(import_id: ImportNumber, request: Request, portal: PortalState, me: Reader) -> Response:
    """What an import would change, or changed."""
    return _page(request, portal, me, import_id)


@router.get("/contact-imports/{import_id}/state")
def state_part(import_id: ImportNumber, request: Request, portal: PortalState, me: Reader) -> Response:
    """How far an import is: the part of its page that is asked for again."""
    return _page(request, portal, me, import_id, template="contact_imports/state.html")


@router.post("/contact-imports/{import_id}/apply")
def apply(import_id: ImportNumber, request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """Apply the changes; so many that they look like a mistake are confirmed first."""
    row = _mine(portal, me, import_id)
    if form.value("seen", 40) != row.state:
        return changed_meanwhile(request, f"/contact-imports/{import_id}")
    if row.waits_for and not form.ticked("although"):
        return _page(request, portal, me, import_id, {"although": gettext("Confirm it first.")})
    try:
        with portal.engine.begin() as connection:
            order_apply(connection, import_id, by=me.principal, although=form.ticked("although"))
    except NightmailError as error:
        return _page(request, portal, me, import_id, {"": sentence_of(error)})
    return redirect(request, f"/contact-imports/{import_id}", gettext("The changes are being applied."), "info")


@router.post("/contact-imports/{import_id}/discard")
def discard(import_id: ImportNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """Drop an import that is not applied."""
    _mine(portal, me, import_id)
    try:
        discard_import(portal.engine, Lake(portal.settings.lake), import_id, by=me.principal)
    except NightmailError as error:
        return redirect(request, f"/contact-imports/{import_id}", sentence_of(error), "warn")
    return redirect(request, "/contact-imports", gettext("The import is dropped. Nothing was changed."))


@router.post("/contact-imports/{import_id}/undo")
def undo(import_id: ImportNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """Take an applied import back."""
    _mine(portal, me, import_id)
    try:
        with portal.engine.begin() as connection:
            order_undo(connection, import_id, by=me.principal)
    except NightmailError as error:
        return redirect(request, f"/contact-imports/{import_id}", sentence_of(error), "warn")
    return redirect(request, f"/contact-imports/{import_id}", gettext("The import is being taken back."), "info")


@router.get("/contact-imports/{import_id}/refused.csv")
def refused_rows(import_id: ImportNumber, request: Request, portal: PortalState, me: TakesRejects) -> Response:
    """The rows that were refused, to be corrected and given in again. They are personal data."""
    with tempfile.TemporaryDirectory(prefix="nightmail-refused-") as folder:
        destination = FilePath(folder) / "refused.csv"
        try:
            with portal.engine.begin() as connection:
                row = _seen(connection, me, import_id)
                if not sees_personal(me.principal, row.team):
                    raise RequestError("not_found", what="reject file")
                write_refused_rows(connection, Lake(portal.settings.lake), row, destination, by=me.principal)
        except UsageError:
            said = gettext("There is no reject file, or none any more.")
            return redirect(request, f"/contact-imports/{import_id}", said, "info")
        return csv_file_answer(destination, f"import-{import_id}.refused", page_headers(request))


def _taken(request: Request, portal: Portal, me: SignedIn, received: ReceivedForm) -> Response:
    values = {name: received.value(name) for name in ("team", "mode")}
    stored = received.stored
    if stored is None:
        error = received.problem
        errors = {"file": gettext("Choose a file.")} if error is None else at_its_field(error, {error.reason: "file"})
        return _form(request, portal, me, values, errors)
    kept = False
    try:
        number = _record(portal, me, stored, values)
        kept = True
    except NightmailError as error:
        field = FIELDS.get(error.reason, "file")
        return _form(request, portal, me, values, at_its_field(error, {error.reason: field}))
    finally:
        if not kept:
            stored.discard()
    address, said = f"/contact-imports/{number}", gettext("The file is taken. Nothing has changed yet.")
    if request.headers.get("x-sent-by") == "script":
        answer = JSONResponse({"address": address}, headers=page_headers(request))
        tell(request, answer, said)
        return answer
    return redirect(request, address, said, "info")


def _record(portal: Portal, me: SignedIn, stored: StoredUpload, values: Mapping[str, str]) -> int:
    refuse_what_is_no_table(stored.path, stored.name)
    with portal.engine.begin() as connection:
        return take_import(
            connection,
            values["team"],
            import_mode(values["mode"]),
            by=me.principal,
            source="portal",
            name=stored.name,
            size=stored.size,
            sha256=stored.sha256,
            stored_path=stored.path,
        )


def _seen(
    connection: Connection, me: SignedIn, number: int, permission: Permission = Permission.CONTACT_SEE
) -> ImportRow:
    try:
        found = find_import(connection, me.principal, number)
    except UsageError:
        raise RequestError("not_found", what="import") from None
    if not allowed(me.principal, permission, found.team).yes:
        raise RequestError("not_found", what="import")
    return found


def _mine(portal: Portal, me: SignedIn, number: int) -> ImportRow:
    with portal.engine.connect() as connection:
        return _seen(connection, me, number, Permission.CONTACT_EDIT)


def _form(request: Request, portal: Portal, me: SignedIn, values: dict[str, str], errors: dict[str, str]) -> Response:
    return render(
        request,
        "contact_imports/new.html",
        422 if errors else 200,
        values=values,
        errors=errors,
        modes=mode_choices(),
        columns=column_words(),
        most=portal.settings.maximum_file_bytes,
        teams=[each or gettext("all teams") for each in me.teams(Permission.CONTACT_EDIT)],
    )


def _page(
    request: Request,
    portal: Portal,
    me: SignedIn,
    number: int,
    errors: dict[str, str] | None = None,
    template: str = "contact_imports/import.html",
) -> Response:
    with portal.engine.begin() as connection:
        row = _seen(connection, me, number)
        people = [name for name in (row.created_by, row.applied_by, row.undone_by) if name]
        names = actor_names(connection, people)
        personal = sees_personal(me.principal, row.team)
        samples = _samples(row) if personal and not row.is_moving else []
        if samples:
            record_look(
                connection,
                actor=me.principal.actor,
                subject=f"import:{row.id}",
                team_id=row.team_id,
                shown=("address", "name"),
                count=len(row.samples),
            )
    may_edit = allowed(me.principal, row.permission, row.team).yes
    waits = row.state == ImportState.CHECKED
    guard = row.waits_for if waits else None
    return render(
        request,
        template,
        422 if errors else 200,
        etag=template != "contact_imports/import.html",
        found=row,
        mode=kind_label(row),
        state=state_words(row),
        counts=row.counts,
        waits=waits,
        guard=f"{guard.get('message', '')} {guard.get('remedy', '')}".strip() if guard else "",
        may_apply=waits and may_edit,
        may_undo=row.state == ImportState.APPLIED and may_edit and row.kind == "contacts" and row.forgotten_at is None,
        moving=moving_words(row),
        changed_since=int((row.undone or {}).get("changed_since", 0)),
        samples=samples,
        personal=personal,
        refused=[(reason.means, count) for reason, count in reasons_counted(row.counts.get("rejects_by_reason"))],
        ignored=row.counts.get("ignored_columns") or [],
        names=names,
        errors=errors or {},
    )


def _samples(row: ImportRow) -> list[tuple[str, list[dict[str, Any]]]]:
    """The first rows of each kind, with what changes."""
    found: dict[str, list[dict[str, Any]]] = {}
    for sample in row.samples:
        changes = [
            (field_label(str(name)), "" if before is None else str(before), "–" if after is None else str(after))
            for name, before, after in sample.get("changes") or []
        ]
        found.setdefault(str(sample.get("what")), []).append({**sample, "changes": changes})
    return [(sample_title(what), rows) for what, rows in found.items()]
