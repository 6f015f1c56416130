"""People: invited, active, disabled. A person is never deleted, so that the audit log goes on naming them.

A minor cannot have an account: who invites attests the person's age, and it is kept who did and for which country.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightmail.access.access_links import LinkPurpose, make_link
from nightmail.access.administrators import keep_administrators
from nightmail.access.decisions import allowed, require, teams_with
from nightmail.access.grants import GrantRow, give_role, grants_of, seen_by, sees_person
from nightmail.access.people_queries import (
    CHANGE_ONESELF,
    END_LINKS_OF_PERSON,
    FORGET_FACTORS,
    INSERT_PERSON,
    LIST_PEOPLE,
    PERSON_BY_EMAIL,
    PERSON_BY_ID,
    SET_STATE,
)
from nightmail.access.permissions import Permission
from nightmail.access.person_fields import checked_email, checked_language, checked_name, checked_time_zone
from nightmail.access.principals import EVERYWHERE, Principal
from nightmail.access.roles import find_role, refuse_more_than_held
from nightmail.access.sessions import end_session, end_sessions, list_sessions
from nightmail.audit import write_entry
from nightmail.errors import NightmailError, UsageError
from nightmail.organisation.account_ages import account_age
from nightmail.organisation.teams import team_id_of

STATES = ("invited", "active", "disabled")


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person. ``state``: ``invited``, ``active`` or ``disabled``; ``has_factor``: whether they can log in by anything."""

    id: int
    email: str
    name: str
    name_in_order: str
    language: str
    time_zone: str
    state: str
    created_at: dt.datetime
    created_by: str
    last_login_at: dt.datetime | None
    age_attested_by: str | None
    age_attested_at: dt.datetime | None
    age_country: str | None
    deputy_id: int | None
    deputy_until: dt.datetime | None
    has_factor: bool

    @property
    def position(self) -> tuple[str, int]:
        """Where the person stands in a list; the next page begins after it."""
        return self.name_in_order, self.id

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "id": self.id,
            "email": self.email,
            "name": self.name,
            "state": self.state,
            "language": self.language,
            "time_zone": self.time_zone,
            "invited_at": self.created_at,
            "invited_by": self.created_by,
            "last_login_at": self.last_login_at,
            "age_attested_by": self.age_attested_by,
            "age_country": self.age_country,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """Who is invited, to which team, as what. ``of_age`` is the attestation that they are of age in ``country``."""

    email: str
    name: str
    country: str
    of_age: bool
    team: str
    roles: Sequence[str] = ()
    expires_at: dt.datetime | None = None
    """When the roles are over."""
    language: str = "en"
    time_zone: str = "UTC"


def invite(connection: Connection, invitation: Invitation, *, by: Principal) -> tuple[PersonRow, str]:
    """Invite a person and give them the roles; the person, and the token of a link that is good once.

    Raises :class:`NightmailError`: ``not_permitted``, ``person_under_age`` without the attestation, ``person_exists``, what
    :mod:`nightmail.access.person_fields` says of a value, and what :func:`nightmail.access.grants.give_role` does.
    """
    require(by, Permission.PEOPLE_INVITE, invitation.team)
    team_id = None if invitation.team == EVERYWHERE else team_id_of(connection, invitation.team)
    person = add_person(connection, invitation, state="invited", by=by.actor, team_id=team_id)
    for name in invitation.roles:
        role = find_role(connection, name, invitation.team)
        give_role(
            connection,
            by=by,
            person_id=person.id,
            role=role,
            team=invitation.team,
            expires_at=invitation.expires_at,
        )
    return person, make_link(connection, LinkPurpose.INVITATION, created_by=by.actor, person_id=person.id)


def add_person(
    connection: Connection, invitation: Invitation, *, state: str, by: str, team_id: int | None = None
) -> PersonRow:
    """Keep a new person, in ``state``, with the attestation of their age by ``by``. Rights are not looked at here.

    Raises :class:`UsageError`: ``person_under_age`` without the attestation, ``person_country``, ``person_exists``, and what
    :mod:`nightmail.access.person_fields` says of a value.
    """
    if not invitation.of_age:
        entry = account_age(invitation.country)
        raise UsageError("person_under_age", age=entry.age, country=invitation.country)
    values = {
        "email": checked_email(invitation.email),
        "name": checked_name(invitation.name),
        "language": checked_language(invitation.language),
        "time_zone": checked_time_zone(invitation.time_zone),
        "state": state,
        "country": _checked_country(invitation.country),
        "by": by,
    }
    made = connection.scalar(text(INSERT_PERSON), values)
    if made is None:
        raise UsageError("person_exists", value=values["email"])
    write_entry(
        connection,
        actor=by,
        action="person.invited" if state == "invited" else "person.made",
        subject=f"person:{made}",
        team_id=team_id,
        detail={"age_attested_for": invitation.country, "age": account_age(invitation.country).age},
    )
    return get_person(connection, made)


def invite_again(connection: Connection, person_id: int, *, by: Principal) -> str:
    """A new link for a person who has not accepted yet; the earlier one is over. Gives its token.

    Raises :class:`NightmailError`: ``person_unknown``, ``not_permitted``, ``person_state``.
    """
    person = visible_person(connection, person_id, by=by)
    _require_for(connection, Permission.PEOPLE_INVITE, person, by)
    if person.state != "invited":
        raise UsageError("person_state", value=person.email, state=person.state)
    token = make_link(connection, LinkPurpose.INVITATION, created_by=by.actor, person_id=person.id)
    write_entry(connection, actor=by.actor, action="person.invited_again", subject=f"person:{person.id}")
    return token


def activate(connection: Connection, person_id: int) -> None:
    """An invited person has accepted. Raises :class:`UsageError`: ``person_unknown``, ``person_state``."""
    person = get_person(connection, person_id)
    if person.state != "invited":
        raise UsageError("person_state", value=person.email, state=person.state)
    connection.execute(text(SET_STATE), {"id": person_id, "state": "active"})
    write_entry(connection, actor=f"person:{person_id}", action="person.activated", subject=f"person:{person_id}")


def disable(connection: Connection, person_id: int, *, by: Principal) -> PersonRow:
    """A person can log in no more: sessions end at once, links are void. Grants stay, and hold again once enabled.

    Raises :class:`NightmailError`: ``person_unknown``, ``not_permitted`` unless ``by`` has the right wherever the person has a
    role, ``grant_exceeds_yours`` where the person has more than ``by``, ``person_is_you``, ``last_administrator``.
    """
    if by.kind == "person" and by.id == person_id:
        raise UsageError("person_is_you")
    editable_person(connection, person_id, by=by)
    with keep_administrators(connection):
        changed = connection.scalar(text(SET_STATE), {"id": person_id, "state": "disabled"})
    if changed is not None:
        connection.execute(text(END_LINKS_OF_PERSON), {"person": person_id})
        end_sessions(connection, person_id, ended_by=by.actor)
        write_entry(connection, actor=by.actor, action="person.disabled", subject=f"person:{person_id}")
    return get_person(connection, person_id)


def enable(connection: Connection, person_id: int, *, by: Principal) -> PersonRow:
    """A disabled person is what they were: active, or invited where they never accepted (and needs a new link then).

    Raises what :func:`disable` does.
    """
    person = editable_person(connection, person_id, by=by)
    if person.state == "disabled":
        state = "active" if person.has_factor else "invited"
        connection.execute(text(SET_STATE), {"id": person_id, "state": state})
        write_entry(
            connection, actor=by.actor, action="person.enabled", subject=f"person:{person_id}", detail={"state": state}
        )
    return get_person(connection, person_id)


def end_session_of(connection: Connection, person_id: int, session_id: int, *, by: Principal) -> bool:
    """End a session of a person; false where it is none of theirs. Raises what :func:`editable_person` does."""
    person = editable_person(connection, person_id, by=by)
    if session_id not in {session.id for session in list_sessions(connection, person.id)}:
        return False
    return end_session(connection, session_id, ended_by=by.actor)


def editable_person(connection: Connection, person_id: int, *, by: Principal) -> PersonRow:
    """The person of an id, for who may change their account and see where they are signed in.

    Raises :class:`NightmailError`: ``person_unknown``, ``not_permitted`` unless ``by`` has the right wherever the person has a
    role, ``grant_exceeds_yours`` where the person has more than ``by``.
    """
    person = visible_person(connection, person_id, by=by)
    _require_for(connection, Permission.PEOPLE_EDIT, person, by)
    return person


def reset_factors(connection: Connection, person_id: int, *, by: Principal) -> str:
    """Forget how a person logs in; gives the token of a link by which they choose again. Sessions end, roles stay.

    Until they have chosen they are invited, and hold nothing. Raises what :func:`disable` does, and ``person_state`` for who is not active.
    """
    person = visible_person(connection, person_id, by=by)
    if by.kind == "person" and by.id == person_id:
        raise UsageError("person_is_you")
    _require_for(connection, Permission.PEOPLE_EDIT, person, by)
    if person.state != "active":
        raise UsageError("person_state", value=person.email, state=person.state)
    with keep_administrators(connection):
        for statement in FORGET_FACTORS:
            connection.execute(text(statement), {"person": person_id})
    connection.execute(text(END_LINKS_OF_PERSON), {"person": person_id})
    end_sessions(connection, person_id, ended_by=by.actor)
    write_entry(connection, actor=by.actor, action="person.factors_reset", subject=f"person:{person_id}")
    return make_link(connection, LinkPurpose.INVITATION, created_by=by.actor, person_id=person.id)


def change_oneself(connection: Connection, person_id: int, *, name: str, language: str, time_zone: str) -> PersonRow:
    """A person changes how they are called and how the portal speaks to them. Raises what the fields' checks do."""
    values = {
        "id": person_id,
        "name": checked_name(name),
        "language": checked_language(language),
        "time_zone": checked_time_zone(time_zone),
    }
    if connection.scalar(text(CHANGE_ONESELF), values) is None:
        raise UsageError("person_unknown", value=person_id)
    write_entry(
        connection,
        actor=f"person:{person_id}",
        action="person.changed",
        subject=f"person:{person_id}",
        detail={"language": language, "time_zone": time_zone},
    )
    return get_person(connection, person_id)


def get_person(connection: Connection, person_id: int) -> PersonRow:
    """The person of an id. Raises :class:`UsageError` (``person_unknown``)."""
    row = connection.execute(text(PERSON_BY_ID), {"id": person_id}).first()
    if row is None:
        raise UsageError("person_unknown", value=person_id)
    return PersonRow(**row._mapping)


def names_of_people(connection: Connection, people: Iterable[int]) -> dict[int, str]:
    """The names of people by their ids; those that do not exist are left out."""
    rows = connection.execute(text("select id, name from person where id = any(:ids)"), {"ids": list(people)})
    return {row.id: row.name for row in rows}


def find_person(connection: Connection, named: str) -> PersonRow:
    """The person of an email address, or of a number. Raises :class:`UsageError` (``person_unknown``)."""
    named = named.strip()
    if named.isdecimal() and len(named) <= 9:
        return get_person(connection, int(named))
    row = connection.execute(text(PERSON_BY_EMAIL), {"email": named.lower()}).first()
    if row is None:
        raise UsageError("person_unknown", value=named[:80])
    return PersonRow(**row._mapping)


def person_with_address(connection: Connection, email: str) -> PersonRow | None:
    """The person who logs in with an address; ``None`` where there is none."""
    row = connection.execute(text(PERSON_BY_EMAIL), {"email": email.lower()}).first()
    return None if row is None else PersonRow(**row._mapping)


def visible_person(connection: Connection, person_id: int, *, by: Principal) -> PersonRow:
    """The person of an id, for somebody who may see them. Raises :class:`UsageError` (``person_unknown``) for others too."""
    if not sees_person(connection, person_id, by=by):
        raise UsageError("person_unknown", value=person_id)
    return get_person(connection, person_id)


def list_people(
    connection: Connection,
    principal: Principal,
    *,
    state: str | None = None,
    search: str | None = None,
    team: str | None = None,
    after: tuple[str, int] | None = None,
    limit: int = 50,
) -> list[PersonRow]:
    """The people that ``principal`` may see, by name; the next page begins ``after`` the last one's position.

    They are those with a role at a team where ``principal`` has ``people.see``, or below it, those whom ``principal`` invited, and
    ``principal``. ``search`` is a part of the name or address; ``team`` leaves those with a role at it or below that ``principal`` sees.
    """
    name, last = after or ("", 0)
    values = {
        **seen_by(principal),
        "state": state,
        "search": search.strip().lower() if search and search.strip() else None,
        "team": team,
        "name": name,
        "after": last,
        "limit": limit,
    }
    return [PersonRow(**row._mapping) for row in connection.execute(text(LIST_PEOPLE), values)]


def _require_for(connection: Connection, permission: Permission, person: PersonRow, by: Principal) -> None:
    """Raise unless ``by`` has ``permission`` wherever the person has a role, and all that the person has there.

    For a person without a role it suffices to have the permission anywhere.
    """
    _require_over(permission, grants_of(connection, person.id), by)


def may_edit(by: Principal, grants: Sequence[GrantRow]) -> bool:
    """Whether ``by`` may change the account of who has ``grants``, which are all of theirs; see :func:`editable_person`."""
    try:
        _require_over(Permission.PEOPLE_EDIT, grants, by)
    except NightmailError:
        return False
    return True


def _require_over(permission: Permission, grants: Sequence[GrantRow], by: Principal) -> None:
    for grant in grants:
        require(by, permission, grant.team)
        refuse_more_than_held(by, grant.permissions, grant.team)
    if not grants and not teams_with(by, permission):
        raise NightmailError("not_permitted", permission=permission, team="any team")


def _checked_country(written: str) -> str:
    if len(written) != 2 or not (written.isascii() and written.isalpha() and written.isupper()):
        raise UsageError("person_country", value=written[:20])
    return written


def may_invite(principal: Principal, team: str) -> bool:
    """Whether ``principal`` may invite to a team."""
    return allowed(principal, Permission.PEOPLE_INVITE, team).yes
