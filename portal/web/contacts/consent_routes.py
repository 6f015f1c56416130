"""Asking a contact for a consent, by hand."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Request, Response

from nightmail.access.permissions import Permission
from nightmail.channels import CHANNELS
from nightmail.consent.consent_requests import ConsentAsked
from nightmail.contacts.contact_listing import sees_contact_personal
from nightmail.errors import NightmailError
from nightmail.organisation.categories import category_names
from portal.problems import RequestError
from portal.recipient_pages.asking import Outcome, ask
from portal.recipient_pages.code_messages import Sent
from portal.state import Portal, PortalState
from portal.web.channel_words import channel_label
from portal.web.contacts.contact_routes import ContactNumber, seen_contact
from portal.web.contacts.shown import title_of
from portal.web.messages import redirect
from portal.web.refusals import at_its_field
from portal.web.rendering import render
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import gettext

router = APIRouter(include_in_schema=False)
Editor = Annotated[SignedIn, needs(Permission.CONSENT_EDIT)]
FIELDS = {"category_unknown": "category", "channel_unknown": "channel"}
_WAIT_S = 3.0
"""For how long the page waits to hear what became of the message."""


@router.get("/contacts/{contact_id}/ask")
def asking_form(contact_id: ContactNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """The form: what for, and how they said that they want it."""
    return _form(request, portal, me, contact_id, {}, {})


@router.post("/contacts/{contact_id}/ask")
def ask_contact(
    contact_id: ContactNumber, request: Request, portal: PortalState, me: Editor, form: FormSent
) -> Response:
    """Ask; sent twice, it is done once."""
    values, how = form.as_typed(), form.value("how", 200)
    errors = {} if how else {"how": gettext("Say how they asked for it, such as: by telephone.")}
    if not form.value("category", 200):
        errors["category"] = gettext("Choose what for.")
    if errors:
        return _form(request, portal, me, contact_id, values, errors)
    with portal.engine.connect() as connection:
        contact = seen_contact(connection, me, contact_id, Permission.CONSENT_EDIT)
    asked = ConsentAsked(
        contact.contact_id,
        form.value("category", 200),
        dt.datetime.now(dt.UTC),
        how,
        channel=form.value("channel", 20) or None,
        source="portal",
    )
    try:
        done = ask(
            portal.engine,
            portal.codes,
            contact.team_id,
            asked,
            base_url=portal.base_url,
            key=portal.settings.key(),
            actor=me.principal.actor,
            wait_s=_WAIT_S,
        )
    except NightmailError as error:
        return _form(request, portal, me, contact_id, values, at_its_field(error, FIELDS))
    return redirect(request, f"/contacts/{contact_id}", _said(done), "bad" if done.sent is Sent.NO else "good")


def _said(done: Outcome) -> str:
    if done.request is None:
        return gettext("They agreed to this already: nothing is asked.")
    if not done.is_new:
        return gettext("They were asked within the last hour. No further message was sent.")
    if done.sent is Sent.NO:
        return gettext("The message could not be sent. Ask again in a while.")
    if done.sent is Sent.YES:
        return gettext("They are asked. It holds once they confirm.")
    return gettext("They are asked; whether the message went out is not known yet.")


def _form(
    request: Request,
    portal: Portal,
    me: SignedIn,
    number: int,
    values: dict[str, str],
    errors: dict[str, str],
) -> Response:
    with portal.engine.connect() as connection:
        contact = seen_contact(connection, me, number, Permission.CONSENT_EDIT)
        if contact.removed_at is not None:
            raise RequestError("not_found", what="contact")
        categories = category_names(connection, contact.team)
    return render(
        request,
        "contacts/ask.html",
        422 if errors else 200,
        contact=contact,
        title=title_of(contact, personal=sees_contact_personal(me.principal, contact)),
        categories=[("", gettext("Choose one")), *((name, name) for name in categories)],
        channels=[("", gettext("every channel")), *((name, channel_label(name)) for name in CHANNELS)],
        values=values,
        errors=errors,
    )
