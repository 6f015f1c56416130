"""The contracts of the tables, and that rows reconcile: each breach is found, and nothing personal is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightmail.lake import TableFile
from nightmail.organisation.feeds import FeedSettings
from nightmail.preparation.preparation_settings import Preparation
from nightmail.preparation.reconciliation import reconcile_preparation
from nightmail.preparation.stage_tables import StageTables
from nightmail.preparation.stages import prepare
from nightmail.preparation.table_contracts import (
    audience_contract,
    contact_file_contract,
    contacts_contract,
    messages_contract,
)
from nightmail.preparation.table_validation import _data_source, validate
from nightmail.templates import load_template
from tests.support.pipeline_rig import PHONES, TEMPLATE, contact_rows

PREPARATION = Preparation(
    template=load_template(TEMPLATE), hash_key=b"k", feed=FeedSettings(channels=("sms",)), default_country="GB"
)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> StageTables:
    """The tables of a good file of six rows with a reject, a duplicate and a contact that is held."""
    folder = tmp_path_factory.mktemp("good")
    file = folder / "due.csv"
    extra = f"C0,{PHONES[0]},Ann0,1.50\nC8,nonsense,Bob,1\nC9,+1 212 456 7890,Joe,3\nC7,020 7946 0123,Eve,3\n"
    file.write_text(contact_rows(4) + extra)
    tables = StageTables.in_folder(folder)
    prepared = prepare(PREPARATION, file, tables)
    assert prepared.problems == ()
    return tables


def contract_of(table: str, columns: list[str], contacts: TableFile) -> list[object]:
    contracts: dict[str, Callable[[], list[object]]] = {
        "contact_file": lambda: list(contact_file_contract(PREPARATION)),
        "contacts": lambda: list(contacts_contract(PREPARATION, columns)),
        "audience": lambda: list(audience_contract()),
        "messages": lambda: list(messages_contract(PREPARATION, contacts)),
    }
    return contracts[table]()


@pytest.mark.parametrize("table", ["contact_file", "contacts", "audience", "messages"])
def test_what_the_pipeline_writes_keeps_its_contract(good: StageTables, table: str) -> None:
    """No false alarm."""
    file: TableFile = getattr(good, table)
    outcome = validate(table, file, contract_of(table, file.schema().names, good.contacts))  # type: ignore[arg-type]
    assert outcome.passed, outcome.metadata()
    assert outcome.problem is None
    assert outcome.rows == file.num_rows()


def _with(table: pa.Table, column: str, change: Callable[[list[object]], list[object]]) -> pa.Table:
    field = table.schema.field(column)
    values = pa.array(change(table[column].to_pylist()), field.type)
    return table.set_column(table.schema.get_field_index(column), pa.field(column, field.type), values)


BREACHES: list[tuple[str, str, Callable[[list[object]], list[object]], str]] = [
    ("contact_file", "line", lambda v: [v[0], v[0], *v[2:]], "two rows claim the same line"),
    ("contacts", "phone", lambda v: ["07400 100001", *v[1:]], "phone holds numbers that are not E.164"),
    ("contacts", "external_id", lambda v: [v[1], *v[1:]], "the same external_id"),
    ("contacts", "line", lambda v: [v[1], *v[1:]], "two contacts claim the same line"),
    ("contacts", "country", lambda v: ["gb", *v[1:]], "country holds no ISO code"),
    ("audience", "state", lambda v: ["maybe", *v[1:]], "neither planned nor held"),
    ("audience", "reason", lambda v: [None] * len(v), "a held contact has no reason"),
    ("audience", "channel", lambda v: [None] * len(v), "a planned contact has no channel"),
    ("messages", "body", lambda v: ["Dear {{ first_name }}", *v[1:]], "not filled in"),
    ("messages", "body", lambda v: ["", *v[1:]], "empty or over the limit of sms"),
    ("messages", "body", lambda v: ["x" * 1601, *v[1:]], "empty or over the limit of sms"),
    ("messages", "message_id", lambda v: [v[1], *v[1:]], "a message id stands twice"),
    ("messages", "address", lambda v: ["nobody", *v[1:]], "an address is not normalised"),
    ("messages", "segments", lambda v: [0, *v[1:]], "no segments"),
]


@pytest.mark.parametrize(("table", "column", "change", "says"), BREACHES)
def test_every_breach_is_found_and_told_without_a_value(
    good: StageTables,
    tmp_path: Path,
    table: str,
    column: str,
    change: Callable[[list[object]], list[object]],
    says: str,
) -> None:
    """The sentence says what is wrong; counts only."""
    broken = TableFile(str(tmp_path / f"{table}.parquet"))
    broken.write(_with(getattr(good, table).read(), column, change))
    outcome = validate(table, broken, contract_of(table, broken.schema().names, good.contacts))  # type: ignore[arg-type]
    assert not outcome.passed
    assert outcome.problem is not None and says in outcome.problem["message"]
    told = str(outcome.metadata()) + str(outcome.problem)
    for value in ("07400", "+447", "Ann", "nobody", "Dear"):
        assert value not in told


@pytest.mark.parametrize("value", ["{{ first_name }}", "Ann {{", "{% if x %}", "{# note #}", "{{ 7 * 7 }}", "{ {{"])
def test_braces_in_a_row_s_own_value_are_data(tmp_path: Path, value: str) -> None:
    """They are sent as they stand; the same braces in another row's message are still a placeholder that was left."""
    template = load_template({"languages": {"en": {"sms": "Dear {{ first_name }}, pay."}}})
    preparation = Preparation(template=template, hash_key=b"k", feed=FeedSettings(channels=("sms",)))
    file = tmp_path / "due.csv"
    file.write_text(f"phone,first_name\n+447400100001,{value}\n+447400100002,Bob\n")
    tables = StageTables.in_folder(tmp_path)
    assert prepare(preparation, file, tables).problems == ()
    contract = messages_contract(preparation, tables.contacts)
    assert tables.messages.read()["body"].to_pylist() == [f"Dear {value}, pay.", "Dear Bob, pay."]
    assert validate("messages", tables.messages, contract).passed
    left = TableFile(str(tmp_path / "left.parquet"))
    left.write(_with(tables.messages.read(), "body", lambda v: [v[0], "Dear {{ first_name }}, pay."]))
    assert not validate("messages", left, contract).passed


def test_braces_that_the_template_prints_are_no_placeholder(tmp_path: Path) -> None:
    """What stands in ``raw`` is meant."""
    template = load_template({"languages": {"en": {"sms": "Write {% raw %}{{ name }}{% endraw %}"}}})
    preparation = Preparation(template=template, hash_key=b"k", feed=FeedSettings(channels=("sms",)))
    file = tmp_path / "due.csv"
    file.write_text("phone\n+447400100001\n")
    tables = StageTables.in_folder(tmp_path)
    prepare(preparation, file, tables)
    assert validate("messages", tables.messages, messages_contract(preparation, tables.contacts)).passed


def test_a_missing_column_is_found(good: StageTables, tmp_path: Path) -> None:
    """Great Expectations answers with an exception inside a result, which is a failure like any other."""
    broken = TableFile(str(tmp_path / "contact_file.parquet"))
    broken.write(good.contact_file.read().drop_columns(["amount"]))
    outcome = validate("contact_file", broken, contact_file_contract(PREPARATION))
    assert not outcome.passed
    assert "the column amount is missing" in str(outcome.problem)


def test_good_tables_reconcile(good: StageTables) -> None:
    """Eight rows: one reject, one duplicate, six contacts, of whom some are held."""
    outcome = reconcile_preparation(good, 8)
    assert outcome.passed, outcome.differences
    assert {name: outcome.counts[name] for name in ("rows", "rejects", "duplicates", "contacts")} == {
        "rows": 8,
        "rejects": 1,
        "duplicates": 1,
        "contacts": 6,
    }
    assert outcome.counts["held"] > 0


@pytest.mark.parametrize("table", ["contacts", "audience", "messages", "rejects"])
def test_a_lost_row_is_missed(good: StageTables, tmp_path: Path, table: str) -> None:
    """Whichever table loses a row, an equation does not hold."""
    tables = {name: getattr(good, name) for name in StageTables.__dataclass_fields__}
    lost = TableFile(str(tmp_path / "lost.parquet"))
    rows = tables[table].read()
    lost.write(rows.slice(1))
    outcome = reconcile_preparation(StageTables(**{**tables, table: lost}), 8)
    assert not outcome.passed
    assert outcome.problem()["reason"] == "rows_do_not_reconcile"


def test_a_row_that_came_from_nowhere_is_found(good: StageTables, tmp_path: Path) -> None:
    """A message for somebody who was held must not go out, even if every sum is right."""
    tables = {name: getattr(good, name) for name in StageTables.__dataclass_fields__}
    audience = good.audience.read()
    held = audience.filter(pc.equal(audience["state"], "held"))["line"].to_pylist()[0]
    swapped = TableFile(str(tmp_path / "messages.parquet"))
    swapped.write(_with(good.messages.read(), "line", lambda v: [held, *v[1:]]))
    outcome = reconcile_preparation(StageTables(**{**tables, "messages": swapped}), 8)
    assert not outcome.passed


cells = st.sampled_from(
    [*PHONES[:6], "nonsense", "", "+1 212 456 7890", "07400", "=1+1", "447400100001", "7.40E+09", '"', "\x00"]
)
rows_of_file = st.lists(
    st.tuples(st.sampled_from(["A", "B", "C", "D", "", "A"]), cells, st.sampled_from(["1", "x", "", "2.50"])),
    min_size=1,
    max_size=25,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows_of_file, st.booleans())
def test_rows_reconcile_whatever_the_file_holds(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], ragged: bool
) -> None:
    """Duplicates, nonsense, blanks, quotes that do not end, ragged rows: every row ends in exactly one place."""
    from nightmail.errors import ContactFileError

    folder = tmp_path_factory.mktemp("any")
    lines = [",".join(row) for row in rows]
    if ragged:
        lines[0] += ",further,fields"
    file = folder / "any.csv"
    file.write_text("external_id,phone,amount\n" + "\n".join(lines) + "\n")
    tables = StageTables.in_folder(folder)
    try:
        prepared = prepare(PREPARATION, file, tables)
    except ContactFileError:
        return
    outcome = reconcile_preparation(tables, prepared.contact_file.rows)
    assert outcome.passed, outcome.differences
    assert outcome.counts == prepared.counts


def test_a_validation_leaves_nothing_behind(good: StageTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Great Expectations makes a folder for its documents in each context unless it is told not to."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert validate("audience", good.audience, audience_contract()).passed
    assert list(tmp_path.iterdir()) == []


def test_a_table_is_judged_by_its_own_rows_whatever_was_looked_at_before(tmp_path: Path) -> None:
    """The library's context is kept from table to table: no count of one may be told of the next, and no row stay behind."""
    names = ("line", "state", "reason", "channel", "contact_id")
    for number, state in enumerate(("planned", "lost", "planned", "lost")):
        file = TableFile(str(tmp_path / f"{number}.parquet"))
        rows = pa.table(dict(zip(names, ([1, 2], [state] * 2, ["x"] * 2, ["sms"] * 2, ["a", "b"]), strict=True)))
        with file.writer(rows.schema) as writer:
            writer.write(rows)
        outcome = validate("audience", file, audience_contract())
        assert sum(result.unexpected for result in outcome.results) == (2 if state == "lost" else 0)
        assert _data_source().get_execution_engine().batch_manager.batch_data_cache == {}
