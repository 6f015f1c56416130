"""Logging in as the domain does it: nothing tells a wrong name from a wrong password, and policies hold."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import Engine, event, text

from nightmail.access.authentication_policy import is_strong, login_rules
from nightmail.access.logins import begin_password, check_second_factor, complete_login, finish_password, set_password
from nightmail.access.one_time_codes import new_secret, set_secret
from nightmail.access.passwords import PasswordWork
from nightmail.access.recovery_codes import make_codes
from nightmail.access.sessions import list_sessions
from nightmail.errors import NightmailError
from nightmail.settings import Settings
from tests.support.people import KEY, NOW, PASSWORD, audited, give_role, hashed, make_person, make_team

SETTINGS = Settings(data_dir=Path("unused"))
ADDRESS = "192.0.2.7"


@pytest.fixture(scope="module")
def work() -> PasswordWork:
    return PasswordWork()


def _log_in(database: Engine, work: PasswordWork, email: str, password: str, now: dt.datetime = NOW) -> int | None:
    with database.begin() as connection:
        attempt = begin_password(connection, email, ADDRESS, key=KEY, now=now)
    verdict = work.verify(attempt.stored_hash, password).result(30)
    with database.begin() as connection:
        factors = finish_password(connection, attempt, verdict, now=now)
    return None if factors is None else factors.person_id


def test_the_right_password_is_the_persons(database: Engine, work: PasswordWork) -> None:
    with database.begin() as connection:
        person = make_person(connection, "ada@acme.example")
    assert _log_in(database, work, "  ADA@Acme.Example ", PASSWORD) == person
    assert _log_in(database, work, "ada@acme.example", PASSWORD + "x") is None
    assert _log_in(database, work, "eve@acme.example", PASSWORD) is None


@pytest.mark.parametrize("state", ["invited", "disabled"])
def test_who_is_not_active_does_not_get_in(database: Engine, work: PasswordWork, state: str) -> None:
    with database.begin() as connection:
        person = make_person(connection, "ada@acme.example", state=state)
        with pytest.raises(NightmailError) as refused:
            complete_login(connection, person, ["password"], SETTINGS, address=ADDRESS, user_agent=None, now=NOW)
        assert refused.value.reason == "login_wrong"
    assert _log_in(database, work, "ada@acme.example", PASSWORD) is None


def test_a_wrong_name_costs_what_a_wrong_password_costs(database: Engine, work: PasswordWork) -> None:
    """The same statements in the same order: counted, not timed. So does a person without a password, or disabled."""
    with database.begin() as connection:
        make_person(connection, "ada@acme.example")
        make_person(connection, "passkey@acme.example", password=None)
        make_person(connection, "gone@acme.example", state="disabled")
    seen: dict[str, list[str]] = {}
    current: list[str] = []
    event.listen(database, "before_cursor_execute", lambda *given: current.append(given[2]))
    for email in ("ada@acme.example", "nobody@acme.example", "passkey@acme.example", "gone@acme.example"):
        current.clear()
        assert _log_in(database, work, email, "wrong password here") is None
        seen[email] = list(current)
    assert len({tuple(statements) for statements in seen.values()}) == 1
    assert len(seen["ada@acme.example"]) > 3


def test_names_that_nobody_has_are_slowed_down_alike(database: Engine, work: PasswordWork) -> None:
    with database.begin() as connection:
        make_person(connection, "ada@acme.example")
    waits = {}
    for email in ("ada@acme.example", "nobody@acme.example"):
        for _ in range(5):
            assert _log_in(database, work, email, "wrong") is None
        with pytest.raises(NightmailError) as wait:
            _log_in(database, work, email, "wrong")
        waits[email] = (wait.value.reason, wait.value.message, wait.value.detail)
    assert waits["ada@acme.example"] == waits["nobody@acme.example"]
    with pytest.raises(NightmailError):
        _log_in(database, work, "ada@acme.example", PASSWORD)
    assert _log_in(database, work, "ada@acme.example", PASSWORD, NOW + dt.timedelta(seconds=2)) is not None


def test_failed_logins_name_nobody_by_their_address(database: Engine, work: PasswordWork) -> None:
    with database.begin() as connection:
        person = make_person(connection, "ada@acme.example")
    _log_in(database, work, "ada@acme.example", "wrong")
    _log_in(database, work, "nobody@acme.example", "wrong")
    with database.connect() as connection:
        rows = connection.execute(
            text("select action, actor, object, cast(detail as text) as detail from audit order by id")
        ).all()
    assert [(row.action, row.actor) for row in rows] == [("person.login_failed", "visitor")] * 2
    assert rows[0].object == f"person:{person}"
    assert rows[1].object.startswith("account:")
    assert "acme.example" not in " ".join(f"{row.object} {row.detail}" for row in rows)


def test_a_password_of_earlier_parameters_is_hashed_anew_at_login(database: Engine, work: PasswordWork) -> None:
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    with database.begin() as connection:
        person = make_person(connection, "ada@acme.example")
        connection.execute(text("update person set password_hash = :hash"), {"hash": weak})
    assert _log_in(database, work, "ada@acme.example", PASSWORD) == person
    with database.connect() as connection:
        assert connection.scalars(text("select password_hash from person")).one().startswith("$argon2id$v=19$m=19456")


def test_second_factors_are_slowed_down_too(database: Engine) -> None:
    with database.begin() as connection:
        person = make_person(connection)
        secret = new_secret("x@acme.example").key
        set_secret(connection, person, secret, pyotp.TOTP(secret).at(NOW), key=KEY, now=NOW)
        codes = make_codes(connection, person, key=KEY)
    later = NOW + dt.timedelta(minutes=5)

    def check(code: str, way: str, at: dt.datetime) -> bool:
        with database.begin() as connection:
            return check_second_factor(connection, person, code, way, ADDRESS, key=KEY, now=at)

    good = pyotp.TOTP(secret).at(later)
    wrong = f"{(int(good) + 1) % 1_000_000:06d}"
    for _ in range(4):
        assert not check(wrong, "totp", later)
    assert not check("0000-0000-0000-0000", "recovery_code", later)
    with pytest.raises(NightmailError) as wait:
        check(good, "totp", later)
    assert wait.value.reason == "login_wait"
    assert check(good, "totp", later + dt.timedelta(seconds=1))
    assert check(codes[0], "recovery_code", later)
    with database.connect() as connection:
        assert audited(connection) == ["person.login_failed"] * 5


def test_what_an_organisation_demands_is_demanded(database: Engine) -> None:
    with database.begin() as connection:
        strict, single, free = (make_person(connection) for _ in range(3))
        upper = make_team(connection, "acme", '{"second_factor": true}')
        lower = make_team(connection, "acme.billing")
        other = make_team(connection, "globex", '{"single_sign_on_only": true, "reauthenticate_minutes": 2}')
        give_role(connection, strict, lower, "campaign.see")
        give_role(connection, single, other, "campaign.see")
        give_role(connection, single, upper, "campaign.see")

        def log_in(person: int, *factors: str) -> str:
            try:
                complete_login(connection, person, factors, SETTINGS, address=ADDRESS, user_agent=None, now=NOW)
            except NightmailError as error:
                return error.reason
            return "in"

        assert log_in(strict, "password") == "second_factor_demanded"
        assert log_in(strict, "password", "totp") == log_in(strict, "passkey") == log_in(strict, "provider") == "in"
        assert log_in(single, "password", "totp") == log_in(single, "passkey") == "single_sign_on_demanded"
        assert log_in(single, "provider") == "in"
        assert log_in(free, "password") == "in"
        assert login_rules(connection, single, SETTINGS).recent == dt.timedelta(minutes=2)
        give_role(connection, free, None, "campaign.see")
        assert log_in(free, "password") == "single_sign_on_demanded"


def test_a_code_alone_is_no_two_factors() -> None:
    assert not is_strong(["totp"])
    assert not is_strong(["totp", "recovery_code"])
    assert not is_strong(["password"])
    assert is_strong(["password", "recovery_code"])


def test_a_new_password_ends_every_other_session(database: Engine, work: PasswordWork) -> None:
    with database.begin() as connection:
        person = make_person(connection)
        sessions = [
            complete_login(connection, person, ["password"], SETTINGS, address=ADDRESS, user_agent=None, now=NOW).id
            for _ in range(3)
        ]
        set_password(
            connection,
            person,
            hashed("another long password"),
            actor=f"person:{person}",
            keep_session=sessions[1],
            now=NOW,
        )
        assert [each.id for each in list_sessions(connection, person, now=NOW)] == [sessions[1]]
        assert audited(connection, "password.changed", "session.ended") == ["password.changed", "session.ended"]
