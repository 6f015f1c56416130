"""The page "who can see this?": asked by permission and team, and for one person if wanted."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from nightmail.access.decisions import Decision, allowed
from nightmail.access.grants import GrantRow, explain_access, sees_person, who_can
from nightmail.access.people import PersonRow, find_person
from nightmail.access.permissions import Permission
from nightmail.access.principals import EVERYWHERE
from nightmail.errors import NightmailError
from nightmail.organisation.teams import find_team
from portal.state import PortalState
from portal.web.list_places import place_of, place_text
from portal.web.permission_words import meaning_of, permission_groups
from portal.web.rendering import render
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import gettext

router = APIRouter(prefix="/rights", include_in_schema=False)
PAGE = 50


@router.get("")
def who_can_see_this(
    request: Request,
    portal: PortalState,
    me: Annotated[SignedIn, needs(Permission.PEOPLE_SEE)],
    permission: Annotated[str, Query()] = "",
    team: Annotated[str, Query()] = "",
    person: Annotated[str, Query()] = "",
    after: Annotated[str, Query()] = "",
) -> Response:
    """Who has a permission at a team, by which grants; and whether one person has, and why."""
    team, person = team.strip()[:250], person.strip()[:320]
    values = {"permission": permission, "team": team, "person": person}
    errors: dict[str, str] = {}
    grants: list[GrantRow] = []
    decision = found_person = None
    asked = permission in set(Permission)
    if permission and not asked:
        errors["permission"] = gettext("Choose one of the permissions.")
    with portal.engine.begin() as connection:
        if asked and not _team_is_seen(connection, me, team):
            errors["team"] = gettext("There is no such team here. Teams read like acme.billing.")
        if asked and not errors:
            wanted = Permission(permission)
            grants = who_can(connection, wanted, team, asks=me.principal, after=place_of(after), limit=PAGE + 1)
            if person:
                found_person, decision = _about(connection, me, person, wanted, team)
                if decision is None:
                    errors["person"] = gettext("There is nobody with this email address whom you see.")
    shown = grants[:PAGE]
    return render(
        request,
        "rights/rights.html",
        422 if errors else 200,
        values=values,
        errors=errors,
        asked=asked and not errors.keys() - {"person"},
        meaning=meaning_of(Permission(permission)) if asked else "",
        groups=permission_groups(),
        grants=shown,
        following=place_text(shown[-1].name.lower(), shown[-1].id) if len(grants) > PAGE else None,
        after=after,
        person=found_person,
        decision=decision,
        teams=me.teams(Permission.PEOPLE_SEE),
    )


def _team_is_seen(connection: Connection, me: SignedIn, team: str) -> bool:
    if not allowed(me.principal, Permission.PEOPLE_SEE, team).yes:
        return False
    return team == EVERYWHERE or find_team(connection, team) is not None


def _about(
    connection: Connection, me: SignedIn, email: str, permission: Permission, team: str
) -> tuple[PersonRow | None, Decision | None]:
    """The person and the decision about them; nothing where there is no such person for ``me``."""
    try:
        found = find_person(connection, email)
    except NightmailError:
        return None, None
    if not sees_person(connection, found.id, by=me.principal):
        return None, None
    return found, explain_access(connection, found.id, permission, team)
