"""What an import makes of a book, against a second telling of it: row by row, with dictionaries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightmail.contacts.import_modes import Fate, ImportMode, ImportPlan, plan_import

KEY = b"k" * 32
FIELDS = ("external_id", "phone", "email", "language", "city")
_WORDS = {
    "phone": [None, "+447700900001", "+447700900002"],
    "email": [None, "ann@example.com", "bo@example.com"],
    "language": [None, "en", "fr"],
    "city": [None, "Bath", "Ulm"],
}
Person = dict[str, Any]


def _id(number: int) -> str:
    return f"{number + 1:032x}"


def _person(number: int) -> st.SearchStrategy[Person]:
    values = {name: st.sampled_from(words) for name, words in _WORDS.items()}
    return st.fixed_dictionaries(values).map(
        lambda found: {"contact_id": _id(number), "external_id": str(number), **found}
    )


def _people(most: int = 6) -> st.SearchStrategy[list[Person]]:
    numbers = st.lists(st.integers(0, 7), unique=True, max_size=most)
    return numbers.flatmap(lambda chosen: st.tuples(*(_person(number) for number in chosen)).map(list))


BOOKS = st.tuples(_people(), st.lists(st.booleans(), min_size=6, max_size=6)).map(
    lambda drawn: [{**person, "removed": gone} for person, gone in zip(*drawn, strict=False)]
)


def _table(people: list[Person], *further: str) -> pa.Table:
    names = ("contact_id", *FIELDS, *further)
    return pa.table(
        {
            name: pa.array([person.get(name) for person in people], pa.bool_() if name == "removed" else pa.string())
            for name in names
        }
    )


def _plan(book: list[Person], file: list[Person], mode: ImportMode, fields: tuple[str, ...] = FIELDS) -> ImportPlan:
    return plan_import(_table(book, "removed"), _table(file), mode, fields)


def _carried_out(plan: ImportPlan) -> list[Person]:
    """The book after an import, as a writer carries a plan out."""
    book: list[Person] = plan.book.to_pylist()
    for place in plan.removed.tolist():
        book[place]["removed"] = True
    changed = plan.rows(Fate.CHANGED)
    for row, values in zip(changed.tolist(), plan.result(Fate.CHANGED).to_pylist(), strict=True):
        book[plan.places[row]].update(values)
    for row, values in zip(plan.rows(Fate.NEW).tolist(), plan.result(Fate.NEW).to_pylist(), strict=True):
        person = {"contact_id": plan.incoming["contact_id"][row].as_py(), **values, "removed": False}
        if plan.places[row] >= 0:
            book[plan.places[row]] = person
        else:
            book.append(person)
    return book


def _told_again(book: list[Person], file: list[Person], mode: ImportMode) -> list[Person]:
    """The same, told one row after the other."""
    people = {person["contact_id"]: dict(person) for person in book}
    for row in file:
        old = people.get(row["contact_id"])
        known = old is not None and not old["removed"]
        if mode is ImportMode.REMOVE:
            if known:
                people[row["contact_id"]]["removed"] = True
        elif not known:
            if row["phone"] or row["email"]:
                people[row["contact_id"]] = {**row, "removed": False}
        elif mode is ImportMode.UPDATE:
            people[row["contact_id"]].update({name: value for name, value in row.items() if value is not None})
        elif mode is ImportMode.REPLACE:
            people[row["contact_id"]].update(row)
    if mode is ImportMode.REPLACE:
        named = {row["contact_id"] for row in file}
        for id_, person in people.items():
            person["removed"] = person["removed"] or id_ not in named
    return list(people.values())


def _sorted(people: list[Person]) -> list[Person]:
    return sorted(people, key=lambda person: str(person["contact_id"]))


@given(BOOKS, _people(), st.sampled_from(ImportMode))
def test_a_plan_is_what_each_row_on_its_own_would_do(book: list[Person], file: list[Person], mode: ImportMode) -> None:
    plan = _plan(book, file, mode)
    assert _sorted(_carried_out(plan)) == _sorted(_told_again(book, file, mode))
    counts = plan.counts()
    rows = sum(counts[name] for name in ("new", "changed", "equal", "unknown", "refused"))
    assert rows + len(plan.rows(Fate.REMOVED)) == len(file)


@given(BOOKS, _people(), st.sampled_from(ImportMode))
def test_an_import_that_comes_again_changes_nothing(book: list[Person], file: list[Person], mode: ImportMode) -> None:
    after = _carried_out(_plan(book, file, mode))
    again = _plan(after, file, mode)
    assert {name: again.counts()[name] for name in ("new", "changed", "removed")} == dict.fromkeys(
        ("new", "changed", "removed"), 0
    )
    assert _sorted(_carried_out(again)) == _sorted(after)


@given(BOOKS, _people())
def test_only_replace_and_remove_remove_and_only_whom_they_say(book: list[Person], file: list[Person]) -> None:
    known = {person["contact_id"] for person in book if not person["removed"]}
    named = {row["contact_id"] for row in file}
    gone = {
        mode: {plan.book["contact_id"][int(place)].as_py() for place in plan.removed}
        for mode in ImportMode
        for plan in [_plan(book, file, mode)]
    }
    assert gone[ImportMode.ADD] == gone[ImportMode.UPDATE] == set()
    assert gone[ImportMode.REMOVE] == known & named
    assert gone[ImportMode.REPLACE] == known - named


def _row(number: int | None = None, **values: Any) -> Person:
    id_ = "f" * 32 if number is None else _id(number)
    return {"contact_id": id_, "external_id": None if number is None else str(number), **values}


ANN = _row(1, phone="+447700900001", email="ann@example.com", language="en", city="Bath", removed=False)
BO = _row(2, phone="+447700900002", email="ann@example.com", language="fr", removed=False)


@pytest.mark.parametrize(
    ("row", "mode", "fate", "reason"),
    [
        (_row(phone="+447700900001", language="fr"), ImportMode.UPDATE, Fate.CHANGED, None),
        (_row(phone="+447700900001", language="en"), ImportMode.UPDATE, Fate.EQUAL, None),
        (_row(phone="+447700900001"), ImportMode.REMOVE, Fate.REMOVED, None),
        (_row(email="ann@example.com", language="de"), ImportMode.UPDATE, Fate.REFUSED, "import_several_contacts"),
        (_row(email="ann@example.com"), ImportMode.REMOVE, Fate.REFUSED, "import_several_contacts"),
        (
            _row(phone="+447700900001", email="ann@example.com"),
            ImportMode.UPDATE,
            Fate.REFUSED,
            "import_several_contacts",
        ),
        (_row(phone="+447700900009"), ImportMode.UPDATE, Fate.NEW, None),
        (_row(phone="+447700900009"), ImportMode.REMOVE, Fate.UNKNOWN, None),
        (_row(3, language="de"), ImportMode.UPDATE, Fate.REFUSED, "no_address"),
        (_row(1, language="de"), ImportMode.UPDATE, Fate.CHANGED, None),
        # A number of the team's own says who is meant: an address that somebody else has too makes no difference.
        (_row(3, email="ann@example.com"), ImportMode.UPDATE, Fate.NEW, None),
    ],
)
def test_who_is_meant(row: Person, mode: ImportMode, fate: Fate, reason: str | None) -> None:
    plan = _plan([ANN, BO], [row], mode)
    assert Fate(plan.fates[0]) is fate
    assert plan.refusals.get(0) == reason


def test_the_later_of_two_rows_of_one_contact_is_refused() -> None:
    rows = [_row(1, language="de"), {**_row(phone="+447700900001", language="es"), "contact_id": "e" * 32}]
    plan = _plan([ANN, BO], rows, ImportMode.UPDATE)
    assert [Fate(fate) for fate in plan.fates] == [Fate.CHANGED, Fate.REFUSED]
    assert plan.refusals == {1: "import_contact_twice"}


def test_a_refused_row_costs_nobody_their_place() -> None:
    plan = _plan([ANN, BO], [_row(1, city="Ulm"), _row(email="ann@example.com")], ImportMode.REPLACE)
    assert [Fate(fate) for fate in plan.fates] == [Fate.CHANGED, Fate.REFUSED]
    assert plan.removed.tolist() == []


def test_nobody_is_removed_for_a_row_that_the_checks_rejected() -> None:
    spared = pa.array([_id(2)])
    plan = plan_import(_table([ANN, BO], "removed"), _table([_row(1)]), ImportMode.REPLACE, FIELDS, spared)
    assert plan.removed.tolist() == []
    assert plan_import(
        _table([ANN, BO], "removed"), _table([_row(1)]), ImportMode.REPLACE, FIELDS
    ).removed.tolist() == [1]


def test_a_cell_that_cannot_be_read_says_nothing() -> None:
    """An email address with a slip of the pen in it does not cost the contact the one that is known."""
    row = _row(1, phone="+447700900001", language="en", city="Bath")
    book, file = _table([ANN], "removed"), _table([row])
    emptied = plan_import(book, file, ImportMode.REPLACE, FIELDS)
    assert emptied.result(Fate.CHANGED)["email"].to_pylist() == [None]
    unread = plan_import(book, file, ImportMode.REPLACE, FIELDS, unread={"email": np.array([True])})
    assert unread.counts()["equal"] == 1
