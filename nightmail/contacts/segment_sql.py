"""The rule of a segment as the condition of a statement: every name and value is a parameter, and no value can fail it.

Each condition is true or false, never null, so that ``not`` turns it around for everybody.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from nightmail.contacts import segment_queries as sql
from nightmail.contacts.segment_rules import AllOf, AnyOf, Condition, Kind, Not, Rule, Subject, Test


@dataclass(frozen=True, slots=True)
class Moment:
    """When a rule is looked at: ``today`` is the day of the team's zone, by which ages and days are counted."""

    now: dt.datetime
    today: dt.date


@dataclass
class Parameters:
    """The parameters of one statement, each under a name of its own; ``written`` is how the driver has them."""

    written: str = ":{name}"
    values: dict[str, Any] = field(default_factory=dict)

    def add(self, value: Any, kind: str) -> str:
        """The SQL of a further parameter, cast to ``kind``."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"cast({self.written.format(name=name)} as {kind})"


DRIVER = "%({name})s"
"""How psycopg has parameters: for statements that go by COPY."""


def rule_condition(rule: Rule, moment: Moment, parameters: Parameters, groups: Mapping[str, int]) -> str:
    """The SQL of a rule on the contact ``c``. ``groups`` are the ids of those that it may name."""
    return _Compiler(moment, parameters, groups).of(rule)


_MAY_BE_NULL = frozenset({Subject.FIELD, Subject.ATTRIBUTE, Subject.AGE})


def years_before(day: dt.date, years: int) -> dt.date:
    """The same day some years earlier; 28 February where that year has no 29th."""
    year = max(day.year - years, 1)
    try:
        return day.replace(year=year)
    except ValueError:
        return day.replace(year=year, day=28)


@dataclass
class _Compiler:
    moment: Moment
    parameters: Parameters
    groups: Mapping[str, int]

    def of(self, rule: Rule) -> str:
        match rule:
            case AllOf(parts):
                return f"({' and '.join(map(self.of, parts))})" if parts else "true"
            case AnyOf(parts):
                return f"({' or '.join(map(self.of, parts))})" if parts else "false"
            case Not(part):
                return f"not {self.of(part)}"
            case Condition():
                condition = self._condition(rule)
                # Whether something exists is never null, and bare it can be a join: many times faster than row by row.
                return f"coalesce({condition}, false)" if rule.subject in _MAY_BE_NULL else condition

    def _condition(self, condition: Condition) -> str:
        add = self.parameters.add
        match condition.subject:
            case Subject.FIELD:
                return self._compared(condition, f"c.{_column(condition.name)}", stored=False)
            case Subject.ATTRIBUTE:
                return self._compared(condition, f"(c.attributes -> {add(condition.name, 'text')})", stored=True)
            case Subject.AGE:
                return self._age(condition)
            case Subject.TAG:
                has = sql.HAS_TAG.format(tag=add(condition.name, "text"))
                return has if condition.test is Test.HAS else f"not {has}"
            case Subject.GROUP:
                member = sql.IN_GROUP.format(group=add(self.groups.get(condition.name, -1), "integer"))
                return member if condition.test is Test.HAS else f"not {member}"
            case Subject.TOPIC:
                return self._topic(condition)
            case Subject.CHANNEL:
                return sql.PREFERS.format(chosen=f"n.channels[1] = {add(condition.name, 'text')}")
            case Subject.PAUSE:
                paused = sql.PREFERS.format(chosen=f"n.paused_until > {add(self.moment.now, 'timestamptz')}")
                return paused if condition.test is Test.IS_TRUE else f"not {paused}"
            case Subject.CONSENT:
                return self._consent(condition)
            case Subject.MESSAGES:
                return self._messages(condition)

    def _compared(self, condition: Condition, value: str, *, stored: bool) -> str:
        """A condition on a column, or on a value ``stored`` as JSON, which may be of any type."""
        as_text = f"({value} #>> '{{}}')" if stored else value
        blank = condition.kind in (Kind.TEXT, Kind.ADDRESS, Kind.COUNTRY, Kind.ZONE)
        there = f"({as_text} <> '')" if blank or stored else f"({value} is not null)"
        match condition.test:
            case Test.KNOWN:
                return there
            case Test.UNKNOWN:
                return f"not coalesce({there}, false)"
            case Test.IS_TRUE | Test.IS_FALSE:
                wanted = "true" if condition.test is Test.IS_TRUE else "false"
                return f"{value} = cast('{wanted}' as jsonb)"
        match condition.kind:
            case Kind.NUMBER:
                return self._number(condition, value, as_text)
            case Kind.DATE:
                return self._date(condition, f'{as_text} collate "C"' if stored else value, stored=stored)
            case _:
                return self._text(condition, as_text, there)

    def _text(self, condition: Condition, as_text: str, there: str) -> str:
        add = self.parameters.add
        match condition.test:
            case Test.IS_ONE_OF:
                return f"{as_text} = any({add(list(condition.values), 'text[]')})"
            case Test.IS_NONE_OF:
                return f"({there} and {as_text} <> all({add(list(condition.values), 'text[]')}))"
            case _:
                return f"starts_with({as_text}, {add(condition.values[0], 'text')})"

    def _number(self, condition: Condition, value: str, as_text: str) -> str:
        add = self.parameters.add
        listed = [_decimal(each) for each in condition.values]
        match condition.test:
            case Test.IS_ONE_OF:
                test = f"= any({add(listed, 'numeric[]')})"
            case Test.IS_NONE_OF:
                test = f"<> all({add(listed, 'numeric[]')})"
            case Test.AT_LEAST:
                test = f">= {add(listed[0], 'numeric')}"
            case _:
                test = f"<= {add(listed[0], 'numeric')}"
        return f"case when jsonb_typeof({value}) = 'number' then cast({as_text} as numeric) {test} else false end"

    def _date(self, condition: Condition, value: str, *, stored: bool) -> str:
        def day(each: dt.date | str) -> str:
            return self.parameters.add(str(each), "text") if stored else self.parameters.add(each, "date")

        today = self.moment.today
        given = condition.values[0]
        match condition.test:
            case Test.ON_OR_AFTER:
                test = f"{value} >= {day(str(given))}"
            case Test.ON_OR_BEFORE:
                test = f"{value} <= {day(str(given))}"
            case Test.IN_LAST_DAYS:
                test = f"({value} >= {day(_shifted(today, -int(given)))} and {value} <= {day(today)})"
            case _:
                test = f"({value} >= {day(today)} and {value} <= {day(_shifted(today, int(given)))})"
        return f"({value} ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$' and {test})" if stored else test

    def _age(self, condition: Condition) -> str:
        years = int(condition.values[0])
        today = self.moment.today
        add = self.parameters.add
        if condition.test is Test.AT_LEAST:
            return f"c.birth_date <= {add(years_before(today, years), 'date')}"
        after = years_before(today, years + 1)
        return f"(c.birth_date > {add(after, 'date')} and c.birth_date <= {add(today, 'date')})"

    def _topic(self, condition: Condition) -> str:
        add = self.parameters.add
        chosen_in = f"{add(condition.name, 'text')} = any(n.categories_in)"
        chosen_out = f"{add(condition.name, 'text')} = any(n.categories_out)"
        match condition.test:
            case Test.OPTED_IN:
                return sql.PREFERS.format(chosen=chosen_in)
            case Test.OPTED_OUT:
                return sql.PREFERS.format(chosen=chosen_out)
            case _:
                return f"not {sql.PREFERS.format(chosen=f'({chosen_in} or {chosen_out})')}"

    def _consent(self, condition: Condition) -> str:
        """What was stated last holds: on a channel, that or what was stated for all; without one, each channel for itself."""
        add = self.parameters.add
        of = f"k.category = {add(condition.name, 'text')}"
        scope = "(l.channel is null or l.channel = k.channel)"
        if condition.values:
            channel = add(condition.values[0], "text")
            of += f" and (k.channel is null or k.channel = {channel})"
            scope = f"(l.channel is null or l.channel = {channel})"
        if condition.test is Test.NEVER_GIVEN:
            return f"not {sql.STATED.format(of=of)}"
        given = sql.GIVEN.format(of=of, scope=scope, now=add(self.moment.now, "timestamptz"))
        if condition.test is Test.GIVEN:
            return given
        return f"({sql.WITHDRAWN.format(of=of, scope=scope)} and not {given})"

    def _messages(self, condition: Condition) -> str:
        add = self.parameters.add
        since = self.moment.now - dt.timedelta(days=int(condition.values[0]))
        of = f"m.handed_off_at >= {add(since, 'timestamptz')}"
        if condition.name:
            of += f" and {sql.OF_CATEGORY.format(category=add(condition.name, 'text'))}"
        match condition.test:
            case Test.SENT_IN_LAST_DAYS:
                return sql.SENT.format(of=of)
            case Test.NOT_SENT_IN_LAST_DAYS:
                return f"not {sql.SENT.format(of=of)}"
            case Test.OPENED_IN_LAST_DAYS:
                return sql.SENT.format(of=f"{of} and m.opened_at is not null")
            case _:
                return sql.SENT.format(of=f"{of} and m.replied_at is not null")


def _decimal(value: Any) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(value)


def _shifted(day: dt.date, days: int) -> dt.date:
    return day + dt.timedelta(days=days)


def _column(name: str) -> str:
    """The column of a standard field: it has the field's name, which is one of a few and never input."""
    if not name.isidentifier():
        raise ValueError(f"{name} is no standard field")
    return name
