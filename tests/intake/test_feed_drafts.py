"""A contract drafted for a template asks for what the template needs, names nobody, and prints nothing otherwise."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightmail.intake.feed_drafts import contract_yaml, draft_contract, load_contract
from nightmail.intake.sampled_columns import is_of_a_set
from nightmail.organisation.feeds import FeedSettings, feed_settings
from nightmail.preparation.preparation_settings import Preparation
from nightmail.preparation.stage_tables import StageTables
from nightmail.preparation.stages import prepare
from nightmail.templates import Template, load_template

TEMPLATE = """\
name: due
category: service
default_language: en
placeholders: {amount: {type: money, currency: EUR}, due: {type: date}, rate: {type: number}, nickname: {fallback: you}}
languages:
  en:
    sms: "{{ first_name }} ({{ nickname }}): {{ amount }} until {{ due }}, {{ paid }}, {{ rate }}, {{ code }}, {{ status }}"
"""
HEADER = "external_id,phone,email,first_name,amount,due,paid,rate,code,status,colleague,shoe_size"
PEOPLE = ("Anna", "Bo", "Cy")


def template(tmp_path: Path, text: str = TEMPLATE) -> Template:
    path = tmp_path / "t.yaml"
    path.write_text(text)
    return load_template(path)


def sample(tmp_path: Path, rows: int = 60) -> Path:
    path = tmp_path / "sample.csv"
    lines = [
        f"C{n},+4474001{n:05d},p{n}@example.com,{PEOPLE[n % 3]},{n}.50,2026-12-{n % 28 + 1:02d},{n % 28 + 1}.11.2026,"
        f"{n},{n % 2}0{n},{'open' if n % 2 else 'paid'},{PEOPLE[n % 2]} Lee,4{n % 3}"
        for n in range(rows)
    ]
    path.write_text("\n".join((HEADER, *lines)) + "\n")
    return path


def printed(template_: Template, file: Path, feed: FeedSettings) -> list[tuple[int, str]]:
    """The texts that a feed with these settings sends, by line."""
    with tempfile.TemporaryDirectory() as folder:
        tables = StageTables.in_folder(folder)
        prepare(Preparation(template=template_, hash_key=b"k" * 32, feed=feed), file, tables)
        return [(row["line"], row["body"]) for row in tables.messages.read(["line", "body"]).to_pylist()]


def test_a_draft_for_a_template_asks_for_what_it_needs(tmp_path: Path) -> None:
    draft = draft_contract(sample(tmp_path), template=template(tmp_path))
    assert set(draft.settings.required_columns) == {
        *("external_id", "phone", "first_name", "amount", "due", "paid", "rate", "code", "status"),
    }
    demands = draft.settings.placeholders
    assert all(demand.type is None for demand in demands.values()), "types are the template's"
    assert demands["status"].allowed_values == ("open", "paid")
    assert not any(demand.allowed_values for name, demand in demands.items() if name != "status")
    text = " ".join(draft.notes)
    assert "colleague, shoe_size: the contract asks nothing of them" in text
    assert "the template uses nickname" in text
    assert not any(person in contract_yaml(draft) for person in PEOPLE)
    written = tmp_path / "contract.yaml"
    written.write_text(contract_yaml(draft), encoding="utf-8")
    assert load_contract(written) == draft.settings


def test_a_draft_changes_nothing_that_is_printed(tmp_path: Path) -> None:
    sent = template(tmp_path)
    file = sample(tmp_path)
    plain = printed(sent, file, feed_settings({"reject_limit": 1.0}))
    assert len(plain) == 60
    assert printed(sent, file, draft_contract(file, template=sent).settings) == plain


def test_values_that_are_not_of_the_templates_type_are_said(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("phone,amount,due\n+447400100001,soon,20261123\n+447400100002,12.50,20261124\n")
    sent = template(tmp_path, 'name: t\ncategory: service\ndefault_language: en\nplaceholders: {amount: {type: money, currency: EUR}, due: {type: date}}\nlanguages: {en: {sms: "{{ amount }} {{ due }}"}}\n')  # fmt: skip
    draft = draft_contract(file, template=sent)
    notes = draft.notes
    assert draft.settings.reject_limit == 0.5, "the sample keeps its own contract"
    assert [note for note in notes if "not every value" in note] == [
        "not every value of amount in the sample is an amount of money, as the template has it"
    ]


@pytest.mark.parametrize("text", ["{{ value }}", "{{ value|upper }}", "{% if value %}{{ value }}{% endif %}x"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(
        st.sampled_from(
            ["1", "01", "1.50", "1,50", "1.234,50", "1e5", "2026-12-01", "01.12.2026", "12/01/2026", "12 €", "$3", "yes", "no", "Open", "a"]
        ),
        min_size=1,
        max_size=3,
    ),
    kind=st.sampled_from(["text", "number", "date", "money, currency: EUR"]),
)  # fmt: skip
def test_no_draft_changes_what_is_printed(tmp_path: Path, text: str, values: list[str], kind: str) -> None:
    """Whatever the values look like, and whatever the template says they are: the sample's rows print the same."""
    sent = template(
        tmp_path,
        "name: t\ncategory: service\ndefault_language: en\n"
        f"placeholders: {{value: {{type: {kind}}}}}\nlanguages: {{en: {{sms: '{text}'}}}}\n",
    )
    file = tmp_path / "values.csv"
    rows = [f'C{n};+4474001{n:05d};"{values[n % len(values)]}"' for n in range(40)]
    file.write_text("\n".join(("external_id;phone;value", *rows)) + "\n")
    assert printed(sent, file, draft_contract(file, template=sent).settings) == printed(
        sent, file, feed_settings({"reject_limit": 1.0, "unique_by": ["external_id"]})
    )


def columns(name: str, *values: str) -> Any:
    import pyarrow as pa

    return name, pa.array(values)


@pytest.mark.parametrize(
    ("name", "values", "of_a_set"),
    [
        (*columns("status", "open", "paid"), True),
        (*columns("payment_status", "open", "paid"), True),
        (*columns("vip", "yes", "no"), True),
        (*columns("first_name", "Anna", "Bo"), False),
        (*columns("nachname", "LEE", "MEYER"), False),
        (*columns("sachbearbeiter", "Anna", "Bo"), False),
        (*columns("initials", "AL", "BR"), False),
        (*columns("category", "Anna Lee", "Bo Ray"), False),
        (*columns("type", "a@example.com", "b@example.com"), False),
        (*columns("channel", "+447400123456", "+447400123457"), False),
        (*columns("level", "DE89 3704 0044 0532 0130 00", "x"), False),
        (*columns("class", "01.02.1980", "03.04.1990"), False),
        (*columns("city", "Hull", "Leeds"), False),
        (*columns("customer_type_name", "Anna", "Bo"), False),
    ],
)
def test_only_words_of_a_set_are_proposed_as_the_allowed_ones(name: str, values: Any, of_a_set: bool) -> None:
    assert is_of_a_set(name, values) is of_a_set
