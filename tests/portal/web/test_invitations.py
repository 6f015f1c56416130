"""From a link to the first login, with a password, an app and recovery codes; and a password that was forgotten."""

from __future__ import annotations

import re
from typing import Any

import pyotp
import pytest
from sqlalchemy import text

from nightmail.access.access_links import LinkPurpose, make_link
from nightmail.access.first_administrator import offer_administration
from nightmail.access.people import Invitation, invite
from nightmail.access.principals import system_principal
from tests.portal.conftest import Organisation, RunningPortal
from tests.portal.web.test_account_emails import Mailbox, mailbox
from tests.support.people import PASSWORD, audited, make_person
from tests.support.portal_visitor import PortalVisitor

__all__ = ["mailbox"]

ADA = "ada@acme.example"
DETAILS = {"name": "Ada  Meyer-Œuvré 李", "language": "de", "time_zone": "Europe/Berlin", "answer": ""}
OTHER = "marzipan violet canyon otter"


@pytest.fixture
def visitor(portal: RunningPortal) -> PortalVisitor:
    return PortalVisitor(portal)


def _invited(organisation: Organisation, **more: Any) -> str:
    with organisation.engine.begin() as connection:
        values = {"email": ADA, "name": "Ada", "country": "DE", "of_age": True, "team": "acme.billing", **more}
        invitation = Invitation(**{"roles": ["viewer"], **values})
        return invite(connection, invitation, by=system_principal("root"))[1]


def _secret(visitor: PortalVisitor) -> str:
    found = re.search(r'class="typed-key">([A-Z2-7 ]+)<', visitor.page)
    assert found, visitor.text
    return found[1].replace(" ", "")


def _codes(visitor: PortalVisitor) -> list[str]:
    return re.findall(r"<code>((?:[0-9A-Z]{4}-){3}[0-9A-Z]{4})</code>", visitor.page)


def _code(secret: str, organisation: Organisation) -> str:
    """The app's code by the database's clock; codes that were used are forgotten, so that a test need not wait."""
    organisation.change("update person set totp_last_step = null")
    with organisation.engine.connect() as connection:
        return pyotp.TOTP(secret).at(connection.scalars(text("select now()")).one())


def test_an_invitation_to_a_first_login(organisation: Organisation, visitor: PortalVisitor) -> None:
    token = _invited(organisation)
    address = f"/invitation/{token}"
    for _ in range(3):
        assert visitor.get(address).status_code == 200
    assert "You were invited as ada@acme.example" in visitor.text
    wrong = visitor.send(address, **{**DETAILS, "time_zone": "Mars/Phobos", "password": "ada.meyer.2026"})
    assert wrong.status_code == 422
    assert "Choose one of the time zones." in visitor.text
    assert 'value="Ada  Meyer-Œuvré 李"' in wrong.text
    wrong = visitor.send(address, **DETAILS, password="short")
    assert "at least 12 characters" in visitor.text
    answer = visitor.send(address, **DETAILS, password=OTHER)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    page = visitor.follow(answer).text
    assert 'lang="de"' in page
    assert "Ada Meyer-Œuvré 李" in page
    assert visitor.signed_in
    again = PortalVisitor(visitor.portal)
    assert "was used before" in again.get(address).text
    assert again.log_in(ADA, OTHER).status_code == 303
    with organisation.engine.connect() as connection:
        assert audited(connection, "person.activated", "password.changed", "person.logged_in") == [
            *("person.activated", "password.changed"),
            *("person.logged_in", "person.logged_in"),
        ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("update access_link set expires_at = now()", "time of this link is over"),
        ("update access_link set used_at = now()", "was used before"),
        ("update person set state = 'disabled'", "is not valid"),
        ("update access_link set purpose = 'password'", "is not valid"),
    ],
)
def test_a_link_that_is_over_says_so_and_does_nothing(
    organisation: Organisation, visitor: PortalVisitor, change: str, words: str
) -> None:
    address = f"/invitation/{_invited(organisation)}"
    visitor.get(address)
    organisation.change(change)
    answer = visitor.send(address, **DETAILS, password=OTHER)
    assert answer.status_code == 410
    assert words in answer.text
    assert visitor.get(address).status_code == answer.status_code
    assert visitor.get("/invitation/" + "x" * 43).status_code == 410
    assert organisation.rows("select count(*) as n from person_session") == [{"n": 0}]


def test_where_a_second_factor_is_demanded_it_is_set_up_before_the_first_session(
    organisation: Organisation, visitor: PortalVisitor
) -> None:
    organisation.change("update team set settings = '{\"login\": {\"second_factor\": true}}' where path = 'acme'")
    address = f"/invitation/{_invited(organisation)}"
    answer = visitor.send(address, at=address, **DETAILS, password=OTHER)
    assert answer.headers["location"] == "/login/set-up"
    assert not visitor.signed_in
    visitor.client.headers["Accept-Language"] = "en"
    visitor.follow(answer)
    secret = _secret(visitor)
    assert "<svg" in visitor.page
    assert visitor.send("/login/set-up", code="000000").status_code == 422
    assert _secret(visitor) == secret
    assert visitor.send("/login/set-up", code=_code(secret, organisation)).status_code == 200
    codes = _codes(visitor)
    assert len(codes) == 10
    assert visitor.signed_in

    # The next login asks for the code, which is good once, or for a recovery code.
    other = PortalVisitor(visitor.portal)
    answer = other.log_in(ADA, OTHER, "/keys")
    assert answer.headers["location"] == "/login/second-factor"
    other.follow(answer)
    assert not other.signed_in
    assert other.send("/login/second-factor", code="123456").status_code == 422
    code = _code(secret, organisation)
    answer = other.send("/login/second-factor", code=f"{code[:3]} {code[3:]}")
    assert answer.headers["location"] == "/keys"
    assert other.signed_in
    replay = PortalVisitor(visitor.portal)
    replay.follow(replay.log_in(ADA, OTHER))
    assert replay.send("/login/second-factor", code=code).status_code == 422
    replay.get("/login/recovery-code")
    assert replay.send("/login/recovery-code", code=codes[0].lower()).status_code == 303
    assert replay.signed_in
    again = PortalVisitor(visitor.portal)
    again.follow(again.log_in(ADA, OTHER))
    again.get("/login/recovery-code")
    assert again.send("/login/recovery-code", code=codes[0]).status_code == 422
    for _ in range(4):
        again.send("/login/recovery-code", code="0000-0000-0000-0000")
    assert again.send("/login/recovery-code", code=codes[1]).status_code == 429


def test_a_second_step_without_the_first_is_none(organisation: Organisation, visitor: PortalVisitor) -> None:
    for path in ("/login/second-factor", "/login/recovery-code", "/login/set-up", "/login/returned"):
        assert visitor.get(path).status_code == 410
    visitor.client.cookies.set("nightmail_step", "x" * 43, domain="127.0.0.1", path="/")
    assert visitor.get("/login/second-factor").status_code == 410


def test_the_first_administrator_by_a_link_that_is_good_once(
    organisation: Organisation, visitor: PortalVisitor
) -> None:
    with organisation.engine.begin() as connection:
        token = offer_administration(connection, by="user:root")
    address = f"/first-administrator/{token}"
    details = {**DETAILS, "email": "root@acme.example", "country": "de", "password": OTHER, "language": "en"}
    wrong = visitor.send(address, at=address, **details)
    assert wrong.status_code == 422
    assert "not of age" in visitor.text
    assert visitor.send(address, **details, of_age="yes").status_code == 303
    assert visitor.signed_in
    assert organisation.rows(
        "select r.name, g.team_id, p.state, p.age_country from role_grant g join role r on r.id = g.role_id "
        "join person p on p.id = g.person_id"
    ) == [{"name": "organisation_administrator", "team_id": None, "state": "active", "age_country": "DE"}]
    assert PortalVisitor(visitor.portal).get(address).status_code == 410


def test_a_forgotten_password_is_answered_alike_for_everybody(
    organisation: Organisation,
    portal: RunningPortal,
    visitor: PortalVisitor,
    mailbox: Mailbox,
) -> None:
    with organisation.engine.begin() as connection:
        make_person(connection, ADA)
    pages = set()
    for email in (ADA, "nobody@acme.example"):
        visitor.get("/login/forgotten")
        answer = visitor.send("/login/forgotten", email=email)
        pages.add((answer.status_code, re.sub(r'value="[0-9a-f]{64}"', "", answer.text.replace(email, ""))))
    assert len(pages) == 1
    assert "a link is on its way" in visitor.text
    statuses = [visitor.send("/login/forgotten", at="/login/forgotten", email=ADA).status_code for _ in range(4)]
    assert statuses[-1] == 429
    organisation.change("update carrier_account set settings = settings || '{\"sandbox\": true}'")
    visitor.get("/login/forgotten")
    assert "No links can be sent by email here" in visitor.text
    assert "forgotten" not in visitor.get("/login").text


def test_a_new_password_by_a_link_ends_every_session_and_logs_nobody_in(
    organisation: Organisation, portal: RunningPortal, visitor: PortalVisitor
) -> None:
    with organisation.engine.begin() as connection:
        ada = make_person(connection, ADA)
        token = make_link(connection, LinkPurpose.PASSWORD, created_by="visitor", person_id=ada)
    logged_in = PortalVisitor(portal)
    logged_in.log_in(ADA, PASSWORD)
    address = f"/login/new-password/{token}"
    visitor.get(address)
    assert visitor.send(address, password="ada@acme.example1").status_code == 422
    answer = visitor.send(address, password=OTHER)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert not visitor.signed_in
    assert not logged_in.signed_in
    assert visitor.log_in(ADA, PASSWORD).status_code == 422
    assert visitor.log_in(ADA, OTHER).status_code == 303
    assert visitor.get(address).status_code == 410
