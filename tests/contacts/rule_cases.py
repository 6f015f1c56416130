"""What a rule means, in plain Python: the other way to decide whom a segment has, for tests to compare with the database's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from nightmail.contacts.segment_rules import AllOf, AnyOf, Condition, Kind, Not, Rule, Subject, Test
from nightmail.contacts.segment_sql import Moment


@dataclass
class Known:
    """All that is known of one contact."""

    fields: Mapping[str, Any]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    preference: Mapping[str, Any] | None = None
    consents: tuple[Mapping[str, Any], ...] = ()
    messages: tuple[Mapping[str, Any], ...] = ()


def meets(known: Known, rule: Rule, moment: Moment) -> bool:
    """Whether a contact meets a rule."""
    match rule:
        case AllOf(parts):
            return all(meets(known, part, moment) for part in parts)
        case AnyOf(parts):
            return any(meets(known, part, moment) for part in parts)
        case Not(part):
            return not meets(known, part, moment)
        case Condition():
            return _meets_one(known, rule, moment)


def _meets_one(known: Known, rule: Condition, moment: Moment) -> bool:
    chosen = known.preference or {}
    match rule.subject:
        case Subject.FIELD:
            return _compares(rule, known.fields.get(rule.name), moment.today)
        case Subject.ATTRIBUTE:
            return _compares(rule, known.attributes.get(rule.name), moment.today)
        case Subject.AGE:
            born = known.fields.get("birth_date")
            if born is None or born > moment.today:
                return False
            today = moment.today
            age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
            return age >= int(rule.values[0]) if rule.test is Test.AT_LEAST else age <= int(rule.values[0])
        case Subject.TAG:
            return (rule.name in known.tags) is (rule.test is Test.HAS)
        case Subject.GROUP:
            return (rule.name in known.groups) is (rule.test is Test.HAS)
        case Subject.TOPIC:
            chose_in = rule.name in (chosen.get("categories_in") or ())
            chose_out = rule.name in (chosen.get("categories_out") or ())
            return {Test.OPTED_IN: chose_in, Test.OPTED_OUT: chose_out}.get(rule.test, not (chose_in or chose_out))
        case Subject.CHANNEL:
            return (chosen.get("channels") or [None])[0] == rule.name
        case Subject.PAUSE:
            until = chosen.get("paused_until")
            return (until is not None and until > moment.now) is (rule.test is Test.IS_TRUE)
        case Subject.CONSENT:
            return _consents(known, rule, moment)
        case Subject.MESSAGES:
            since = moment.now - dt.timedelta(days=int(rule.values[0]))
            sent = [
                each
                for each in known.messages
                if each["handed_off_at"] is not None
                and each["handed_off_at"] >= since
                and rule.name in ("", each["category"])
            ]
            return {
                Test.SENT_IN_LAST_DAYS: bool(sent),
                Test.NOT_SENT_IN_LAST_DAYS: not sent,
                Test.OPENED_IN_LAST_DAYS: any(each["opened_at"] for each in sent),
                Test.ANSWERED_IN_LAST_DAYS: any(each["replied_at"] for each in sent),
            }[rule.test]


def _consents(known: Known, rule: Condition, moment: Moment) -> bool:
    of = [each for each in known.consents if each["category"] == rule.name]
    if rule.values:
        of = [each for each in of if each["channel"] in (None, rule.values[0])]
    if rule.test is Test.NEVER_GIVEN:
        return not of
    # On one channel all that was found counts; otherwise each channel for itself, with what was stated for all.
    scopes = [of] if rule.values else [[e for e in of if e["channel"] in (None, own["channel"])] for own in of]
    states = {_latest(scope, moment) for scope in scopes if scope}
    return "given" in states if rule.test is Test.GIVEN else "given" not in states and "withdrawn" in states


def _latest(rows: list[Mapping[str, Any]], moment: Moment) -> str:
    def order(row: Mapping[str, Any]) -> tuple[dt.datetime, int]:
        return row["withdrawn_at"] or row["captured_at"], ("given", "expired", "withdrawn").index(state(row))

    def state(row: Mapping[str, Any]) -> str:
        if row["withdrawn_at"] is not None:
            return "withdrawn"
        return "expired" if row["expires_at"] is not None and row["expires_at"] <= moment.now else "given"

    return state(max(rows, key=order))


def _compares(rule: Condition, value: Any, today: dt.date) -> bool:
    there = value is not None and value != ""
    match rule.test:
        case Test.KNOWN:
            return there
        case Test.UNKNOWN:
            return not there
        case Test.IS_TRUE:
            return value is True
        case Test.IS_FALSE:
            return value is False
    if value is None:
        return False
    if rule.kind is Kind.NUMBER:
        return _compares_number(rule, value)
    if rule.kind is Kind.DATE:
        return _compares_day(rule, value, today)
    text = _json_text(value)
    match rule.test:
        case Test.IS_ONE_OF:
            return text in rule.values
        case Test.IS_NONE_OF:
            return there and text not in rule.values
        case _:
            return text.startswith(str(rule.values[0]))


def _json_text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _compares_number(rule: Condition, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return False
    number = Decimal(str(value))
    return {
        Test.IS_ONE_OF: number in rule.values,
        Test.IS_NONE_OF: number not in rule.values,
        Test.AT_LEAST: number >= Decimal(rule.values[0]),
        Test.AT_MOST: number <= Decimal(rule.values[0]),
    }[rule.test]


def _compares_day(rule: Condition, value: Any, today: dt.date) -> bool:
    try:
        day = value if isinstance(value, dt.date) else dt.date.fromisoformat(value)
    except (ValueError, TypeError):
        return False
    if rule.test in (Test.ON_OR_AFTER, Test.ON_OR_BEFORE):
        given = dt.date.fromisoformat(str(rule.values[0]))
        return day >= given if rule.test is Test.ON_OR_AFTER else day <= given
    days = dt.timedelta(days=int(rule.values[0]))
    return today - days <= day <= today if rule.test is Test.IN_LAST_DAYS else today <= day <= today + days
