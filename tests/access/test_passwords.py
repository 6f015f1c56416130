"""Passwords: what is taken, what is refused, and work that is the same whoever asks."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from hypothesis import given, settings
from hypothesis import strategies as st

from nightmail.access.passwords import MOST_CHARACTERS, THREADS, WAITING, PasswordWork, check_new_password
from nightmail.errors import NightmailError
from tests.support.people import PASSWORD, hashed

WHO = {"name": "Jane Okonkwo-Meyer", "email": "jane.okonkwo@acme.example"}


@pytest.fixture(scope="module")
def work() -> PasswordWork:
    return PasswordWork()


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "password_too_short"),
        ("ﬁﬁﬁﬁﬁ", "password_too_short"),
        ("x" * 501, "password_too_long"),
        ("ﷺ" * 100, "password_too_long"),
        ("password1234", "password_common"),
        ("P4ssw0rd2026!!", "password_common"),
        ("abcabcabcabcabc", "password_common"),
        ("qwertzuiop12", "password_common"),
        ("123456789012", "password_common"),
        ("letmein" * 71, "password_common"),
        ("Sommer2026!!!", "password_common"),
        ("jane.okonkwo2026", "password_of_person"),
        ("Okonkwo-Meyer!1", "password_of_person"),
        ("acmeacmeacme1", "password_of_person"),
    ],
)
def test_what_is_tried_first_is_refused(password: str, reason: str) -> None:
    with pytest.raises(NightmailError) as refused:
        check_new_password(password, **WHO)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "password",
    [
        "violet otter canyon",
        "alllowercaseandlong marzipan",
        "дом на берегу реки зелёный",
        "青い海と白い砂浜が好きです",
        "🦊 fox and 🐻 bear walk",
        "a" + "bcdefgh ijk " * 20,
        "jane walks the violet canyon",
    ],
)
def test_no_rule_asks_for_signs_or_forbids_a_script(password: str) -> None:
    check_new_password(password, **WHO)


def test_the_same_keys_on_another_keyboard_give_the_same_password(work: PasswordWork) -> None:
    composed, decomposed = "sch\u00f6ne Gr\u00fc\u00dfe von hier", "scho\u0308ne Gru\u0308\u00dfe von hier"
    assert composed != decomposed
    stored = work.hash(composed).result(30)
    assert work.verify(stored, decomposed).result(30).fits
    assert not work.verify(stored, "schone Gruße von hier").result(30).fits


def test_a_hash_is_argon2id_with_the_stated_cost() -> None:
    assert hashed(PASSWORD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_hash_of_other_parameters_is_made_anew(work: PasswordWork) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    verdict = work.verify(weak, PASSWORD).result(30)
    assert verdict.fits
    assert verdict.new_hash is not None
    assert work.verify(verdict.new_hash, PASSWORD).result(30) == type(verdict)(True, None)
    assert work.verify(weak, "another one altogether").result(30) == type(verdict)(False, None)


@pytest.mark.parametrize("stored", [None, "", "not a hash", "$argon2id$v=19$m=19456,t=2,p=1$x$y"])
def test_where_there_is_no_hash_nothing_fits(work: PasswordWork, stored: str | None) -> None:
    assert not work.verify(stored, PASSWORD).result(30).fits


def test_a_password_beyond_the_bound_is_wrong_and_not_cut(work: PasswordWork) -> None:
    long = "ab " * (MOST_CHARACTERS // 3)
    stored = work.hash(long[:MOST_CHARACTERS]).result(30)
    assert not work.verify(stored, long[:MOST_CHARACTERS] + "and more of it").result(30).fits


def test_nobody_costs_what_somebody_costs(monkeypatch: pytest.MonkeyPatch, work: PasswordWork) -> None:
    """One hash is made in every case: counted, not timed."""
    costs = []
    real = PasswordHasher.verify
    monkeypatch.setattr(
        PasswordHasher, "verify", lambda self, stored, given: costs.append(stored[:31]) or real(self, stored, given)
    )
    for stored, password in ((None, "x"), (hashed(PASSWORD), "wrong one"), (hashed(PASSWORD), "x" * 5_000)):
        work.verify(stored, password).result(30)
    assert costs == ["$argon2id$v=19$m=19456,t=2,p=1$"] * 3


def test_a_flood_is_turned_away_and_does_not_queue_without_end() -> None:
    work = PasswordWork()
    taken = []
    with pytest.raises(NightmailError) as busy:
        taken.extend(work.verify(None, "x") for _ in range(THREADS + WAITING + 50))
    assert busy.value.reason == "logins_busy"
    assert THREADS + WAITING <= len(taken) < THREADS + WAITING + 50
    for each in taken[:4]:
        each.result(60)
    work.close()


@settings(max_examples=60)
@given(st.text(max_size=600))
def test_any_text_is_judged(password: str) -> None:
    try:
        check_new_password(password, **WHO)
    except NightmailError as error:
        assert error.reason.startswith("password_")
