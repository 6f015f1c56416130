"""Giving a person a role and withdrawing it, on the person's page."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy import Connection

from nightmail.access.decisions import allowed
from nightmail.access.grants import GrantRow, get_grant, give_role, withdraw_role
from nightmail.access.permissions import Permission
from nightmail.access.roles import find_role
from nightmail.errors import NightmailError
from portal.problems import RequestError
from portal.state import PortalState
from portal.web.messages import redirect
from portal.web.people.routes import FIELDS, PersonNumber, person_page
from portal.web.refusals import at_its_field, sentence_of
from portal.web.rendering import render
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, needs
from portal.web.stated_days import end_of_day
from portal.web.translating import gettext

router = APIRouter(prefix="/people", include_in_schema=False)
Granter = Annotated[SignedIn, needs(Permission.PEOPLE_GRANT, recently=True)]
GrantNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.post("/{person_id}/give")
def give(person_id: PersonNumber, request: Request, portal: PortalState, me: Granter, form: FormSent) -> Response:
    """Give a role for a team and everything below it, without end or until the end of a day."""
    team = form.value("team", 250)
    try:
        until = end_of_day(form.value("until", 20), me.zone)
    except ValueError:
        errors = {"until": gettext("Give a date such as 2027-01-31, or leave it empty.")}
        return person_page(request, portal, me, person_id, form.as_typed(), errors)
    try:
        with portal.engine.begin() as connection:
            role = find_role(connection, form.value("role", 100), team)
            give_role(connection, by=me.principal, person_id=person_id, role=role, team=team, expires_at=until)
    except NightmailError as error:
        errors = at_its_field(error, FIELDS)
        return person_page(request, portal, me, person_id, form.as_typed(), errors)
    return redirect(request, f"/people/{person_id}", gettext("The role is given; it holds from now on."))


@router.get("/{person_id}/withdraw/{grant_id}")
def ask_to_withdraw(
    person_id: PersonNumber, grant_id: GrantNumber, request: Request, portal: PortalState, me: Granter
) -> Response:
    """The question before a role is withdrawn."""
    with portal.engine.connect() as connection:
        grant = _grant(connection, me, person_id, grant_id)
    return render(request, "people/withdraw.html", grant=grant, errors={})


@router.post("/{person_id}/withdraw/{grant_id}")
def withdraw(
    person_id: PersonNumber, grant_id: GrantNumber, request: Request, portal: PortalState, me: Granter
) -> Response:
    """Withdraw a role; it holds no more from the person's next page on."""
    with portal.engine.connect() as connection:
        grant = _grant(connection, me, person_id, grant_id)
    try:
        with portal.engine.begin() as connection:
            withdraw_role(connection, grant_id, by=me.principal)
    except NightmailError as error:
        errors = {"": sentence_of(error)}
        return render(request, "people/withdraw.html", 422, grant=grant, errors=errors)
    return redirect(request, f"/people/{person_id}", gettext("The role is withdrawn."))


def _grant(connection: Connection, me: SignedIn, person_id: int, grant_id: int) -> GrantRow:
    try:
        grant = get_grant(connection, grant_id)
    except NightmailError:
        raise RequestError("not_found", what="grant") from None
    if grant.person_id != person_id or not allowed(me.principal, Permission.PEOPLE_GRANT, grant.team).yes:
        raise RequestError("not_found", what="grant")
    return grant
