"""Find a recipient, and the page of one: an address is posted, and what stands in the page's own address is its keyed hash."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection

from nightmail.access.permissions import Permission
from nightmail.audit import record_look
from nightmail.contacts.contact_listing import ContactRow, contacts_by_id, sees_contact_personal
from nightmail.errors import NightmailError
from nightmail.intake.messages_to_contacts import may_write_to
from nightmail.recipients.asked import Asked
from nightmail.recipients.events import Event
from nightmail.recipients.file_rows import MOST_DAYS
from nightmail.recipients.history import History, history_of
from nightmail.recipients.lookup import Recipient, RecipientKind, readings_of
from nightmail.recipients.outcomes import CampaignOutcome
from portal.problems import RequestError
from portal.recipient_surroundings import surroundings_of
from portal.state import Portal, PortalState
from portal.web.contacts.shown import title_of
from portal.web.messages import redirect
from portal.web.navigation import is_offered
from portal.web.recipients.event_words import by_day, line_of, with_names
from portal.web.refusals import at_its_field
from portal.web.rendering import render
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, needs
from portal.web.stated_days import beginning_of_day, end_of_day
from portal.web.translating import gettext

router = APIRouter(prefix="/recipients", include_in_schema=False)
Reader = Annotated[SignedIn, needs(Permission.MESSAGE_SEE)]
Typed = Annotated[str, Query(max_length=250)]
Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
MOST_CONTACTS = 10
FIELDS = {"recipient_unknown": "who", "recipient_team_needed": "team", "team_unknown": "team"}
"""The field that a refusal of the domain is about."""


@router.get("")
def form_to_find(request: Request, me: Reader, since: Typed = "", until: Typed = "") -> Response:
    """The form in which an address or an external id is typed."""
    return _form(request, me, {"since": since, "until": until})


@router.post("")
def find(request: Request, portal: PortalState, me: Reader, form: FormSent) -> Response:
    """Lead to the recipient, or show all that was typed can mean."""
    values = form.as_typed()
    if not form.value("who", 320):
        return _form(request, me, values, errors={"who": gettext("Enter an address or an external id.")})
    try:
        readings = read(portal, me, form.value("who", 320), form.value("team", 250) or None)
    except NightmailError as error:
        return _form(request, me, values, errors=at_its_field(error, FIELDS))
    days = {name: form.value(name, 10) for name in ("since", "until", "team") if form.value(name, 250)}
    if len(readings) == 1:
        return redirect(request, address_of(readings[0], **days))
    return _form(request, me, values, readings=[(each, address_of(each, **days)) for each in readings])


@router.get("/{kind}/{digest}")
def show_recipient(
    kind: RecipientKind,
    digest: Digest,
    request: Request,
    portal: PortalState,
    me: Reader,
    since: Typed = "",
    until: Typed = "",
    team: Typed = "",
    before: Annotated[str, Query(pattern=r"^[0-9]{0,19}$")] = "",
) -> Response:
    """What the recipient got or did not get, and why."""
    recipient = Recipient(kind, digest)
    values = {"since": since.strip(), "until": until.strip(), "team": team.strip()}
    asked, errors = _asked(me, values, before)
    with portal.engine.begin() as connection:
        try:
            found = history_of(connection, me.principal, recipient, asked, surroundings_of(portal))
        except NightmailError as error:
            errors |= at_its_field(error, FIELDS)
            plain = Asked(before=asked.before)
            found = history_of(connection, me.principal, recipient, plain, surroundings_of(portal))
        events = with_names(connection, found.events)
        book = _in_the_book(connection, me, found)
    if recipient.kind is RecipientKind.CONTACT and not found.contacts and not any(values.values()):
        raise RequestError("not_found", what="recipient")
    chosen = {name: value for name, value in values.items() if value}
    here = address_of(recipient)
    return render(
        request,
        "recipients/recipient.html",
        422 if errors else 200,
        found=found,
        title=_title(found),
        outcomes=[(each, _because(each)) for each in found.outcomes],
        days=by_day(events, me.zone),
        suppressed=[line_of(event) for event in found.suppressed],
        values=values,
        errors=errors,
        here=here,
        filtered=bool(chosen),
        book=book,
        messages=f"/messages?{urlencode({'recipient': f'{kind}-{digest}'})}",
        most_days=MOST_DAYS,
        older=f"{here}?{urlencode({**chosen, 'before': str(found.next)})}" if found.next else None,
        newer=f"{here}?{urlencode(chosen)}" if before else None,
    )


def read(portal: Portal, me: SignedIn, typed: str, team: str | None = None) -> list[Recipient]:
    """All that was typed can mean, of what this person may see. Raises what ``readings_of`` does."""
    with portal.engine.connect() as connection:
        return readings_of(
            connection,
            me.principal,
            typed,
            hash_key=portal.settings.key(),
            default_country=portal.settings.default_country,
            team=team,
        )


def address_of(recipient: Recipient, **query: str) -> str:
    """The address of a recipient's page; it holds no personal data."""
    more = f"?{urlencode(query)}" if query else ""
    return f"/recipients/{recipient.kind}/{recipient.digest}{more}"


def _asked(me: SignedIn, values: dict[str, str], before: str) -> tuple[Asked, dict[str, str]]:
    errors: dict[str, str] = {}
    moments: dict[str, datetime | None] = {"since": None, "until": None}
    for name, reading in (("since", beginning_of_day), ("until", end_of_day)):
        try:
            moments[name] = reading(values[name], me.zone)
        except ValueError:
            errors[name] = gettext("Give a date such as 2027-01-31, or leave it empty.")
    since, until = moments["since"], moments["until"]
    if since is not None and not values["until"]:
        until = end_of_day(values["since"], me.zone)
    if since is not None and until is not None and until <= since:
        errors["until"] = gettext("The last day is before the first.")
        since = until = None
    wanted = Asked(since, until, values["team"] or None, min(int(before), 2**62) if before else None)
    return wanted, errors


def _title(found: History) -> str:
    """What the recipient is called: the addresses that messages went to, as far as they are kept and may be seen."""
    own = [each.shown for each in found.addresses if each.digest == found.recipient.digest and each.shown]
    shown = own or [each.shown for each in found.addresses if each.shown]
    if shown:
        return shown[0]
    if found.recipient.kind is RecipientKind.CONTACT:
        return gettext("A contact of %(team)s") % {"team": found.recipient.team or "?"}
    return gettext("An address")


def _in_the_book(connection: Connection, me: SignedIn, found: History) -> list[tuple[ContactRow, str, str | None]]:
    """The contacts of the address book that the recipient is, what each is called, and where one writes to it."""
    if not me.may(Permission.CONTACT_SEE):
        return []
    ids = [each.contact_id for each in found.contacts]
    if found.recipient.kind is RecipientKind.CONTACT:
        ids.append(found.recipient.digest)
    shown = []
    known = contacts_by_id(connection, me.principal, list(dict.fromkeys(ids)))[:MOST_CONTACTS]
    named = [each for each in known if sees_contact_personal(me.principal, each)]
    if named:
        record_look(
            connection,
            actor=me.principal.actor,
            subject=f"contact:{named[0].contact_id}",
            team_id=named[0].team_id,
            shown=("name",),
            count=len(named),
        )
    for contact in known:
        personal = contact in named
        may_write = personal and is_offered(me, "/send") and may_write_to(contact, me.principal)
        shown.append((contact, title_of(contact, personal=personal), f"/send/to/{contact.id}" if may_write else None))
    return shown


def _because(outcome: CampaignOutcome) -> str:
    event = outcome.because
    return "" if event is None else _told(event)


def _told(event: Event) -> str:
    line = line_of(replace(event))
    return f"{line.text} ({line.note})" if line.note and event.facts.get("code") else line.text


def _form(
    request: Request,
    me: SignedIn,
    values: dict[str, str],
    *,
    errors: dict[str, str] | None = None,
    readings: list[tuple[Recipient, str]] | None = None,
) -> Response:
    return render(
        request,
        "recipients/find.html",
        422 if errors else 200,
        values=values,
        errors=errors or {},
        readings=readings or [],
        teams=me.teams(Permission.MESSAGE_SEE),
    )
