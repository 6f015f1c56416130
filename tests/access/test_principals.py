"""People as the database knows them: the grants that are in force, and no others."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, Engine, text

from nightmail.access.decisions import allowed, teams_with
from nightmail.access.permissions import Permission
from nightmail.access.principals import person_principal
from nightmail.errors import UsageError
from nightmail.organisation.queries import TEAMS_AT_OR_BELOW

_SEE = Permission.CAMPAIGN_SEE


def _team(connection: Connection, path: str) -> int:
    return int(
        connection.execute(text("insert into team (path, name) values (:p, :p) returning id"), {"p": path}).scalar_one()
    )


def _grant(connection: Connection, person: int, team: int | None, expires: str = "null") -> None:
    role = connection.scalars(text("select id from role where name = 'viewer'")).one()
    connection.execute(
        text(
            "insert into role_grant (person_id, role_id, team_id, granted_by, expires_at) "
            f"values (:person, :role, :team, 'user:root', {expires})"
        ),
        {"person": person, "role": role, "team": team},
    )


@pytest.fixture
def ada(database: Engine) -> int:
    """An active person and a role ``viewer`` of her own making."""
    with database.begin() as connection:
        connection.execute(
            text("insert into role (name, title, permissions) values ('viewer', 'Viewer', '{campaign.see,moon.visit}')")
        )
        return int(
            connection.scalars(
                text(
                    "insert into person (email, name, state, created_by) "
                    "values ('ada@example.com', 'Ada', 'active', 'user:root') returning id"
                )
            ).one()
        )


def test_grants_that_are_over_hold_nothing(database: Engine, ada: int) -> None:
    with database.begin() as connection:
        _grant(connection, ada, _team(connection, "acme"), "now() - interval '1 second'")
        _grant(connection, ada, _team(connection, "brick.north"), "now() + interval '1 hour'")
        principal = person_principal(connection, ada)
    assert (principal.actor, principal.name) == (f"person:{ada}", "Ada")
    assert teams_with(principal, _SEE) == ("brick.north",)
    assert not allowed(principal, _SEE, "acme").yes


@pytest.mark.parametrize("state", ["invited", "disabled"])
def test_who_is_not_active_holds_nothing(database: Engine, ada: int, state: str) -> None:
    with database.begin() as connection:
        _grant(connection, ada, None)
        assert allowed(person_principal(connection, ada), _SEE, "").yes
        connection.execute(text("update person set state = :state"), {"state": state})
        assert person_principal(connection, ada).held == ()


def test_nobody_is_told_so(database: Engine) -> None:
    with database.connect() as connection, pytest.raises(UsageError) as caught:
        person_principal(connection, 12)
    assert caught.value.reason == "person_unknown"


def test_statements_join_with_the_teams_of_the_decision(database: Engine, ada: int) -> None:
    """The names have an underscore and a common beginning: no pattern takes one for another."""
    paths = ("acme", "acme.a_b", "acme.a_b.c", "acme.axb", "acme2", "brick")
    with database.begin() as connection:
        teams = {path: _team(connection, path) for path in paths}
        _grant(connection, ada, teams["acme.a_b"])
        _grant(connection, ada, teams["brick"])
        for everywhere in (False, True):
            if everywhere:
                _grant(connection, ada, None)
            principal = person_principal(connection, ada)
            joined = connection.scalars(text(TEAMS_AT_OR_BELOW), {"teams": list(teams_with(principal, _SEE))}).all()
            assert set(joined) == {teams[path] for path in paths if allowed(principal, _SEE, path).yes}
            assert len(joined) == (6 if everywhere else 3)
