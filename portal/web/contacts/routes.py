"""The list of contacts: found by any part of a name or an address, narrowed by team, tag and group, and taken out as a file."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from nightmail.access.decisions import covers
from nightmail.access.permissions import Permission
from nightmail.contacts.contact_listing import (
    ContactFilter,
    ContactRow,
    addresses_of,
    further_of,
    list_contacts,
    search_contacts,
    sees_contact_personal,
    tags_of,
)
from nightmail.contacts.groups import list_groups
from nightmail.privacy.masking import shown_address, shown_birth_date, shown_identifier, shown_name
from portal.state import Portal, PortalState
from portal.web.contacts.shown import shown_contacts
from portal.web.messages import redirect
from portal.web.rendering import render
from portal.web.sealed_words import LONGEST, opened_words, sealed_words
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, needs
from portal.web.taken_lists import Rows, taken_list
from portal.web.translating import gettext

router = APIRouter(include_in_schema=False)
PAGE = 50
AT_ONCE = 1_000
MOST_GROUPS = 200
Typed = Annotated[str, Query(max_length=250)]
Number = Annotated[str, Query(pattern=r"^[0-9]{0,18}$")]
Sealed = Annotated[str, Query(max_length=2_000)]
Reader = Annotated[SignedIn, needs(Permission.CONTACT_SEE)]
Exporter = Annotated[SignedIn, needs(Permission.CONTACT_EXPORT)]


@router.get("/contacts")
def list_of_contacts(
    request: Request,
    portal: PortalState,
    me: Reader,
    team: Typed = "",
    tag: Typed = "",
    group: Number = "",
    sought: Sealed = "",
    before: Number = "",
) -> Response:
    """Contacts that fit, the newest first."""
    words = opened_words(portal, me, sought)
    values = _cleaned(team, tag, group)
    chosen = {name: value for name, value in values.items() if value}
    kept = chosen | ({"sought": sought} if words else {})
    with portal.engine.begin() as connection:
        teams = me.teams(Permission.CONTACT_SEE)
        found = _found(connection, portal, _filter(teams, values), searchable(me), words, before)
        shown = shown_contacts(connection, me, found[:PAGE])
        groups = list_groups(connection, teams, limit=MOST_GROUPS)
    following = {**kept, "before": str(found[PAGE - 1].id)} if found[PAGE:] else None
    return render(
        request,
        "contacts/list.html",
        contacts=shown,
        values=values | {"words": words},
        errors={},
        groups=[("", gettext("Any")), *((each.id, each.name) for each in groups)] if groups else [],
        sought=sought if words else "",
        filtered=bool(kept),
        blind=not searchable(me),
        without_words=f"/contacts?{urlencode(chosen)}",
        may_edit=me.may(Permission.CONTACT_EDIT),
        may_export=me.may(Permission.CONTACT_EXPORT),
        newer=f"/contacts?{urlencode(kept)}" if before else None,
        older=f"/contacts?{urlencode(following)}" if following else None,
        export=f"/contacts.csv?{urlencode(kept)}",
    )


@router.post("/contacts/find")
def find(request: Request, portal: PortalState, me: Reader, form: FormSent) -> Response:
    """Lead to what some words find; they are sealed in the page's address, for they are personal data."""
    kept = {name: form.value(name, 250) for name in ("team", "tag", "group")}
    query = {name: value for name, value in kept.items() if value}
    sealed = sealed_words(portal, me, form.value("words", LONGEST))
    if sealed:
        query["sought"] = sealed
    return redirect(request, f"/contacts?{urlencode(query)}")


@router.get("/contacts.csv")
def export(
    request: Request,
    portal: PortalState,
    me: Exporter,
    team: Typed = "",
    tag: Typed = "",
    group: Number = "",
    sought: Sealed = "",
) -> Response:
    """The contacts that fit as CSV, in the columns of a contact file; masked where personal data may not be seen."""
    values = _cleaned(team, tag, group)
    words = opened_words(portal, me, sought)
    wanted = _filter(me.teams(Permission.CONTACT_EXPORT), values)
    header = (
        *(
            "external_id",
            "name",
            "phone",
            "phone_2",
            "landline",
            "email",
            "language",
            "time_zone",
            "country",
            "birth_date",
        ),
        *("further_addresses", "tags", "team", "changed"),
    )

    def read(connection: Connection) -> Rows:
        before = ""
        while found := _found(connection, portal, wanted, searchable(me), words, before, AT_ONCE):
            numbers = [contact.id for contact in found]
            further, tags = further_of(connection, numbers), tags_of(connection, numbers)
            for contact in found:
                yield _cells(me, contact, addresses_of(contact, further.get(contact.id, {})), tags.get(contact.id, []))
            before = str(found[-1].id)

    taken = values | {"sought": words}
    return taken_list(request, portal, me, Permission.CONTACT_EXPORT, "contacts", header, read, taken)


def searchable(me: SignedIn) -> tuple[str, ...]:
    """The teams whose contacts somebody may search: what finds a person by their address tells that they are there."""
    seen, personal = me.teams(Permission.CONTACT_SEE), me.teams(Permission.PERSONAL_SEE)
    both = {one for one in seen for other in personal if covers(other, one)}
    both |= {other for one in seen for other in personal if covers(one, other)}
    return tuple(sorted(both))


def _found(
    connection: Connection,
    portal: Portal,
    wanted: ContactFilter,
    teams: tuple[str, ...],
    words: str,
    before: str,
    limit: int = PAGE + 1,
) -> list[ContactRow]:
    place = int(before) if before else None
    if not words:
        return list_contacts(connection, wanted, before=place, limit=limit)
    looked_through = ContactFilter(teams, wanted.team, wanted.tag, wanted.group)
    key = portal.settings.key()
    return search_contacts(connection, looked_through, words, key=key, before=place, limit=limit)


def _cells(
    me: SignedIn, contact: ContactRow, addresses: dict[str, list[str]], tags: list[str]
) -> tuple[str | None, ...]:
    personal = sees_contact_personal(me.principal, contact)
    main = (contact.phone, contact.phone_2, contact.landline, contact.email)
    further = [each for listed in addresses.values() for each in listed if each not in main]
    born = shown_birth_date(contact.birth_date, personal=personal)
    return (
        shown_identifier(contact.external_id, personal=personal),
        shown_name(contact.name, personal=personal),
        *(shown_address(each, personal=personal) for each in main),
        contact.language,
        contact.time_zone,
        contact.country,
        born.isoformat() if born else None,
        ", ".join(shown_address(each, personal=personal) for each in further),
        ", ".join(tags),
        contact.team,
        contact.updated_at.isoformat(),
    )


def _cleaned(team: str, tag: str, group: str) -> dict[str, str]:
    number = group if group and int(group) < 2**31 else ""
    return {"team": team.replace("\x00", "").strip(), "tag": tag.replace("\x00", "").strip(), "group": number}


def _filter(teams: tuple[str, ...], values: dict[str, str]) -> ContactFilter:
    group = int(values["group"]) if values["group"] else None
    return ContactFilter(teams, values["team"] or None, values["tag"] or None, group)
