"""A portal with people who are signed in."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from sqlalchemy import text

from nightmail.access.permissions import Permission
from nightmail.access.sessions import start_session
from tests.portal.conftest import Organisation, RunningPortal

SignIn = Callable[..., httpx.Client]


def make_person(
    organisation: Organisation, *permissions: Permission, team: str = "acme", name: str = "Ada Example"
) -> int:
    """A person who holds ``permissions`` at a team; their number."""
    with organisation.engine.begin() as connection:
        person = connection.scalar(
            text(
                "insert into person (email, name, state, created_by) "
                "values (:email, :name, 'active', 'test') returning id"
            ),
            {"email": f"{name.lower().replace(' ', '.')}@acme.example", "name": name},
        )
        if permissions:
            role = connection.scalar(
                text(
                    "insert into role (team_id, name, title, permissions) "
                    "values (null, :name, :name, :permissions) returning id"
                ),
                {"name": f"role of {person}", "permissions": [str(each) for each in permissions]},
            )
            connection.execute(
                text(
                    "insert into role_grant (person_id, role_id, team_id, granted_by) "
                    "values (:person, :role, :team, 'test')"
                ),
                {"person": person, "role": role, "team": organisation.teams[team]},
            )
    return int(person)


def session_of(organisation: Organisation, person: int) -> str:
    """A new session of a person; its token."""
    with organisation.engine.begin() as connection:
        return start_session(connection, person, factors=["password", "totp"])[1]


@pytest.fixture
def sign_in(organisation: Organisation, portal: RunningPortal) -> SignIn:
    """Signs a new person in, with the permissions that are given, and gives a client with their session."""

    def sign_in_(*permissions: Permission, team: str = "acme", name: str = "Ada Example") -> httpx.Client:
        person = make_person(organisation, *permissions, team=team, name=name)
        client = httpx.Client(base_url=portal.url, timeout=30, trust_env=False, headers={"Accept": "text/html"})
        client.cookies.set("nightmail_session", session_of(organisation, person))
        return client

    return sign_in_
