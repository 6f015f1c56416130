"""Rules of segments: what is refused, how they read, and that the database means by them what plain Python does."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from nightmail.contacts.scopes import groups_of
from nightmail.contacts.segment_reading import DEEPEST, MOST_CONDITIONS, Vocabulary, read_rule
from nightmail.contacts.segment_rules import (
    TAKES,
    TESTS_OF_KIND,
    TESTS_OF_SUBJECT,
    AllOf,
    AnyOf,
    Condition,
    Kind,
    Not,
    Subject,
    Takes,
    Test,
    as_json,
)
from nightmail.contacts.segment_sentences import rule_sentence, texts
from nightmail.contacts.segment_sql import Moment, Parameters, rule_condition, years_before
from nightmail.errors import UsageError
from tests.contacts.rule_cases import Known, meets
from tests.contacts.rule_people import ATTRIBUTES, NOW, TEXTS, fill, people_of_every_kind

FIELDS = {
    "external_id": Kind.TEXT,
    "email": Kind.ADDRESS,
    "country": Kind.COUNTRY,
    "time_zone": Kind.ZONE,
    "birth_date": Kind.DATE,
}
WORDS = Vocabulary(
    fields=FIELDS,
    attributes=ATTRIBUTES,
    categories=frozenset({"billing", "newsletter"}),
    groups=frozenset({"board"}),
    zones=frozenset({"Europe/Berlin", "Asia/Tokyo"}),
)
MOMENT = Moment(NOW, NOW.date())


def condition(on: str, test: str, value: Any = None, name: str | None = None) -> dict[str, Any]:
    return {"on": on, "test": test, **({"name": name} if name else {}), **({} if value is None else {"value": value})}


NESTED: dict[str, Any] = condition("tag", "has", name="x")
for _ in range(DEEPEST):
    NESTED = {"not": NESTED}

REFUSED: dict[str, tuple[Any, str, str]] = {
    "no object": ([], "segment_rule_invalid", "the rule"),
    "an unknown key": ({"on": "age", "test": "at_least", "value": 3, "x": 1}, "segment_rule_invalid", "the rule"),
    "two ways at once": ({"all": [], "any": []}, "segment_rule_invalid", "the rule"),
    "all of no list": ({"all": {}}, "segment_rule_invalid", "all"),
    "any of nothing": ({"any": []}, "segment_rule_invalid", "any"),
    "no subject": ({"all": [{"test": "has"}]}, "segment_rule_invalid", "all[0].on"),
    "an unknown test": ({"not": condition("age", "over", 3)}, "segment_rule_invalid", "not.test"),
    "a test of another type": (condition("field", "at_least", 3, "country"), "segment_rule_invalid", "test"),
    "an address compared": (condition("field", "is_one_of", "a@b.example", "email"), "segment_rule_invalid", "test"),
    "a field that is none": (condition("field", "known", name="shoe"), "segment_name_unknown", "name"),
    "an attribute of nobody": (condition("attribute", "known", name="shoe"), "segment_name_unknown", "name"),
    "an unknown category": (condition("consent", "given", name="shoes"), "segment_name_unknown", "name"),
    "an unknown category of messages": (
        condition("messages", "sent_in_last_days", 3, "x"),
        "segment_name_unknown",
        "name",
    ),
    "an unknown group": (condition("group", "has", name="x"), "segment_name_unknown", "name"),
    "an unknown channel": (condition("channel", "preferred", name="fax"), "segment_name_unknown", "name"),
    "a zone that does not exist": (
        {"any": [condition("field", "is_one_of", ["Europe/Berlin", "Mars/Base"], "time_zone")]},
        "segment_zone_unknown",
        "any[0].value[1]",
    ),
    "a country in words": (condition("field", "is_one_of", "Germany", "country"), "segment_rule_invalid", "value[0]"),
    "a number in words": (condition("attribute", "at_least", "ten", "balance"), "segment_rule_invalid", "value"),
    "a number that is a truth": (condition("attribute", "at_least", True, "balance"), "segment_rule_invalid", "value"),
    "no number": (condition("attribute", "at_least", float("nan"), "balance"), "segment_rule_invalid", "value"),
    "a number beyond all": (condition("attribute", "at_least", "1e999999", "balance"), "segment_rule_invalid", "value"),
    "a day that is none": (
        condition("attribute", "on_or_after", "2026-02-30", "since"),
        "segment_rule_invalid",
        "value",
    ),
    "days without end": (condition("attribute", "in_last_days", 10**9, "since"), "segment_rule_invalid", "value"),
    "an empty list": (condition("attribute", "is_one_of", [], "tariff"), "segment_rule_invalid", "value"),
    "an empty text": (condition("attribute", "is_one_of", [""], "tariff"), "segment_rule_invalid", "value[0]"),
    "a zero byte": (condition("tag", "has", name="a\0b"), "segment_rule_invalid", "name"),
    "a value too many": (condition("tag", "has", "x", "vip"), "segment_rule_invalid", "value"),
    "a name too many": (condition("age", "at_least", 3, "years"), "segment_rule_invalid", "name"),
    "too deep": (NESTED, "segment_rule_invalid", ".".join(["not"] * DEEPEST)),
    "too many parts": (
        {"all": [condition("tag", "has", name="x")] * (MOST_CONDITIONS + 1)},
        "segment_rule_invalid",
        "all",
    ),
    "too many conditions": (
        {"all": [{"all": [condition("tag", "has", name="x")] * 60}] * 2},
        "segment_rule_invalid",
        "all[1].all[40]",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_named_with_its_place(case: str) -> None:
    written, reason, place = REFUSED[case]
    with pytest.raises(UsageError) as refused:
        read_rule(written, WORDS)
    assert (refused.value.reason, refused.value.fields["place"]) == (reason, place)
    assert refused.value.remedy


SENTENCES = {
    "everybody": {"all": []},
    "the country is DE or AT, and (balance is at least 100.5 or they have the tag vip)": {
        "all": [
            condition("field", "is_one_of", ["DE", "AT"], "country"),
            {"any": [condition("attribute", "at_least", 100.5, "balance"), condition("tag", "has", name="vip")]},
        ]
    },
    "it is not so that (they agreed to newsletter by email, and no message was sent to them in the last 7 days)": {
        "not": {
            "all": [
                condition("consent", "given", "email", "newsletter"),
                condition("messages", "not_sent_in_last_days", 7),
            ]
        }
    },
    "they opened a message of the last 30 days, in the category billing": condition(
        "messages", "opened_in_last_days", 30, "billing"
    ),
    "tariff is {0} or 100% %s": condition("attribute", "is_one_of", ["{0}", "100% %s"], "tariff"),
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_rule_reads_as_a_sentence(sentence: str) -> None:
    assert rule_sentence(read_rule(SENTENCES[sentence], WORDS)) == sentence


def test_a_sentence_is_made_of_texts_that_can_be_translated() -> None:
    """Every pattern that a sentence of any rule uses is among those that are given to translators."""
    known = set(texts())
    asked: set[str] = set()

    def translate(pattern: str) -> str:
        asked.add(pattern)
        return pattern

    for test, subject in itertools.product(Test, Subject):
        if test in TESTS_OF_SUBJECT.get(subject, ()):
            rule_sentence(AllOf((Not(Condition(subject, "x", test, ("y",))),)), translate)
    for name, kind in FIELDS.items():
        for test in TESTS_OF_KIND[kind]:
            rule_sentence(AnyOf((Condition(Subject.FIELD, name, test, ("a", "b")), AllOf(()))), translate)
    assert asked <= known


def test_the_page_on_lists_names_all_that_a_rule_may_say() -> None:
    page = (Path(__file__).parents[2] / "docs" / "lists.md").read_text(encoding="utf-8")
    assert [each for each in (*Subject, *Test) if f"`{each}`" not in page] == []


def test_a_day_some_years_before_is_there_in_every_year() -> None:
    assert years_before(dt.date(2028, 2, 29), 18) == dt.date(2010, 2, 28)
    assert years_before(dt.date(2028, 2, 29), 4) == dt.date(2024, 2, 29)


# --- The database means what plain Python means ---


def _rules() -> st.SearchStrategy[dict[str, Any]]:
    names = {
        Subject.TAG: ("vip", "staff", "none"),
        Subject.GROUP: ("board",),
        Subject.TOPIC: ("billing", "newsletter"),
        Subject.CHANNEL: ("sms", "email"),
        Subject.CONSENT: ("billing", "newsletter"),
        Subject.MESSAGES: (None, "billing", "newsletter"),
    }
    values = {
        Kind.NUMBER: (12, 12.5, 0, -3, "12.50"),
        Kind.DATE: ("2028-02-20", "2028-02-29", "1990-06-15"),
        Kind.COUNTRY: ("DE", "AT"),
        Kind.ZONE: ("Europe/Berlin", "Asia/Tokyo"),
        Kind.TEXT: tuple(each for each in TEXTS if each),
    }

    def value(kind: Kind, test: Test, on: Subject) -> st.SearchStrategy[Any]:
        if on is Subject.AGE:
            return st.sampled_from((0, 17, 18, 99, 100))
        match TAKES[test]:
            case Takes.NOTHING:
                return st.none()
            case Takes.CHANNEL_OR_NOTHING:
                return st.sampled_from((None, "sms", "email"))
            case Takes.DAYS:
                return st.sampled_from((1, 9, 10, 30, 3000))
            case Takes.MANY:
                return st.lists(st.sampled_from(values[kind]), min_size=1, max_size=3)
            case _:
                return st.sampled_from(values[kind])

    def one(on: Subject, name: str | None, kind: Kind, tests: tuple[Test, ...]) -> st.SearchStrategy[dict[str, Any]]:
        return st.sampled_from(tests).flatmap(
            lambda test: value(kind, test, on).map(lambda given: condition(on, test, given, name))
        )

    leaves = [
        *(one(Subject.FIELD, name, kind, TESTS_OF_KIND[kind]) for name, kind in FIELDS.items()),
        *(one(Subject.ATTRIBUTE, name, kind, TESTS_OF_KIND[kind]) for name, kind in WORDS.attributes.items()),
        *(
            one(subject, name, Kind.TEXT, TESTS_OF_SUBJECT[subject])
            for subject in TESTS_OF_SUBJECT
            for name in names.get(subject, (None,))
        ),
    ]
    return st.recursive(
        st.one_of(leaves),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda parts: {"all": parts}),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
            inner.map(lambda part: {"not": part}),
        ),
        max_leaves=5,
    )


@pytest.fixture
def people(database: Engine) -> Iterator[tuple[Connection, list[Known]]]:
    """The same contacts in the database, in the order of their ids."""
    people = people_of_every_kind()
    with database.begin() as connection:
        fill(connection, people)
        connection.execute(text("analyze"))
    with database.connect() as connection:
        yield connection, people


def test_the_database_means_what_plain_python_means(people: tuple[Connection, list[Known]]) -> None:
    """Any rule finds exactly the contacts that it describes, and says the same after it was stored and read back."""
    connection, known = people
    groups = groups_of(connection, list(connection.scalars(text("select id from team"))))

    @settings(max_examples=250, suppress_health_check=list(HealthCheck))
    @given(_rules())
    def compare(written: dict[str, Any]) -> None:
        rule = read_rule(written, WORDS)
        assert read_rule(json.loads(json.dumps(as_json(rule))), WORDS) == rule
        parameters = Parameters()
        condition = rule_condition(rule, MOMENT, parameters, groups)
        found = connection.scalars(text(f"select c.id from contact c where {condition} order by 1"), parameters.values)
        expected = [number for number, each in enumerate(known, start=1) if meets(each, rule, MOMENT)]
        assert list(found) == expected, rule_sentence(rule)

    compare()
