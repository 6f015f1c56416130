"""Sessions: only the token that was given last counts, a copy shows, and every limit holds by the clock."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from nightmail.access.authentication_policy import login_rules
from nightmail.access.sessions import (
    GRACE,
    ROTATED_AFTER,
    LookUp,
    end_session,
    end_sessions,
    find_session,
    list_sessions,
    proved_again,
    rotate_soon,
    start_session,
)
from nightmail.settings import Settings
from tests.support.people import NOW, audited, give_role, make_person, make_team

SECOND = dt.timedelta(seconds=1)
MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
SETTINGS = Settings(data_dir=Path("unused"), session_idle_minutes=60, session_hours=12, reauthenticate_minutes=10)


class Browser:
    """A cookie jar with one cookie, at a time of its own."""

    def __init__(self, database: Engine, person_id: int, factors: tuple[str, ...] = ("password",)) -> None:
        self.database = database
        self.person_id = person_id
        self.now = NOW
        with database.begin() as connection:
            rules = login_rules(connection, person_id, SETTINGS)
            self.session_id, self.token = start_session(
                connection, person_id, factors=factors, rules=rules, address="192.0.2.7", user_agent="Test", now=NOW
            )

    def asks(self, after: dt.timedelta = SECOND, *, token: str | None = None, takes: bool = True) -> LookUp:
        """A request so much later; the browser takes the new token unless the answer is lost."""
        self.now += after
        with self.database.begin() as connection:
            found = find_session(connection, token or self.token, SETTINGS, now=self.now)
        if found.new_token and takes:
            self.token = found.new_token
        return found


@pytest.fixture
def person(database: Engine) -> int:
    with database.begin() as connection:
        return make_person(connection)


@pytest.fixture
def browser(database: Engine, person: int) -> Browser:
    return Browser(database, person)


def test_a_session_is_whose_it_is(browser: Browser) -> None:
    found = browser.asks()
    assert found.session is not None
    assert found.session.person_id == browser.person_id
    assert found.session.name == "Ada Meyer"
    assert found.new_token is None


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b",
        "'; drop table person;--",
        # Of the right form, and nobody's.
        f"{'A' * 22}.{'B' * 43}",
        "\0" * 66,
        "é" * 66,
    ],
)
def test_a_token_that_a_visitor_makes_up_is_nothing(browser: Browser, token: str) -> None:
    assert browser.asks(token=token or " ") == LookUp(None)
    assert browser.asks().session is not None


def test_the_database_keeps_no_token(browser: Browser, database: Engine) -> None:
    family, secret = browser.token.split(".")
    with database.connect() as connection:
        row = connection.execute(text("select * from person_session")).one()
    stored = b" ".join(bytes(value) for value in row if isinstance(value, bytes | memoryview))
    assert family.encode() not in stored
    assert secret.encode() not in stored


def test_two_logins_are_two_families(database: Engine, person: int) -> None:
    """A token that was known before a login says nothing about the one after it."""
    first, second = Browser(database, person), Browser(database, person)
    assert first.token.split(".")[0] != second.token.split(".")[0]
    assert first.session_id != second.session_id


def test_a_token_is_new_after_its_time(browser: Browser) -> None:
    old = browser.token
    browser.asks()
    assert browser.asks(ROTATED_AFTER).session is not None
    assert browser.token != old
    assert browser.token.split(".")[0] == old.split(".")[0]
    assert browser.asks().session is not None


def test_requests_under_way_keep_the_token_that_they_left_with(browser: Browser) -> None:
    old = browser.token
    browser.asks()
    browser.asks(ROTATED_AFTER)
    browser.asks()
    assert browser.asks(GRACE - 2 * SECOND, token=old).session is not None


def test_a_token_that_was_rotated_away_shows_a_copy(browser: Browser, database: Engine) -> None:
    """Whoever comes with it, thief or owner: the session is over for both."""
    old = browser.token
    browser.asks()
    browser.asks(ROTATED_AFTER)
    browser.asks()
    found = browser.asks(GRACE + SECOND, token=old)
    assert (found.session, found.stolen_now, found.person_id) == (None, True, browser.person_id)
    later = browser.asks()
    assert (later.session, later.ended, later.stolen_now) == (None, "stolen", False)
    with database.connect() as connection:
        assert audited(connection) == ["session.stolen"]


def test_a_copy_shows_however_often_the_thief_has_rotated(browser: Browser) -> None:
    """The thief works through the night, the owner comes back in the morning with a token from long ago."""
    owners = browser.token
    for _ in range(5):
        browser.asks(ROTATED_AFTER)
        browser.asks()
    assert browser.asks(token=owners).stolen_now


def test_an_answer_that_was_lost_is_no_theft(browser: Browser) -> None:
    """The new token never reached the browser: the old one goes on until another has arrived."""
    browser.asks()
    lost = browser.asks(ROTATED_AFTER, takes=False)
    assert lost.new_token is not None
    again = browser.asks(GRACE + MINUTE)
    assert again.session is not None
    assert again.new_token is not None
    assert browser.asks().session is not None
    assert browser.asks(token=lost.new_token).stolen_now


def test_of_two_requests_at_one_moment_one_takes_the_new_token(browser: Browser) -> None:
    browser.asks()
    token = browser.token
    first = browser.asks(ROTATED_AFTER, token=token)
    second = browser.asks(dt.timedelta(0), token=token)
    assert first.new_token is not None
    assert second.session is not None
    assert second.new_token is None


def test_a_change_of_rights_rotates_at_the_next_request(browser: Browser, database: Engine) -> None:
    browser.asks()
    with database.begin() as connection:
        rotate_soon(connection, browser.person_id)
    assert browser.asks().new_token is not None
    assert browser.asks().new_token is None


def test_proving_again_rotates_and_is_fresh_for_its_time(browser: Browser, database: Engine) -> None:
    before = browser.asks(11 * MINUTE).session
    assert before is not None
    assert before.recent_until < browser.now
    with database.begin() as connection:
        proved_again(connection, browser.session_id, ["totp"], now=browser.now)
    after = browser.asks()
    assert after.new_token is not None
    assert after.session is not None
    assert after.session.recent_until > browser.now
    assert after.session.factors == ("password", "totp")


def test_an_idle_session_ends_and_one_in_use_does_not(browser: Browser) -> None:
    for _ in range(5):
        assert browser.asks(50 * MINUTE).session is not None
    found = browser.asks(61 * MINUTE)
    assert (found.session, found.ended) == (None, "idle")


def test_no_use_keeps_a_session_beyond_its_whole_time(browser: Browser) -> None:
    while browser.now < NOW + 11.5 * HOUR:
        assert browser.asks(30 * MINUTE).session is not None
    found = browser.asks(31 * MINUTE)
    assert (found.session, found.ended) == (None, "expired")


def test_a_team_shortens_what_the_deployment_allows(database: Engine, person: int) -> None:
    with database.begin() as connection:
        make_team(connection, "acme", '{"idle_minutes": 10, "session_hours": 1}')
        give_role(connection, person, make_team(connection, "acme.billing"), "campaign.see")
    browser = Browser(database, person)
    assert browser.asks(9 * MINUTE).session is not None
    assert browser.asks(11 * MINUTE).ended == "idle"
    browser = Browser(database, person)
    for _ in range(6):
        assert browser.asks(9 * MINUTE).session is not None
    assert browser.asks(7 * MINUTE).ended == "expired"


def test_a_rule_that_is_made_stricter_ends_sessions_that_do_not_keep_it(database: Engine, person: int) -> None:
    with database.begin() as connection:
        team = make_team(connection, "acme")
        give_role(connection, person, team, "campaign.see")
    weak, strong = Browser(database, person), Browser(database, person, ("password", "totp"))
    assert weak.asks().session is not None
    with database.begin() as connection:
        connection.execute(text('update team set settings = \'{"login": {"second_factor": true}}\''))
    assert weak.asks(2 * MINUTE).ended == "rules"
    assert strong.asks(2 * MINUTE).session is not None


def test_who_is_disabled_is_out_at_once(browser: Browser, database: Engine) -> None:
    assert browser.asks().session is not None
    with database.begin() as connection:
        connection.execute(text("update person set state = 'disabled'"))
    assert browser.asks().session is None


def test_sessions_are_listed_and_ended(database: Engine, person: int) -> None:
    here, there, gone = Browser(database, person), Browser(database, person), Browser(database, person)
    with database.begin() as connection:
        assert {each.id for each in list_sessions(connection, person, now=NOW)} == {
            here.session_id,
            there.session_id,
            gone.session_id,
        }
        assert end_session(connection, gone.session_id, ended_by="person:99", now=NOW)
        assert not end_session(connection, gone.session_id, ended_by="person:99", now=NOW)
        assert end_sessions(connection, person, ended_by=f"person:{person}", but=here.session_id, now=NOW) == 1
        assert [each.id for each in list_sessions(connection, person, now=NOW)] == [here.session_id]
        assert audited(connection) == ["session.ended", "session.ended"]
    assert gone.asks().ended == "person:99"
    assert there.asks().session is None
    assert here.asks().session is not None
