"""People in a database, for tests of what they do once they are there."""

from __future__ import annotations

import datetime as dt
import itertools

from sqlalchemy import Connection, text

from nightmail.access.passwords import PasswordWork

KEY = b"a key of these tests alone"
PASSWORD = "violet otter canyon brass"
NOW = dt.datetime(2026, 11, 30, 12, 0, tzinfo=dt.UTC)
_numbers = itertools.count(1)
_hashed: dict[str, str] = {}


def hashed(password: str) -> str:
    """The hash of a password, made once for a test process."""
    if password not in _hashed:
        work = PasswordWork()
        _hashed[password] = work.hash(password).result(30)
        work.close()
    return _hashed[password]


def make_person(
    connection: Connection,
    email: str | None = None,
    *,
    name: str = "Ada Meyer",
    state: str = "active",
    password: str | None = PASSWORD,
) -> int:
    """A person; gives their id."""
    person_id: int = connection.execute(
        text(
            "insert into person (email, name, state, created_by, password_hash) "
            "values (:email, :name, :state, 'test', :hash) returning id"
        ),
        {
            "email": email or f"person{next(_numbers)}@acme.example",
            "name": name,
            "state": state,
            "hash": None if password is None else hashed(password),
        },
    ).scalar_one()
    return person_id


def make_team(connection: Connection, path: str, login: str = "{}") -> int:
    """A team with what it demands of logins, as JSON."""
    team_id: int = connection.execute(
        text(
            "insert into team (path, name, settings) values (:path, :path, "
            "jsonb_strip_nulls(jsonb_build_object('login', nullif(cast(:login as jsonb), '{}'::jsonb)))) returning id"
        ),
        {"path": path, "login": login},
    ).scalar_one()
    return team_id


def give_role(connection: Connection, person_id: int, team_id: int | None, *permissions: str) -> int:
    """A role of its own for the person at the team; gives the grant's id."""
    grant: int = connection.execute(
        text(
            "with made as (insert into role (team_id, name, title, permissions) "
            "values (:team, 'role-' || gen_random_uuid(), 'A role', :permissions) returning id) "
            "insert into role_grant (person_id, role_id, team_id, granted_by) "
            "select :person, id, :team, 'test' from made returning id"
        ),
        {"person": person_id, "team": team_id, "permissions": list(permissions)},
    ).scalar_one()
    return grant


def audited(connection: Connection, *actions: str) -> list[str]:
    """The actions in the audit log, in their order; those named alone, where any are."""
    rows = connection.scalars(text("select action from audit order by id"))
    return [action for action in rows if not actions or action in actions]
