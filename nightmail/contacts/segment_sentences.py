"""The rule of a segment as a sentence, in English or, with the patterns translated, in another language.

>>> rule_sentence(rule)
'country is DE or AT, and balance is at least 100 or they have the tag vip'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from nightmail.contacts.segment_rules import AllOf, AnyOf, Condition, Not, Rule, Subject, Test

Translate = Callable[[str], str]

EVERYBODY = "everybody"
AND = "{one}, and {other}"
OR = "{one} or {other}"
NOT = "it is not so that {rule}"
GROUPED = "({rule})"

FIELD_NAMES: Mapping[str, str] = {
    "external_id": "the external id",
    "name": "the name",
    "phone": "a mobile number",
    "phone_2": "a second mobile number",
    "landline": "a landline number",
    "email": "an email address",
    "country": "the country",
    "language": "the language",
    "time_zone": "the time zone",
    "birth_date": "the birth date",
}
"""What sentences call the standard fields."""

PATTERNS: Mapping[tuple[Subject | None, Test], str] = {
    (None, Test.IS_ONE_OF): "{name} is {values}",
    (None, Test.IS_NONE_OF): "{name} is known and not {values}",
    (None, Test.BEGINS_WITH): "{name} begins with {values}",
    (None, Test.AT_LEAST): "{name} is at least {values}",
    (None, Test.AT_MOST): "{name} is at most {values}",
    (None, Test.ON_OR_AFTER): "{name} is on {values} or later",
    (None, Test.ON_OR_BEFORE): "{name} is on {values} or earlier",
    (None, Test.IN_LAST_DAYS): "{name} is within the last {values} days",
    (None, Test.IN_NEXT_DAYS): "{name} is within the next {values} days",
    (None, Test.IS_TRUE): "{name} is yes",
    (None, Test.IS_FALSE): "{name} is no",
    (None, Test.KNOWN): "{name} is known",
    (None, Test.UNKNOWN): "{name} is not known",
    (Subject.AGE, Test.AT_LEAST): "they are at least {values} years old",
    (Subject.AGE, Test.AT_MOST): "they are at most {values} years old",
    (Subject.TAG, Test.HAS): "they have the tag {name}",
    (Subject.TAG, Test.HAS_NOT): "they do not have the tag {name}",
    (Subject.GROUP, Test.HAS): "they are in the group {name}",
    (Subject.GROUP, Test.HAS_NOT): "they are not in the group {name}",
    (Subject.TOPIC, Test.OPTED_IN): "they chose to get {name}",
    (Subject.TOPIC, Test.OPTED_OUT): "they chose not to get {name}",
    (Subject.TOPIC, Test.NOT_CHOSEN): "they chose nothing about {name}",
    (Subject.CHANNEL, Test.PREFERRED): "they prefer {name}",
    (Subject.PAUSE, Test.IS_TRUE): "they asked for a pause that is not over",
    (Subject.PAUSE, Test.IS_FALSE): "they did not ask for a pause, or it is over",
    (Subject.CONSENT, Test.GIVEN): "they agreed to {name}",
    (Subject.CONSENT, Test.WITHDRAWN): "they withdrew their consent to {name}",
    (Subject.CONSENT, Test.NEVER_GIVEN): "they never agreed to {name}",
    (Subject.MESSAGES, Test.SENT_IN_LAST_DAYS): "a message was sent to them in the last {values} days",
    (Subject.MESSAGES, Test.NOT_SENT_IN_LAST_DAYS): "no message was sent to them in the last {values} days",
    (Subject.MESSAGES, Test.OPENED_IN_LAST_DAYS): "they opened a message of the last {values} days",
    (Subject.MESSAGES, Test.ANSWERED_IN_LAST_DAYS): "they answered a message of the last {values} days",
}
"""The pattern of each condition; those under ``None`` are of fields and attributes."""

ON_CHANNEL = "{rule} by {channel}"
OF_CATEGORY = "{rule}, in the category {category}"
MOST_SHOWN = 12
AND_MORE = "{values} (and {count} more)"


def texts() -> tuple[str, ...]:
    """Every text that a sentence is made of, for whoever translates them."""
    return (
        *(EVERYBODY, AND, OR, NOT, GROUPED, ON_CHANNEL, OF_CATEGORY, AND_MORE),
        *dict.fromkeys((*FIELD_NAMES.values(), *PATTERNS.values())),
    )


def rule_sentence(rule: Rule, translate: Translate = str) -> str:
    """The rule in words. ``translate`` gives the other language's pattern for one of :func:`texts`."""
    return _words(rule, translate, inside=False)


def _words(rule: Rule, translate: Translate, *, inside: bool) -> str:
    match rule:
        case Condition():
            return _condition(rule, translate)
        case Not(part):
            return translate(NOT).format(rule=_grouped(_words(part, translate, inside=False), part, translate))
        case AllOf(()) | AnyOf(()):
            return translate(EVERYBODY)
        case AllOf(parts) | AnyOf(parts):
            if len(parts) == 1:
                return _words(parts[0], translate, inside=inside)
            joint = translate(AND if isinstance(rule, AllOf) else OR)
            words = [_words(part, translate, inside=True) for part in parts]
            joined = words[0]
            for further in words[1:]:
                joined = joint.format(one=joined, other=further)
            return translate(GROUPED).format(rule=joined) if inside else joined


def _grouped(words: str, rule: Rule, translate: Translate) -> str:
    return words if isinstance(rule, Condition) else translate(GROUPED).format(rule=words)


def _condition(condition: Condition, translate: Translate) -> str:
    pattern = PATTERNS.get((condition.subject, condition.test)) or PATTERNS[None, condition.test]
    name = condition.name
    if condition.subject is Subject.FIELD:
        name = translate(FIELD_NAMES.get(name, name))
    words = translate(pattern).format(name=name, values=_values(condition, translate))
    if condition.subject is Subject.MESSAGES and condition.name:
        return translate(OF_CATEGORY).format(rule=words, category=condition.name)
    if condition.subject is Subject.CONSENT and condition.values:
        return translate(ON_CHANNEL).format(rule=words, channel=condition.values[0])
    return words


def _values(condition: Condition, translate: Translate) -> str:
    shown = [_shown(value) for value in condition.values[:MOST_SHOWN]]
    joined = shown[0] if shown else ""
    for further in shown[1:]:
        joined = translate(OR).format(one=joined, other=further)
    more = len(condition.values) - len(shown)
    return translate(AND_MORE).format(values=joined, count=more) if more else joined


def _shown(value: str | Decimal | int) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
