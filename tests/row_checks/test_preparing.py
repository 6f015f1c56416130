"""The stage ``contacts``: who is a contact, who is not and why; and that every row is accounted for."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightmail.errors import ContractError
from nightmail.lake import TableFile
from nightmail.lake.schemas import REJECTS
from nightmail.organisation.feed_choices import Keep, ValueType
from nightmail.reasons import REASONS
from nightmail.row_checks import ContactRules, PlaceholderRule, prepare_contacts
from tests.row_checks.conftest import Prepare

GOOD = "+49 151 23456789"
GOOD_2 = "+49 151 23456780"
FIXED = "+49 30 901820"


def test_a_row_comes_out_normal_and_typed(prepare: Prepare) -> None:
    """Every standard field in its normal form, every placeholder in its type."""
    out = prepare(
        {
            "external_id": [" C1 "],
            "phone": ["0151 23456789"],
            "landline": ["030 901820"],
            "email": ["Anna@Example.COM"],
            "country": ["Deutschland"],
            "language": ["de_de"],
            "birth_date": ["24.12.1985"],
            "amount": ["1.234,50 €"],
            "due_date": ["31/12/2026"],
            "first_name": [" Zoë "],
        },
        placeholders=(
            PlaceholderRule(name="amount", type=ValueType.MONEY),
            PlaceholderRule(name="due_date", type=ValueType.DATE),
        ),
    )
    assert out.contacts.to_pylist() == [
        {
            "line": 2,
            "external_id": "C1",
            "phone": "+4915123456789",
            "phone_type": "mobile",
            "phone_2": None,
            "phone_2_type": None,
            "landline": "+4930901820",
            "landline_type": "fixed",
            "email": "Anna@example.com",
            "country": "DE",
            "language": "de-DE",
            "time_zone": "Europe/Berlin",
            "birth_date": date(1985, 12, 24),
            "birth_date_unread": False,
            "country_subdivision": None,
            "amount": Decimal("1234.50"),
            "due_date": date(2026, 12, 31),
            "first_name": "Zoë",
            "amount_currency": "EUR",
        }
    ]
    assert out.rejects.num_rows == out.warnings.num_rows == 0


def test_a_bad_address_beside_a_good_one_is_a_warning(prepare: Prepare) -> None:
    """A row is rejected only if no address remains that the template can use."""
    columns = {"phone": [GOOD, "+49 12", GOOD, None], "email": ["bad", "a@example.com", None, None]}
    out = prepare({**columns, "external_id": list("abcd")}, channels=("sms", "email"))
    assert out.lines() == [2, 3, 4]
    assert out.warned() == {2: ["email_invalid"], 3: ["phone_invalid"]}
    assert out.reasons() == {5: ["no_address"]}
    sms_only = prepare({**columns, "external_id": list("abcd")}, channels=("sms",))
    assert sms_only.lines() == [2, 4]
    assert sms_only.reasons() == {3: ["phone_invalid"], 5: ["no_address"]}
    assert sms_only.warned() == {2: ["email_invalid"]}


def test_a_fixed_line_is_an_address(prepare: Prepare) -> None:
    """It is the audience that holds a text message to a fixed line; here the number is right."""
    out = prepare({"phone": [FIXED]})
    assert out.of("phone_type") == ["fixed"]


def test_the_national_form_needs_a_country(prepare: Prepare) -> None:
    """The row's country, else the default; a country that is filled but not understood is not taken for the default one."""
    columns = {"phone": ["0151 23456789"] * 3, "country": ["DE", None, "Atlantis"], "external_id": list("abc")}
    out = prepare(columns)
    assert {line: sorted(codes) for line, codes in out.reasons().items()} == {
        3: ["phone_country_needed"],
        4: ["country_unknown", "phone_country_needed"],
    }
    assert out.summary.rejects == 2
    assert out.summary.by_reason == {"country_unknown": 1, "phone_country_needed": 2}
    out = prepare(columns, default_country="DE")
    assert out.of("phone") == ["+4915123456789"] * 2
    assert {line: sorted(codes) for line, codes in out.reasons().items()} == {
        4: ["country_unknown", "phone_country_needed"],
    }
    international = prepare({**columns, "phone": ["+4915123456789"] * 3}, default_country="DE")
    assert international.warned() == {4: ["country_unknown"]}
    assert international.of("country") == ["DE"] * 3


def test_the_country_is_the_rows_else_the_numbers_else_the_default(prepare: Prepare) -> None:
    """What is written wins over what follows from a number."""
    out = prepare(
        {"phone": [GOOD, GOOD_2, None], "email": [None, None, "a@example.com"], "country": ["FR", None, None]},
        channels=("sms", "email"),
        default_country="AT",
    )
    assert out.of("country") == ["FR", "DE", "AT"]
    assert out.of("time_zone") == ["Europe/Paris", "Europe/Berlin", "Europe/Vienna"]


def test_a_missing_placeholder_rejects_the_row_with_its_name(prepare: Prepare) -> None:
    """Empty, blank or without a column: the uploader is told which one."""
    columns = {"phone": [GOOD, GOOD_2, FIXED], "amount": ["5", "  ", None], "external_id": list("abc")}
    out = prepare(columns, placeholders=(PlaceholderRule(name="amount"),))
    assert out.reasons() == {3: ["placeholder_missing"], 4: ["placeholder_missing"]}
    assert out.rejects.column("column").to_pylist() == ["amount", "amount"]
    assert "amount" in out.rejects.column("message")[0].as_py()
    out = prepare(columns, placeholders=(PlaceholderRule(name="amount", required=False),))
    assert out.lines() == [2, 3, 4]
    out = prepare(columns, placeholders=(PlaceholderRule(name="due_date"),))
    assert out.summary.rejects == 3


def test_only_bodies_that_the_row_could_receive_count(prepare: Prepare) -> None:
    """A placeholder of the email body is not missed by a row without an email address, nor one of the French body by a German."""
    columns = {
        "external_id": list("abcd"),
        "phone": [GOOD, GOOD, None, GOOD],
        "email": [None, "a@example.com", "b@example.com", None],
        "language": ["de", "fr", "de-AT", "fr-CA"],
    }
    rule = PlaceholderRule(name="invoice", channels=frozenset({"email"}))
    out = prepare(columns, channels=("sms", "email"), placeholders=(rule,))
    assert out.lines() == [2, 5]
    rule = PlaceholderRule(name="ville", languages=frozenset({"fr"}))
    languages = {"template_languages": ("de", "fr"), "default_language": "de"}
    out = prepare(columns, channels=("sms", "email"), placeholders=(rule,), **languages)
    assert out.lines() == [2, 4]
    everywhere = PlaceholderRule(name="ort", languages=frozenset({"de"}))
    out = prepare(
        {**columns, "language": ["xx", None, "fr", "de"]},
        channels=("sms", "email"),
        placeholders=(everywhere,),
        **languages,
    )
    assert out.lines() == [4]


def test_values_must_have_their_type_length_and_choice(prepare: Prepare) -> None:
    """What a body could not show is rejected; each with its own reason."""
    out = prepare(
        {
            "external_id": list("abcde"),
            "phone": [GOOD] * 5,
            "amount": ["5", "five", "1.5", "2", "3"],
            "due": ["2026-12-01", "2026-12-01", "2026-02-30", "2026-12-01", "2026-12-01"],
            "plan": ["A", "A", "A", "C", "A"],
            "note": ["short", "short", "short", "short", "too long"],
        },
        placeholders=(
            PlaceholderRule(name="amount", type=ValueType.NUMBER),
            PlaceholderRule(name="due", type=ValueType.DATE),
            PlaceholderRule(name="plan", allowed_values=("A", "B")),
            PlaceholderRule(name="note", max_length=5),
        ),
    )
    assert out.reasons() == {
        3: ["value_type"],
        4: ["value_type"],
        5: ["value_not_allowed"],
        6: ["value_too_long"],
    }
    assert out.of("amount") == [Decimal("5.0")]
    assert out.contacts.schema.field("due").type == pa.date32()


def test_mixed_orders_are_named_for_the_column(prepare: Prepare) -> None:
    """One line without a number for the column, and the doubtful cells rejected."""
    out = prepare(
        {"external_id": list("abc"), "phone": [GOOD] * 3, "due": ["24/12/2026", "12/24/2026", "01/02/2026"]},
        placeholders=(PlaceholderRule(name="due", type=ValueType.DATE),),
    )
    assert out.warned() == {None: ["date_order_mixed"]}
    assert out.reasons() == {4: ["value_ambiguous"]}


def test_a_bad_birth_date_is_a_warning(prepare: Prepare) -> None:
    """The contact stays, to be held; of two readings the later is taken, and said."""
    out = prepare(
        {
            "external_id": list("abcd"),
            "phone": [GOOD] * 4,
            "birth_date": ["never", "03/04/2012", "05.06.14", "2012-02-29"],
        },
        reference_date=date(2026, 11, 23),
    )
    assert out.of("birth_date") == [None, date(2012, 4, 3), date(2014, 6, 5), date(2012, 2, 29)]
    assert out.of("birth_date_unread") == [True, False, False, False]
    assert out.warned() == {
        2: ["birth_date_invalid"],
        3: ["birth_date_order_assumed"],
        4: ["birth_date_century_assumed"],
    }


def test_typing_errors_extensions_and_repairs_are_said(prepare: Prepare) -> None:
    """Warnings carry the value and a whole sentence."""
    out = prepare(
        {
            "external_id": list("abc"),
            "phone": ["+49 30 901820 ext. 5", "493090182012.0", None],
            "email": [None, None, "anna@gmial.com"],
        },
        channels=("sms", "email"),
        default_country="DE",
    )
    assert out.warned() == {2: ["phone_extension_dropped"], 3: ["phone_repaired"], 4: ["email_domain_typo"]}
    assert "gmail.com may be meant" in out.warnings.column("message")[2].as_py()
    assert out.of("email")[2] == "anna@gmial.com"


def test_a_column_named_like_one_of_ours_keeps_its_values(prepare: Prepare) -> None:
    """Under another name: ``phone_type`` is what the number's plan says."""
    out = prepare(
        {"phone": [GOOD], "phone_type": ["2026-12-24"]},
        placeholders=(PlaceholderRule(name="phone_type", type=ValueType.DATE),),
    )
    assert (out.of("phone_type"), out.of("phone_type_given")) == (["mobile"], [date(2026, 12, 24)])


def test_an_external_id_can_be_required(prepare: Prepare) -> None:
    """Feeds that update contacts by their id need one."""
    out = prepare({"external_id": ["a", " "], "phone": [GOOD, GOOD_2]}, require_external_id=True)
    assert out.reasons() == {3: ["external_id_missing"]}


def test_a_file_without_an_address_column_rejects_every_row(prepare: Prepare) -> None:
    """No row is lost for it."""
    out = prepare({"name": ["a", "b"]})
    assert out.summary.by_reason == {"no_address": 2}


def test_a_missing_key_column_stops_the_file(prepare: Prepare) -> None:
    """Without the columns that tell duplicates, rows would be sent to twice."""
    for rules in ({"unique_by": ("external_id", "invoice")}, {"keep": Keep.MOST_RECENT, "keep_by": "updated"}):
        with pytest.raises(ContractError) as raised:
            prepare({"external_id": ["a"], "phone": [GOOD]}, **rules)
        assert raised.value.reason == "file_missing_column"


def test_rows_that_were_broken_as_rows_are_carried_on(tmp_path: Path) -> None:
    """The rejects of reading come among the others, by line, and count once."""
    file, contacts, rejects, warnings, broken = (TableFile(str(tmp_path / f"{n}.parquet")) for n in "fcrwb")
    file.write(pa.table({"line": pa.array([2, 4, 6], pa.int64()), "phone": [GOOD, "+49 12", GOOD_2]}))
    rows = [
        {"line": line, "column": None, "value": "x", "reason": "row_ragged", "message": "ragged", "duplicate_of": None}
        for line in (3, 3, 5, 9)
    ]
    broken.write(pa.Table.from_pylist(rows, schema=REJECTS))
    summary = prepare_contacts(file, contacts, rejects, warnings, ContactRules(file_rejects=broken))
    assert (summary.rows, summary.rejects, summary.contacts) == (6, 4, 2)
    assert rejects.read().column("line").to_pylist() == [3, 3, 4, 5, 9]
    assert summary.by_reason == {"phone_invalid": 1, "row_ragged": 3}


def test_many_blocks_are_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rows in blocks of any size give the same tables."""
    rows = 1000
    table = pa.table(
        {
            "line": pa.array(range(2, rows + 2), pa.int64()),
            "external_id": [f"C{i % 900}" for i in range(rows)],
            "phone": [f"0151 {23456000 + i % 950}" if i % 7 else "12" for i in range(rows)],
            "due": [f"{i % 28 + 1:02}/01/2026" for i in range(rows)],
        }
    )
    rules = ContactRules(
        default_country="DE", keep=Keep.LAST, placeholders=(PlaceholderRule(name="due", type=ValueType.DATE),)
    )
    found = []
    blocks = TableFile.blocks
    for size in (1, 37, 250_000):
        monkeypatch.setattr(
            TableFile,
            "blocks",
            lambda self, columns=None, rows=0, recurring=(), size=size: blocks(self, columns, size, recurring),
        )
        file, *outputs = (TableFile(str(tmp_path / f"{size}-{n}.parquet")) for n in "fcrw")
        file.write(table)
        summary = prepare_contacts(file, *outputs, rules)
        found.append([summary, *(output.read() for output in outputs)])
    assert found[0] == found[1] == found[2]
    assert found[0][0].duplicates > 50
    assert found[0][0].rejects > 50


def test_wide_rows_go_in_small_blocks(tmp_path: Path) -> None:
    """Memory does not grow with the width of rows: 128 MB of them make a block."""
    rows, text = 1_500, "x" * 100_000
    file, *outputs = (TableFile(str(tmp_path / f"{n}.parquet")) for n in "fcrw")
    schema = pa.schema([("line", pa.int64()), ("phone", pa.string()), ("note", pa.string())])
    with file.writer(schema) as writer:
        for start in range(0, rows, 500):
            lines = range(start + 2, start + 502)
            note = [f"{line}{text}" for line in lines]
            writer.write(
                pa.table(
                    {"line": lines, "phone": [f"+4915123{line:06}" for line in lines], "note": note}, schema=schema
                )
            )
    told: list[int] = []
    summary = prepare_contacts(file, *outputs, ContactRules(), lambda stage, done, total: told.append(done))
    assert summary.contacts == rows
    assert len(told) == 2
    assert told[0] < 1400


def test_progress_is_told(prepare: Prepare, tmp_path: Path) -> None:
    """The stage, rows done and rows in all."""
    file, *outputs = (TableFile(str(tmp_path / f"{n}.parquet")) for n in "fcrw")
    file.write(pa.table({"line": pa.array([2], pa.int64()), "phone": [GOOD]}))
    told: list[tuple[str, int, int | None]] = []
    prepare_contacts(file, *outputs, ContactRules(), lambda *seen: told.append(seen))
    assert told[-1] == ("contacts", 1, 1)


def test_an_empty_table_gives_empty_tables(prepare: Prepare) -> None:
    """No rows, no trouble."""
    out = prepare({"phone": [], "amount": []}, placeholders=(PlaceholderRule(name="amount", type=ValueType.MONEY),))
    assert (out.summary.rows, out.contacts.num_rows) == (0, 0)


_cells = st.one_of(
    st.none(),
    st.sampled_from(
        [
            GOOD,
            "0151 23456789",
            "0151/23456789",
            "+44 20 7946 0018",
            "12",
            "4.9E+11",
            "a@example.com",
            "A@EXAMPLE.com",
            "bad@",
            "DE",
            "Germany",
            "fr",
            "C1",
            "C2",
            "2026-01-02",
            "01/02/2026",
            "1,234",
            "12.5",
            "€5",
            "",
            " ",
            "x",
        ]
    ),
    st.text(max_size=12),
)
_names = st.sampled_from(
    [
        "external_id",
        "phone",
        "phone_2",
        "landline",
        "email",
        "country",
        "language",
        "time_zone",
        "birth_date",
        "amount",
        "due",
        "note",
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(_names, min_size=1, max_size=8, unique=True),
    data=st.data(),
    keep=st.sampled_from([Keep.FIRST, Keep.LAST, Keep.MOST_COMPLETE]),
    channels=st.sampled_from([("sms",), ("email",), ("sms", "email", "voice", "chat")]),
    unique_by=st.sampled_from([("external_id",), ()]),
    country=st.sampled_from([None, "DE", "US"]),
)
def test_rows_reconcile_whatever_they_hold(
    prepare: Prepare,
    names: list[str],
    data: st.DataObject,
    keep: Keep,
    channels: tuple[str, ...],
    unique_by: tuple[str, ...],
    country: str | None,
) -> None:
    """Every row is a contact, a reject or a duplicate, exactly one of them, and duplicates name a contact."""
    rows = data.draw(st.lists(st.tuples(*(_cells for _ in names)), min_size=1, max_size=12))
    columns = {name: [row[index] for row in rows] for index, name in enumerate(names)}
    out = prepare(
        columns,
        keep=keep,
        channels=channels,
        unique_by=unique_by,
        default_country=country,
        placeholders=(
            PlaceholderRule(name="amount", type=ValueType.MONEY, required=False),
            PlaceholderRule(name="due", type=ValueType.DATE, required="due" in names),
        ),
    )
    reasons = out.reasons()
    duplicates = {line for line, codes in reasons.items() if any(code.startswith("duplicate_") for code in codes)}
    rejected = set(reasons) - duplicates
    contacts = out.lines()
    assert sorted([*contacts, *rejected, *duplicates]) == list(range(2, len(rows) + 2))
    assert (out.summary.rows, out.summary.contacts) == (len(rows), len(contacts))
    assert (out.summary.rejects, out.summary.duplicates) == (len(rejected), len(duplicates))
    assert all(len(codes) == 1 for line, codes in reasons.items() if line in duplicates)
    of = {
        line: other
        for line, other in zip(*(out.rejects.column(n).to_pylist() for n in ("line", "duplicate_of")), strict=True)
        if other
    }
    assert set(of) == duplicates
    assert set(of.values()) <= set(contacts)
    assert {line for line in out.warned() if line is not None} <= set(contacts)
    assert sum(len(set(codes)) for codes in reasons.values()) == sum(out.summary.by_reason.values())
    assert set(out.summary.by_reason) | set(out.summary.warnings_by_reason) <= set(REASONS)
    for name in ("phone", "email"):
        assert all(value is None or value[0] == "+" or "@" in value for value in out.of(name))
