"""Codes of an app, recovery codes, links and steps: each good once, for its person, in its time."""

from __future__ import annotations

import datetime as dt
import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from sqlalchemy import Engine, text

from nightmail.access.access_links import LASTS, LinkPurpose, make_link, read_link, use_link
from nightmail.access.login_steps import StepKind, keep_step, read_step, take_step
from nightmail.access.one_time_codes import new_secret, set_secret, use_code
from nightmail.access.recovery_codes import CODES, make_codes, use_recovery_code
from nightmail.errors import NightmailError
from nightmail.privacy.sealing import seal, unseal
from tests.support.people import KEY, NOW, make_person

STEP = dt.timedelta(seconds=30)


@pytest.fixture
def person(database: Engine) -> int:
    with database.begin() as connection:
        return make_person(connection)


@pytest.fixture
def secret(database: Engine, person: int) -> str:
    key = new_secret("ada@acme.example").key
    with database.begin() as connection:
        set_secret(connection, person, key, pyotp.TOTP(key).at(NOW), key=KEY, now=NOW)
    return key


def _code(secret: str, at: dt.datetime) -> str:
    return pyotp.TOTP(secret).at(at)


def test_what_the_app_gets_is_what_rfc_6238_says() -> None:
    made = new_secret("ada@acme.example")
    address = urlsplit(made.address)
    assert (address.scheme, address.netloc, address.path) == ("otpauth", "totp", "/Nightmail:ada%40acme.example")
    assert parse_qs(address.query) == {"secret": [made.key], "issuer": ["Nightmail"]}
    assert re.fullmatch(r"[A-Z2-7]{32}", made.key)


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_one_step_around_is_taken(database: Engine, person: int, secret: str, steps: int, taken: bool) -> None:
    later = NOW + 10 * STEP
    with database.begin() as connection:
        assert use_code(connection, person, _code(secret, later + steps * STEP), key=KEY, now=later) is taken


def test_a_code_is_used_once_and_none_before_it_afterwards(database: Engine, person: int, secret: str) -> None:
    later = NOW + 10 * STEP
    with database.begin() as connection:
        assert use_code(connection, person, _code(secret, later), key=KEY, now=later)
        assert not use_code(connection, person, _code(secret, later), key=KEY, now=later)
        assert not use_code(connection, person, _code(secret, later - STEP), key=KEY, now=later)
        assert use_code(connection, person, _code(secret, later + STEP), key=KEY, now=later)


def test_the_code_that_set_the_app_up_is_used_up(database: Engine, person: int, secret: str) -> None:
    with database.begin() as connection:
        assert not use_code(connection, person, _code(secret, NOW), key=KEY, now=NOW)


def test_of_two_with_one_code_at_one_moment_one_gets_in(database: Engine, person: int, secret: str) -> None:
    later = NOW + 10 * STEP
    code = _code(secret, later)

    def attempt(_: int) -> bool:
        with database.begin() as connection:
            return use_code(connection, person, code, key=KEY, now=later)

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(attempt, range(12))).count(True) == 1


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "-12345", "0x1234", "\0" * 6])
def test_what_is_no_code_is_not_taken(database: Engine, person: int, secret: str, code: str) -> None:
    with database.begin() as connection:
        assert not use_code(connection, person, code, key=KEY, now=NOW + 10 * STEP)


def test_spaces_as_apps_show_them_do_not_matter(database: Engine, person: int, secret: str) -> None:
    later = NOW + 10 * STEP
    code = _code(secret, later)
    with database.begin() as connection:
        assert use_code(connection, person, f" {code[:3]} {code[3:]} ", key=KEY, now=later)


def test_another_persons_code_is_none(database: Engine, person: int, secret: str) -> None:
    later = NOW + 10 * STEP
    with database.begin() as connection:
        assert not use_code(connection, make_person(connection), _code(secret, later), key=KEY, now=later)


def test_the_database_alone_makes_no_codes(database: Engine, person: int, secret: str) -> None:
    """Sealed under the deployment's key, for one person: moved to another row it cannot be opened."""
    with database.begin() as connection:
        sealed = bytes(connection.scalars(text("select totp_secret from person where id = :id"), {"id": person}).one())
        assert secret.encode() not in sealed
        other = make_person(connection)
        connection.execute(
            text("update person set totp_secret = :sealed, totp_confirmed_at = now() where id = :id"),
            {"sealed": sealed, "id": other},
        )
        for person_id, key in ((other, KEY), (person, b"another key")):
            with pytest.raises(NightmailError) as error:
                use_code(connection, person_id, "123456", key=key, now=NOW)
            assert error.value.reason == "factor_unreadable"


def test_what_was_sealed_is_opened_for_its_purpose_and_context_alone() -> None:
    sealed = seal(b"value", KEY, "one", "row:1")
    assert unseal(sealed, KEY, "one", "row:1") == b"value"
    assert unseal(sealed, KEY, "two", "row:1") is None
    assert unseal(sealed, KEY, "one", "row:2") is None
    assert unseal(sealed[:-1] + bytes([sealed[-1] ^ 1]), KEY, "one", "row:1") is None
    assert unseal(b"", KEY, "one", "row:1") is None
    assert seal(b"value", KEY, "one", "row:1") != sealed


def test_recovery_codes_are_good_once_each_and_for_their_person(database: Engine, person: int) -> None:
    with database.begin() as connection:
        codes = make_codes(connection, person, key=KEY)
        assert len(set(codes)) == CODES
        assert all(re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}", code) for code in codes)
        assert not use_recovery_code(connection, make_person(connection), codes[0], key=KEY)
        assert not use_recovery_code(connection, person, codes[0], key=b"another key")
        assert use_recovery_code(connection, person, f" {codes[0].lower().replace('-', ' ')} ", key=KEY)
        assert not use_recovery_code(connection, person, codes[0], key=KEY)
        assert use_recovery_code(connection, person, codes[1].replace("1", "l").replace("0", "O"), key=KEY)
        stored = [bytes(value) for value in connection.scalars(text("select code_hash from recovery_code"))]
        assert not any(code.replace("-", "").encode() in value for code in codes for value in stored)


def test_new_recovery_codes_void_the_old_ones(database: Engine, person: int) -> None:
    with database.begin() as connection:
        old = make_codes(connection, person, key=KEY)
        make_codes(connection, person, key=KEY)
        assert not use_recovery_code(connection, person, old[3], key=KEY)


def test_a_link_is_looked_at_often_and_used_once(database: Engine, person: int) -> None:
    with database.begin() as connection:
        token = make_link(connection, LinkPurpose.PASSWORD, created_by="test", person_id=person, now=NOW)
        for _ in range(3):
            link = read_link(connection, token, LinkPurpose.PASSWORD, now=NOW)
        use_link(connection, link, now=NOW)
        for action in (
            lambda: use_link(connection, link, now=NOW),
            lambda: read_link(connection, token, LinkPurpose.PASSWORD, now=NOW),
        ):
            with pytest.raises(NightmailError) as used:
                action()
            assert used.value.reason == "access_link_used"


@pytest.mark.parametrize("purpose", list(LinkPurpose))
def test_a_link_is_over_when_its_time_is(database: Engine, person: int, purpose: LinkPurpose) -> None:
    with database.begin() as connection:
        token = make_link(connection, purpose, created_by="test", person_id=person, now=NOW)
        read_link(connection, token, purpose, now=NOW + LASTS[purpose] - STEP)
        with pytest.raises(NightmailError) as over:
            read_link(connection, token, purpose, now=NOW + LASTS[purpose])
        assert over.value.reason == "access_link_expired"


def test_a_link_is_for_its_purpose_and_a_new_one_voids_the_old(database: Engine, person: int) -> None:
    with database.begin() as connection:
        first = make_link(connection, LinkPurpose.PASSWORD, created_by="test", person_id=person, now=NOW)
        with pytest.raises(NightmailError) as wrong:
            read_link(connection, first, LinkPurpose.INVITATION, LinkPurpose.FIRST_ADMINISTRATOR, now=NOW)
        assert wrong.value.reason == "access_link_wrong"
        make_link(connection, LinkPurpose.PASSWORD, created_by="test", person_id=person, now=NOW)
        with pytest.raises(NightmailError) as used:
            read_link(connection, first, LinkPurpose.PASSWORD, now=NOW)
        assert used.value.reason == "access_link_used"


def test_a_link_of_who_was_disabled_is_none(database: Engine, person: int) -> None:
    with database.begin() as connection:
        token = make_link(connection, LinkPurpose.PASSWORD, created_by="test", person_id=person, now=NOW)
        connection.execute(text("update person set state = 'disabled'"))
        with pytest.raises(NightmailError) as wrong:
            read_link(connection, token, LinkPurpose.PASSWORD, now=NOW)
        assert wrong.value.reason == "access_link_wrong"


def test_a_step_is_taken_once_for_its_kind_in_its_time(database: Engine, person: int) -> None:
    with database.begin() as connection:
        token = keep_step(connection, StepKind.SECOND_FACTOR, {"next": "/x"}, person_id=person, now=NOW)
        assert read_step(connection, StepKind.PROVIDER, token, now=NOW) is None
        assert read_step(connection, StepKind.SECOND_FACTOR, token, now=NOW + dt.timedelta(minutes=11)) is None
        kept = read_step(connection, StepKind.SECOND_FACTOR, token, now=NOW)
        assert kept is not None
        assert (kept.person_id, kept.payload) == (person, {"next": "/x"})
        assert take_step(connection, StepKind.SECOND_FACTOR, token, now=NOW) == kept
        assert take_step(connection, StepKind.SECOND_FACTOR, token, now=NOW) is None
        assert take_step(connection, StepKind.SECOND_FACTOR, "", now=NOW) is None
