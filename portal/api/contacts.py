"""The address book: contacts of a team, found, made, changed, removed and taken out."""

from __future__ import annotations

import tempfile
from pathlib import Path as FilePath
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Depends, Query, Request, Response
from fastapi.responses import FileResponse
from sqlalchemy import Connection
from starlette.background import BackgroundTask

from nightmail.access.api_keys import Program
from nightmail.access.permissions import Permission
from nightmail.contacts.contact_changes import (
    add_note,
    change_contact,
    make_contact,
    remove_note,
    set_addresses_written,
    set_removed,
    set_tags,
)
from nightmail.contacts.contact_export import FORMATS, export_contacts
from nightmail.contacts.contact_listing import (
    ContactFilter,
    ContactRow,
    changes_of,
    find_contact,
    list_contacts,
    notes_of,
    search_contacts,
    sees_contact_personal,
)
from nightmail.errors import UsageError
from nightmail.privacy.masking import shown_values
from portal.api.authentication import ContactEditor, ContactExporter, ContactReader
from portal.api.contact_models import (
    ChangeOut,
    ContactChange,
    ContactOrder,
    ContactOut,
    ContactVersion,
    NoteNumber,
    NoteOrder,
    NoteOut,
    NoteShown,
    Number,
    OwnTeam,
    record_contacts_read,
    shown_contacts,
)
from portal.api.errors import errors
from portal.api.pages_of import Cursor, Limit, Page, cursor_of, link_to_next, position_of
from portal.api.strict_query import refuse_unknown_query
from portal.api.visibility import visible_team
from portal.state import PortalState

router = APIRouter(prefix="/v1/contacts", tags=["contacts"], dependencies=[Depends(refuse_unknown_query)])

_FIELD_ERRORS = (
    *("contact_field_invalid", "phone_invalid", "phone_country_needed", "phone_damaged", "email_invalid"),
    *("country_unknown", "language_unknown", "time_zone_unknown", "contact_addresses_too_many"),
)


@router.get("", summary="Contacts, the newest first, or those that some words find", responses=errors("team_unknown"))
def list_all(
    *,
    request: Request,
    response: Response,
    program: ContactReader,
    portal: PortalState,
    q: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=200,
            pattern=r"^[^\x00]+$",
            description="Any part of a name, an id or an address; of several words all. A number in any spelling",
            examples=["müller"],
        ),
    ] = None,
    team: OwnTeam = None,
    tag: Annotated[str | None, Query(min_length=1, max_length=60, pattern=r"^[^\x00]+$")] = None,
    group: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="Only the members of this group")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[ContactOut]:
    """Of your team, of those below it, and of those above that share theirs. With `personal.see` the look is in the audit log."""
    wanted = ContactFilter((program.team_path,), team=team, tag=tag, group=group)
    with portal.engine.begin() as connection:
        if team is not None:
            visible_team(connection, program, team)
        before = position_of(cursor)
        if q is None:
            rows = list_contacts(connection, wanted, before=before, limit=limit + 1)
        else:
            key = portal.settings.key()
            rows = search_contacts(connection, wanted, q, key=key, before=before, limit=limit + 1)
        items = shown_contacts(connection, program, rows[:limit])
    following = cursor_of(rows[limit - 1].id) if len(rows) > limit else None
    link_to_next(request, response, following)
    return Page(items=items, next=following)


@router.post(
    "",
    status_code=201,
    summary="Make a contact",
    responses={
        201: {"headers": {"Location": {"description": "The contact's address", "schema": {"type": "string"}}}},
        **errors(*_FIELD_ERRORS, "contact_exists", "team_unknown"),
    },
)
def make(
    order: Annotated[ContactOrder, Body()], program: ContactEditor, portal: PortalState, response: Response
) -> ContactOut:
    """Every value is judged as in a contact file. Who exists already, removed ones too, is not made again."""
    team = order.team or program.team_path
    by, key = program.principal, portal.settings.key()
    with portal.engine.begin() as connection:
        visible_team(connection, program, team)
        stated = order.model_dump(exclude_unset=True, exclude={"team", "attributes", "tags"})
        made = make_contact(
            connection, by=by, team=team, stated=stated, attributes=order.attributes, source=program.actor, key=key
        )
        made = set_tags(connection, made, order.tags, by=by)
        (shown,) = shown_contacts(connection, program, [made])
    response.headers["Location"] = f"/v1/contacts/{made.id}"
    return shown


@router.get(
    "/export",
    summary="Contacts as a file",
    responses=errors("team_unknown", "contacts_too_many_for_a_sheet")
    | {200: {"content": {media: {} for media in FORMATS.values()}, "description": "The file"}},
    response_class=FileResponse,
)
def export(
    *,
    program: ContactExporter,
    portal: PortalState,
    team: OwnTeam = None,
    tag: Annotated[str | None, Query(min_length=1, max_length=60, pattern=r"^[^\x00]+$")] = None,
    group: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="Only the members of this group")] = None,
    format_: Annotated[Literal["csv", "xlsx", "parquet"], Query(alias="format")] = "csv",
) -> FileResponse:
    """With the columns that an import takes again. That it was taken is in the audit log."""
    folder = tempfile.TemporaryDirectory(prefix="nightmail-contacts-")
    file = FilePath(folder.name) / f"contacts.{format_}"
    wanted = team or program.team_path
    try:
        with portal.engine.begin() as connection:
            visible_team(connection, program, wanted)
            export_contacts(connection, file, format_, by=program.principal, team=wanted, tag=tag, group=group)
    except BaseException:
        folder.cleanup()
        raise
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    gone = BackgroundTask(folder.cleanup)
    return FileResponse(file, headers=headers, media_type=FORMATS[format_], filename=file.name, background=gone)


@router.get("/{contact}", summary="A contact", responses=errors("contact_unknown"))
def show(contact: Number, program: ContactReader, portal: PortalState) -> ContactOut:
    """Also one that was removed. With `personal.see` the look is in the audit log."""
    with portal.engine.begin() as connection:
        (shown,) = shown_contacts(connection, program, [find_contact(connection, program.principal, contact)])
    return shown


@router.patch(
    "/{contact}",
    summary="Change a contact",
    responses=errors("contact_unknown", "contact_changed_since", "contact_removed", *_FIELD_ERRORS),
)
def change(
    contact: Number, order: Annotated[ContactChange, Body()], program: ContactEditor, portal: PortalState
) -> ContactOut:
    """The external id stays what it is: messages and consents are kept by it. What was is in the contact's history."""
    by, key = program.principal, portal.settings.key()
    with portal.engine.begin() as connection:
        row = _read(connection, program, contact, order.version)
        stated = order.model_dump(exclude_unset=True, exclude={"version", "attributes", "tags", "addresses"})
        row = change_contact(
            connection, row, by=by, stated=stated, attributes=order.attributes, source=program.actor, key=key
        )
        for kind, written in order.addresses.items():
            row = set_addresses_written(connection, row, kind, written, by=by, key=key)
        if order.tags is not None:
            row = set_tags(connection, row, order.tags, by=by)
        (shown,) = shown_contacts(connection, program, [row])
    return shown


@router.post(
    "/{contact}/remove", summary="Remove a contact", responses=errors("contact_unknown", "contact_changed_since")
)
def remove(
    contact: Number, order: Annotated[ContactVersion, Body()], program: ContactEditor, portal: PortalState
) -> ContactOut:
    """It is in no list and gets nothing more; all that is known of it stays, for the way back. To erase a person is another thing."""
    return _set_removed(contact, order, program, portal, removed=True)


@router.post(
    "/{contact}/restore", summary="Bring a contact back", responses=errors("contact_unknown", "contact_changed_since")
)
def restore(
    contact: Number, order: Annotated[ContactVersion, Body()], program: ContactEditor, portal: PortalState
) -> ContactOut:
    """As it was. What somebody asked for in between, such as an opt-out, holds."""
    return _set_removed(contact, order, program, portal, removed=False)


@router.get("/{contact}/changes", summary="What changed of a contact", responses=errors("contact_unknown"))
def changes(
    *,
    request: Request,
    response: Response,
    contact: Number,
    program: ContactReader,
    portal: PortalState,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[ChangeOut]:
    """The newest first: who changed it, when, and from where the values are."""
    with portal.engine.begin() as connection:
        row = find_contact(connection, program.principal, contact)
        found = changes_of(connection, row.id, before=position_of(cursor), limit=limit + 1)
        personal = sees_contact_personal(program.principal, row)
        record_contacts_read(connection, program, [row] if personal and found else [])
    following = cursor_of(found[limit - 1].id) if len(found) > limit else None
    link_to_next(request, response, following)
    items = [
        ChangeOut(
            id=each.id,
            at=each.changed_at,
            by=each.changed_by,
            source=each.source,
            action=each.action,
            changes=shown_values(each.changes, personal=personal),
        )
        for each in found[:limit]
    ]
    return Page(items=items, next=following)


@router.get("/{contact}/notes", summary="The notes about a contact", responses=errors("contact_unknown"))
def notes(contact: Number, program: ContactReader, portal: PortalState) -> list[NoteShown]:
    """The newest first, at most 100. With `personal.see` the look is in the audit log."""
    with portal.engine.begin() as connection:
        row = find_contact(connection, program.principal, contact)
        found = notes_of(connection, row.id)
        personal = sees_contact_personal(program.principal, row)
        record_contacts_read(connection, program, [row] if personal and found else [])
    return [
        NoteShown(id=each.id, text=each.text if personal else None, at=each.created_at, by=each.created_by)
        for each in found
    ]


@router.delete(
    "/{contact}/notes/{note}",
    status_code=204,
    summary="Take a note away",
    responses=errors("contact_unknown", "contact_removed"),
)
def take_note_away(contact: Number, note: NoteNumber, program: ContactEditor, portal: PortalState) -> None:
    """One that is not there, or was taken away before, is no error."""
    with portal.engine.begin() as connection:
        row = _read(connection, program, contact)
        remove_note(connection, row, note, by=program.principal)


@router.post(
    "/{contact}/notes",
    status_code=201,
    summary="Note something about a contact",
    responses=errors("contact_unknown", "contact_removed", "contact_field_invalid"),
)
def note(contact: Number, order: Annotated[NoteOrder, Body()], program: ContactEditor, portal: PortalState) -> NoteOut:
    """Colleagues see it on the contact's page."""
    with portal.engine.begin() as connection:
        row = _read(connection, program, contact)
        return NoteOut(id=add_note(connection, row, order.text, by=program.principal))


def _read(connection: Connection, program: Program, number: int, version: int | None = None) -> ContactRow:
    row = find_contact(connection, program.principal, number, Permission.CONTACT_EDIT)
    if version is not None and row.version != version:
        raise UsageError("contact_changed_since")
    return row


def _set_removed(
    number: int, order: ContactVersion, program: Program, portal: PortalState, *, removed: bool
) -> ContactOut:
    with portal.engine.begin() as connection:
        row = _read(connection, program, number, order.version)
        row = set_removed(connection, row, by=program.principal, removed=removed)
        (shown,) = shown_contacts(connection, program, [row])
    return shown
