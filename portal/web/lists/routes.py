"""The pages of distribution lists: the list of them, one with its entries and who is in it now, and its changes."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection

from nightmail.access.decisions import allowed, sees_personal
from nightmail.access.permissions import Permission
from nightmail.contacts.contact_listing import ContactFilter, search_contacts
from nightmail.contacts.distribution_lists import (
    Entry,
    EntryRow,
    change_entries,
    make_list,
    remove_list,
    rename_list,
)
from nightmail.contacts.list_membership import list_membership
from nightmail.contacts.list_overviews import (
    ListInFull,
    ListOverview,
    NameFilter,
    addable_to,
    lists_of_teams,
    seen_list,
)
from nightmail.errors import NightmailError, UsageError
from nightmail.privacy.masking import shown_identifier
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.list_places import place_of, place_text
from portal.web.lists.words import kind_label
from portal.web.messages import changed_meanwhile, redirect
from portal.web.refusals import at_its_field, sentence_of
from portal.web.rendering import render
from portal.web.segments.fitting import fitting_of
from portal.web.segments.routes import EXACT, Exactness, send_address
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import gettext

router = APIRouter(include_in_schema=False)
PAGE = 50
MOST_CHOICES = 200
MOST_ENTRIES = 200
Typed = Annotated[str, Query(max_length=250)]
After = Annotated[str, Query(max_length=4_000)]
ListNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]
Reader = Annotated[SignedIn, needs(Permission.CONTACT_SEE)]
Editor = Annotated[SignedIn, needs(Permission.LIST_EDIT)]
FIELDS = {"list_name_invalid": "name", "list_name_taken": "name", "team_unknown": "team", "not_permitted": "team"}


@router.get("/lists")
def list_of_lists(
    request: Request, portal: PortalState, me: Reader, search: Typed = "", team: Typed = "", after: After = ""
) -> Response:
    """Lists by name."""
    values = {"search": search.replace("\x00", "").strip(), "team": team.replace("\x00", "").strip()}
    chosen = {name: value for name, value in values.items() if value}
    teams = me.teams(Permission.CONTACT_SEE)
    wanted = NameFilter(teams, values["team"] or None, values["search"] or None, place_of(after), PAGE + 1)
    with portal.engine.connect() as connection:
        found = lists_of_teams(connection, wanted)
    last = found[PAGE - 1] if found[PAGE:] else None
    following = {**chosen, "after": place_text(last.name, last.id)} if last else None
    return render(
        request,
        "lists/list.html",
        lists=found[:PAGE],
        values=values,
        filtered=bool(chosen),
        may_edit=me.may(Permission.LIST_EDIT),
        newer=f"/lists?{urlencode(chosen)}" if after else None,
        older=f"/lists?{urlencode(following)}" if following else None,
    )


@router.get("/lists/new")
def making_form(request: Request, me: Editor) -> Response:
    """The form of a new list."""
    return _form(request, me, None, {"team": me.teams(Permission.LIST_EDIT)[0]}, {})


@router.post("/lists/new")
def make(request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """Make a list, empty at first."""
    values = form.as_typed()
    errors = {} if form.value("name", 200) else {"name": gettext("Enter a name.")}
    if not form.value("team", 250):
        errors["team"] = gettext("Say which team it belongs to.")
    if errors:
        return _form(request, me, None, values, errors)
    try:
        with portal.engine.begin() as connection:
            made = make_list(
                connection,
                by=me.principal,
                team=form.value("team", 250),
                name=form.value("name", 200),
                description=form.value("description", 600),
            )
    except NightmailError as error:
        return _form(request, me, None, values, at_its_field(error, FIELDS))
    return redirect(request, f"/lists/{made.id}", gettext("The list is made: say who is in it."))


@router.get("/lists/{list_id}")
def show_list(
    list_id: ListNumber, request: Request, portal: PortalState, me: Reader, count: Exactness = ""
) -> Response:
    """A list: what it includes and excludes, and who is in it now."""
    return _page(request, portal, me, list_id, exactly=count == EXACT)


@router.post("/lists/{list_id}/entries")
def add_entry(list_id: ListNumber, request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """Include or exclude a group, a segment, another list, or a contact that words find."""
    what, words = form.value("what", 40), form.value("contact", 200)
    excluded = form.value("how", 20) == "exclude"
    try:
        with portal.engine.begin() as connection:
            found = _seen(connection, me, list_id, Permission.LIST_EDIT)
            if form.number("seen") != found.version:
                return changed_meanwhile(request, f"/lists/{list_id}")
            entry = _entry(connection, portal, me, found, what, words, excluded=excluded)
            change_entries(connection, found.row(), add=[entry], by=me.principal)
    except NightmailError as error:
        if isinstance(error, RequestError):
            raise
        if error.reason == "list_changed_since":
            return changed_meanwhile(request, f"/lists/{list_id}")
        field = "contact" if words else "what"
        return _page(request, portal, me, list_id, form.as_typed(), at_its_field(error, {error.reason: field}))
    except ValueError as error:
        field = "contact" if words else "what"
        return _page(request, portal, me, list_id, form.as_typed(), {field: str(error)})
    said = gettext("It is excluded: whoever is in it is left out.") if excluded else gettext("It is included.")
    return redirect(request, f"/lists/{list_id}", said)


@router.post("/lists/{list_id}/entries/remove")
def remove_entry(list_id: ListNumber, request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """Take an entry out of a list."""
    try:
        with portal.engine.begin() as connection:
            found = _seen(connection, me, list_id, Permission.LIST_EDIT)
            if form.number("seen") != found.version:
                return changed_meanwhile(request, f"/lists/{list_id}")
            kind, _, number = form.value("entry", 60).partition(":")
            target = int(number) if number.isascii() and number.isdigit() and len(number) < 18 else 0
            entry = Entry(kind, target, excluded=form.value("how", 20) == "exclude")
            change_entries(connection, found.row(), remove=[entry], by=me.principal)
    except NightmailError as error:
        if isinstance(error, RequestError):
            raise
        return redirect(request, f"/lists/{list_id}", sentence_of(error), "warn")
    return redirect(request, f"/lists/{list_id}", gettext("It is taken out of the list. It can be added again."))


@router.get("/lists/{list_id}/change")
def changing_form(list_id: ListNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """The form of a list's name."""
    with portal.engine.connect() as connection:
        found = _seen(connection, me, list_id, Permission.LIST_EDIT)
    return _form(request, me, found, {"name": found.name, "description": found.description, "seen": found.version}, {})


@router.post("/lists/{list_id}/change")
def change(list_id: ListNumber, request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """Rename a list as it was seen."""
    with portal.engine.connect() as connection:
        found = _seen(connection, me, list_id, Permission.LIST_EDIT)
    if form.number("seen") != found.version:
        return changed_meanwhile(request, f"/lists/{list_id}")
    name, description = form.value("name", 200), form.value("description", 600)
    if not name:
        return _form(request, me, found, form.as_typed(), {"name": gettext("Enter a name.")})
    try:
        with portal.engine.begin() as connection:
            rename_list(connection, found.row(), by=me.principal, name=name, description=description)
    except NightmailError as error:
        if error.reason == "list_changed_since":
            return changed_meanwhile(request, f"/lists/{list_id}")
        return _form(request, me, found, form.as_typed(), at_its_field(error, FIELDS))
    return redirect(request, f"/lists/{list_id}", gettext("The change is kept."))


@router.get("/lists/{list_id}/remove")
def removing_form(list_id: ListNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """The question before a list goes."""
    with portal.engine.connect() as connection:
        found = _seen(connection, me, list_id, Permission.LIST_EDIT)
    return render(request, "lists/remove.html", found=found, errors={})


@router.post("/lists/{list_id}/remove")
def remove(list_id: ListNumber, request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """Remove a list that no other list holds."""
    with portal.engine.connect() as connection:
        found = _seen(connection, me, list_id, Permission.LIST_EDIT)
    if form.number("seen") != found.version:
        return changed_meanwhile(request, f"/lists/{list_id}")
    try:
        with portal.engine.begin() as connection:
            remove_list(connection, found.row(), by=me.principal)
    except NightmailError as error:
        return render(request, "lists/remove.html", 422, found=found, errors={"": sentence_of(error)})
    return redirect(
        request, "/lists", gettext("The list is removed. Campaigns that were made of it keep whom it held.")
    )


def _seen(
    connection: Connection,
    me: SignedIn,
    number: int,
    permission: Permission = Permission.CONTACT_SEE,
    *,
    entries: int = 0,
) -> ListInFull:
    try:
        found = seen_list(connection, me.principal, number, entries=entries)
    except UsageError:
        raise RequestError("not_found", what="list") from None
    if not allowed(me.principal, permission, found.team).yes:
        raise RequestError("not_found", what="list")
    return found


def _entry(
    connection: Connection,
    portal: Portal,
    me: SignedIn,
    found: ListOverview,
    what: str,
    words: str,
    *,
    excluded: bool,
) -> Entry:
    """What is to be added. Raises ``ValueError`` with what to do where that is not clear: nothing is guessed."""
    if not words:
        kind, _, number = what.partition(":")
        if kind not in ("group", "segment", "list") or not number.isascii() or not number.isdigit() or len(number) > 9:
            raise ValueError(gettext("Choose a group, a segment or a list; or find a contact below."))
        return Entry(kind, int(number), excluded=excluded)
    if not sees_personal(me.principal, found.team):
        raise ValueError(gettext("Who may see personal data finds contacts by name and address."))
    wanted = ContactFilter((found.team,), found.team)
    contacts = search_contacts(connection, wanted, words, key=portal.settings.key(), limit=2)
    exact = [contact for contact in contacts if contact.external_id == words]
    if not contacts:
        raise ValueError(gettext("Nobody of this team fits. Try fewer letters, or add the contact first."))
    if len(contacts) > 1 and not exact:
        raise ValueError(gettext("Several contacts fit: enter the external id of the one that is meant."))
    return Entry("contact", (exact or contacts)[0].id, excluded=excluded)


def _choices(connection: Connection, found: ListOverview) -> list[tuple[str, list[tuple[str, str]]]]:
    """What can be added to a list, by kind; what a team above shares with the list's own team with that team's name."""
    given: dict[str, list[tuple[str, str]]] = {"group": [], "segment": [], "list": []}
    for each in addable_to(connection, found, limit=MOST_CHOICES):
        name = each.name if each.team == found.team else f"{each.name} ({each.team})"
        given[each.kind].append((f"{each.kind}:{each.id}", name))
    labels = {"group": gettext("Groups"), "segment": gettext("Segments"), "list": gettext("Lists")}
    return [(labels[kind], options) for kind, options in given.items() if options]


def _form(
    request: Request, me: SignedIn, found: ListOverview | None, values: dict[str, Any], errors: dict[str, str]
) -> Response:
    return render(
        request,
        "lists/form.html",
        422 if errors else 200,
        found=found,
        values=values,
        errors=errors,
        seen=values.get("seen", ""),
        teams=[each or gettext("all teams") for each in me.teams(Permission.LIST_EDIT)],
    )


def _page(
    request: Request,
    portal: Portal,
    me: SignedIn,
    number: int,
    values: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    *,
    exactly: bool = False,
) -> Response:
    problem, membership, fitting = "", None, None
    with portal.engine.connect() as connection:
        found = _seen(connection, me, number, entries=MOST_ENTRIES)
        may_edit = allowed(me.principal, Permission.LIST_EDIT, found.team).yes
        choices = _choices(connection, found) if may_edit else []
        try:
            membership = list_membership(connection, found.id, found.team)
        except UsageError as error:
            problem = sentence_of(error)
    if membership is not None:
        fitting = fitting_of(portal.engine, me, membership, f"list:{found.id}", exactly=exactly)
    personal = sees_personal(me.principal, found.team)
    return render(
        request,
        "lists/one.html",
        422 if errors else 200,
        found=found,
        included=[_shown(each, personal=personal) for each in found.entries if not each.excluded],
        excluded=[_shown(each, personal=personal) for each in found.entries if each.excluded],
        cut=len(found.entries) == MOST_ENTRIES,
        by=found.changed_by_name or found.changed_by,
        problem=problem,
        fitting=fitting,
        personal=personal,
        may_edit=may_edit,
        choices=choices,
        send_address=send_address(me, "list", found.id, found.team),
        values=values or {},
        errors=errors or {},
    )


def _shown(entry: EntryRow, *, personal: bool) -> dict[str, Any]:
    name = entry.name or ""
    places = {"contact": "/contacts", "group": "/groups", "segment": "/segments", "list": "/lists"}
    return {
        "word": f"{entry.kind}:{entry.target_id}",
        "kind": kind_label(entry.kind),
        "name": shown_identifier(name, personal=personal) if entry.kind == "contact" else name,
        "address": f"{places[entry.kind]}/{entry.target_id}" if entry.kind in places else None,
    }
