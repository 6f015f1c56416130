"""The rule of a segment as rows of a form, and back: conditions below one another, each joined to the one above by "and" or "or".

"Or" binds closer, so that rows say: this, and (that or that), and this. A rule of another shape, which a program made, is edited as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nightmail.channels import CHANNELS
from nightmail.contacts.segment_reading import Vocabulary
from nightmail.contacts.segment_rules import (
    TAKES,
    TESTS_OF_KIND,
    TESTS_OF_SUBJECT,
    AllOf,
    AnyOf,
    Condition,
    Kind,
    Rule,
    Subject,
    Takes,
    Test,
    as_json,
)
from portal.web.channel_words import channel_label
from portal.web.segments.words import FIELDS, TESTS, TESTS_OF
from portal.web.sent_form import SentForm
from portal.web.translating import gettext

MOST_ROWS = 30
Option = tuple[str, str]


@dataclass(frozen=True)
class Row:
    """One condition as the form shows it: what is known, how it is compared, with what."""

    what: str = "field:country"
    how: str = ""
    value: str = ""
    joined: str = "and"
    """How it is joined to the row above."""
    comparisons: Sequence[Option] = ()
    options: Sequence[Option] = ()
    input: str = "text"
    placeholder: str = ""
    takes_value: bool = True
    error: str = ""


@dataclass(frozen=True)
class Builder:
    """What a team's rules may name, as choices."""

    vocabulary: Vocabulary
    labels: Mapping[str, str] = field(default_factory=dict)
    """What attributes are called, by their names."""

    def choices(self) -> list[tuple[str, list[Option]]]:
        """What can be known of a contact, by headings."""
        known = [(f"field:{name}", _capital(FIELDS.get(name, name))) for name in self.vocabulary.fields]
        own = [(f"attribute:{name}", self.labels.get(name) or name) for name in self.vocabulary.attributes]
        chosen = [("topic", gettext("Choice about a category")), ("consent", gettext("Consent to a category"))]
        chosen += [("channel", gettext("Preferred channel")), ("pause", gettext("Pause that they asked for"))]
        groups = [("tag", gettext("Tag"))] + ([("group", gettext("Group"))] if self.vocabulary.groups else [])
        found = [
            (gettext("Standard fields"), [*known, ("age", gettext("Age in years"))]),
            (gettext("Your attributes"), own),
            (gettext("Tags and groups"), groups),
            (gettext("What they chose"), chosen if self.vocabulary.categories else chosen[2:]),
            (gettext("What was sent to them"), [("messages", gettext("Messages"))]),
        ]
        return [(label, options) for label, options in found if options]

    def shown(self, row: Row) -> Row:
        """The row with the choices that follow from what is chosen first."""
        subject, kind = self._read(row.what)
        tests = TESTS_OF_SUBJECT.get(subject) or TESTS_OF_KIND[kind]
        test = Test(row.how) if row.how in set(tests) else tests[0]
        comparisons = [(str(each), gettext(TESTS_OF.get((subject, each), TESTS[each]))) for each in tests]
        options = list(self._options(subject))
        value = row.value
        if options and value not in dict(options):
            value = options[0][0]
        return replace(
            row,
            how=str(test),
            value=value,
            comparisons=comparisons,
            options=options,
            input=_input(subject, kind, test),
            placeholder=_placeholder(kind, test),
            takes_value=bool(options) or TAKES[test] is not Takes.NOTHING or subject is Subject.TAG,
        )

    def _read(self, what: str) -> tuple[Subject, Kind]:
        written, _, name = what.partition(":")
        subject = Subject(written) if written in set(Subject) else Subject.FIELD
        kinds = self.vocabulary.fields if subject is Subject.FIELD else self.vocabulary.attributes
        return subject, kinds.get(name, Kind.TEXT) if subject in (Subject.FIELD, Subject.ATTRIBUTE) else Kind.TEXT

    def _options(self, subject: Subject) -> Iterator[Option]:
        match subject:
            case Subject.GROUP:
                yield from ((name, name) for name in sorted(self.vocabulary.groups))
            case Subject.TOPIC:
                yield from ((name, name) for name in sorted(self.vocabulary.categories))
            case Subject.CHANNEL:
                yield from ((name, channel_label(name)) for name in CHANNELS)
            case Subject.CONSENT:
                for name in sorted(self.vocabulary.categories):
                    yield name, name
                    for channel in CHANNELS:
                        by = gettext("%(category)s by %(channel)s")
                        yield f"{name}|{channel}", by % {"category": name, "channel": channel_label(channel)}

    def written(self, rows: Sequence[Row]) -> tuple[dict[str, Any], list[list[int]]]:
        """The rule that rows state, as JSON, and the rows of each of its parts: which row an error's place means."""
        parts: list[list[int]] = []
        for number, row in enumerate(rows):
            if parts and row.joined == "or":
                parts[-1].append(number)
            else:
                parts.append([number])
        stated: list[dict[str, Any]] = []
        for part in parts:
            conditions = [self._condition(rows[number]) for number in part]
            stated.append(conditions[0] if len(conditions) == 1 else {"any": conditions})
        return {"all": stated}, parts

    def _condition(self, row: Row) -> dict[str, Any]:
        subject, kind = self._read(row.what)
        condition: dict[str, Any] = {"on": str(subject), "test": row.how}
        name = row.what.partition(":")[2]
        if subject in (Subject.FIELD, Subject.ATTRIBUTE):
            condition["name"] = name
        elif subject is Subject.CONSENT:
            condition["name"], _, channel = row.value.partition("|")
            return condition | ({"value": channel} if channel else {})
        elif subject in (Subject.TAG, Subject.GROUP, Subject.TOPIC, Subject.CHANNEL):
            return condition | {"name": row.value}
        test = Test(row.how) if row.how in set(Test) else None
        takes = TAKES[test] if test else Takes.ONE
        if takes is Takes.NOTHING:
            return condition
        if takes is Takes.MANY:
            values = [each.strip() for each in row.value.split(",") if each.strip()]
            return condition | {"value": [each.upper() for each in values] if kind is Kind.COUNTRY else values}
        if takes is Takes.DAYS or subject is Subject.AGE:
            return condition | {"value": int(row.value) if row.value.isascii() and row.value.isdigit() else row.value}
        return condition | {"value": row.value}

    def rows_of(self, rule: Rule) -> list[Row] | None:
        """The rows of a rule; ``None`` for one of another shape than rows have."""
        parts = rule.parts if isinstance(rule, AllOf) else (rule,)
        rows: list[Row] = []
        for part in parts:
            conditions = part.parts if isinstance(part, AnyOf) else (part,)
            for number, condition in enumerate(conditions):
                if not isinstance(condition, Condition):
                    return None
                row = _row_of(condition)
                if row is None:
                    return None
                rows.append(replace(row, joined="or" if number else "and"))
        return rows if len(rows) <= MOST_ROWS else None


def rows_sent(form: SentForm) -> list[Row]:
    """The rows as they were typed, with what its buttons add or take away."""
    columns = (form.values("what"), form.values("how"), form.values("with"), form.values("joined"))
    rows = [
        Row(what[:300], how[:60], value[:1000], "or" if joined == "or" else "and")
        for what, how, value, joined in zip(*columns, strict=False)
    ][:MOST_ROWS]
    action = form.value("action", 40)
    if action == "further" and len(rows) < MOST_ROWS:
        rows.append(Row())
    elif action.startswith("without-") and action[8:].isdigit():
        rows = [row for number, row in enumerate(rows, start=1) if number != int(action[8:])]
    return rows


def as_text(rule: Rule) -> str:
    """A rule as JSON that people can read."""
    return json.dumps(as_json(rule), ensure_ascii=False, indent=2)


def _row_of(condition: Condition) -> Row | None:
    subject, name, test = condition.subject, condition.name, str(condition.test)
    match subject:
        case Subject.FIELD | Subject.ATTRIBUTE:
            values = [f"{value:f}" if not isinstance(value, str | int) else str(value) for value in condition.values]
            if any("," in value for value in values):
                return None
            return Row(f"{subject}:{name}", test, ", ".join(values))
        case Subject.CONSENT:
            return Row(str(subject), test, f"{name}|{condition.values[0]}" if condition.values else name)
        case Subject.MESSAGES if name:
            return None
        case Subject.TAG | Subject.GROUP | Subject.TOPIC | Subject.CHANNEL:
            return Row(str(subject), test, name)
    return Row(str(subject), test, str(condition.values[0]) if condition.values else "")


def _input(subject: Subject, kind: Kind, test: Test) -> str:
    if TAKES[test] is Takes.DAYS or subject is Subject.AGE:
        return "number"
    return "date" if kind is Kind.DATE and TAKES[test] is Takes.ONE else "text"


def _placeholder(kind: Kind, test: Test) -> str:
    if kind is Kind.COUNTRY:
        return "DE, AT"
    if TAKES[test] is Takes.MANY:
        return gettext("one, or several with commas")
    return gettext("days") if TAKES[test] is Takes.DAYS else ""


def _capital(text: str) -> str:
    said = gettext(text)
    return said[:1].upper() + said[1:]
