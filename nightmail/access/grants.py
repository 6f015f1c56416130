"""Grants: a person has a role at a team and below. What a person may do is the union of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, text

from nightmail.access.administrators import keep_administrators
from nightmail.access.decisions import Decision, allowed, covers, require, teams_with
from nightmail.access.grant_queries import (
    DELETE_GRANT,
    GIVE_GRANT,
    GRANT_BY_ID,
    GRANTS_AT,
    GRANTS_OF_PERSON,
    GRANTS_OF_PROVIDER,
    GRANTS_OF_ROLE,
    WHO_CAN,
)
from nightmail.access.people_queries import VISIBLE_PERSON
from nightmail.access.permissions import Permission
from nightmail.access.principals import EVERYWHERE, Principal, person_principal
from nightmail.access.ready_made_roles import READY_MADE
from nightmail.access.roles import (
    RoleRow,
    ensure_ready_made,
    find_role,
    permissions_of,
    refuse_more_than_held,
)
from nightmail.access.sessions import rotate_soon
from nightmail.audit import write_entry
from nightmail.errors import NightmailError, UsageError
from nightmail.organisation.teams import team_id_of
from nightmail.store.clock import database_time

Origin = Literal["person", "file", "provider"]


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A grant; ``team`` is ``""`` for the deployment as a whole. It is over at ``expires_at``."""

    id: int
    person_id: int
    email: str
    name: str
    state: str
    role_id: int
    role: str
    title: str
    ready_made: bool
    permissions: frozenset[Permission]
    team: str
    granted_by: str
    granted_at: dt.datetime
    expires_at: dt.datetime | None
    origin: Origin
    provider: str | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "id": self.id,
            "person": self.email,
            "role": self.role,
            "team": self.team or None,
            "granted_by": self.granted_by,
            "granted_at": self.granted_at,
            "expires_at": self.expires_at,
            "origin": self.origin,
            "provider": self.provider,
        }


def give_role(
    connection: Connection,
    *,
    by: Principal,
    person_id: int,
    role: RoleRow,
    team: str,
    expires_at: dt.datetime | None = None,
    origin: Origin = "person",
    provider_id: int | None = None,
) -> GrantRow:
    """Give a person a role at a team (``""``: everywhere). Given again, it holds until the new time.

    Raises :class:`NightmailError`: ``not_permitted``, ``grant_exceeds_yours`` where ``by`` does not hold every permission of
    the role there, ``role_of_another_team``, ``grant_over``, ``person_unknown`` (also for whom ``by`` does not see: a role would
    make them seen), ``person_disabled``, ``last_administrator``.
    """
    require(by, Permission.PEOPLE_GRANT, team)
    if not sees_person(connection, person_id, by=by):
        raise UsageError("person_unknown", value=person_id)
    if role.team != EVERYWHERE and not covers(role.team, team):
        raise UsageError("role_of_another_team", value=role.name, team=role.team)
    refuse_more_than_held(by, role.permissions, team)
    if expires_at is not None and expires_at <= database_time(connection):
        raise UsageError("grant_over")
    state = connection.scalar(text("select state from person where id = :id"), {"id": person_id})
    if state == "disabled":
        raise UsageError("person_disabled", value=person_id)
    team_id = None if team == EVERYWHERE else team_id_of(connection, team)
    values = {"person": person_id, "role": role.id, "team": team_id, "by": by.actor, "expires": expires_at}
    with keep_administrators(connection):
        made = connection.execute(text(GIVE_GRANT), {**values, "origin": origin, "provider": provider_id}).scalar_one()
    grant = get_grant(connection, made)
    _write(connection, by, "grant.given", grant, team_id)
    return grant


def withdraw_role(connection: Connection, grant_id: int, *, by: Principal) -> GrantRow:
    """Withdraw a grant; gives what it was. It holds no more from the person's next request on.

    Raises :class:`NightmailError`: ``grant_unknown`` (also where ``by`` may not see it), ``not_permitted``,
    ``grant_exceeds_yours`` for a role that holds more than ``by`` does, ``last_administrator``.
    """
    grant = get_grant(connection, grant_id)
    if not allowed(by, Permission.PEOPLE_SEE, grant.team).yes:
        raise UsageError("grant_unknown", value=grant_id)
    require(by, Permission.PEOPLE_GRANT, grant.team)
    refuse_more_than_held(by, grant.permissions, grant.team)
    with keep_administrators(connection):
        if connection.scalar(text(DELETE_GRANT), {"id": grant_id}) is None:
            raise UsageError("grant_unknown", value=grant_id)
    team_id = None if grant.team == EVERYWHERE else team_id_of(connection, grant.team)
    _write(connection, by, "grant.withdrawn", grant, team_id)
    return grant


def get_grant(connection: Connection, grant_id: int) -> GrantRow:
    """The grant of an id. Raises :class:`UsageError` (``grant_unknown``)."""
    row = connection.execute(text(GRANT_BY_ID), {"id": grant_id}).first()
    if row is None:
        raise UsageError("grant_unknown", value=grant_id)
    return _grant(row)


def grants_of(connection: Connection, person_id: int) -> list[GrantRow]:
    """Every grant of a person, those that are over among them, by team and role; at most 1,000."""
    return [_grant(row) for row in connection.execute(text(GRANTS_OF_PERSON), {"person": person_id})]


def grants_of_role(
    connection: Connection, role_id: int, teams: Iterable[str], after: tuple[str, int] | None = None, limit: int = 100
) -> list[GrantRow]:
    """The grants of a role that are in force at or below ``teams``, by name and grant; the next page ``after`` both."""
    name, grant = after or ("", 0)
    values = {"role": role_id, "teams": list(teams), "name": name, "grant": grant, "limit": limit}
    return [_grant(row) for row in connection.execute(text(GRANTS_OF_ROLE), values)]


def grants_at(connection: Connection, team: str, *, origin: Origin) -> list[GrantRow]:
    """Every grant at a team and below that is of an origin."""
    ensure_ready_made(connection)
    return [_grant(row) for row in connection.execute(text(GRANTS_AT), {"team": team, "origin": origin})]


def who_can(
    connection: Connection,
    permission: Permission,
    team: str,
    *,
    asks: Principal,
    after: tuple[str, int] | None = None,
    limit: int = 100,
) -> list[GrantRow]:
    """The grants by which active people have ``permission`` at ``team``, by name and grant; the next page ``after`` both.

    Raises :class:`NightmailError` (``not_permitted``) where ``asks`` may not see people there.
    """
    require(asks, Permission.PEOPLE_SEE, team)
    ensure_ready_made(connection)
    ready = [role.name for role in READY_MADE if permission in role.permissions]
    name, grant = after or ("", 0)
    values = {"permission": permission, "ready": ready, "team": team, "name": name, "grant": grant, "limit": limit}
    return [_grant(row) for row in connection.execute(text(WHO_CAN), values)]


def explain_access(connection: Connection, person_id: int, permission: Permission, team: str) -> Decision:
    """The decision about a person, with the grants that it was made by. Raises :class:`UsageError` (``person_unknown``)."""
    return allowed(person_principal(connection, person_id), permission, team)


def keep_provider_grants(
    connection: Connection,
    person_id: int,
    provider_id: int,
    wanted: Iterable[tuple[str, str]],
    *,
    by: Principal,
) -> tuple[Sequence[GrantRow], Sequence[GrantRow]]:
    """Have a person hold, of a provider's making, exactly the ``wanted`` pairs of role and team; what was given and withdrawn.

    A role that the person was given otherwise stays as it is. The last administrator's grant stays too: the provider's groups
    of a day must not lock everybody out; what the provider wanted is then seen in the audit log.
    """
    held = {
        (row.role, row.team): row
        for row in map(_grant, connection.execute(text(GRANTS_OF_PROVIDER), {"person": person_id}))
    }
    wanted = set(wanted)
    name = connection.scalar(text("select name from identity_provider where id = :id"), {"id": provider_id})
    ours = {pair: row for pair, row in held.items() if row.origin == "provider" and row.provider == name}
    given = [
        give_role(
            connection,
            by=by,
            person_id=person_id,
            role=find_role(connection, role, team),
            team=team,
            origin="provider",
            provider_id=provider_id,
        )
        for role, team in sorted(wanted - held.keys())
    ]
    withdrawn = []
    for pair in sorted(ours.keys() - wanted):
        try:
            with connection.begin_nested():
                withdrawn.append(withdraw_role(connection, ours[pair].id, by=by))
        except NightmailError as error:
            if error.reason != "last_administrator":
                raise
            _write(connection, by, "grant.kept", ours[pair], None)
    return given, withdrawn


def sees_person(connection: Connection, person_id: int, *, by: Principal) -> bool:
    """Whether there is such a person and ``by`` may see them: by a role, as their inviter, or as themselves."""
    return bool(connection.scalar(text(VISIBLE_PERSON), {"id": person_id, **seen_by(by)}))


def seen_by(principal: Principal) -> dict[str, Any]:
    """What statements need to show ``principal`` only the people that they may see."""
    return {
        "teams": list(teams_with(principal, Permission.PEOPLE_SEE)),
        "actor": principal.actor,
        "oneself": principal.id if principal.kind == "person" else None,
    }


def _write(connection: Connection, by: Principal, action: str, grant: GrantRow, team_id: int | None) -> None:
    rotate_soon(connection, grant.person_id)
    write_entry(
        connection,
        actor=by.actor,
        action=action,
        subject=f"person:{grant.person_id}",
        team_id=team_id,
        detail={
            "role": grant.role,
            "team": grant.team or None,
            "expires_at": grant.expires_at,
            "origin": grant.origin,
        },
    )


def _grant(row: Any) -> GrantRow:
    values = dict(row._mapping)
    values["permissions"] = permissions_of(row.role, row.ready_made, row.permissions)
    return GrantRow(**values)
