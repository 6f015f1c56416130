"""One's own page: details, factors, sessions; what is delicate asks again who one is."""

from __future__ import annotations

from urllib.parse import urlsplit

import pyotp
import pytest
from sqlalchemy import text

from tests.portal.conftest import Organisation, RunningPortal
from tests.portal.web.test_invitations import ADA, OTHER, _code, _codes, _secret
from tests.support.people import PASSWORD, audited, make_person
from tests.support.portal_visitor import PortalVisitor


@pytest.fixture
def me(organisation: Organisation, portal: RunningPortal) -> PortalVisitor:
    with organisation.engine.begin() as connection:
        make_person(connection, ADA)
    visitor = PortalVisitor(portal)
    visitor.log_in(ADA, PASSWORD)
    return visitor


def test_name_language_and_zone_are_changed(me: PortalVisitor) -> None:
    me.get("/me")
    answer = me.send("/me", name="Ada Lovelace-Ŵ", language="fr", time_zone="America/Lima")
    assert answer.status_code == 303
    page = me.follow(answer).text
    assert 'lang="fr"' in page
    assert "Ada Lovelace-Ŵ" in page
    assert me.send("/me", name="x" * 500, language="fr", time_zone="America/Lima").status_code == 422
    assert me.send("/me", name="A", language="fr", time_zone="Nowhere/Atall").status_code == 422
    assert me.send("/me", name="\u202eevil", language="xx", time_zone="UTC").status_code == 422


def test_sessions_are_listed_and_ended_by_their_owner_alone(
    me: PortalVisitor, organisation: Organisation, portal: RunningPortal
) -> None:
    with organisation.engine.begin() as connection:
        make_person(connection, "bob@acme.example")
    bob, there, elsewhere = PortalVisitor(portal), PortalVisitor(portal), PortalVisitor(portal)
    bob.log_in("bob@acme.example", PASSWORD)
    for other in (there, elsewhere):
        other.client.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        other.log_in(ADA, PASSWORD)
    me.get("/me")
    assert me.text.count("Firefox, Linux") == 2 * 2
    sessions = organisation.rows(
        "select s.id, p.email from person_session s join person p on p.id = s.person_id order by s.id"
    )
    of_bob = next(row["id"] for row in sessions if row["email"] != ADA)
    assert me.post(f"/me/sessions/{of_bob}/end", csrf=me.csrf).status_code == 404
    me.get("/me")
    assert me.send(f"/me/sessions/{sessions[2]['id']}/end").status_code == 303
    assert not there.signed_in
    assert elsewhere.signed_in
    me.get("/me")
    assert me.send("/me/sessions/end-others").status_code == 303
    assert not elsewhere.signed_in
    assert bob.signed_in
    assert me.signed_in
    me.get("/me")
    assert me.send(f"/me/sessions/{sessions[0]['id']}/end").headers["location"] == "/login"
    assert not me.signed_in


def test_what_is_delicate_asks_again_who_one_is(me: PortalVisitor, organisation: Organisation) -> None:
    assert me.get("/me/password").status_code == 200
    organisation.change("update person_session set authenticated_at = now() - interval '11 minutes'")
    for path in ("/me/password", "/me/app"):
        assert me.get(path).headers["location"].startswith("/confirm-identity?next=%2Fme%2F")
    me.get("/me")
    for path in (
        "/me/password",
        "/me/app",
        "/me/recovery-codes",
        "/me/passkeys/options",
        "/me/passkeys",
        "/me/app/remove",
    ):
        answer = me.post(path, csrf=me.csrf, password=OTHER)
        assert (answer.status_code, urlsplit(answer.headers["location"]).path) == (303, "/confirm-identity")
    me.get("/confirm-identity?next=/me/password")
    assert me.send("/confirm-identity", password="not it").status_code == 422
    before = me.session
    answer = me.send("/confirm-identity", password=PASSWORD)
    assert answer.headers["location"] == "/me/password"
    assert me.follow(answer).status_code == 200
    assert me.session != before
    with organisation.engine.connect() as connection:
        assert audited(connection, "person.proved_again", "person.login_failed") == [
            "person.login_failed",
            "person.proved_again",
        ]


def test_a_new_password_keeps_this_session_and_ends_the_others(me: PortalVisitor, portal: RunningPortal) -> None:
    other = PortalVisitor(portal)
    other.log_in(ADA, PASSWORD)
    me.get("/me/password")
    assert me.send("/me/password", password="123456789012").status_code == 422
    assert me.send("/me/password", password=OTHER).status_code == 303
    assert me.signed_in
    assert not other.signed_in
    assert other.log_in(ADA, PASSWORD).status_code == 422
    assert other.log_in(ADA, OTHER).status_code == 303


def test_an_app_is_set_up_asked_for_and_removed(
    me: PortalVisitor, organisation: Organisation, portal: RunningPortal
) -> None:
    me.get("/me/app")
    secret = _secret(me)
    assert me.send("/me/app", code="999999").status_code == 422
    assert me.send("/me/app", code=_code(secret, organisation)).status_code == 200
    codes = _codes(me)
    assert len(codes) == 10
    other = PortalVisitor(portal)
    assert other.log_in(ADA, PASSWORD).headers["location"] == "/login/second-factor"
    organisation.change("update person_session set authenticated_at = now() - interval '11 minutes'")
    me.get("/confirm-identity")
    assert me.send("/confirm-identity", password=PASSWORD, code="000000").status_code == 422
    assert me.send("/confirm-identity", password=PASSWORD, code=_code(secret, organisation)).status_code == 303
    me.get("/me")
    me.send("/me/recovery-codes")
    assert len(set(_codes(me)) & set(codes)) == 0
    me.get("/me")
    assert "10 are left" in me.text
    assert me.follow(me.send("/me/app/remove")).status_code == 200
    assert "was removed" in me.text
    assert other.log_in(ADA, PASSWORD).headers["location"] == "/"
    with organisation.engine.connect() as connection:
        assert audited(connection, "factor.added", "factor.removed") == [
            "factor.added",
            "factor.added",
            "factor.removed",
        ]
        kept = connection.scalars(text("select cast(to_jsonb(a) as text) from audit a")).all()
    assert secret not in " ".join(kept)
    assert pyotp.TOTP(secret).now() not in " ".join(kept)


def test_the_last_way_in_and_what_is_demanded_stay(me: PortalVisitor, organisation: Organisation) -> None:
    me.get("/me/app")
    me.send("/me/app", code=_code(_secret(me), organisation))
    organisation.change("update team set settings = '{\"login\": {\"second_factor\": true}}' where path = 'acme'")
    organisation.change("insert into role (name, title, permissions) values ('seeing', 'S', '{campaign.see}')")
    organisation.change(
        "insert into role_grant (person_id, role_id, team_id, granted_by) "
        "select p.id, r.id, t.id, 'test' from person p, role r, team t where r.name = 'seeing' and t.path = 'acme.care'"
    )
    organisation.change("update person_session set factors = '{password,totp}'")
    me.get("/me")
    me.follow(me.send("/me/app/remove"))
    assert "It is the last way by which you can log in, or what your organisation demands" in me.text
    assert organisation.rows("select totp_confirmed_at is not null as there from person") == [{"there": True}]
