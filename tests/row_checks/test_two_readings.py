"""What has two readings is never decided silently: the rule, held over the reference table of ambiguous forms."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightmail.organisation.feed_choices import ValueType
from nightmail.reasons import REASONS, Kind
from nightmail.row_checks import PlaceholderRule
from tests.row_checks.conftest import Outcome, Prepare

TABLE = yaml.safe_load((Path(__file__).parent / "ambiguous_forms.yaml").read_text(encoding="utf-8"))
TODAY = dt.date(2026, 11, 23)
_COLUMNS = {"phone": "phone", "date": "due", "birth_date": "birth_date", "number": "amount"}
_ASSUMPTIONS = {"birth_date_order_assumed"}
"""Warnings that name what was taken of several readings."""


@dataclass(frozen=True)
class Form:
    """One cell of the table with all that it can mean."""

    kind: str
    country: str | None
    cell: str
    readings: tuple[Any, ...]
    clear: tuple[tuple[str, ...], ...]
    neutral: tuple[str, ...]


def _value(kind: str, written: Any) -> Any:
    """A value of the table as the column of ``contacts`` has it."""
    if kind == "phone":
        return f"+{str(written).removeprefix('+')}"
    return Decimal(str(written)) if kind == "number" else written


FORMS = [
    Form(
        kind=entry["kind"],
        country=entry["country"],
        cell=cell,
        readings=tuple(_value(entry["kind"], reading[place]) for reading in entry["readings"]),
        clear=tuple(map(tuple, entry["clear"])),
        neutral=tuple(entry["neutral"]),
    )
    for entry in TABLE
    for place, cell in enumerate(entry["cells"])
]


def file_of(prepare: Prepare, form: Form, others: list[str], **rules: Any) -> Outcome:
    """A file whose first row has the ambiguous cell, before rows with other cells in its column."""
    cells = [form.cell, *others]
    columns: dict[str, list[str | None]] = {
        "external_id": [f"C{at}" for at in range(len(cells))],
        "phone": [f"+4474001{at:05}" for at in range(len(cells))],
    }
    columns[_COLUMNS[form.kind]] = list(cells)
    if form.kind == "birth_date":
        columns["country"] = [form.country] * len(cells)
    placeholders = {
        "date": (PlaceholderRule(name="due", type=ValueType.DATE, date_order=rules.pop("date_order", None)),),
        "number": (
            PlaceholderRule(name="amount", type=ValueType.NUMBER, decimal_mark=rules.pop("decimal_mark", None))
            if form.cell[0] != "€"
            else PlaceholderRule(name="amount", type=ValueType.MONEY, decimal_mark=rules.pop("decimal_mark", None)),
        ),
    }.get(form.kind, ())
    country = rules.pop("default_country", form.country)
    return prepare(columns, placeholders=placeholders, default_country=country, reference_date=TODAY, **rules)


def taken(out: Outcome, form: Form) -> Any:
    """What became of the ambiguous cell; None where its row is no contact."""
    if 2 not in out.lines():
        return None
    return out.of(_COLUMNS[form.kind])[out.lines().index(2)]


def is_named(out: Outcome, form: Form) -> bool:
    """Whether the result names what decided about the column, or what was taken in the row."""
    named = any(
        decision.column == _COLUMNS[form.kind] and decision.reason != "decided_unseen_signs" and decision.message
        for decision in out.summary.decisions
    )
    return named or bool(_ASSUMPTIONS & set(out.warned().get(2, [])))


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.kind} {form.cell}")
def test_the_readings_of_the_table_differ(form: Form) -> None:
    """Each entry lists two values at least, and none twice."""
    assert len(form.readings) == len(set(form.readings)) >= 2
    assert len(form.clear) == len(form.readings)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.kind} {form.cell}")
def test_alone_it_is_rejected_or_what_was_taken_is_said(prepare: Prepare, form: Form) -> None:
    """Of a birth date the latest reading is taken; anything else is not sent."""
    out = file_of(prepare, form, [])
    value = taken(out, form)
    if form.kind == "birth_date":
        assert value == max(form.readings)
        assert is_named(out, form)
    else:
        assert value is None
        reasons = out.reasons()[2]
        assert reasons
        assert all(REASONS[reason].kind is Kind.REJECT for reason in reasons)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.kind} {form.cell}")
def test_clear_cells_decide_for_their_reading_only(prepare: Prepare, form: Form) -> None:
    """A column of clear cells gives their reading and says so, or decides nothing; contradicting ones decide nothing."""
    for reading, cells in zip(form.readings, form.clear, strict=True):
        if cells:
            out = file_of(prepare, form, [*cells] * 3)
            value = taken(out, form)
            assert value in (reading, None) or form.kind == "birth_date"
            assert value is None or is_named(out, form)
    contradicting = [cell for cells in form.clear for cell in cells]
    if sum(map(bool, form.clear)) > 1:
        out = file_of(prepare, form, contradicting)
        assert taken(out, form) is None or (form.kind == "birth_date" and taken(out, form) == max(form.readings))


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nothing_is_sent_silently(prepare: Prepare, data: st.DataObject) -> None:
    """Whatever stands beside it and whatever the country, a cell with two readings gives one of them, and that is said."""
    form = data.draw(st.sampled_from(FORMS))
    pool = [
        *form.neutral,
        *(cell for cells in form.clear for cell in cells),
        *(one.cell for one in FORMS if one.kind == form.kind),
    ]
    others = data.draw(st.lists(st.sampled_from(pool), max_size=8))
    country = form.country
    if form.kind in ("date", "number"):
        country = data.draw(st.sampled_from([None, "DE", "US", "GB", "PL", "SE", "JP"]))
    out = file_of(prepare, form, others, default_country=country)
    value = taken(out, form)
    if value is None:
        assert 2 in out.reasons()
        return
    assert value in form.readings
    in_its_language = form.kind == "date" and "listopad" in form.cell and country == "PL"
    assert is_named(out, form) or in_its_language


@pytest.mark.parametrize(
    ("kind", "cell", "stated", "value"),
    [
        ("date", "03/04/2026", {"date_order": "day_first"}, dt.date(2026, 4, 3)),
        ("date", "03/04/2026", {"date_order": "month_first"}, dt.date(2026, 3, 4)),
        ("date", "24-12-26", {"date_order": "day_first"}, dt.date(2026, 12, 24)),
        ("number", "1.234", {"decimal_mark": "."}, Decimal("1.234")),
        ("number", "1.234", {"decimal_mark": ","}, Decimal(1234)),
    ],
)
def test_what_the_feed_states_decides_and_is_named(
    prepare: Prepare, kind: str, cell: str, stated: dict[str, str], value: Any
) -> None:
    """The feed's own word is a rule like any other: the result has it."""
    form = next(form for form in FORMS if (form.kind, form.cell) == (kind, cell))
    out = file_of(prepare, form, [], **stated)
    assert taken(out, form) == value
    (decision,) = out.summary.decisions
    assert "so the feed states it" in decision.message
