"""Brute force, with a clock of the test's own: each wrong attempt makes the next one wait longer."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from nightmail.access.throttling import (
    LONGEST,
    Subject,
    account_subject,
    address_subject,
    attempt_succeeded,
    known_place_subject,
    network_of,
    take_attempt,
)
from tests.support.people import NOW

ACCOUNT = account_subject("aa")


class Attacker:
    def __init__(self, database: Engine, *subjects: Subject) -> None:
        self.database, self.subjects, self.now = database, subjects or (ACCOUNT,), NOW

    def tries(self, after_s: float = 0.0) -> int:
        self.now += dt.timedelta(seconds=after_s)
        with self.database.begin() as connection:
            return take_attempt(connection, self.subjects, now=self.now)

    def succeeds(self) -> None:
        with self.database.begin() as connection:
            attempt_succeeded(connection, self.subjects)


def test_the_wait_doubles_up_to_its_longest(database: Engine) -> None:
    attacker = Attacker(database)
    waits = []
    for _ in range(16):
        wait = attacker.tries()
        while wait:
            waits.append(wait)
            wait = attacker.tries(wait)
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900]
    assert waits[-1] == LONGEST.total_seconds()


def test_a_day_of_guessing_is_less_than_two_hundred_guesses(database: Engine) -> None:
    attacker = Attacker(database)
    guesses = 0
    while attacker.now < NOW + dt.timedelta(hours=24):
        wait = attacker.tries()
        guesses += not wait
        if wait:
            attacker.now += dt.timedelta(seconds=wait)
    assert guesses < 200


def test_an_attempt_that_waits_counts_for_nothing(database: Engine) -> None:
    attacker = Attacker(database)
    for _ in range(5):
        assert attacker.tries() == 0
    assert [attacker.tries() for _ in range(50)] == [1] * 50
    assert attacker.tries(1) == 0


def test_success_wipes_the_account(database: Engine) -> None:
    person = Attacker(database)
    for _ in range(4):
        person.tries()
    person.succeeds()
    assert [person.tries() for _ in range(5)] == [0] * 5


def test_an_account_of_ones_own_does_not_wipe_an_address(database: Engine) -> None:
    """Who may log in somewhere guesses no faster elsewhere for it."""
    address = address_subject("192.0.2.7")
    attacker, own = Attacker(database, address), Attacker(database, account_subject("own"), address)
    guesses = 0
    for _ in range(80):
        if attacker.tries() == 0:
            guesses += 1
        if own.tries() == 0:
            own.succeeds()
    assert guesses <= address.free


def test_another_address_is_another_subject_and_an_ipv6_network_is_one(database: Engine) -> None:
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2::9") != network_of("2001:db8:1:3::9")
    assert network_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert network_of("not an address") == "unknown"


def test_a_stranger_does_not_lock_a_person_out_of_a_known_place(database: Engine) -> None:
    stranger = Attacker(database, ACCOUNT)
    for _ in range(40):
        stranger.tries()
    assert stranger.tries() > 0
    assert Attacker(database, known_place_subject("aa", "192.0.2.7")).tries() == 0


def test_a_thousand_at_one_moment_are_no_way_around(database: Engine) -> None:
    def attempt(_: int) -> int:
        with database.begin() as connection:
            return take_attempt(connection, (ACCOUNT, address_subject("192.0.2.7")), now=NOW)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(attempt, range(60)))
    assert answers.count(0) == ACCOUNT.free


@pytest.mark.parametrize("shift", [dt.timedelta(days=-400), dt.timedelta(days=400)])
def test_a_clock_that_jumps_neither_frees_nor_locks_for_good(database: Engine, shift: dt.timedelta) -> None:
    attacker = Attacker(database)
    for _ in range(12):
        attacker.tries(1_000)
    attacker.now += shift
    assert attacker.tries() == 0
    assert attacker.tries() <= LONGEST.total_seconds()
