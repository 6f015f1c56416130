"""A message to one contact, from their page: a feed's template with values, looked at, and sent as shown."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection

from nightmail.access.decisions import allowed
from nightmail.access.idempotency import StoredAnswer, claim_key, store_answer
from nightmail.access.permissions import Permission
from nightmail.audit import record_look
from nightmail.contacts.contact_listing import ContactRow, sees_contact_personal
from nightmail.errors import NightmailError
from nightmail.intake.messages_to_contacts import feeds_to_contact, may_write_to, message_contact
from nightmail.organisation.stored_feeds import FeedRow, feed_by_id
from nightmail.organisation.stored_templates import content_of_newest
from nightmail.templates import Template, stored_template
from nightmail.templates.previews import BodyPreview, preview_bodies
from nightmail.templates.sample_values import typed_value
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.contacts.contact_routes import seen_contact
from portal.web.contacts.shown import title_of
from portal.web.messages import redirect
from portal.web.refusals import sentence_of
from portal.web.rendering import render
from portal.web.send.routes import Sender
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn
from portal.web.translating import gettext

router = APIRouter(prefix="/send/to", include_in_schema=False)
ContactNumber = Annotated[int, Path(ge=1, le=2**62)]
Chosen = Annotated[str, Query(pattern=r"^[0-9]{0,9}$")]
_VALUE = "value."


@dataclass(frozen=True)
class Letter:
    """A feed's template to one contact: what was typed, what is wrong with it, and how it reads."""

    feed: FeedRow
    content: Mapping[str, Any] = field(repr=False)
    template: Template = field(repr=False)
    typed: Mapping[str, str] = field(repr=False)
    errors: Mapping[str, str]
    previews: tuple[BodyPreview, ...] = field(repr=False)

    def fingerprint(self, contact: ContactRow) -> str:
        """Of all that decides what is sent: another one is not what was shown."""
        content = json.dumps(self.content, sort_keys=True)
        parts = (self.feed.id, content, contact.id, contact.version, sorted(self.typed.items()))
        return sha256(repr(parts).encode()).hexdigest()


@router.get("/{contact_id}")
def write_to(
    contact_id: ContactNumber, request: Request, portal: PortalState, me: Sender, feed: Chosen = ""
) -> Response:
    """The choice of a feed, then the values of its template."""
    return _page(request, portal, me, contact_id, feed, None)


@router.post("/{contact_id}")
def look_or_send(
    contact_id: ContactNumber, request: Request, portal: PortalState, me: Sender, form: FormSent
) -> Response:
    """Show how it reads; or send it, as it was shown and once."""
    typed = form.as_typed()
    if form.value("action", 10) != "send":
        return _page(request, portal, me, contact_id, form.value("feed", 9), typed)
    try:
        with portal.engine.begin() as connection:
            contact = _contact(connection, me, contact_id)
            letter = _letter(connection, me, contact, form.value("feed", 9), typed)
            seen = letter.fingerprint(contact)
            if letter.errors or seen != form.value("seen", 64):
                raise RequestError("form_outdated")
            key = f"page-{sha256((form.value('key', 80) + seen).encode()).hexdigest()}"
            before = claim_key(connection, contact.team_id, key, bytes.fromhex(seen))
            if before is not None:
                campaign = str(before.response["campaign"])
            else:
                joined = message_contact(
                    connection,
                    letter.feed,
                    contact,
                    letter.typed,
                    by=me.principal,
                    window_s=portal.settings.single_message_window_s,
                )
                campaign = joined.campaign.key
                store_answer(connection, contact.team_id, key, StoredAnswer(303, {"campaign": campaign}))
    except RequestError as error:
        if error.reason != "form_outdated":
            raise
        said = gettext("It is not as it was shown. Nothing was sent: look at it as it is now.")
        return _page(request, portal, me, contact_id, form.value("feed", 9), typed, said)
    except NightmailError as error:
        return _page(request, portal, me, contact_id, form.value("feed", 9), typed, sentence_of(error))
    sees = allowed(me.principal, Permission.CAMPAIGN_SEE, letter.feed.team).yes
    said = gettext("The message is taken. It goes within a minute.")
    return redirect(request, f"/campaigns/{campaign}" if sees else f"/contacts/{contact_id}", said)


def _contact(connection: Connection, me: SignedIn, number: int) -> ContactRow:
    """A contact whose personal data this person may see: a message to them cannot be written blindly."""
    contact = seen_contact(connection, me, number)
    if not may_write_to(contact, me.principal) or not sees_contact_personal(me.principal, contact):
        raise RequestError("not_found", what="contact")
    return contact


def _letter(
    connection: Connection, me: SignedIn, contact: ContactRow, feed: str, typed: Mapping[str, str] | None
) -> Letter:
    known = {each.id for each in feeds_to_contact(connection, contact, by=me.principal)}
    if not feed or int(feed) not in known:
        raise RequestError("not_found", what="feed")
    found = feed_by_id(connection, int(feed))
    content = dict(content_of_newest(connection, found.sent_template))
    template = stored_template(content)
    values: dict[str, object] = {}
    written: dict[str, str] = {}
    errors: dict[str, str] = {}
    for name, placeholder in template.placeholders.items():
        own = contact.attributes.get(name)
        given = ("" if own is None else str(own)) if typed is None else typed.get(f"{_VALUE}{name}", "")
        written[name] = given.strip()[:2_000]
        try:
            values[name] = typed_value(placeholder, written[name])
        except ValueError:
            errors[f"{_VALUE}{name}"] = (
                gettext("Give a date such as 2027-01-15.")
                if placeholder.type == "date"
                else gettext("Give a number such as 49.90.")
            )
    previews: tuple[BodyPreview, ...] = ()
    if typed is not None and not errors:
        language = contact.language if contact.language in template.languages else template.default_language
        previews = tuple(each for each in preview_bodies(template, values) if each.language == language)
    return Letter(found, content, template, written, errors, previews)


def _page(
    request: Request,
    portal: Portal,
    me: SignedIn,
    number: int,
    feed: str,
    typed: Mapping[str, str] | None,
    problem: str = "",
) -> Response:
    with portal.engine.begin() as connection:
        contact = _contact(connection, me, number)
        feeds = feeds_to_contact(connection, contact, by=me.principal)
        letter = _letter(connection, me, contact, feed, typed) if feed else None
        record_look(
            connection,
            actor=me.principal.actor,
            subject=f"contact:{contact.contact_id}",
            team_id=contact.team_id,
            shown=("address", "name"),
        )
    errors = {**({"": problem} if problem else {}), **(dict(letter.errors) if letter else {})}
    values: dict[str, Any] = {f"{_VALUE}{name}": value for name, value in letter.typed.items()} if letter else {}
    return render(
        request,
        "send/single.html",
        422 if errors else 200,
        contact=contact,
        title=title_of(contact, personal=True),
        feeds=feeds,
        letter=letter,
        values=values,
        errors=errors,
        seen=letter.fingerprint(contact) if letter else "",
        key=secrets.token_urlsafe(24),
    )
