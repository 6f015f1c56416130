"""The login by password as a browser without scripts has it: what gets in, what does not, and what the answers give away."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from tests.portal.conftest import Organisation, RunningPortal
from tests.support.people import PASSWORD, audited, give_role, make_person
from tests.support.portal_visitor import PortalVisitor

ADA = "ada@acme.example"


@pytest.fixture
def ada(organisation: Organisation) -> int:
    with organisation.engine.begin() as connection:
        person = make_person(connection, ADA)
        give_role(connection, person, organisation.teams["acme"], "people.see")
    return person


@pytest.fixture
def visitor(portal: RunningPortal) -> PortalVisitor:
    return PortalVisitor(portal)


def test_the_right_password_leads_to_where_one_wanted_to_go(ada: int, visitor: PortalVisitor) -> None:
    led = visitor.get("/search?q=billing")
    assert led.status_code == 303
    visitor.get(led.headers["location"])
    answer = visitor.send("/login", email=" ADA@acme.example", password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/search?q=billing")
    assert visitor.follow(answer).status_code == 200
    assert visitor.signed_in


def test_the_sessions_cookie_is_for_the_server_alone(ada: int, visitor: PortalVisitor) -> None:
    answer = visitor.log_in(ADA, PASSWORD)
    cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("nightmail_session="))
    assert {part.strip().lower() for part in cookie.split(";")[1:]} >= {"httponly", "samesite=lax", "path=/"}
    assert "domain" not in cookie.lower()


def test_over_https_the_cookie_is_bound_to_the_host(ada: int, organisation: Organisation, start_portal) -> None:
    portal = start_portal(public_url="https://portal.acme.example")
    visitor = PortalVisitor(portal, Host="portal.acme.example", Origin="https://portal.acme.example")
    answer = visitor.get("/login")
    assert answer.headers["strict-transport-security"]
    cookies = dict(each.split(";")[0].split("=", 1) for each in answer.headers.get_list("set-cookie"))
    answer = visitor.client.post(
        "/login",
        data={**visitor.hidden("/login"), "email": ADA, "password": PASSWORD},
        headers={"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())},
    )
    assert answer.status_code == 303
    cookie = next(each for each in answer.headers.get_list("set-cookie") if "__Host-nightmail=" in each)
    assert {part.strip().lower() for part in cookie.split(";")[1:]} >= {"httponly", "samesite=lax", "path=/", "secure"}
    assert "domain" not in cookie.lower()


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "/%09/evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "https:evil.example",
        "//localhost@evil.example",
        "/login?next=https://evil.example",
    ],
)
def test_nobody_is_led_to_another_site(ada: int, visitor: PortalVisitor, elsewhere: str) -> None:
    visitor.get("/login", params={"next": elsewhere})
    kept = visitor.hidden("/login")["next"]
    answer = visitor.send("/login", email=ADA, password=PASSWORD, next=elsewhere)
    assert answer.status_code == 303
    for address in (kept, answer.headers["location"]):
        assert re.match(r"/($|[^/\\])", address), address
        assert "evil.example" not in address or address.startswith("/%09/")


def test_a_wrong_name_and_a_wrong_password_are_answered_alike(
    ada: int, organisation: Organisation, portal: RunningPortal
) -> None:
    """Status, headers and body, but for what was typed; also for who is disabled, invited, or has a passkey only."""
    with organisation.engine.begin() as connection:
        make_person(connection, "gone@acme.example", state="disabled")
        make_person(connection, "new@acme.example", state="invited")
        make_person(connection, "key@acme.example", password=None)
    answers = set()
    for email in (ADA, "nobody@acme.example", "gone@acme.example", "new@acme.example", "key@acme.example"):
        visitor = PortalVisitor(portal)
        answer = visitor.log_in(email, "a wrong password of length")
        page = answer.text.replace(email, "TYPED")
        page = re.sub(r'name="csrf" value="[0-9a-f]+"', "", page)
        headers = tuple(
            sorted(
                (name, value)
                for name, value in answer.headers.items()
                if name not in ("date", "content-length", "set-cookie")
            )
        )
        answers.add((answer.status_code, headers, page))
    assert len(answers) == 1
    assert "do not fit together" in next(iter(answers))[2]


def test_what_was_typed_stays_but_for_the_password(ada: int, visitor: PortalVisitor) -> None:
    answer = visitor.log_in(ADA, "wrong one, and not shown again")
    assert answer.status_code == 422
    assert f'value="{ADA}"' in answer.text
    assert "not shown again" not in answer.text
    assert visitor.log_in("", "").status_code == 422
    assert "Type your email address." in visitor.text


def test_after_wrong_attempts_one_waits_and_is_told_how_long(ada: int, visitor: PortalVisitor) -> None:
    for _ in range(5):
        assert visitor.log_in(ADA, "wrong").status_code == 422
    answer = visitor.log_in(ADA, PASSWORD)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert "too many attempts" in visitor.text
    assert not visitor.signed_in


def test_a_token_from_before_the_login_is_worth_nothing_after_it(ada: int, visitor: PortalVisitor) -> None:
    """Fixation: whatever cookie a browser was made to carry, the login gives it another one."""
    planted = "A" * 22 + "." + "B" * 43
    visitor.carry(planted)
    visitor.log_in(ADA, PASSWORD)
    assert visitor.session not in (None, planted)
    thief = PortalVisitor(visitor.portal)
    thief.carry(planted)
    assert not thief.signed_in


def test_a_second_login_in_one_browser_ends_the_first(
    ada: int, organisation: Organisation, visitor: PortalVisitor
) -> None:
    visitor.log_in(ADA, PASSWORD)
    first = visitor.session
    assert visitor.get("/login").status_code == 303
    page = visitor.get("/").text
    csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
    assert csrf
    answer = visitor.post("/login", email=ADA, password=PASSWORD, csrf=csrf[1])
    assert answer.status_code == 303
    assert visitor.session != first
    earlier = PortalVisitor(visitor.portal)
    earlier.carry(str(first))
    assert not earlier.signed_in
    assert visitor.signed_in


def test_two_logins_at_the_same_moment_are_two_sessions(ada: int, portal: RunningPortal) -> None:
    def log_in(_: int) -> PortalVisitor:
        visitor = PortalVisitor(portal)
        visitor.log_in(ADA, PASSWORD)
        return visitor

    with ThreadPoolExecutor(4) as threads:
        visitors = list(threads.map(log_in, range(4)))
    assert all(visitor.signed_in for visitor in visitors)
    assert len({visitor.session for visitor in visitors}) == 4


def test_a_form_from_elsewhere_or_with_another_token_logs_nobody_in(ada: int, portal: RunningPortal) -> None:
    visitor, other = PortalVisitor(portal), PortalVisitor(portal)
    visitor.get("/login")
    other.get("/login")
    fields = {"email": ADA, "password": PASSWORD}
    assert visitor.post("/login", **fields).status_code == 403
    assert visitor.post("/login", **fields, csrf=other.csrf).status_code == 403
    visitor.get("/login")
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        answer = visitor.client.post("/login", data={**fields, "csrf": visitor.csrf}, headers=headers)
        assert answer.status_code == 403
    assert not visitor.signed_in


def test_logging_out_ends_the_session_on_the_server(
    ada: int, organisation: Organisation, visitor: PortalVisitor
) -> None:
    visitor.log_in(ADA, PASSWORD)
    token = visitor.session
    assert visitor.get("/logout").status_code == 405
    answer = visitor.send("/logout", at="/")
    assert answer.headers["location"] == "/login"
    assert visitor.session is None
    visitor.carry(str(token))
    assert not visitor.signed_in
    with organisation.engine.connect() as connection:
        assert audited(connection) == ["person.logged_in", "person.logged_out"]


def test_a_role_that_is_withdrawn_in_the_middle_of_a_session_is_gone_at_the_next_request(
    ada: int, organisation: Organisation, visitor: PortalVisitor
) -> None:
    visitor.log_in(ADA, PASSWORD)
    assert visitor.signed_in
    before = visitor.get("/").text
    organisation.change("delete from role_grant")
    after = visitor.get("/").text
    assert "You have no role yet" in after
    assert "You have no role yet" not in before


def test_a_stolen_token_ends_the_session_and_alerts(
    ada: int, organisation: Organisation, visitor: PortalVisitor
) -> None:
    visitor.log_in(ADA, PASSWORD)
    stolen = str(visitor.session)
    assert visitor.signed_in
    organisation.change("update person_session set rotated_at = now() - interval '20 minutes'")
    assert visitor.signed_in
    assert visitor.session != stolen
    assert visitor.signed_in
    organisation.change("update person_session set rotated_at = now() - interval '2 minutes'")
    thief = PortalVisitor(visitor.portal)
    thief.carry(stolen)
    assert not thief.signed_in
    assert not visitor.signed_in
    visitor.get("/login")
    assert "A copy of your session was used" in visitor.text
    rows = organisation.rows("select reason, subject from alert where resolved_at is null")
    assert rows == [{"reason": "session_stolen", "subject": f"person:{ada}"}]


def test_an_idle_session_says_so_at_the_login(ada: int, organisation: Organisation, visitor: PortalVisitor) -> None:
    visitor.log_in(ADA, PASSWORD)
    organisation.change("update person_session set idle_until = now() - interval '1 second'")
    answer = visitor.get("/")
    assert answer.headers["location"] == "/login?next=%2F"
    visitor.follow(answer)
    assert "You were away for a while" in visitor.text


@pytest.mark.parametrize(
    ("language", "words"), [("de", "passen nicht zusammen"), ("fr", "ne vont pas ensemble"), ("es", "no corresponden")]
)
def test_what_goes_wrong_is_said_in_the_readers_language(
    ada: int, portal: RunningPortal, language: str, words: str
) -> None:
    visitor = PortalVisitor(portal, **{"Accept-Language": language})
    visitor.log_in(ADA, "wrong")
    assert words in visitor.text


def test_what_is_kept_of_a_login_names_no_secret(ada: int, organisation: Organisation, visitor: PortalVisitor) -> None:
    visitor.log_in(ADA, PASSWORD)
    with organisation.engine.connect() as connection:
        kept = connection.scalars(text("select cast(to_jsonb(a) as text) from audit a")).all()
    assert str(visitor.session).split(".")[1] not in " ".join(kept)
    assert PASSWORD not in " ".join(kept)
    assert ADA not in " ".join(kept)
