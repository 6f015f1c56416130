"""People, roles, rights, keys and teams as pages: what can be done there, by whom, and what is not there for others."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from sqlalchemy import text

from nightmail.access.permissions import Permission
from tests.portal.conftest import Organisation, RunningPortal
from tests.portal.web.conftest import SignIn
from tests.portal.web.people import make_person, session_of

INVITATION = {
    "email": "bo@acme.example",
    "name": "Bo Example",
    "role": "viewer",
    "team": "acme.billing",
    "language": "de",
    "time_zone": "Europe/Berlin",
    "country": "DE",
    "of_age": "yes",
}


def _send(client: httpx.Client, address: str, form: dict[str, object] | None = None, page: str = "/") -> httpx.Response:
    """What is answered to a form that was on ``page``."""
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', client.get(page).text)
    assert found
    return client.post(address, data={**(form or {}), "csrf": found[1]}, follow_redirects=True)


def _administrator(sign_in: SignIn, team: str = "acme") -> httpx.Client:
    return sign_in(role="team_administrator", team=team, name="Ada Administrator")


def test_an_invitation_shows_its_link_once_where_no_email_account_works(
    sign_in: SignIn, organisation: Organisation
) -> None:
    client = _administrator(sign_in)
    answer = _send(client, "/people/invite", INVITATION)
    link = re.search(r"https?://[^\"]+/invitation/([A-Za-z0-9_-]{43})", answer.text)
    assert answer.status_code == 200
    assert link
    with organisation.engine.connect() as connection:
        row = connection.execute(text("select * from person where email = 'bo@acme.example'")).one()
    assert (row.state, row.language, row.age_country) == ("invited", "de", "DE")
    assert row.age_attested_by.startswith("person:")
    page = client.get(f"/people/{row.id}").text
    assert "Ada Administrator, for DE" in page
    assert link[1] not in page


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"of_age": ""}, "of_age"),
        ({"email": "no address"}, "email"),
        ({"country": "Germany"}, "country"),
        ({"time_zone": "Berlin"}, "time_zone"),
        ({"team": "acme.nothing"}, "team"),
        ({"team": "other"}, "team"),
        ({"role": "no_such_role"}, "role"),
        ({"role": "organisation_administrator"}, "role"),
        ({"name": "x" * 501}, "name"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(
    change: dict[str, str], field: str, sign_in: SignIn
) -> None:
    form = {name: value for name, value in {**INVITATION, **change}.items() if value}
    answer = _send(_administrator(sign_in), "/people/invite", form)
    assert answer.status_code == 422
    assert f'href="#field-{field}"' in answer.text
    assert 'value="Bo Example"' in answer.text or "name" in change


def test_a_role_is_given_and_withdrawn_and_holds_from_the_next_page_on(
    sign_in: SignIn, organisation: Organisation, portal: RunningPortal
) -> None:
    client = _administrator(sign_in)
    person = make_person(organisation.engine, name="Bo Example", role="viewer", team="acme.billing")
    with httpx.Client(base_url=portal.url, headers={"Accept": "text/html"}, trust_env=False, timeout=30) as bo:
        bo.cookies.set("nightmail_session", session_of(organisation.engine, person))
        assert bo.get("/people").status_code == 404
        given = _send(client, f"/people/{person}/give", {"role": "auditor", "team": "acme.billing", "until": ""})
        assert "The role is given" in given.text
        assert bo.get("/people").status_code == 200
        with organisation.engine.connect() as connection:
            grant = connection.scalar(
                text(
                    "select g.id from role_grant g join role r on r.id = g.role_id "
                    "where g.person_id = :person and r.name = 'auditor'"
                ),
                {"person": person},
            )
        assert "Withdraw “Auditor” from Bo Example?" in client.get(f"/people/{person}/withdraw/{grant}").text
        assert "The role is withdrawn" in _send(client, f"/people/{person}/withdraw/{grant}").text
        assert bo.get("/people").status_code == 404


def test_a_person_is_disabled_and_their_session_ends(
    sign_in: SignIn, organisation: Organisation, portal: RunningPortal
) -> None:
    client = _administrator(sign_in)
    person = make_person(organisation.engine, name="Bo Example", role="viewer", team="acme.billing")
    with httpx.Client(base_url=portal.url, headers={"Accept": "text/html"}, trust_env=False, timeout=30) as bo:
        bo.cookies.set("nightmail_session", session_of(organisation.engine, person))
        assert bo.get("/").status_code == 200
        assert "its sessions have ended" in _send(client, f"/people/{person}/disable").text
        assert bo.get("/").status_code == 303
    assert "its roles hold again" in _send(client, f"/people/{person}/enable").text


def test_who_lost_a_device_chooses_again_by_a_link(
    sign_in: SignIn, organisation: Organisation, portal: RunningPortal
) -> None:
    client = _administrator(sign_in)
    person = make_person(organisation.engine, name="Bo Example", role="viewer", team="acme.billing")
    with httpx.Client(base_url=portal.url, headers={"Accept": "text/html"}, trust_env=False, timeout=30) as bo:
        bo.cookies.set("nightmail_session", session_of(organisation.engine, person))
        assert bo.get("/").status_code == 200
        answer = _send(client, f"/people/{person}/reset")
        link = re.search(r"(/invitation/[A-Za-z0-9_-]{43})", answer.text)
        assert link
        assert bo.get("/").status_code == 303
        assert "Bo Example" in bo.get(link[1]).text
    with organisation.engine.connect() as connection:
        assert connection.scalar(text("select state from person where id = :id"), {"id": person}) == "invited"
        assert connection.scalar(text("select count(*) from role_grant where person_id = :id"), {"id": person}) == 1


def test_a_deputy_is_named_until_a_day_and_ends(sign_in: SignIn, organisation: Organisation) -> None:
    client = _administrator(sign_in)
    deputy = make_person(organisation.engine, name="Dan Example")
    with organisation.engine.connect() as connection:
        email = connection.scalar(text("select email from person where id = :id"), {"id": deputy})
        until = connection.scalar(text("select cast(now() + interval '5 days' as date)")).isoformat()
    for form, field in (
        ({"deputy": "nobody@acme.example", "deputy_until": until}, "deputy"),
        ({"deputy": email, "deputy_until": "2020-01-01"}, "deputy_until"),
        ({"deputy": email, "deputy_until": "soon"}, "deputy_until"),
    ):
        refused = _send(client, "/me/deputy", form, "/me")
        assert refused.status_code == 422
        assert f'id="error-{field}"' in refused.text
    named = _send(client, "/me/deputy", {"deputy": email, "deputy_until": until}, "/me")
    assert "Dan Example stands in for you until" in named.text
    with organisation.engine.connect() as connection:
        row = connection.execute(text("select deputy_id from person where deputy_id is not null")).one()
    assert row.deputy_id == deputy
    assert "Nobody stands in for you any longer." in _send(client, "/me/deputy/end", page="/me").text


def test_an_own_role_is_made_changed_and_removed(sign_in: SignIn, organisation: Organisation) -> None:
    client = _administrator(sign_in)
    form = {"title": "Night shift", "name": "night_shift", "team": "acme", "permissions": ["campaign.see", "alert.see"]}
    made = _send(client, "/roles/new", form)
    assert "The role is made" in made.text
    address = made.url.path
    changed = _send(client, f"{address}/change", {"title": "Night shift", "permissions": ["campaign.see"]})
    assert "for everybody who has it" in changed.text
    with organisation.engine.connect() as connection:
        assert connection.scalar(text("select permissions from role where name = 'night_shift'")) == ["campaign.see"]
    too_much = _send(client, f"{address}/change", {"title": "Night", "permissions": ["login.edit"]})
    assert too_much.status_code == 422
    assert "It holds more than you do" in too_much.text
    assert "The role is removed" in _send(client, f"{address}/remove").text
    assert client.get(address).status_code == 404


def test_who_can_see_this_says_by_which_role_or_why_not(sign_in: SignIn, organisation: Organisation) -> None:
    client = sign_in(role="auditor", team="acme", name="Otto Auditor")
    make_person(organisation.engine, name="Bo Example", role="viewer", team="acme.billing")
    with organisation.engine.connect() as connection:
        bo = connection.scalar(text("select email from person where name = 'Bo Example'"))
    query = {"permission": "campaign.see", "team": "acme.billing", "person": bo}
    page = client.get("/rights", params=query).text
    assert "Yes: Bo Example has it." in page
    assert "By the role viewer, given for acme.billing." in page
    elsewhere = client.get("/rights", params={**query, "team": "acme.care"}).text
    assert "No: Bo Example does not have it here." in elsewhere
    assert "It is held for another team" in elsewhere
    assert client.get("/rights", params={**query, "team": "other"}).status_code == 422
    assert client.get("/rights", params={**query, "permission": "no.such"}).status_code == 422


def test_a_key_is_made_shown_once_used_rotated_and_revoked(
    sign_in: SignIn, organisation: Organisation, portal: RunningPortal
) -> None:
    client = _administrator(sign_in)
    form = {
        "name": "billing export",
        "team": "acme.billing",
        "permissions": ["campaign.see"],
        "networks": "127.0.0.0/8",
    }
    made = _send(client, "/api-keys/new", form)
    found = re.search(r"nm_[0-9a-f]{8}_[A-Za-z0-9_-]{43}", made.text)
    assert found

    def asks(key: str) -> int:
        return httpx.get(
            f"{portal.url}/v1/campaigns", headers={"Authorization": f"Bearer {key}"}, trust_env=False, timeout=30
        ).status_code

    assert asks(found[0]) == 200
    with organisation.engine.connect() as connection:
        number = connection.scalar(text("select id from api_key where name = 'billing export'"))
    page = client.get(f"/api-keys/{number}").text
    assert found[0] not in page
    assert "127.0.0.0/8" in page
    rotated = _send(client, f"/api-keys/{number}/rotate", {"hours": "0"})
    new = re.search(r"nm_[0-9a-f]{8}_[A-Za-z0-9_-]{43}", rotated.text)
    assert new
    assert (asks(found[0]), asks(new[0])) == (401, 200)
    with organisation.engine.connect() as connection:
        second = connection.scalar(text("select max(id) from api_key where name = 'billing export'"))
    assert "The key is revoked" in _send(client, f"/api-keys/{second}/revoke").text
    assert asks(new[0]) == 401


@pytest.mark.parametrize("ending", ["", "/disable", "/give", "/enable", "/invite-again", "/disable!"])
def test_who_is_of_a_team_beside_is_not_there(ending: str, sign_in: SignIn, organisation: Organisation) -> None:
    client = sign_in(role="team_administrator", team="acme.billing", name="Ada Billing")
    beside = make_person(organisation.engine, name="Cora Care", role="viewer", team="acme.care")
    there = client.get(f"/people/{beside}") if not ending else _send(client, f"/people/{beside}{ending}")
    assert there.status_code in (404, 405)
    assert "Cora" not in there.text
    assert "Cora" not in client.get("/people").text
    assert client.get("/teams/acme.care").status_code == 404
    assert "acme.care" not in client.get("/teams").text


def test_the_audit_log_shows_what_one_may_see_and_is_taken_out(sign_in: SignIn, organisation: Organisation) -> None:
    _send(_administrator(sign_in), "/people/invite", INVITATION)
    above = sign_in(role="auditor", team="acme", name="Otto Auditor")
    page = above.get("/audit", params={"action": "person.invited"}).text
    assert "Ada Administrator" in page
    beside = sign_in(role="auditor", team="acme.care", name="Cleo Care")
    assert "person.invited" not in beside.get("/audit").text
    lines = above.get("/audit/entries.jsonl", params={"action": "person.invited"}).text.splitlines()
    assert [json.loads(line)["action"] for line in lines] == ["person.invited"]
    assert "audit.exported" in above.get("/audit").text
    assert above.get("/audit", params={"since": "yesterday"}).status_code == 422


@pytest.mark.parametrize("address", ["/people", "/roles", "/rights", "/api-keys", "/teams", "/audit", "/people/1"])
def test_without_the_permission_there_is_no_such_page(address: str, sign_in: SignIn) -> None:
    client = sign_in(Permission.CAMPAIGN_SEE)
    answer = client.get(address)
    assert answer.status_code == 404
    assert "There is nothing at this address, or nothing that you may see." in answer.text


def test_the_search_finds_people_and_teams_that_one_may_see(sign_in: SignIn, organisation: Organisation) -> None:
    make_person(organisation.engine, name="Bo Billing", role="viewer", team="acme.billing")
    make_person(organisation.engine, name="Cora Billing", role="viewer", team="acme.care")
    page = _administrator(sign_in, "acme.billing").get("/search", params={"q": "bILLing"}).text
    assert "Bo Billing" in page
    assert 'href="/teams/acme.billing"' in page
    assert "Cora" not in page
    nothing = sign_in(Permission.CAMPAIGN_SEE).get("/search", params={"q": "billing"}).text
    assert "Bo Billing" not in nothing
    assert "Nothing fits" in nothing
