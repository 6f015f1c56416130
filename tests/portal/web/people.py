"""People of the tests' organisation, and their sessions."""

from __future__ import annotations

from sqlalchemy import Engine, text

from nightmail.access.grants import give_role
from nightmail.access.permissions import Permission
from nightmail.access.principals import system_principal
from nightmail.access.roles import ensure_ready_made, find_role, make_role
from nightmail.access.sessions import start_session

MACHINE = system_principal("tests")


def make_person(
    engine: Engine,
    *permissions: Permission,
    role: str | None = None,
    team: str = "acme",
    name: str = "Ada Example",
    language: str = "en",
    time_zone: str = "UTC",
) -> int:
    """An active person with a ready-made ``role``, or with a role of exactly ``permissions``, at a team; their number."""
    with engine.begin() as connection:
        ensure_ready_made(connection)
        number = int(connection.scalar(text("select count(*) from person")) or 0)
        person = int(
            connection.execute(
                text(
                    "insert into person (email, name, state, created_by, language, time_zone) "
                    "values (:email, :name, 'active', 'test', :language, :zone) returning id"
                ),
                {"email": f"person{number}@acme.example", "name": name, "language": language, "zone": time_zone},
            ).scalar_one()
        )
        if permissions:
            role = f"role_{number}"
            make_role(connection, by=MACHINE, team=team, name=role, title=role, permissions=frozenset(permissions))
        if role:
            give_role(connection, by=MACHINE, person_id=person, role=find_role(connection, role, team), team=team)
    return person


def session_of(engine: Engine, person: int) -> str:
    """A new session of a person, as after a login with both factors; its token."""
    with engine.begin() as connection:
        return start_session(connection, person, factors=["password", "totp"])[1]
