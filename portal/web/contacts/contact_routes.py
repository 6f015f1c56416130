"""The page of a contact: what is known of it, and each small change with its way back: what is taken away is added again by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection

from nightmail.access.decisions import allowed
from nightmail.access.permissions import Permission
from nightmail.audit import record_look
from nightmail.consent.consent_requests import requests_of
from nightmail.consent.consents import consents_of
from nightmail.contacts.contact_changes import (
    add_address,
    add_note,
    add_tags,
    remove_note,
    remove_tag,
    set_addresses,
    set_removed,
)
from nightmail.contacts.contact_listing import ContactRow, changes_of, find_contact, sees_contact_personal
from nightmail.contacts.contact_overviews import ContactOverview, overview_of
from nightmail.errors import NightmailError, UsageError
from nightmail.intake.messages_to_contacts import may_write_to
from nightmail.privacy.masking import HIDDEN, shown_address, shown_birth_date, shown_identifier
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.actors import actor_names
from portal.web.contacts.choices import chosen_facts, shown_consents, shown_requests
from portal.web.contacts.shown import shown_changes, title_of
from portal.web.contacts.words import KINDS, kind_choices, source_label
from portal.web.messages import changed_meanwhile, redirect
from portal.web.refusals import at_its_field, sentence_of
from portal.web.rendering import render
from portal.web.sent_form import FormSent, SentForm
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import gettext

router = APIRouter(include_in_schema=False)
CHANGES = 20
CONSENTS = 20
ContactNumber = Annotated[int, Path(ge=1, le=2**62)]
Before = Annotated[str, Query(pattern=r"^[0-9]{0,18}$")]
Reader = Annotated[SignedIn, needs(Permission.CONTACT_SEE)]
Editor = Annotated[SignedIn, needs(Permission.CONTACT_EDIT)]
Change = Callable[[Connection, ContactRow], str]
"""Makes one change, and says what it was."""


@router.get("/contacts/{contact_id}")
def show_contact(
    contact_id: ContactNumber, request: Request, portal: PortalState, me: Reader, before: Before = ""
) -> Response:
    """What is known of a contact."""
    return _page(request, portal, me, contact_id, before=int(before) if before else None)


@router.post("/contacts/{contact_id}/addresses")
def further_address(
    contact_id: ContactNumber, request: Request, portal: PortalState, me: Editor, form: FormSent
) -> Response:
    """Add an address after the others of its kind."""
    kind, written = form.value("kind", 20), form.value("address", 320)
    if not written:
        return _page(request, portal, me, contact_id, form, {"address": gettext("Enter an address.")})

    def change(connection: Connection, contact: ContactRow) -> str:
        add_address(connection, contact, kind, written, by=me.principal, key=portal.settings.key())
        return gettext("The address is added.")

    return _changed(request, portal, me, contact_id, form, change, "address")


@router.post("/contacts/{contact_id}/addresses/up")
def earlier_address(
    contact_id: ContactNumber, request: Request, portal: PortalState, me: Editor, form: FormSent
) -> Response:
    """Try an address before the one that was tried before it."""

    def change(connection: Connection, contact: ContactRow) -> str:
        kind, addresses, place = _chosen(connection, contact, form)
        addresses[place - 1 : place + 1] = reversed(addresses[place - 1 : place + 1])
        set_addresses(connection, contact, kind, addresses, by=me.principal, key=portal.settings.key())
        return gettext("It is tried earlier.")

    return _changed(request, portal, me, contact_id, form, change)


@router.post("/contacts/{contact_id}/addresses/remove")
def without_address(
    contact_id: ContactNumber, request: Request, portal: PortalState, me: Editor, form: FormSent
) -> Response:
    """Take an address away."""

    def change(connection: Connection, contact: ContactRow) -> str:
        kind, addresses, place = _chosen(connection, contact, form)
        del addresses[place]
        set_addresses(connection, contact, kind, addresses, by=me.principal, key=portal.settings.key())
        return gettext("The address is taken away. It stands in the history, to be added again.")

    return _changed(request, portal, me, contact_id, form, change)


@router.post("/contacts/{contact_id}/tags")
def further_tag(
    contact_id: ContactNumber, request: Request, portal: PortalState, me: Editor, form: FormSent
) -> Response:
    """Add tags."""
    written = [tag.strip() for tag in form.value("tag", 600).split(",") if tag.strip()]
    if not written:
        return _page(request, portal, me, contact_id, form, {"tag": gettext("Enter a tag.")})

    def change(connection: Connection, contact: ContactRow) -> str:
        added = add_tags(connection, contact, written, by=me.principal)
        return gettext("The tag is added.") if added else gettext("It has this tag already.")

    return _changed(request, portal, me, contact_id, form, change, "tag")


@router.post("/contacts/{contact_id}/tags/remove")
def without_tag(
    contact_id: ContactNumber, request: Request, portal: PortalState, me: Editor, form: FormSent
) -> Response:
    """Take a tag away."""

    def change(connection: Connection, contact: ContactRow) -> str:
        gone = remove_tag(connection, contact, form.value("tag", 200), by=me.principal)
        return gettext("The tag is taken away.") if gone else gettext("It was taken away meanwhile.")

    return _changed(request, portal, me, contact_id, form, change)


@router.post("/contacts/{contact_id}/notes")
def further_note(
    contact_id: ContactNumber, request: Request, portal: PortalState, me: Editor, form: FormSent
) -> Response:
    """Write a note."""
    if not form.value("note"):
        return _page(request, portal, me, contact_id, form, {"note": gettext("Write something.")})

    def change(connection: Connection, contact: ContactRow) -> str:
        add_note(connection, contact, form.value("note"), by=me.principal)
        return gettext("The note is kept.")

    return _changed(request, portal, me, contact_id, form, change, "note", stale=False)


@router.post("/contacts/{contact_id}/notes/remove")
def without_note(
    contact_id: ContactNumber, request: Request, portal: PortalState, me: Editor, form: FormSent
) -> Response:
    """Take a note away."""

    def change(connection: Connection, contact: ContactRow) -> str:
        gone = remove_note(connection, contact, form.number("note") or 0, by=me.principal)
        return gettext("The note is taken away.") if gone else gettext("It was taken away meanwhile.")

    return _changed(request, portal, me, contact_id, form, change, stale=False)


@router.post("/contacts/{contact_id}/remove")
def remove(contact_id: ContactNumber, request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """Remove a contact; it can be brought back."""

    def change(connection: Connection, contact: ContactRow) -> str:
        set_removed(connection, contact, by=me.principal, removed=True)
        return gettext("The contact is removed. It can be brought back here.")

    return _changed(request, portal, me, contact_id, form, change)


@router.post("/contacts/{contact_id}/restore")
def restore(contact_id: ContactNumber, request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """Bring a removed contact back."""

    def change(connection: Connection, contact: ContactRow) -> str:
        set_removed(connection, contact, by=me.principal, removed=False)
        return gettext("The contact is back.")

    return _changed(request, portal, me, contact_id, form, change)


def seen_contact(
    connection: Connection, me: SignedIn, number: int, permission: Permission = Permission.CONTACT_SEE
) -> ContactRow:
    """A contact that somebody may see and holds ``permission`` for; any other is not there."""
    try:
        found = find_contact(connection, me.principal, number)
        return (
            found
            if permission is Permission.CONTACT_SEE
            else find_contact(connection, me.principal, number, permission)
        )
    except UsageError:
        raise RequestError("not_found", what="contact") from None


def stale(me_seen: str, version: int) -> bool:
    """Whether a form was made of another version than the one in force."""
    return me_seen != str(version)


def _changed(
    request: Request,
    portal: Portal,
    me: SignedIn,
    number: int,
    form: SentForm,
    change: Change,
    field: str = "",
    *,
    stale: bool = True,
) -> Response:
    """Make one change to the contact as the page showed it, and show the page with what was done."""
    address = f"/contacts/{number}"
    try:
        with portal.engine.begin() as connection:
            contact = seen_contact(connection, me, number, Permission.CONTACT_EDIT)
            if stale and form.number("seen") != contact.version:
                return changed_meanwhile(request, address)
            said = change(connection, contact)
    except NightmailError as error:
        if isinstance(error, RequestError):
            raise
        if error.reason == "contact_changed_since":
            return changed_meanwhile(request, address)
        if not field:
            return redirect(request, address, sentence_of(error), "bad")
        return _page(request, portal, me, number, form, at_its_field(error, {error.reason: field}))
    return redirect(request, address, said)


def _chosen(connection: Connection, contact: ContactRow, form: SentForm) -> tuple[str, list[str], int]:
    """The kind of an address that a button is about, all of that kind, and its place among them."""
    kind, _, place = form.value("address", 40).partition("-")
    addresses = overview_of(connection, contact).addresses.get(kind, [])
    if not place.isascii() or not place.isdigit() or int(place) >= len(addresses):
        raise UsageError("contact_changed_since")
    return kind, list(addresses), int(place)


def _page(
    request: Request,
    portal: Portal,
    me: SignedIn,
    number: int,
    form: SentForm | None = None,
    errors: dict[str, str] | None = None,
    before: int | None = None,
) -> Response:
    with portal.engine.begin() as connection:
        contact = seen_contact(connection, me, number)
        around = overview_of(connection, contact)
        consents = consents_of(connection, contact.team, contact.contact_id, CONSENTS)
        requests = requests_of(connection, contact.team, contact.contact_id, CONSENTS)
        changes = changes_of(connection, contact.id, before=before, limit=CHANGES + 1)
        actors = {*(change.changed_by for change in changes), *(note.created_by for note in around.notes)}
        names = actor_names(connection, actors)
        personal = sees_contact_personal(me.principal, contact)
        if personal:
            record_look(
                connection,
                actor=me.principal.actor,
                subject=f"contact:{contact.contact_id}",
                team_id=contact.team_id,
                shown=("address", "name"),
            )
    may_edit = allowed(me.principal, Permission.CONTACT_EDIT, contact.team).yes
    sees_messages = allowed(me.principal, Permission.MESSAGE_SEE, contact.team).yes
    values = form.as_typed() if form else {}
    return render(
        request,
        "contacts/contact.html",
        422 if errors else 200,
        contact=contact,
        title=title_of(contact, personal=personal),
        external_id=shown_identifier(contact.external_id, personal=personal),
        personal=personal,
        addresses=_addresses(around, personal=personal),
        known=_known(contact, around, personal=personal),
        chosen=chosen_facts(around.preference),
        consents=[*shown_requests(requests), *shown_consents(consents)],
        may_ask=contact.removed_at is None and allowed(me.principal, Permission.CONSENT_EDIT, contact.team).yes,
        tags=around.tags,
        groups=around.groups,
        notes=[(note, names.get(note.created_by, note.created_by)) for note in around.notes] if personal else [],
        changes=shown_changes(changes[:CHANGES], names, personal=personal),
        older_changes=f"/contacts/{number}?before={changes[CHANGES - 1].id}" if changes[CHANGES:] else None,
        newest_changes=f"/contacts/{number}" if before else None,
        shared=not allowed(me.principal, Permission.CONTACT_SEE, contact.team).yes,
        recipient=f"/recipients/contact/{contact.contact_id}" if sees_messages else None,
        kinds=kind_choices(),
        may_write=personal and may_write_to(contact, me.principal),
        may_edit=may_edit,
        may_change=may_edit and contact.removed_at is None,
        values=values,
        errors=errors or {},
    )


def _addresses(around: ContactOverview, *, personal: bool) -> list[dict[str, object]]:
    return [
        {
            "word": f"{kind}-{place}",
            "kind": gettext(KINDS[kind]),
            "shown": shown_address(address, personal=personal),
            "first": place == 0,
        }
        for kind, addresses in around.addresses.items()
        for place, address in enumerate(addresses)
    ]


def _known(contact: ContactRow, around: ContactOverview, *, personal: bool) -> list[tuple[str, object]]:
    labels = {each.name: each.label or each.name for each in around.attributes}
    own = {name: contact.attributes.get(name) for name in {**labels, **contact.attributes}}
    said = {True: gettext("yes"), False: gettext("no")}
    return [
        (gettext("Language"), contact.language),
        (gettext("Time zone"), contact.time_zone),
        (gettext("Country"), contact.country),
        (gettext("Birth date"), shown_birth_date(contact.birth_date, personal=personal)),
        *(
            (labels.get(name, name), value if value is None or personal else HIDDEN)
            for name, value in ((name, said[each] if isinstance(each, bool) else each) for name, each in own.items())
        ),
        (gettext("Came"), source_label(contact.source) if contact.source else "–"),
    ]
