"""The pages of people: list, one person with roles and sessions, invitation, disabling."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection

from nightmail.access.access_links import LASTS, LinkPurpose
from nightmail.access.decisions import allowed
from nightmail.access.grants import grants_of
from nightmail.access.people import (
    Invitation,
    PersonRow,
    disable,
    enable,
    end_session_of,
    invite,
    invite_again,
    list_people,
    may_edit,
    reset_factors,
    visible_person,
)
from nightmail.access.permissions import Permission
from nightmail.access.roles import list_roles_at
from nightmail.access.sessions import list_sessions
from nightmail.errors import NightmailError
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.actors import actor_names
from portal.web.list_places import place_of, place_text
from portal.web.login.entering import email_origin, own_origin
from portal.web.messages import redirect
from portal.web.people.invitations import invitation_email
from portal.web.refusals import at_its_field, sentence_of
from portal.web.rendering import render
from portal.web.role_words import role_title
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import gettext

router = APIRouter(prefix="/people", include_in_schema=False)
PAGE = 50
PersonNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]
Reader = Annotated[SignedIn, needs(Permission.PEOPLE_SEE)]
Inviter = Annotated[SignedIn, needs(Permission.PEOPLE_INVITE, recently=True)]
Editor = Annotated[SignedIn, needs(Permission.PEOPLE_EDIT, recently=True)]
FIELDS = {
    "person_exists": "email",
    "person_email": "email",
    "person_name": "name",
    "person_name_long": "name",
    "person_language": "language",
    "person_time_zone": "time_zone",
    "person_country": "country",
    "person_under_age": "of_age",
    "not_permitted": "team",
    "team_unknown": "team",
    "role_unknown": "role",
    "role_of_another_team": "team",
    "grant_exceeds_yours": "role",
    "grant_over": "until",
}
"""The field that a refusal of the domain is about."""


@router.get("")
def list_of_people(
    request: Request,
    portal: PortalState,
    me: Reader,
    search: Annotated[str, Query()] = "",
    team: Annotated[str, Query()] = "",
    state: Annotated[str, Query()] = "",
    after: Annotated[str, Query()] = "",
) -> Response:
    """Those whom this person sees, by name."""
    values = {"search": search.strip()[:200], "team": team.strip()[:250], "state": state.strip()}
    with portal.engine.connect() as connection:
        people = list_people(
            connection,
            me.principal,
            search=values["search"] or None,
            team=values["team"] or None,
            state=values["state"] if values["state"] in ("invited", "active", "disabled") else None,
            after=place_of(after),
            limit=PAGE + 1,
        )
    shown = people[:PAGE]
    chosen = {name: value for name, value in values.items() if value}
    first = "/people" + (f"?{urlencode(chosen)}" if chosen else "")
    following = {**chosen, "after": place_text(shown[-1].name.lower(), shown[-1].id)} if people[PAGE:] else None
    return render(
        request,
        "people/list.html",
        people=shown,
        values=values,
        filtered=bool(chosen),
        newer=first if after else None,
        older=f"/people?{urlencode(following)}" if following else None,
        may_invite=me.may(Permission.PEOPLE_INVITE),
    )


@router.get("/invite")
def invitation_form(request: Request, portal: PortalState, me: Inviter) -> Response:
    """The form of an invitation."""
    teams = me.teams(Permission.PEOPLE_INVITE)
    return _invitation_form(request, portal, me, {"team": teams[0], "language": me.language, "time_zone": me.time_zone})


@router.post("/invite")
def make_invitation(request: Request, portal: PortalState, me: Inviter, form: FormSent) -> Response:
    """Invite somebody; the link goes out by email, or is shown this once."""
    invitation = Invitation(
        email=form.value("email", 400),
        name=form.value("name", 600),
        country=form.value("country", 20).upper(),
        of_age=form.ticked("of_age"),
        team=form.value("team", 250),
        roles=[form.value("role", 100)] if form.value("role", 100) else [],
        language=form.value("language", 20),
        time_zone=form.value("time_zone", 60),
    )
    try:
        with portal.engine.begin() as connection:
            person, token = invite(connection, invitation, by=me.principal)
    except NightmailError as error:
        return _invitation_form(request, portal, me, form.as_typed(), error)
    return _invited(request, portal, me, person, token)


@router.post("/{person_id}/invite-again")
def invite_once_more(person_id: PersonNumber, request: Request, portal: PortalState, me: Inviter) -> Response:
    """A new link in place of the earlier one."""
    with portal.engine.begin() as connection:
        person = _visible(connection, me, person_id)
        token = invite_again(connection, person.id, by=me.principal)
    return _invited(request, portal, me, person, token)


@router.get("/{person_id}")
def show_person(person_id: PersonNumber, request: Request, portal: PortalState, me: Reader) -> Response:
    """One person: what they may do, their account, where they are signed in."""
    return person_page(request, portal, me, person_id)


def person_page(
    request: Request,
    portal: Portal,
    me: SignedIn,
    person_id: int,
    values: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    """The page of a person, with what was typed into its form and what is wrong with it."""
    with portal.engine.begin() as connection:
        person = _visible(connection, me, person_id)
        held = grants_of(connection, person.id)
        grants = [grant for grant in held if allowed(me.principal, Permission.PEOPLE_SEE, grant.team).yes]
        # Of who may not change the whole account, where the person is signed in is not shown either.
        editable = may_edit(me.principal, held)
        sessions = list_sessions(connection, person.id) if editable else []
        granting = me.teams(Permission.PEOPLE_GRANT)
        roles = {role.name: role for role in list_roles_at(connection, granting)} if granting else {}
        names = actor_names(connection, [person.created_by, person.age_attested_by or ""])
    return render(
        request,
        "people/person.html",
        422 if errors else 200,
        person=person,
        grants=grants,
        sessions=sessions[:20],
        now=datetime.now(UTC),
        withdrawable={grant.id for grant in grants if allowed(me.principal, Permission.PEOPLE_GRANT, grant.team).yes},
        may_edit=editable,
        may_invite=me.may(Permission.PEOPLE_INVITE),
        may_grant=bool(granting) and person.state != "disabled",
        is_me=person.id == me.person_id,
        roles=[(role.name, role_title(role)) for role in roles.values() if _can_give(me, role.permissions)],
        teams=granting,
        values=values or {"team": granting[0] if granting else ""},
        errors=errors or {},
        invited_by=names.get(person.created_by, person.created_by),
        attested_by=names.get(person.age_attested_by or "", ""),
    )


@router.get("/{person_id}/disable")
def ask_to_disable(person_id: PersonNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """The question before an account is disabled."""
    with portal.engine.connect() as connection:
        person = _visible(connection, me, person_id)
    return render(request, "people/disable.html", person=person, errors={})


@router.post("/{person_id}/disable")
def disable_person(person_id: PersonNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """Disable an account; its sessions end."""
    with portal.engine.connect() as connection:
        person = _visible(connection, me, person_id)
    try:
        with portal.engine.begin() as connection:
            disable(connection, person_id, by=me.principal)
    except NightmailError as error:
        return render(request, "people/disable.html", 422, person=person, errors={"": sentence_of(error)})
    return redirect(request, f"/people/{person_id}", gettext("The account is disabled; its sessions have ended."))


@router.get("/{person_id}/reset")
def ask_to_reset(person_id: PersonNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """The question before somebody's ways to log in are forgotten."""
    with portal.engine.connect() as connection:
        person = _visible(connection, me, person_id)
    return render(request, "people/reset.html", person=person, errors={})


@router.post("/{person_id}/reset")
def reset_person(person_id: PersonNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """Forget how somebody logs in; they choose again by a link."""
    with portal.engine.connect() as connection:
        person = _visible(connection, me, person_id)
    try:
        with portal.engine.begin() as connection:
            token = reset_factors(connection, person_id, by=me.principal)
    except NightmailError as error:
        return render(request, "people/reset.html", 422, person=person, errors={"": sentence_of(error)})
    return _invited(request, portal, me, person, token)


@router.post("/{person_id}/enable")
def enable_person(person_id: PersonNumber, request: Request, portal: PortalState, me: Editor) -> Response:
    """Enable an account again."""
    try:
        with portal.engine.begin() as connection:
            _visible(connection, me, person_id)
            enable(connection, person_id, by=me.principal)
    except NightmailError as error:
        if isinstance(error, RequestError):
            raise
        return redirect(request, f"/people/{person_id}", sentence_of(error), "bad")
    return redirect(request, f"/people/{person_id}", gettext("The account is enabled; its roles hold again."))


@router.post("/{person_id}/sessions/{session_id}/end")
def end_one_session(
    person_id: PersonNumber,
    session_id: Annotated[int, Path(ge=1, le=2**62)],
    request: Request,
    portal: PortalState,
    me: Editor,
) -> Response:
    """End a session of somebody else."""
    try:
        with portal.engine.begin() as connection:
            end_session_of(connection, person_id, session_id, by=me.principal)
    except NightmailError:
        raise RequestError("not_found", what="session") from None
    return redirect(request, f"/people/{person_id}", gettext("The session has ended."))


def _visible(connection: Connection, me: SignedIn, person_id: int) -> PersonRow:
    try:
        return visible_person(connection, person_id, by=me.principal)
    except NightmailError:
        raise RequestError("not_found", what="person") from None


def _can_give(me: SignedIn, permissions: frozenset[Permission]) -> bool:
    """Whether there is a team at which ``me`` may give a role and holds all of it."""
    teams = me.teams(Permission.PEOPLE_GRANT)
    return any(all(allowed(me.principal, each, team).yes for each in permissions) for team in teams)


def _invitation_form(
    request: Request,
    portal: Portal,
    me: SignedIn,
    values: dict[str, str],
    error: NightmailError | None = None,
) -> Response:
    teams = me.teams(Permission.PEOPLE_INVITE)
    with portal.engine.begin() as connection:
        roles = {role.name: role for role in list_roles_at(connection, teams)}
    return render(
        request,
        "people/invite.html",
        422 if error else 200,
        values=values,
        errors=at_its_field(error, FIELDS) if error else {},
        roles=[(role.name, role_title(role)) for role in roles.values() if _can_give(me, role.permissions)],
        teams=teams,
    )


def _invited(request: Request, portal: Portal, me: SignedIn, person: PersonRow, token: str) -> Response:
    with portal.engine.connect() as connection:
        works = portal.emails.work(connection)
    email = invitation_email(person, me.name, f"{email_origin(request)}/invitation/{token}")
    emailed = works and portal.emails.send_now(email)
    link = f"{own_origin(request)}/invitation/{token}"
    until = datetime.now(UTC) + LASTS[LinkPurpose.INVITATION]
    return render(request, "people/invited.html", person=person, link=link, emailed=emailed, works=works, until=until)
