"""Addresses of pages that need something to be there first: links that are good once, steps of a login."""

from __future__ import annotations

from sqlalchemy import Engine

from nightmail.access.access_links import LinkPurpose, make_link
from nightmail.access.login_steps import StepKind, keep_step
from nightmail.access.people import Invitation, invite
from tests.portal.web.people import MACHINE, make_person


def invitation(engine: Engine) -> str:
    """The link of somebody who was invited."""
    invited = Invitation(email="bo@acme.example", name="Bo Example", country="DE", of_age=True, team="acme")
    with engine.begin() as connection:
        _person, token = invite(connection, invited, by=MACHINE)
    return f"/invitation/{token}"


def first_administrator(engine: Engine) -> str:
    """The link that `nightmail up` prints."""
    with engine.begin() as connection:
        token = make_link(connection, LinkPurpose.FIRST_ADMINISTRATOR, created_by="user:tests")
    return f"/first-administrator/{token}"


def new_password(engine: Engine) -> str:
    """The link of somebody who has forgotten their password."""
    person = make_person(engine, name="Cy Example")
    with engine.begin() as connection:
        token = make_link(connection, LinkPurpose.PASSWORD, created_by="portal", person_id=person)
    return f"/login/new-password/{token}"


def second_step(engine: Engine) -> dict[str, str]:
    """The cookie of somebody whose password was right."""
    person = make_person(engine, name="Di Example")
    payload = {"factors": ["password"], "next": "/"}
    with engine.begin() as connection:
        return {"nightmail_step": keep_step(connection, StepKind.SECOND_FACTOR, payload, person_id=person)}
