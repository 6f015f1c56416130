"""Login by an identity provider, against a real one: npm's oidc-provider in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from sqlalchemy import text

from nightmail.access.access_links import LinkPurpose, make_link
from nightmail.access.identity_providers import get_provider, link_person, save_provider
from tests.portal.conftest import Organisation, PortalStarter, RunningPortal
from tests.support.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider, oidc_provider
from tests.support.people import PASSWORD, audited, make_person
from tests.support.portal_visitor import PortalVisitor

ADA = "ada@acme.example"
MAPPINGS = [
    {"group": "senders", "role": "dispatcher", "team": "acme.billing"},
    {"group": "auditors", "role": "auditor", "team": "acme"},
    {"group": "ghosts", "role": "ghost", "team": "acme"},
    {"group": "lost", "role": "viewer", "team": "acme.nowhere"},
]


@pytest.fixture
def portal(start_portal: PortalStarter) -> RunningPortal:
    return start_portal()


@pytest.fixture
def provider(
    portal: RunningPortal, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OidcProvider]:
    monkeypatch.setenv("TEST_OIDC_SECRET", CLIENT_SECRET)
    with oidc_provider(f"{portal.url}/login/returned") as running:
        _save(organisation, running.issuer)
        yield running


def _save(organisation: Organisation, issuer: str, **changes: Any) -> None:
    values = {"client_id": CLIENT_ID, "client_secret": "env:TEST_OIDC_SECRET", "mappings": MAPPINGS, **changes}
    with organisation.engine.begin() as connection:
        save_provider(connection, name="okta", issuer=issuer, actor="test", **values)


def _ada(organisation: Organisation, subject: str | None = "ada-1", **more: Any) -> int:
    with organisation.engine.begin() as connection:
        person = make_person(connection, ADA, **more)
        if subject is not None:
            link_person(connection, get_provider(connection, "okta"), subject, person, actor="test")
    return person


def _log_in(visitor: PortalVisitor, next_: str = "/keys") -> Any:
    return visitor.travel(visitor.get(f"/login/with/okta?next={next_}"))


def _grants(organisation: Organisation) -> set[tuple[str, str, str]]:
    rows = organisation.rows(
        "select r.name as role, t.path as team, g.origin from role_grant g join role r on r.id = g.role_id "
        "join team t on t.id = g.team_id"
    )
    return {(row["role"], row["team"], row["origin"]) for row in rows}


def test_who_is_linked_gets_in_and_holds_what_todays_groups_say(
    provider: OidcProvider, organisation: Organisation, portal: RunningPortal
) -> None:
    ada = _ada(organisation)
    provider.logs_in("ada-1", email=ADA, email_verified=True, groups=["senders", "ghosts", "lost", "unheard-of"])
    visitor = PortalVisitor(portal)
    visitor.get("/login")
    assert "Log in with okta" in visitor.text
    answer = _log_in(visitor)
    assert (answer.status_code, urlsplit(str(answer.url)).path) == (200, "/keys")
    assert _grants(organisation) == {("dispatcher", "acme.billing", "provider")}

    # The next day the provider says something else, then nothing of groups at all.
    organisation.change(
        "insert into role_grant (person_id, role_id, team_id, granted_by) select :ada, r.id, t.id, 'person:9' "
        "from role r, team t where r.name = 'viewer' and t.path = 'acme'",
        ada=ada,
    )
    provider.logs_in("ada-1", groups=["auditors"])
    _log_in(PortalVisitor(portal))
    assert _grants(organisation) == {("auditor", "acme", "provider"), ("viewer", "acme", "person")}
    provider.logs_in("ada-1")
    _log_in(PortalVisitor(portal))
    assert _grants(organisation) == {("viewer", "acme", "person")}
    with organisation.engine.connect() as connection:
        assert audited(connection, "grant.not_given") == ["grant.not_given"] * 2
        detail = connection.scalars(text("select detail from audit where action = 'person.logged_in'")).first()
    assert detail["factors"] == ["provider"]


def test_the_browser_is_sent_with_pkce_state_and_nonce(
    provider: OidcProvider, organisation: Organisation, portal: RunningPortal
) -> None:
    sent = [
        parse_qs(urlsplit(PortalVisitor(portal).get("/login/with/okta").headers["location"]).query) for _ in range(2)
    ]
    assert sent[0]["code_challenge_method"] == ["S256"]
    assert sent[0]["response_type"] == ["code"]
    assert all(sent[0][name] != sent[1][name] for name in ("state", "nonce", "code_challenge"))
    assert CLIENT_SECRET not in str(sent)


def test_nobody_is_taken_over_by_an_email_address(
    provider: OidcProvider, organisation: Organisation, portal: RunningPortal
) -> None:
    """An unknown subject with the address of a person here: refused, unless the setting says otherwise and it is verified."""
    _ada(organisation, subject=None)
    provider.logs_in("mallory", email=ADA, email_verified=True)
    visitor = PortalVisitor(portal)
    assert _log_in(visitor).status_code == 422
    assert "nobody here is linked with you" in visitor.text
    assert not visitor.signed_in
    _save(organisation, provider.issuer, link_by_email=True)
    provider.logs_in("mallory", email=ADA, email_verified=False)
    assert _log_in(PortalVisitor(portal)).status_code == 422
    provider.logs_in("ada-1", email=ADA.upper(), email_verified=True)
    assert _log_in(visitor).status_code == 200
    with organisation.engine.connect() as connection:
        assert audited(connection, "factor.added") == ["factor.added"]
    provider.logs_in("mallory", email=ADA, email_verified=True)
    organisation.change("update person set state = 'disabled'")
    assert _log_in(PortalVisitor(portal)).status_code == 422


def test_a_provider_that_is_away_leaves_the_other_ways(
    provider: OidcProvider, organisation: Organisation, portal: RunningPortal
) -> None:
    _ada(organisation)
    visitor = PortalVisitor(portal)
    provider.stop()
    answer = visitor.get("/login/with/okta")
    assert answer.status_code == 503
    assert "okta does not answer" in visitor.text
    assert "Password" in visitor.text
    assert visitor.log_in(ADA, PASSWORD).status_code == 303


def test_one_who_is_refused_there_is_not_let_in_here(
    provider: OidcProvider, organisation: Organisation, portal: RunningPortal
) -> None:
    _ada(organisation)
    provider.refuses()
    visitor = PortalVisitor(portal)
    assert _log_in(visitor).status_code == 422
    assert "was not taken" in visitor.text
    assert not visitor.signed_in


def test_an_answer_is_good_once_and_for_the_browser_that_asked(
    provider: OidcProvider, organisation: Organisation, portal: RunningPortal
) -> None:
    """Somebody else's answer, one that is replayed, one with another state: none of them logs in (login CSRF)."""
    _ada(organisation)
    provider.logs_in("ada-1")
    visitor, victim = PortalVisitor(portal), PortalVisitor(portal)
    answer = visitor.get("/login/with/okta")
    while not answer.headers.get("location", "").startswith(portal.url):
        answer = visitor.client.get(urljoin(str(answer.url), answer.headers["location"]))
    returned = answer.headers["location"]
    assert victim.get(returned).status_code == 410
    victim.get("/login/with/okta")
    assert victim.get(returned).status_code == 422
    assert not victim.signed_in
    assert visitor.get(returned).status_code == 303
    assert visitor.get(returned).status_code == 410


def test_an_invitation_is_accepted_by_a_login_there(
    provider: OidcProvider, organisation: Organisation, portal: RunningPortal
) -> None:
    ada = _ada(organisation, subject=None, state="invited", password=None)
    with organisation.engine.begin() as connection:
        token = make_link(connection, LinkPurpose.INVITATION, created_by="test", person_id=ada)
    provider.logs_in("ada-1", groups=["senders"])
    visitor = PortalVisitor(portal)
    visitor.get(f"/invitation/{token}")
    assert "Go on with okta" in visitor.text
    assert visitor.travel(visitor.get(f"/invitation/{token}/with/okta")).status_code == 200
    assert visitor.signed_in
    assert _grants(organisation) == {("dispatcher", "acme.billing", "provider")}
    assert visitor.get(f"/invitation/{token}").status_code == 410
    assert _log_in(PortalVisitor(portal)).status_code == 200


def test_one_links_and_unlinks_oneself_and_proves_it_again_there(
    provider: OidcProvider, organisation: Organisation, portal: RunningPortal
) -> None:
    _ada(organisation, subject=None)
    provider.logs_in("ada-1")
    visitor = PortalVisitor(portal)
    visitor.log_in(ADA, PASSWORD)
    assert visitor.travel(visitor.get("/me/providers/okta/link")).status_code == 200
    assert "Your account is linked" in visitor.text
    organisation.change("update person_session set authenticated_at = now() - interval '1 hour'")
    answer = visitor.travel(visitor.get("/me/password"))
    assert urlsplit(str(answer.url)).path == "/confirm-identity"
    answer = visitor.travel(visitor.get("/login/with/okta?next=/me/password"))
    assert urlsplit(str(answer.url)).path == "/me/password"
    organisation.change("update person_session set authenticated_at = now() - interval '1 hour'")
    provider.logs_in("somebody-else")
    for cookie in [each for each in visitor.client.cookies.jar if each.name.startswith("_")]:
        visitor.client.cookies.jar.clear(cookie.domain, cookie.path, cookie.name)
    visitor.travel(visitor.get("/login/with/okta?next=/me/password"))
    assert "belongs to another person" in visitor.text
    assert urlsplit(str(visitor.travel(visitor.get("/me/password")).url)).path == "/confirm-identity"


def test_where_single_sign_on_is_demanded_no_password_gets_in(
    provider: OidcProvider, organisation: Organisation, portal: RunningPortal
) -> None:
    ada = _ada(organisation)
    organisation.change("update team set settings = '{\"login\": {\"single_sign_on_only\": true}}' where path = 'acme'")
    organisation.change(
        "insert into role (name, title, permissions) values ('viewing', 'V', '{campaign.see}')",
    )
    organisation.change(
        "insert into role_grant (person_id, role_id, team_id, granted_by) select :ada, r.id, t.id, 'person:9' "
        "from role r, team t where r.name = 'viewing' and t.path = 'acme.billing'",
        ada=ada,
    )
    visitor = PortalVisitor(portal)
    assert visitor.log_in(ADA, PASSWORD).status_code == 422
    assert "demands that you log in by its identity provider" in visitor.text
    provider.logs_in("ada-1")
    assert _log_in(visitor).status_code == 200
