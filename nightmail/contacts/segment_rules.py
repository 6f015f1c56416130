"""The rule of a segment: a tree of conditions, kept as JSON, whose every name and value was checked.

.. code-block:: json

    {"all": [
        {"on": "field", "name": "country", "test": "is_one_of", "value": ["DE", "AT"]},
        {"any": [
            {"on": "attribute", "name": "balance", "test": "at_least", "value": 100},
            {"on": "tag", "name": "vip", "test": "has"}]},
        {"not": {"on": "consent", "name": "newsletter", "test": "withdrawn"}}]}

A condition on something that a contact does not have is not met: who has no country is neither in Germany, nor in a country
that is none of some. ``not`` turns what it holds around, whatever the reason. An empty ``all`` means everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias


class Subject(StrEnum):
    """What a condition is on."""

    FIELD = "field"
    """A standard field of the contact."""
    ATTRIBUTE = "attribute"
    """One that the team defined."""
    AGE = "age"
    """Whole years since the birth date."""
    TAG = "tag"
    GROUP = "group"
    TOPIC = "topic"
    """What they chose about a category."""
    CHANNEL = "channel"
    """The channel that they prefer."""
    PAUSE = "pause"
    """Whether they asked for silence until a day that has not come."""
    CONSENT = "consent"
    MESSAGES = "messages"
    """What was sent to them, and what they did with it."""


class Kind(StrEnum):
    """The type of a value that conditions compare."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    BOOLEAN = "boolean"
    ADDRESS = "address"
    """Whether there is one is all that a rule may ask: addresses are not for comparing."""
    COUNTRY = "country"
    ZONE = "zone"


class Test(StrEnum):
    """How a condition compares."""

    __test__ = False

    IS_ONE_OF = "is_one_of"
    IS_NONE_OF = "is_none_of"
    BEGINS_WITH = "begins_with"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    ON_OR_AFTER = "on_or_after"
    ON_OR_BEFORE = "on_or_before"
    IN_LAST_DAYS = "in_last_days"
    IN_NEXT_DAYS = "in_next_days"
    IS_TRUE = "is_true"
    IS_FALSE = "is_false"
    KNOWN = "known"
    UNKNOWN = "unknown"
    HAS = "has"
    HAS_NOT = "has_not"
    OPTED_IN = "opted_in"
    OPTED_OUT = "opted_out"
    NOT_CHOSEN = "not_chosen"
    PREFERRED = "preferred"
    GIVEN = "given"
    WITHDRAWN = "withdrawn"
    NEVER_GIVEN = "never_given"
    SENT_IN_LAST_DAYS = "sent_in_last_days"
    NOT_SENT_IN_LAST_DAYS = "not_sent_in_last_days"
    OPENED_IN_LAST_DAYS = "opened_in_last_days"
    ANSWERED_IN_LAST_DAYS = "answered_in_last_days"


class Takes(StrEnum):
    """What stands in ``value``."""

    NOTHING = "nothing"
    MANY = "many"
    ONE = "one"
    DAYS = "days"
    CHANNEL_OR_NOTHING = "channel_or_nothing"


TAKES: Mapping[Test, Takes] = {
    **dict.fromkeys(Test, Takes.NOTHING),
    **dict.fromkeys((Test.IS_ONE_OF, Test.IS_NONE_OF), Takes.MANY),
    **dict.fromkeys((Test.BEGINS_WITH, Test.AT_LEAST, Test.AT_MOST, Test.ON_OR_AFTER, Test.ON_OR_BEFORE), Takes.ONE),
    **dict.fromkeys(
        (
            *(Test.IN_LAST_DAYS, Test.IN_NEXT_DAYS, Test.SENT_IN_LAST_DAYS, Test.NOT_SENT_IN_LAST_DAYS),
            *(Test.OPENED_IN_LAST_DAYS, Test.ANSWERED_IN_LAST_DAYS),
        ),
        Takes.DAYS,
    ),
    **dict.fromkeys((Test.GIVEN, Test.WITHDRAWN, Test.NEVER_GIVEN), Takes.CHANNEL_OR_NOTHING),
}
"""What each test takes as its value."""

_THERE = (Test.KNOWN, Test.UNKNOWN)
_AMONG = (Test.IS_ONE_OF, Test.IS_NONE_OF)
TESTS_OF_KIND: Mapping[Kind, tuple[Test, ...]] = {
    Kind.TEXT: (*_AMONG, Test.BEGINS_WITH, *_THERE),
    Kind.COUNTRY: (*_AMONG, *_THERE),
    Kind.ZONE: (*_AMONG, *_THERE),
    Kind.NUMBER: (*_AMONG, Test.AT_LEAST, Test.AT_MOST, *_THERE),
    Kind.DATE: (Test.ON_OR_AFTER, Test.ON_OR_BEFORE, Test.IN_LAST_DAYS, Test.IN_NEXT_DAYS, *_THERE),
    Kind.BOOLEAN: (Test.IS_TRUE, Test.IS_FALSE, *_THERE),
    Kind.ADDRESS: _THERE,
}
"""The tests of fields and attributes, by the type of their values."""

TESTS_OF_SUBJECT: Mapping[Subject, tuple[Test, ...]] = {
    Subject.AGE: (Test.AT_LEAST, Test.AT_MOST),
    Subject.TAG: (Test.HAS, Test.HAS_NOT),
    Subject.GROUP: (Test.HAS, Test.HAS_NOT),
    Subject.TOPIC: (Test.OPTED_IN, Test.OPTED_OUT, Test.NOT_CHOSEN),
    Subject.CHANNEL: (Test.PREFERRED,),
    Subject.PAUSE: (Test.IS_TRUE, Test.IS_FALSE),
    Subject.CONSENT: (Test.GIVEN, Test.WITHDRAWN, Test.NEVER_GIVEN),
    Subject.MESSAGES: (
        *(Test.SENT_IN_LAST_DAYS, Test.NOT_SENT_IN_LAST_DAYS),
        *(Test.OPENED_IN_LAST_DAYS, Test.ANSWERED_IN_LAST_DAYS),
    ),
}
"""The tests of everything else."""

WITHOUT_NAME = frozenset({Subject.AGE, Subject.PAUSE})
MAYBE_NAME = frozenset({Subject.MESSAGES})
"""Whose name may be left out: messages of any category."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition. ``values`` are texts, or decimals for numbers; dates are ISO 8601 texts."""

    subject: Subject
    name: str
    test: Test
    values: tuple[str | Decimal | int, ...] = ()
    kind: Kind = Kind.TEXT
    """The type of a field's or an attribute's values."""


@dataclass(frozen=True, slots=True)
class AllOf:
    """Met by who meets every part; without parts by everybody."""

    parts: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Met by who meets one part at least."""

    parts: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Met by who does not meet the part."""

    part: Rule


Rule: TypeAlias = AllOf | AnyOf | Not | Condition
EVERYBODY = AllOf(())


def as_json(rule: Rule) -> dict[str, Any]:
    """A rule as it is kept and shown to programs; :func:`nightmail.contacts.segment_reading.read_rule` reads it back."""
    match rule:
        case AllOf(parts):
            return {"all": [as_json(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [as_json(part) for part in parts]}
        case Not(part):
            return {"not": as_json(part)}
        case Condition(subject, name, test, values):
            written: dict[str, Any] = {"on": str(subject), "test": str(test)}
            if name:
                written["name"] = name
            if values:
                plain = [_plain(value) for value in values]
                written["value"] = plain if TAKES[test] is Takes.MANY else plain[0]
            return written


def _plain(value: str | Decimal | int) -> str | int | float:
    """A value as JSON has it; a decimal that a float does not hold exactly stays the text of its digits."""
    if not isinstance(value, Decimal):
        return value
    if value == value.to_integral_value() and abs(value) < 2**53:
        return int(value)
    close = float(value)
    return close if Decimal(repr(close)) == value else f"{value:f}"


def conditions_of(rule: Rule) -> list[Condition]:
    """Every condition of a rule, in the order in which they are read."""
    match rule:
        case AllOf(parts) | AnyOf(parts):
            return [condition for part in parts for condition in conditions_of(part)]
        case Not(part):
            return conditions_of(part)
        case Condition():
            return [rule]
