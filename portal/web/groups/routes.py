"""The pages of groups: the list, making one, its members, and putting contacts in by external id or address."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection

from nightmail.access.decisions import allowed, sees_personal
from nightmail.access.permissions import Permission
from nightmail.contacts.groups import (
    GroupRow,
    add_members,
    change_group,
    find_group,
    list_groups,
    make_group,
    members_of,
    remove_group,
    remove_members,
    whom_lines_mean,
)
from nightmail.errors import NightmailError, UsageError
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.actors import actor_names
from portal.web.contacts.shown import shown_contacts
from portal.web.list_places import place_of, place_text
from portal.web.messages import changed_meanwhile, redirect
from portal.web.refusals import at_its_field, sentence_of
from portal.web.rendering import render
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import gettext, ngettext

router = APIRouter(include_in_schema=False)
PAGE = 50
NAMED = 10
Typed = Annotated[str, Query(max_length=250)]
After = Annotated[str, Query(max_length=4_000)]
AfterNumber = Annotated[str, Query(pattern=r"^[0-9]{0,18}$")]
GroupNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]
Reader = Annotated[SignedIn, needs(Permission.CONTACT_SEE)]
Editor = Annotated[SignedIn, needs(Permission.CONTACT_EDIT)]
FIELDS = {"group_name_taken": "name", "contact_field_invalid": "name", "team_unknown": "team", "not_permitted": "team"}


@router.get("/groups")
def list_of_groups(
    request: Request, portal: PortalState, me: Reader, search: Typed = "", team: Typed = "", after: After = ""
) -> Response:
    """Groups by name."""
    values = {"search": search.replace("\x00", "").strip(), "team": team.replace("\x00", "").strip()}
    chosen = {name: value for name, value in values.items() if value}
    with portal.engine.connect() as connection:
        found = list_groups(
            connection,
            me.teams(Permission.CONTACT_SEE),
            team=values["team"] or None,
            words=values["search"] or None,
            after=place_of(after),
            limit=PAGE + 1,
        )
        names = actor_names(connection, [group.changed_by for group in found[:PAGE]])
    last = found[PAGE - 1] if found[PAGE:] else None
    following = {**chosen, "after": place_text(last.name, last.id)} if last else None
    return render(
        request,
        "groups/list.html",
        groups=found[:PAGE],
        names=names,
        values=values,
        filtered=bool(chosen),
        may_edit=me.may(Permission.CONTACT_EDIT),
        newer=f"/groups?{urlencode(chosen)}" if after else None,
        older=f"/groups?{urlencode(following)}" if following else None,
    )


@router.get("/groups/new")
def making_form(request: Request, me: Editor) -> Response:
    """The form of a new group."""
    return _form(request, me, None, {"team": me.teams(Permission.CONTACT_EDIT)[0]}, {})


@router.post("/groups/new")
def make(request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """Make a group."""
    values = form.as_typed()
    errors = _missing(form.value("name", 200), form.value("team", 250))
    if errors:
        return _form(request, me, None, values, errors)
    try:
        with portal.engine.begin() as connection:
            made = make_group(
                connection,
                by=me.principal,
                team=form.value("team", 250),
                name=form.value("name", 200),
                description=form.value("description", 600),
            )
    except NightmailError as error:
        return _form(request, me, None, values, at_its_field(error, FIELDS))
    return redirect(request, f"/groups/{made.id}", gettext("The group is made: put contacts into it."))


@router.get("/groups/{group_id}")
def show_group(
    group_id: GroupNumber, request: Request, portal: PortalState, me: Reader, after: AfterNumber = ""
) -> Response:
    """A group and its members."""
    return _page(request, portal, me, group_id, after=int(after) if after else 0)


@router.get("/groups/{group_id}/change")
def changing_form(group_id: GroupNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """The form of a group's name."""
    with portal.engine.connect() as connection:
        group = _seen(connection, me, group_id, Permission.CONTACT_EDIT)
    return _form(request, me, group, {"name": group.name, "description": group.description, "seen": group.version}, {})


@router.post("/groups/{group_id}/change")
def change(group_id: GroupNumber, request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """Rename a group as it was seen."""
    with portal.engine.connect() as connection:
        group = _seen(connection, me, group_id, Permission.CONTACT_EDIT)
    if form.number("seen") != group.version:
        return changed_meanwhile(request, f"/groups/{group_id}")
    name, description = form.value("name", 200), form.value("description", 600)
    if not name:
        return _form(request, me, group, form.as_typed(), {"name": gettext("Enter a name.")})
    try:
        with portal.engine.begin() as connection:
            change_group(connection, group, by=me.principal, name=name, description=description)
    except NightmailError as error:
        if error.reason == "group_changed_since":
            return changed_meanwhile(request, f"/groups/{group_id}")
        return _form(request, me, group, form.as_typed(), at_its_field(error, FIELDS))
    return redirect(request, f"/groups/{group_id}", gettext("The change is kept."))


@router.post("/groups/{group_id}/members")
def put_in(group_id: GroupNumber, request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """Put contacts in whom lines mean; what means nobody, or several, comes back to be looked at."""
    lines = form.value("members").splitlines()
    if not any(line.strip() for line in lines):
        return _page(request, portal, me, group_id, errors={"members": gettext("Enter an external id or an address.")})
    try:
        with portal.engine.begin() as connection:
            group = _seen(connection, me, group_id, Permission.CONTACT_EDIT)
            meant = whom_lines_mean(connection, group, lines, key=portal.settings.key())
            added = add_members(connection, group, meant.contacts, by=me.principal)
    except UsageError as error:
        return _page(
            request,
            portal,
            me,
            group_id,
            values={"members": form.value("members")},
            errors=at_its_field(error, {error.reason: "members"}),
        )
    said = ngettext("%(num)d contact is put in.", "%(num)d contacts are put in.", added) % {"num": added}
    left = [*meant.nobody, *meant.several]
    if not left:
        return redirect(request, f"/groups/{group_id}", said, "good" if added else "info")
    wrong = gettext("These lines mean nobody of the team, or several: %(lines)s") % {"lines": ", ".join(left[:NAMED])}
    return _page(
        request,
        portal,
        me,
        group_id,
        values={"members": "\n".join(left)},
        errors={"members": f"{said} {wrong}"},
    )


@router.post("/groups/{group_id}/members/remove")
def take_out(group_id: GroupNumber, request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """Take contacts out of a group; they stay in the address book."""
    numbers = [int(each) for each in form.values("contact") if each.isascii() and each.isdigit() and len(each) < 18]
    with portal.engine.begin() as connection:
        group = _seen(connection, me, group_id, Permission.CONTACT_EDIT)
        gone = remove_members(connection, group, numbers, by=me.principal) if numbers else 0
    if not numbers:
        return redirect(request, f"/groups/{group_id}", gettext("Tick whom to take out."), "warn")
    said = ngettext("%(num)d contact is taken out.", "%(num)d contacts are taken out.", gone) % {"num": gone}
    return redirect(request, f"/groups/{group_id}", said, "good" if gone else "info")


@router.get("/groups/{group_id}/remove")
def removing_form(group_id: GroupNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """The question before a group goes."""
    with portal.engine.connect() as connection:
        group = _seen(connection, me, group_id, Permission.CONTACT_EDIT)
    return render(request, "groups/remove.html", group=group, errors={})


@router.post("/groups/{group_id}/remove")
def remove(group_id: GroupNumber, request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """Remove a group: its contacts stay."""
    with portal.engine.connect() as connection:
        group = _seen(connection, me, group_id, Permission.CONTACT_EDIT)
    if form.number("seen") != group.version:
        return changed_meanwhile(request, f"/groups/{group_id}")
    try:
        with portal.engine.begin() as connection:
            remove_group(connection, group, by=me.principal)
    except NightmailError as error:
        return render(request, "groups/remove.html", 422, group=group, errors={"": sentence_of(error)})
    return redirect(request, "/groups", gettext("The group is removed. Its contacts stay in the address book."))


def _missing(name: str, team: str) -> dict[str, str]:
    errors = {}
    if not name:
        errors["name"] = gettext("Enter a name.")
    if not team:
        errors["team"] = gettext("Say which team it belongs to.")
    return errors


def _seen(
    connection: Connection, me: SignedIn, number: int, permission: Permission = Permission.CONTACT_SEE
) -> GroupRow:
    try:
        found = find_group(connection, me.principal, number)
    except UsageError:
        raise RequestError("not_found", what="group") from None
    if not allowed(me.principal, permission, found.team).yes:
        raise RequestError("not_found", what="group")
    return found


def _form(
    request: Request, me: SignedIn, group: GroupRow | None, values: dict[str, Any], errors: dict[str, str]
) -> Response:
    return render(
        request,
        "groups/form.html",
        422 if errors else 200,
        group=group,
        values=values,
        errors=errors,
        seen=values.get("seen", ""),
        teams=[each or gettext("all teams") for each in me.teams(Permission.CONTACT_EDIT)],
    )


def _page(
    request: Request,
    portal: Portal,
    me: SignedIn,
    number: int,
    *,
    after: int = 0,
    values: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    with portal.engine.begin() as connection:
        group = _seen(connection, me, number)
        members = members_of(connection, group, after=after, limit=PAGE + 1)
        shown = shown_contacts(connection, me, members[:PAGE])
        names = actor_names(connection, [group.changed_by])
    here = f"/groups/{number}"
    return render(
        request,
        "groups/group.html",
        422 if errors else 200,
        group=group,
        members=shown,
        by=names.get(group.changed_by, group.changed_by),
        personal=sees_personal(me.principal, group.team),
        may_edit=allowed(me.principal, Permission.CONTACT_EDIT, group.team).yes,
        values=values or {},
        errors=errors or {},
        newer=here if after else None,
        older=f"{here}?after={members[PAGE - 1].id}" if members[PAGE:] else None,
    )
