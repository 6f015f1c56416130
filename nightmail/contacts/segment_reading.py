"""Reads the rule of a segment from JSON: every name is one that the team knows, every value one of its type.

What is wrong is named with its place in the tree: ``all[1].any[0].value``.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from nightmail.channels import CHANNELS
from nightmail.contacts.segment_rules import (
    MAYBE_NAME,
    TAKES,
    TESTS_OF_KIND,
    TESTS_OF_SUBJECT,
    WITHOUT_NAME,
    AllOf,
    AnyOf,
    Condition,
    Kind,
    Not,
    Rule,
    Subject,
    Takes,
    Test,
)
from nightmail.errors import UsageError

DEEPEST = 8
MOST_CONDITIONS = 100
MOST_VALUES = 1_000
LONGEST_TEXT = 200
MOST_DAYS = 3_660
OLDEST = 150
_LARGEST = Decimal(10) ** 30
_WAYS = ("all", "any", "not")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a team's rules may name."""

    fields: Mapping[str, Kind]
    attributes: Mapping[str, Kind] = field(default_factory=dict)
    categories: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()


def read_rule(written: Any, vocabulary: Vocabulary) -> Rule:
    """The rule that ``written``, a value from JSON, states.

    Raises :class:`UsageError`: ``segment_rule_invalid`` with the place and what is wrong there, ``segment_name_unknown`` for an
    attribute, a category or a group that the team does not know, ``segment_zone_unknown``.
    """
    reader = _Reader(vocabulary)
    return reader.rule(written, "", 1)


def _wrong(place: str, problem: str) -> UsageError:
    return UsageError("segment_rule_invalid", place=place or "the rule", problem=problem, facts={"place": place})


@dataclass
class _Reader:
    vocabulary: Vocabulary
    conditions: int = 0

    def rule(self, written: Any, place: str, depth: int) -> Rule:
        if not isinstance(written, Mapping):
            raise _wrong(place, "it is no object: write all, any, not, or a condition with on and test")
        if depth > DEEPEST:
            raise _wrong(place, f"it is nested more than {DEEPEST} deep")
        ways = [way for way in _WAYS if way in written]
        if not ways:
            return self._condition(written, place)
        if len(written) > 1:
            raise _wrong(
                place, f"{ways[0]} stands beside {', '.join(_shown(key) for key in written if key != ways[0])}"
            )
        way = ways[0]
        inside = f"{place}.{way}" if place else way
        if way == "not":
            return Not(self.rule(written[way], inside, depth + 1))
        parts = written[way]
        if not isinstance(parts, Sequence) or isinstance(parts, str | bytes):
            raise _wrong(inside, "it is no list")
        if len(parts) > MOST_CONDITIONS:
            raise _wrong(inside, f"it has more than {MOST_CONDITIONS} parts")
        if way == "any" and not parts:
            raise _wrong(inside, "it has no part, so that nobody would meet it")
        read = tuple(self.rule(part, f"{inside}[{number}]", depth + 1) for number, part in enumerate(parts))
        return AllOf(read) if way == "all" else AnyOf(read)

    def _condition(self, written: Mapping[str, Any], place: str) -> Condition:
        self.conditions += 1
        if self.conditions > MOST_CONDITIONS:
            raise _wrong(place, f"the rule has more than {MOST_CONDITIONS} conditions")
        unknown = [key for key in written if key not in ("on", "name", "test", "value")]
        if unknown:
            raise _wrong(place, f"{_shown(unknown[0])} is no part of a condition; those are on, name, test and value")
        subject = _among(Subject, written.get("on"), _inside(place, "on"))
        name = self._name(subject, written, _inside(place, "name"))
        kind = self._kind(subject, name)
        tests = TESTS_OF_KIND[kind] if subject in (Subject.FIELD, Subject.ATTRIBUTE) else TESTS_OF_SUBJECT[subject]
        test = _among(Test, written.get("test"), _inside(place, "test"))
        if test not in tests:
            of = name or str(subject)
            raise _wrong(_inside(place, "test"), f"{of} cannot be tested by {test}, but by {', '.join(tests)}")
        values = self._values(TAKES[test], kind, subject, written, _inside(place, "value"))
        return Condition(subject, name, test, values, kind)

    def _kind(self, subject: Subject, name: str) -> Kind:
        if subject is Subject.FIELD:
            return self.vocabulary.fields[name]
        return self.vocabulary.attributes[name] if subject is Subject.ATTRIBUTE else Kind.TEXT

    def _name(self, subject: Subject, written: Mapping[str, Any], place: str) -> str:
        name = written.get("name")
        if subject in WITHOUT_NAME or (subject in MAYBE_NAME and name is None):
            if name is not None:
                raise _wrong(place, f"{subject} has no name")
            return ""
        text = _text(name, place)
        if subject is Subject.TAG:
            return text
        known = self._known(subject)
        if text not in known:
            listed = ", ".join(sorted(known)[:50]) or "(none)"
            raise UsageError(
                "segment_name_unknown",
                what=_WHAT[subject],
                name=text,
                known=listed,
                place=place,
                facts={"place": place, "name": text},
            )
        return text

    def _known(self, subject: Subject) -> frozenset[str]:
        vocabulary = self.vocabulary
        match subject:
            case Subject.FIELD:
                return frozenset(vocabulary.fields)
            case Subject.ATTRIBUTE:
                return frozenset(vocabulary.attributes)
            case Subject.GROUP:
                return vocabulary.groups
            case Subject.CHANNEL:
                return frozenset(CHANNELS)
            case _:
                return vocabulary.categories

    def _values(
        self, takes: Takes, kind: Kind, subject: Subject, written: Mapping[str, Any], place: str
    ) -> tuple[str | Decimal | int, ...]:
        value = written.get("value")
        if takes is Takes.NOTHING or (takes is Takes.CHANNEL_OR_NOTHING and value is None):
            if value is not None:
                raise _wrong(place, "this test takes no value")
            return ()
        if takes is Takes.CHANNEL_OR_NOTHING:
            if value not in CHANNELS:
                raise _wrong(place, f"{_shown(value)} is no channel; those are {CHANNELS.choice()}")
            return (str(value),)
        if takes is Takes.DAYS:
            return (_whole(value, 0 if kind is Kind.DATE else 1, MOST_DAYS, "days", place),)
        if takes is Takes.MANY:
            return self._many(kind, value, place)
        if subject is Subject.AGE:
            return (_whole(value, 0, OLDEST, "years", place),)
        return (self._one(kind, value, place),)

    def _many(self, kind: Kind, value: Any, place: str) -> tuple[str | Decimal | int, ...]:
        listed = value if isinstance(value, list | tuple) else [value]
        if not listed:
            raise _wrong(place, "it is an empty list")
        if len(listed) > MOST_VALUES:
            raise _wrong(place, f"it has more than {MOST_VALUES} values")
        read = [self._one(kind, each, f"{place}[{number}]") for number, each in enumerate(listed)]
        return tuple(dict.fromkeys(read))

    def _one(self, kind: Kind, value: Any, place: str) -> str | Decimal:
        if kind is Kind.NUMBER:
            return _number(value, place)
        text = _text(value, place)
        match kind:
            case Kind.DATE:
                return _date(text, place)
            case Kind.COUNTRY:
                if not (len(text) == 2 and text.isascii() and text.isalpha() and text.isupper()):
                    raise _wrong(place, f"{_shown(text)} is no country: write two capital letters, such as DE")
            case Kind.ZONE:
                if text not in self.vocabulary.zones:
                    raise UsageError("segment_zone_unknown", value=text, place=place, facts={"place": place})
        return text


_WHAT: Final[Mapping[Subject, str]] = {
    Subject.FIELD: "field",
    Subject.ATTRIBUTE: "attribute",
    Subject.GROUP: "group",
    Subject.CHANNEL: "channel",
    Subject.TOPIC: "category",
    Subject.CONSENT: "category",
    Subject.MESSAGES: "category",
}


def _inside(place: str, part: str) -> str:
    return f"{place}.{part}" if place else part


def _shown(value: Any) -> str:
    """A value as an error may show it: short, on one line."""
    text = str(value).replace("\n", " ")
    return text if len(text) <= 60 else f"{text[:57]}..."


def _among(choices: Any, value: Any, place: str) -> Any:
    if not isinstance(value, str) or value not in set(choices):
        missing = "it is missing" if value is None else f"{_shown(value)} is not known"
        raise _wrong(place, f"{missing}; write one of {', '.join(choices)}")
    return choices(value)


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _wrong(place, "it is missing" if value is None else "it is no text, or an empty one")
    if len(value) > LONGEST_TEXT:
        raise _wrong(place, f"it has more than {LONGEST_TEXT} characters")
    if any(ord(sign) < 32 or 0xD800 <= ord(sign) <= 0xDFFF for sign in value):
        raise _wrong(place, "it has characters that are no text")
    return value


def _number(value: Any, place: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str) or value == "":
        raise _wrong(place, f"{_shown(value)} is no number")
    if isinstance(value, float) and not math.isfinite(value):
        raise _wrong(place, f"{value} is no number")
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except (InvalidOperation, ValueError):
        raise _wrong(place, f"{_shown(value)} is no number; write it as 1234.5") from None
    if not number.is_finite() or abs(number) > _LARGEST or int(number.as_tuple().exponent) < -30:
        raise _wrong(place, f"{_shown(value)} is no number that can be compared")
    return number + 0


def _date(text: str, place: str) -> str:
    try:
        read = dt.date.fromisoformat(text)
    except ValueError:
        raise _wrong(place, f"{_shown(text)} is no day; write it as 2026-12-31") from None
    return read.isoformat()


def _whole(value: Any, least: int, most: int, unit: str, place: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _wrong(place, f"{_shown(value)} is no whole number of {unit} from {least} to {most}")
    return value
