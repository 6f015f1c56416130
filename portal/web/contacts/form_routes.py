"""Adding a contact by hand, and changing what is known of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from nightmail.access.decisions import allowed, sees_personal
from nightmail.access.permissions import Permission
from nightmail.contacts.contact_changes import change_contact, make_contact
from nightmail.contacts.contact_fields import Attribute, judge_fields
from nightmail.contacts.contact_listing import ContactRow, attributes_known
from nightmail.errors import NightmailError
from nightmail.organisation.teams import find_team
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.contacts.contact_routes import ContactNumber, seen_contact
from portal.web.messages import changed_meanwhile, meanwhile, redirect
from portal.web.refusals import at_its_field, sentence_of
from portal.web.rendering import render
from portal.web.sent_form import FormSent, SentForm
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import gettext

router = APIRouter(include_in_schema=False)
Editor = Annotated[SignedIn, needs(Permission.CONTACT_EDIT)]
STATED = ("external_id", "name", "phone", "landline", "email", "language", "time_zone", "country", "birth_date")
CHANGEABLE = ("name", "language", "time_zone", "country", "birth_date")
FIELDS = {"contact_exists": "external_id", "team_unknown": "team", "not_permitted": "team"}


@router.get("/contacts/new")
def adding_form(request: Request, portal: PortalState, me: Editor) -> Response:
    """The form of a new contact."""
    (team, *_) = me.teams(Permission.CONTACT_EDIT)
    return _form(request, portal, me, None, {"team": team}, {})


@router.post("/contacts/new")
def add(request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """Add a contact; what is wrong is said at each field."""
    values, team = form.as_typed(), form.value("team", 250)
    if not team:
        return _form(request, portal, me, None, values, {"team": gettext("Say which team it belongs to.")})
    stated = {name: form.value(name, 400) for name in STATED}
    errors: dict[str, str] = {}
    try:
        with portal.engine.begin() as connection:
            owner = find_team(connection, team)
            if owner is not None and allowed(me.principal, Permission.CONTACT_EDIT, team).yes:
                known = attributes_known(connection, owner.id)
                attributes = _attributes(form, known)
                judged = judge_fields(stated, attributes=attributes, known=known, country=owner.country)
                errors = {name: sentence_of(error) for name, error in judged.problems.items()}
            else:
                attributes = {}
            if not errors:
                given = {name: value for name, value in stated.items() if value}
                made = make_contact(
                    connection,
                    by=me.principal,
                    team=team,
                    stated=given,
                    attributes={name: value for name, value in attributes.items() if value},
                    key=portal.settings.key(),
                )
    except NightmailError as error:
        errors = at_its_field(error, FIELDS)
    if errors:
        return _form(request, portal, me, None, values, errors)
    return redirect(request, f"/contacts/{made.id}", gettext("The contact is added."))


@router.get("/contacts/{contact_id}/change")
def changing_form(contact_id: ContactNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """What is known of a contact, to be changed. Who may not see it may not change it either."""
    with portal.engine.connect() as connection:
        contact = _editable(me, seen_contact(connection, me, contact_id, Permission.CONTACT_EDIT))
    values = {name: value for name, value in contact.fields().items() if name in CHANGEABLE}
    values |= {f"attribute.{name}": _written(value) for name, value in contact.attributes.items()}
    return _form(request, portal, me, contact, values | {"seen": contact.version}, {})


@router.post("/contacts/{contact_id}/change")
def change(contact_id: ContactNumber, request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """Change what is known of a contact as it was shown."""
    address = f"/contacts/{contact_id}"
    stated = {name: form.value(name, 400) for name in CHANGEABLE}
    with portal.engine.begin() as connection:
        contact = _editable(me, seen_contact(connection, me, contact_id, Permission.CONTACT_EDIT))
        if form.number("seen") != contact.version:
            return changed_meanwhile(request, address)
        known = attributes_known(connection, contact.team_id)
        attributes = _attributes(form, known)
        judged = judge_fields(stated, attributes=attributes, known=known, country=contact.country)
        if not judged.problems:
            try:
                after = change_contact(
                    connection,
                    contact,
                    by=me.principal,
                    stated=stated,
                    attributes=attributes,
                    key=portal.settings.key(),
                )
            except NightmailError as error:
                said = meanwhile() if error.reason == "contact_changed_since" else sentence_of(error)
                return redirect(request, address, said, "warn")
    if judged.problems:
        errors = {name: sentence_of(error) for name, error in judged.problems.items()}
        return _form(request, portal, me, contact, form.as_typed(), errors)
    same = after.version == contact.version
    said = gettext("Nothing was changed: it was like that before.") if same else gettext("The change is kept.")
    return redirect(request, address, said, "info" if same else "good")


def _editable(me: SignedIn, contact: ContactRow) -> ContactRow:
    if not sees_personal(me.principal, contact.team):
        raise RequestError("not_found", what="page")
    return contact


def _attributes(form: SentForm, known: Mapping[str, Attribute]) -> dict[str, str]:
    return {name: form.value(f"attribute.{name}", 1_200) for name in known if f"attribute.{name}" in form.fields}


def _written(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _form(
    request: Request,
    portal: Portal,
    me: SignedIn,
    contact: ContactRow | None,
    values: dict[str, Any],
    errors: dict[str, str],
) -> Response:
    team = contact.team if contact else str(values.get("team", ""))
    with portal.engine.connect() as connection:
        owner = find_team(connection, team) if team else None
        seen = owner is not None and allowed(me.principal, Permission.CONTACT_EDIT, owner.path).yes
        known = attributes_known(connection, owner.id) if owner is not None and seen else {}
    return render(
        request,
        "contacts/form.html",
        422 if errors else 200,
        contact=contact,
        title=(contact.name or contact.external_id) if contact else "",
        values=values,
        errors=errors,
        teams=[each or gettext("all teams") for each in me.teams(Permission.CONTACT_EDIT)],
        definitions=[_definition(each) for each in known.values()],
        seen=values.get("seen", ""),
    )


def _definition(attribute: Attribute) -> dict[str, Any]:
    choices = [("", "–"), ("yes", gettext("yes")), ("no", gettext("no"))]
    return {
        "name": attribute.name,
        "label": attribute.label or attribute.name,
        "options": choices if attribute.type == "boolean" else [],
        "input": "date" if attribute.type == "date" else "text",
        "hint": gettext("A number such as 1234.5.") if attribute.type == "number" else "",
    }
