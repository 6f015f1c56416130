"""Which pairs of names are proposed as one person, and which are not; and how much is compared for it."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightmail.contacts import duplicates
from nightmail.contacts.duplicates import Proposal, mailboxes, named, near_names, number_ends
from nightmail.contacts.name_likeness import are_alike, name_words, sound_of

MAY = dt.date(1990, 5, 17)


@dataclass
class Someone:
    """A contact as its row is read."""

    id: int
    name: str
    birth_date: dt.date | None = None
    addresses: list[str] = field(default_factory=list)


def _pair(one: str, other: str, *also: object) -> list[Proposal]:
    """What is proposed of two; each of ``also`` is a day of birth of both, or addresses of the one and of the other."""
    people = [Someone(1, one), Someone(2, other)]
    for each in also:
        for person, value in zip(people, each if isinstance(each, tuple) else (each, each), strict=True):
            if isinstance(value, dt.date):
                person.birth_date = value
            elif value is not None:
                person.addresses.append(str(value))
    return near_names(named(people))


END = ("+447700900123", "+357700900123")
OTHER_NUMBERS = ("+447700900123", "+447700900999")
MAILBOX = ("john.smith@example.com", "johnsmith+shop@example.org")
PROPOSED = {
    "one letter, and the end of a number": ("Jon Smyth", "John Smith", END),
    "one letter, and the name of a mailbox": ("Jon Smyth", "John Smith", MAILBOX),
    "one letter, and the day of birth": ("Jon Smyth", "John Smith", MAY),
    "the words turned": ("Zoë Müller", "Müller Zoë"),
    "umlauts as two letters": ("Jürgen Müller", "Juergen Mueller"),
    "umlauts without dots": ("Jürgen Müller", "Jurgen Muller"),
    "sharp s": ("Hans Strauß", "Hans Strauss"),
    "capitals": ("ANNA SCHMIDT", "Anna Schmidt"),
    "the same sound": ("Anna Schmidt", "Anna Schmitt"),
    "the same sound at the beginning": ("Katharina Meier", "Catharina Meier"),
    "the same sound, and a day of birth": ("Stefan Maier", "Stephan Meyer", MAY),
    "a second name, and a day of birth": ("Anna Maria Schmidt", "Anna Schmidt", MAY),
    "an initial, and a mailbox": ("J. Smith", "John Smith", MAILBOX),
    "a day of birth with day and month exchanged": (
        "Anna Schmidt",
        "Anna Schmidt",
        (dt.date(1990, 5, 7), dt.date(1990, 7, 5)),
    ),
    "a day of birth with one digit mistyped": ("Anna Schmidt", "Anna Schmidt", (MAY, dt.date(1990, 5, 18))),
    "a double name with and without hyphen": ("Anna Meyer-Schulz", "Anna Meyer Schulz"),
    "accents": ("Željko Đurić", "Zeljko Đuric"),
    "another script": ("Мария Иванова", "Иванова Мария"),
}
NOT_PROPOSED = {
    "other names": ("Anna Schmidt", "Ben Schwarz", MAY),
    "other names with one initial": ("Anna Schmidt", "Hanna Schwarz", MAY),
    "a couple at one number": ("John Smith", "Jane Smith", END),
    "a couple with one mailbox": ("Ben Schulz", "Eva Schulz", ("schulz@example.com", "schulz@example.org")),
    "a given name's other form": ("Maria Garcia", "Mario Garcia", END),
    "a given name's longer form": ("Paul Weber", "Paula Weber", END),
    "a given name's other form, twins": ("Andrea Rossi", "Andreo Rossi", MAY),
    "the same name, born on other days": ("Anna Schmidt", "Anna Schmidt", (MAY, dt.date(1951, 1, 30))),
    "one letter, and nothing else": ("Jon Smyth", "Joan Smithe"),
    "other numbers": ("Tim Baker", "Tom Becker", OTHER_NUMBERS),
    "an office's mailbox": ("Ana Costa", "Anton Kost", ("office@example.com", "office@example.org")),
    "a first name alone": ("Anna", "Hanna"),
    "father and son": ("Karl Otto Weber", "Karl Emil Weber", END),
}


@pytest.mark.parametrize("pair", PROPOSED.values(), ids=PROPOSED)
def test_is_proposed(pair: tuple[object, ...]) -> None:
    """In either order of reading."""
    one, other, *also = pair
    (found,) = _pair(str(one), str(other), *also)
    assert (found.first_id, found.second_id, found.why) == (1, 2, "near_name")
    turned = [each[::-1] if isinstance(each, tuple) else each for each in also]
    assert _pair(str(other), str(one), *turned) == [found]


@pytest.mark.parametrize("pair", NOT_PROPOSED.values(), ids=NOT_PROPOSED)
def test_is_not_proposed(pair: tuple[object, ...]) -> None:
    one, other, *also = pair
    assert _pair(str(one), str(other), *also) == []


def test_what_two_have_in_common_is_said_and_comes_first() -> None:
    found = near_names(
        named(
            [
                Someone(1, "Jon Smyth", MAY, ["+447700900123", "john.smith@example.com"]),
                Someone(2, "John Smith", MAY, ["+357700900123", "johnsmith@example.org"]),
                Someone(3, "Anna Schmidt"),
                Someone(4, "Anna Schmitt"),
            ]
        )
    )
    assert [(each.first_id, each.second_id, each.also) for each in found] == [
        (1, 2, ("number_end", "mailbox", "birth_date")),
        (3, 4, ()),
    ]
    assert found[0].likeness > 90 > found[1].likeness


@given(st.text(max_size=30), st.text(max_size=30))
def test_likeness_does_not_depend_on_which_comes_first(one: str, other: str) -> None:
    first, second = name_words(one), name_words(other)
    for alone in (True, False):
        assert are_alike(first, second, alone=alone) == are_alike(second, first, alone=alone)
    assert are_alike(first, first, alone=True)
    assert all(sound_of(word) for word in first)


def test_what_many_share_says_nothing_of_two() -> None:
    """The number of a switchboard: nobody is compared because of it."""
    people = [Someone(number, f"Jon{'a' * number} Smith", None, ["+357700900123"]) for number in range(2, 40)]
    assert all(each.also == () for each in near_names(named(people), most=10_000))
    assert (number_ends(["+49301234567", "a@example.com"]), mailboxes(["office@example.com", "a.b@example.com"])) == (
        ("1234567",),
        (),
    )


def test_the_work_grows_with_the_contacts_and_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of one name: each is compared with few of them; and with a budget of nothing, with none."""
    people = [Someone(number, "Anna Schmidt", None, []) for number in range(3_000)]
    assert len(near_names(named(people), most=10**9)) <= 3_000 * duplicates.NEIGHBOURS
    monkeypatch.setattr(duplicates, "MOST_COMPARED", 0)
    assert near_names(named(people)) == []


def test_a_duplicate_is_found_among_many() -> None:
    chance = random.Random(7)
    given, family = ("Anna", "Ben", "Carla", "David", "Emil"), ("Weber", "Schulz", "Koch", "Wolf", "Krause")
    people = [Someone(n, f"{chance.choice(given)} {chance.choice(family)}{n}") for n in range(5_000)]
    people += [
        Someone(9_001, "Jon Smyth", None, ["+447700900123"]),
        Someone(9_002, "John Smith", None, ["+357700900123"]),
    ]
    found = near_names(named(people))
    assert (found[0].first_id, found[0].second_id) == (9_001, 9_002)
