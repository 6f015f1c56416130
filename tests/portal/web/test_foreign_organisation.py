"""Two organisations in one deployment, and neighbours in one: no number in an address leads to what is another's."""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx
import pytest

from nightmail.access.access_links import LinkPurpose, make_link
from nightmail.access.grants import give_role
from nightmail.access.key_changes import new_key
from nightmail.access.people import Invitation, invite
from nightmail.access.permissions import Permission
from nightmail.access.roles import find_role, make_role
from nightmail.access.sessions import start_session
from nightmail.audit import write_entry
from nightmail.campaigns.alerts import raise_alert
from nightmail.errors import NightmailError
from tests.portal.conftest import Organisation, RunningPortal
from tests.portal.web.conftest import SignIn
from tests.portal.web.people import MACHINE, make_person, session_of


@dataclass(frozen=True)
class Beta:
    """What the other organisation has."""

    person: int
    invited: int
    """Somebody without a role yet, whose only way in is the link that they were sent."""
    session: int
    grant: int
    role: int
    key: int


@pytest.fixture
def beta(organisation: Organisation) -> Beta:
    organisation.change("insert into team (path, name) values ('beta', 'Beta')")
    with organisation.engine.begin() as connection:
        role = make_role(
            connection, by=MACHINE, team="beta", name="secret", title="Beta's own role", permissions=["campaign.see"]
        )
        person, _ = invite(connection, _invitation("bea@beta.example", "Bea Beta", "beta"), by=MACHINE)
        grant = give_role(connection, by=MACHINE, person_id=person.id, role=role, team="beta")
        invited, _ = invite(connection, _invitation("new@beta.example", "Noa Beta", "beta"), by=MACHINE)
        session, _ = start_session(connection, person.id, factors=["passkey"], address="192.0.2.77")
        key, _ = new_key(connection, by=MACHINE, team="beta", name="beta's key", permissions=["campaign.see"])
    organisation.change("update person set state = 'active' where id = :id", id=person.id)
    return Beta(person.id, invited.id, session, grant.id, role.id, key.id)


def _invitation(email: str, name: str, team: str) -> Invitation:
    return Invitation(email=email, name=name, country="DE", of_age=True, team=team)


def _csrf(client: httpx.Client) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', client.get("/").text)
    assert found
    return found[1]


ADDRESSES = (
    "GET /people/{person}",
    "GET /people/{person}/disable",
    "POST /people/{person}/disable",
    "POST /people/{person}/enable",
    "POST /people/{invited}/invite-again",
    "POST /people/{person}/give",
    "POST /people/{invited}/give",
    "GET /people/{person}/withdraw/{grant}",
    "POST /people/{person}/withdraw/{grant}",
    "POST /people/{person}/sessions/{session}/end",
    "GET /roles/{role}",
    "GET /roles/{role}/change",
    "POST /roles/{role}/change",
    "GET /roles/{role}/remove",
    "POST /roles/{role}/remove",
    "GET /api-keys/{key}",
    "POST /api-keys/{key}/rotate",
    "GET /api-keys/{key}/revoke",
    "POST /api-keys/{key}/revoke",
    "GET /teams/beta",
)
_STATE = """
    select (select jsonb_agg(to_jsonb(p) order by id) from person p where email like '%beta%')::text as people,
        (select jsonb_agg(to_jsonb(g) order by id) from role_grant g)::text as grants,
        (select jsonb_agg(to_jsonb(r) order by id) from role r where not ready_made)::text as roles,
        (select jsonb_agg(to_jsonb(k) order by id) from api_key k)::text as keys,
        (select jsonb_agg(to_jsonb(l) order by id) from access_link l)::text as links,
        (select jsonb_agg(to_jsonb(s) order by id) from person_session s where address = '192.0.2.77')::text as sessions
"""


@pytest.mark.parametrize("team", ["acme", "acme.billing"])
def test_nothing_of_another_organisation_is_there(
    sign_in: SignIn, organisation: Organisation, beta: Beta, team: str
) -> None:
    """Whatever an administrator of one tries: 404, the same words each time, and nothing is changed."""
    client = sign_in(role="organisation_administrator", team=team, name="Otto Example")
    form = {
        "csrf": _csrf(client),
        "role": "viewer",
        "team": team,
        "permissions": "campaign.see",
        "title": "x",
        "hours": "0",
    }
    before = organisation.rows(_STATE)
    nothing = _main(client.get("/no-such-page").text)
    for address in ADDRESSES:
        method, _, path = address.partition(" ")
        path = path.format(**vars(beta))
        answer = client.get(path) if method == "GET" else client.post(path, data=form)
        assert (address, answer.status_code) == (address, 404)
        assert _main(answer.text) == nothing, address
    assert organisation.rows(_STATE) == before


def _main(page: str) -> str:
    """A page's content, without the frame around it, which names the address to come back to."""
    found = re.search(r"<main.*</main>", page, re.DOTALL)
    assert found
    return found[0]


def test_lists_and_searches_tell_nothing_of_another_organisation(sign_in: SignIn, beta: Beta) -> None:
    client = sign_in(role="organisation_administrator", name="Otto Example")
    for address in (
        "/people",
        "/people?search=beta",
        "/people?team=beta",
        "/people?state=invited",
        "/roles",
        "/api-keys?over=yes",
        "/api-keys?team=beta",
        "/teams",
        "/audit?team=beta",
        f"/audit?subject=person:{beta.person}",
        "/rights?permission=campaign.see&team=beta",
        "/rights?permission=campaign.see&team=acme&person=bea@beta.example",
        "/search?q=beta",
    ):
        page = _main(client.get(address).text).replace("bea@beta.example", "").lower()
        for told in ("bea beta", "noa beta", "beta's", "beta&#39;s", "192.0.2.77", "new@beta"):
            assert told not in page, (address, told)


def test_a_role_elsewhere_is_not_told_by_the_filter(sign_in: SignIn, organisation: Organisation, beta: Beta) -> None:
    """Somebody of both: that they have a role at the other organisation is told neither by their page nor by a list."""
    with organisation.engine.begin() as connection:
        role = find_role(connection, "viewer", "acme")
        give_role(connection, by=MACHINE, person_id=beta.person, role=role, team="acme")
    client = sign_in(role="organisation_administrator", name="Otto Example")
    assert "Bea Beta" in client.get("/people?team=acme").text
    assert "Bea Beta" not in client.get("/people?team=beta").text
    page = client.get(f"/people/{beta.person}").text
    assert "Bea Beta" in page
    assert "own role" not in page


def test_the_sessions_of_somebody_who_belongs_to_both_are_for_neither(
    sign_in: SignIn, organisation: Organisation, beta: Beta
) -> None:
    """Where they log in from is seen, and ended, by who may change the whole account alone."""
    with organisation.engine.begin() as connection:
        role = find_role(connection, "viewer", "acme")
        give_role(connection, by=MACHINE, person_id=beta.person, role=role, team="acme")
    client = sign_in(role="organisation_administrator", name="Otto Example")
    page = client.get(f"/people/{beta.person}").text
    assert "192.0.2.77" not in page
    assert "/disable" not in page
    answer = client.post(f"/people/{beta.person}/sessions/{beta.session}/end", data={"csrf": _csrf(client)})
    assert answer.status_code == 404
    whole = sign_in(role="organisation_administrator", team="", name="Wanda Whole")
    assert "192.0.2.77" in whole.get(f"/people/{beta.person}").text
    answer = whole.post(f"/people/{beta.person}/sessions/{beta.session}/end", data={"csrf": _csrf(whole)})
    assert answer.status_code == 303
    assert organisation.rows(
        "select ended_by is not null as over from person_session where id = :id", id=beta.session
    ) == [{"over": True}]


def test_sessions_are_ended_where_one_may_edit_and_not_where_one_may_look(
    organisation: Organisation, portal: RunningPortal
) -> None:
    """Two rights at two teams do not add up to one at either."""
    engine = organisation.engine
    helper = make_person(engine, Permission.PEOPLE_EDIT, team="acme.billing", name="Hana Helper")
    victim = make_person(engine, Permission.CAMPAIGN_SEE, team="acme.care", name="Vera Victim")
    with engine.begin() as connection:
        looking = make_role(
            connection, by=MACHINE, team="acme.care", name="looking", title="Looking", permissions=["people.see"]
        )
        for name, team in (("role_0", "acme.billing"), ("role_1", "acme.care")):
            role = find_role(connection, name, team)
            give_role(connection, by=MACHINE, person_id=helper if name == "role_0" else victim, role=role, team=team)
        give_role(connection, by=MACHINE, person_id=helper, role=looking, team="acme.care")
        session, _ = start_session(connection, victim, factors=["passkey"], address="192.0.2.99")
    with httpx.Client(base_url=portal.url, headers={"Accept": "text/html"}, trust_env=False) as client:
        client.cookies.set("nightmail_session", session_of(engine, helper))
        page = client.get(f"/people/{victim}")
        assert "Vera Victim" in page.text
        assert "192.0.2.99" not in page.text
        answer = client.post(f"/people/{victim}/sessions/{session}/end", data={"csrf": _csrf(client)})
    assert answer.status_code == 404
    assert organisation.rows("select ended_at from person_session where id = :id", id=session) == [{"ended_at": None}]


def test_an_invited_person_is_not_taken_over_by_giving_them_a_role(organisation: Organisation, beta: Beta) -> None:
    """A role would make them seen, and a new link for who is seen would be a way into their account."""
    otto = make_person(organisation.engine, role="organisation_administrator", team="acme")
    from nightmail.access.people import invite_again
    from nightmail.access.principals import person_principal

    with organisation.engine.begin() as connection:
        by = person_principal(connection, otto)
        role = find_role(connection, "viewer", "acme")
        with pytest.raises(NightmailError, match="person"):
            give_role(connection, by=by, person_id=beta.invited, role=role, team="acme")
        with pytest.raises(NightmailError, match="person"):
            invite_again(connection, beta.invited, by=by)
        assert make_link(connection, LinkPurpose.INVITATION, created_by="test", person_id=beta.invited)


def test_what_is_nobodys_is_told_to_the_only_organisation_alone(
    portal: RunningPortal, organisation: Organisation
) -> None:
    """Logins and alerts of no team are the deployment's: with a second organisation they would tell of it."""
    key = organisation.key(Permission.AUDIT_SEE, Permission.ALERT_SEE, Permission.ALERT_CLOSE, team="acme")
    with organisation.engine.begin() as connection:
        write_entry(connection, actor="person:1", action="person.logged_in", subject="person:1", origin="192.0.2.5")
        raise_alert(connection, reason="session_stolen", subject="person:1", message="A copy was used.")

    def told() -> tuple[bool, bool, bool]:
        entries = portal.api("GET", "/v1/audit", key).json()["items"]
        lines = portal.api("GET", "/v1/audit/export", key).text
        alerts = portal.api("GET", "/v1/alerts", key).json()["items"]
        return any(each["origin"] == "192.0.2.5" for each in entries), "192.0.2.5" in lines, bool(alerts)

    assert told() == (True, True, True)
    organisation.change("insert into team (path, name) values ('beta', 'Beta')")
    assert told() == (False, False, False)
    (alert,) = organisation.rows("select id from alert")
    assert portal.api("POST", f"/v1/alerts/{alert['id']}/close", key).status_code == 404
