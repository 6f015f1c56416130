"""A segment's rule as rows of a form: what rows state is read as a rule, and comes back as the same rows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightmail.channels import CHANNELS
from nightmail.contacts.segment_reading import Vocabulary, read_rule
from nightmail.contacts.segment_rules import TAKES, Kind, Takes, Test, as_json
from portal.web.segments.builder import Builder, Row

VOCABULARY = Vocabulary(
    fields={"country": Kind.COUNTRY, "email": Kind.ADDRESS, "birth_date": Kind.DATE, "time_zone": Kind.ZONE},
    attributes={"balance": Kind.NUMBER, "plan": Kind.TEXT, "insured": Kind.BOOLEAN, "since": Kind.DATE},
    categories=frozenset({"billing", "newsletter"}),
    groups=frozenset({"Friends, old ones", "Staff"}),
    zones=frozenset({"Europe/Berlin"}),
)
BUILDER = Builder(VOCABULARY)
WHATS = [what for _, options in BUILDER.choices() for what, _ in options]


def _value(row: Row) -> str:
    """A value that the row's test takes."""
    if row.options:
        return row.value
    if row.what == "field:country":
        return "DE, AT"
    if row.what == "field:time_zone":
        return "Europe/Berlin"
    if row.input == "date":
        return "2026-12-31"
    return "30" if row.input == "number" or row.what == "attribute:balance" else "gold"


@st.composite
def _rows(draw: st.DrawFn) -> list[Row]:
    rows = []
    for number in range(draw(st.integers(0, 6))):
        first = BUILDER.shown(Row(draw(st.sampled_from(WHATS))))
        chosen = BUILDER.shown(Row(first.what, draw(st.sampled_from([how for how, _ in first.comparisons]))))
        value = draw(st.sampled_from([option for option, _ in chosen.options])) if chosen.options else ""
        joined = draw(st.sampled_from(("and", "or"))) if number else "and"
        full = Row(chosen.what, chosen.how, value or (_value(chosen) if chosen.takes_value else ""), joined)
        rows.append(full)
    return rows


@given(rows=_rows())
def test_rows_state_a_rule_that_comes_back_as_the_same_rows(rows: list[Row]) -> None:
    written, parts = BUILDER.written(rows)
    rule = read_rule(written, VOCABULARY)
    assert sorted(number for part in parts for number in part) == list(range(len(rows)))
    assert BUILDER.rows_of(rule) == rows
    again, _ = BUILDER.written(BUILDER.rows_of(rule) or [])
    assert as_json(read_rule(again, VOCABULARY)) == as_json(rule)


def test_every_test_can_be_chosen_and_says_whether_it_takes_a_value() -> None:
    offered = set()
    for what in WHATS:
        for how, label in BUILDER.shown(Row(what)).comparisons:
            shown = BUILDER.shown(Row(what, how))
            offered.add(Test(how))
            assert label
            assert shown.takes_value or TAKES[Test(how)] in (Takes.NOTHING, Takes.CHANNEL_OR_NOTHING)
    assert offered == set(Test)
    (consent,) = [options for what in WHATS if what == "consent" for options in [BUILDER.shown(Row(what)).options]]
    assert len(consent) == 2 * (1 + len(CHANNELS))


@pytest.mark.parametrize(
    "rule",
    [
        {"not": {"on": "tag", "name": "vip", "test": "has"}},
        {"any": [{"all": [{"on": "pause", "test": "is_true"}, {"on": "age", "test": "at_least", "value": 18}]}]},
        {"on": "attribute", "name": "plan", "test": "is_one_of", "value": ["one, two"]},
        {"on": "messages", "name": "billing", "test": "sent_in_last_days", "value": 3},
    ],
)
def test_a_rule_of_another_shape_has_no_rows(rule: dict[str, object]) -> None:
    assert BUILDER.rows_of(read_rule(rule, VOCABULARY)) is None


def test_what_was_chosen_before_gives_way_to_what_fits() -> None:
    """Another subject is chosen, and the page is sent before its tests are there to choose from."""
    row = BUILDER.shown(Row("attribute:balance", "opted_out", "newsletter"))
    assert row.how == "is_one_of" and not row.options
    assert BUILDER.shown(Row("topic", "is_one_of", "gone")).value == "billing"
    assert BUILDER.shown(Row("nonsense:x", "nonsense")).how == "is_one_of"
