"""The pages of roles: list, one role with who has it, and a form for a team's own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection

from nightmail.access.decisions import allowed, covers
from nightmail.access.grants import grants_of_role
from nightmail.access.permissions import Permission
from nightmail.access.principals import EVERYWHERE
from nightmail.access.roles import RoleRow, change_role, get_role, make_role, remove_role, roles_seen
from nightmail.errors import NightmailError
from portal.problems import RequestError
from portal.state import PortalState
from portal.web.list_places import place_of, place_text
from portal.web.messages import redirect
from portal.web.permission_words import permission_groups
from portal.web.refusals import at_its_field
from portal.web.rendering import render
from portal.web.sent_form import FormSent, SentForm
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import gettext

router = APIRouter(prefix="/roles", include_in_schema=False)
PAGE = 50
RoleNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]
Reader = Annotated[SignedIn, needs(Permission.PEOPLE_SEE)]
Editor = Annotated[SignedIn, needs(Permission.ROLE_EDIT, recently=True)]


@router.get("")
def list_of_roles(request: Request, portal: PortalState, me: Reader) -> Response:
    """Ready-made roles and own ones."""
    with portal.engine.begin() as connection:
        seen = roles_seen(connection, me.teams(Permission.PEOPLE_SEE))
    return render(
        request,
        "roles/list.html",
        ready_made=[each for each in seen if each.role.ready_made],
        own=[each for each in seen if not each.role.ready_made],
        may_make=me.may(Permission.ROLE_EDIT),
    )


@router.get("/new")
def new_role(request: Request, me: Editor) -> Response:
    """The form for a role of one's own."""
    team = me.teams(Permission.ROLE_EDIT)[0]
    return _form(request, me, None, {"team": team}, {})


@router.post("/new")
def make(request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """Make a role."""
    errors = _missing(form)
    if not errors:
        try:
            with portal.engine.begin() as connection:
                made = make_role(
                    connection,
                    by=me.principal,
                    team=form.value("team", 250),
                    name=form.value("name", 100),
                    title=form.value("title", 200),
                    description=form.value("description", 1_000),
                    permissions=form.values("permissions"),
                )
        except NightmailError as error:
            errors = at_its_field(error, _FIELD_OF)
        else:
            return redirect(
                request, f"/roles/{made.id}", gettext("The role is made. Give it to people on their pages.")
            )
    return _form(request, me, None, _typed(form), errors, 422)


@router.get("/{role_id}")
def show_role(
    role_id: RoleNumber, request: Request, portal: PortalState, me: Reader, after: Annotated[str, Query()] = ""
) -> Response:
    """What a role allows, and who has it."""
    teams = me.teams(Permission.PEOPLE_SEE)
    with portal.engine.begin() as connection:
        role = _visible(connection, me, role_id)
        grants = grants_of_role(connection, role.id, teams, place_of(after), PAGE + 1)
    more = grants[PAGE:]
    shown = grants[:PAGE]
    return render(
        request,
        "roles/role.html",
        role=role,
        groups=permission_groups(),
        grants=shown,
        after=after,
        following=place_text(shown[-1].name.lower(), shown[-1].id) if more else None,
        may_change=_may_change(me, role),
    )


@router.get("/{role_id}/change")
def change_form(role_id: RoleNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """The form with what an own role allows today."""
    with portal.engine.begin() as connection:
        role = _changeable(connection, me, role_id)
    return _form(
        request,
        me,
        role,
        {"title": role.title, "description": role.description, "permissions": sorted(role.permissions)},
        {},
    )


@router.post("/{role_id}/change")
def change(role_id: RoleNumber, request: Request, portal: PortalState, me: Editor, form: FormSent) -> Response:
    """Change what a role allows, for all who have it."""
    with portal.engine.begin() as connection:
        role = _changeable(connection, me, role_id)
    errors = _missing(form, named=True)
    if not errors:
        try:
            with portal.engine.begin() as connection:
                change_role(
                    connection,
                    role,
                    by=me.principal,
                    title=form.value("title", 100),
                    description=form.value("description", 1_000),
                    permissions=form.values("permissions"),
                )
        except NightmailError as error:
            errors = at_its_field(error, _FIELD_OF)
        else:
            return redirect(request, f"/roles/{role_id}", gettext("The role is changed, for everybody who has it."))
    return _form(request, me, role, _typed(form), errors, 422)


@router.get("/{role_id}/remove")
def ask_to_remove(role_id: RoleNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """The question before a role is gone."""
    with portal.engine.begin() as connection:
        role = _changeable(connection, me, role_id)
    return render(request, "roles/remove.html", role=role, errors={})


@router.post("/{role_id}/remove")
def remove(role_id: RoleNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """Remove an own role that nobody has."""
    with portal.engine.begin() as connection:
        role = _changeable(connection, me, role_id)
    try:
        with portal.engine.begin() as connection:
            remove_role(connection, role, by=me.principal)
    except NightmailError as error:
        return render(request, "roles/remove.html", 422, role=role, errors=at_its_field(error, _FIELD_OF))
    return redirect(request, "/roles", gettext("The role is removed."))


def _visible(connection: Connection, me: SignedIn, role_id: int) -> RoleRow:
    """The role, if it is one for all, or of a team above, at or below those that ``me`` sees."""
    try:
        role = get_role(connection, role_id)
    except NightmailError:
        raise RequestError("not_found", what="role") from None
    seen = me.teams(Permission.PEOPLE_SEE)
    if role.team != EVERYWHERE and not any(covers(team, role.team) or covers(role.team, team) for team in seen):
        raise RequestError("not_found", what="role")
    return role


def _may_change(me: SignedIn, role: RoleRow) -> bool:
    return not role.ready_made and allowed(me.principal, Permission.ROLE_EDIT, role.team).yes


def _changeable(connection: Connection, me: SignedIn, role_id: int) -> RoleRow:
    role = _visible(connection, me, role_id)
    if not _may_change(me, role):
        raise RequestError("not_found", what="role")
    return role


def _form(
    request: Request,
    me: SignedIn,
    role: RoleRow | None,
    values: dict[str, object],
    errors: dict[str, str],
    status: int = 200,
) -> Response:
    return render(
        request,
        "roles/form.html",
        status,
        role=role,
        values=values,
        errors=errors,
        groups=[
            (group.label, [(permission, meaning, permission) for permission, meaning in group.permissions])
            for group in permission_groups()
        ],
        teams=me.teams(Permission.ROLE_EDIT),
    )


def _typed(form: SentForm) -> dict[str, object]:
    return {**form.as_typed(), "permissions": form.values("permissions")}


def _missing(form: SentForm, named: bool = False) -> dict[str, str]:
    errors = {}
    if not form.value("title"):
        errors["title"] = gettext("Give the role a title.")
    if not named and not form.value("name"):
        errors["name"] = gettext("Give the role a name for files and commands, such as night_shift.")
    if not form.values("permissions"):
        errors["permissions"] = gettext("Tick what the role allows.")
    return errors


_FIELD_OF = {
    "role_name": "name",
    "role_exists": "name",
    "team_unknown": "team",
    "not_permitted": "team",
    "permission_unknown": "permissions",
    "grant_exceeds_yours": "permissions",
}
