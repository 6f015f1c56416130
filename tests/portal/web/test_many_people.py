"""5,000 people and 10,000 teams: each page asks the database a handful of bounded questions, as many as for a handful of rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from nightmail.access.grants import give_role
from nightmail.access.roles import find_role
from tests.portal.conftest import Organisation
from tests.portal.web import sample_people
from tests.portal.web.conftest import SignIn
from tests.portal.web.people import MACHINE, make_person

MOST = 12
"""Statements of one page beside those of the frame: the session, the rights, what waits, the sandbox."""
FEW_MORE = 4
"""Statements that come once where there is a person to name, or once a minute for a session: a page of rows has fifty."""
ADDRESSES = (
    "/",
    "/people",
    "/people?search=person",
    "/people?team=acme.t01",
    "/people?state=active",
    "/people/invite",
    "/people/{busy}",
    "/roles",
    "/roles/{role}",
    "/roles/new",
    "/rights?permission=campaign.see&team=acme.t01",
    "/api-keys",
    "/api-keys?over=yes&team=acme",
    "/api-keys/new",
    "/teams",
    "/teams/acme",
    "/teams/acme.t01",
    "/audit",
    "/audit?team=acme.t01",
    "/search?q=person",
    "/me",
)


@contextmanager
def _counted(engine: Engine) -> Iterator[list[str]]:
    """The statements that are sent to the database."""
    sent: list[str] = []

    def keep(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", keep)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", keep)


def _fill(engine: Engine) -> None:
    """The rows of a great organisation, by COPY."""
    with engine.begin() as connection:
        role = find_role(connection, "viewer", "acme").id
        first = person = 1_000_000  # beyond what the tables number themselves
        top = connection.scalar(text("select id from team where path = 'acme'"))
        upper = range(first, first + 100)
        teams = [(number, top, f"acme.t{at:02d}", f"Team {at}") for at, number in enumerate(upper)]
        teams += [
            (first + 100 + at, first + at % 100, f"acme.t{at % 100:02d}.u{at:05d}", f"Team {at}") for at in range(9_900)
        ]
        people = [
            (person + at, f"someone{at}@acme.example", f"Person {at:05d}", ("active", "invited", "disabled")[at % 3])
            for at in range(5_000)
        ]
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor:
            for statement, rows in (
                ("copy team (id, parent_id, path, name) from stdin", teams),
                (
                    "copy person (id, email, name, state, created_by) from stdin",
                    [(*each, "user:root") for each in people],
                ),
                (
                    "copy role_grant (person_id, role_id, team_id, granted_by) from stdin",
                    [
                        (each[0], role, teams[at % 10_000][0], f"person:{person + at % 200}")
                        for at, each in enumerate(people)
                    ],
                ),
                (
                    "copy role (team_id, name, title, description, permissions) from stdin",
                    [
                        (each[0], f"own_{at}", f"Own role {at}", "", "{campaign.see}")
                        for at, each in enumerate(teams[:2_000])
                    ],
                ),
                (
                    "copy api_key (team_id, name, prefix, key_hash, permissions, created_by) from stdin",
                    [
                        (
                            teams[at % 10_000][0],
                            f"key {at}",
                            f"nm_{at:08x}",
                            "\\x" + f"{at:064x}",
                            "{campaign.see}",
                            f"person:{person + at}",
                        )
                        for at in range(3_000)
                    ],
                ),
            ):
                with cursor.copy(statement) as copy:
                    for row in rows:
                        copy.write_row(row)
            cursor.execute(
                "insert into audit (month, actor, action, object, team_id, detail) select date_trunc('month', now())::date, "
                "'person:' || (%s + n %% 5000), 'person.changed', 'person:' || n, %s + n %% 9000, '{}' from generate_series(1, 20000) n",
                (person, first),
            )
        connection.execute(text("analyze"))


def test_no_page_asks_more_for_more_rows(sign_in: SignIn, organisation: Organisation) -> None:
    engine = organisation.engine
    sample_people.filled("/", engine)
    busy = make_person(engine, name="Busy Example", role="viewer")
    client = sign_in(role="organisation_administrator", name="Olga Example")
    places = {"busy": busy, "role": _role(engine)}
    for address in ADDRESSES:
        client.get(address.format(**places))
    few = {
        address: _statements(engine, client, address.format(**places)) for address in ADDRESSES if "t01" not in address
    }
    _fill(engine)
    with engine.begin() as connection:
        viewer = find_role(connection, "viewer", "acme")
        for at in range(50):
            give_role(connection, by=MACHINE, person_id=busy, role=viewer, team=f"acme.t{at:02d}")
    many = {address: _statements(engine, client, address.format(**places)) for address in ADDRESSES}
    assert {address: number for address, number in many.items() if number > MOST} == {}
    assert {address: (few[address], many[address]) for address in few if many[address] > few[address] + FEW_MORE} == {}


def test_who_may_act_at_many_teams_costs_no_more(sign_in: SignIn, organisation: Organisation) -> None:
    """Somebody who may give roles and keys at fifty teams, one by one."""
    engine = organisation.engine
    _fill_teams_of(engine)
    client = sign_in(name="Mona Example", role="team_administrator", team="acme.t00")
    (me,) = organisation.rows("select id from person where name = 'Mona Example'")
    with engine.begin() as connection:
        role = find_role(connection, "team_administrator", "acme")
        for at in range(1, 50):
            give_role(connection, by=MACHINE, person_id=me["id"], role=role, team=f"acme.t{at:02d}")
    (busy,) = organisation.rows("select id from person where email = 'someone1@acme.example'")
    for address in (
        "/people",
        "/people/invite",
        f"/people/{busy['id']}",
        "/roles",
        "/api-keys",
        "/teams",
        "/audit",
        "/",
    ):
        client.get(address)
        frame = _statements(engine, client, "/")
        assert _statements(engine, client, address) - frame <= MOST, address


def _fill_teams_of(engine: Engine) -> None:
    with engine.begin() as connection:
        find_role(connection, "viewer", "acme")
    _fill(engine)


def _role(engine: Engine) -> int:
    with engine.begin() as connection:
        return find_role(connection, "viewer", "acme").id


def _statements(engine: Engine, client: Any, address: str) -> int:
    with _counted(engine) as sent:
        answer = client.get(address)
    assert answer.status_code == 200, address
    return len(sent)


@pytest.mark.parametrize("address", ["/people", "/api-keys", "/teams/acme"])
def test_every_row_is_reached_page_by_page(sign_in: SignIn, organisation: Organisation, address: str) -> None:
    """The link to the next page leads on, three pages far, and no row comes twice."""
    import re

    organisation.rows("select 1")
    with organisation.engine.begin() as connection:
        find_role(connection, "viewer", "acme")
    make_person(organisation.engine, name="First Example")
    _fill(organisation.engine)
    client = sign_in(role="organisation_administrator", name="Olga Example")
    seen: set[str] = set()
    following = address
    for _ in range(3):
        page = client.get(following).text
        main = page[page.index("<main") :]
        rows = set(re.findall(r"someone\d+@|/api-keys/\d+|/teams/acme\.t\d\d(?=\")|Person \d{5}", main))
        assert rows, following
        assert not rows & seen, following
        seen |= rows
        found = re.search(r'href="([^"]+after=[^"]+)"', main)
        if found is None:
            break
        following = found[1].replace("&amp;", "&")
    assert len(seen) >= 50
