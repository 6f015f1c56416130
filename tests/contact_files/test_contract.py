"""A feed's contract drafted from a sample: the sample keeps it, and what breaks it is found by a check."""

from __future__ import annotations

from pathlib import Path

import pytest

from nightmail.errors import ContactFileError, NightmailError
from nightmail.intake.feed_drafts import contract_yaml, draft_contract, load_contract
from nightmail.organisation.feed_choices import ValueType
from nightmail.preparation.file_contract import file_problems
from nightmail.preparation.preparation_settings import Preparation
from nightmail.preparation.stage_tables import StageTables
from nightmail.preparation.stages import make_contacts, read_file
from nightmail.templates import load_template
from tests.support.contact_data import write_contact_csv


def test_a_draft_says_what_the_sample_shows(tmp_path: Path) -> None:
    lines = ["Kundennummer;Handy;Rechnungsnr;Betrag;Fällig am;Status;Hinweis"]
    lines += [
        f"{1000 + row};+4917112345{row:02d};0{row:04d};{row},50 €;{row % 28 + 1:02d}.11.2026;{'offen' if row % 3 else 'gemahnt'};{'x' * (row % 9)}"
        for row in range(60)
    ]
    sample = tmp_path / "due.csv"
    sample.write_text("\n".join(lines), encoding="cp1252")
    draft = draft_contract(sample)
    settings = draft.settings
    assert settings.mapping == {"Kundennummer": "external_id", "Handy": "phone"}
    assert settings.encoding == "windows-1252"
    assert settings.required_columns == (
        "external_id",
        "phone",
        "rechnungsnr",
        "betrag",
        "fallig_am",
        "status",
        "hinweis",
    )
    kinds = {name: rule.type for name, rule in settings.placeholders.items()}
    assert kinds == {
        "rechnungsnr": ValueType.TEXT,
        "betrag": ValueType.MONEY,
        "fallig_am": ValueType.DATE,
        "status": ValueType.TEXT,
        "hinweis": ValueType.TEXT,
    }
    assert settings.placeholders["status"].allowed_values == ("gemahnt", "offen")
    assert settings.placeholders["betrag"].decimal_mark == ","
    assert (settings.placeholders["hinweis"].required, settings.placeholders["status"].required) == (False, True)
    assert (settings.volume.at_least, settings.volume.at_most) == (6, 600)
    written = tmp_path / "contract.yaml"
    written.write_text(contract_yaml(draft), encoding="utf-8")
    assert load_contract(written) == settings


def test_the_key_of_the_rows_is_found(tmp_path: Path) -> None:
    sample = tmp_path / "two.csv"
    sample.write_text(
        "customer_no,phone,invoice_no\n" + "".join(f"{n // 2},+4474001234{n:02d},I{n}\n" for n in range(40))
    )
    assert draft_contract(sample).settings.unique_by == ("external_id", "invoice_no")


def test_a_sample_keeps_its_own_contract(tmp_path: Path) -> None:
    sample = tmp_path / "contacts.csv"
    write_contact_csv(sample, 2000)
    feed = draft_contract(sample).settings
    body = tmp_path / "body.txt"
    body.write_text("Dear {{ first_name }}, {{ invoice_no }} of {{ amount }} is due on {{ due_date }}.")
    template = load_template(body)
    preparation = Preparation(template=template, hash_key=b"k" * 32, feed=feed)
    tables = StageTables.in_folder(str(tmp_path))
    summary = read_file(preparation, sample, tables)
    assert file_problems(preparation, summary.columns, summary.rows) == ()
    made = make_contacts(preparation, tables)
    assert not {"value_type", "value_not_allowed"} & set(made.by_reason)
    (tmp_path / "few.csv").write_text("external_id,phone\n1,+447400123456\n")
    other = read_file(preparation, tmp_path / "few.csv", tables)
    assert {problem.reason for problem in file_problems(preparation, other.columns, other.rows)} == {
        "file_missing_column",
        "file_volume",
    }


@pytest.mark.parametrize("text", ["- a\n- b\n", "required_columns: {a: 1}\n", "no_such: 1\n", "a: [\n", "version: 0\n"])
def test_a_malformed_contract_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "contract.yaml"
    path.write_text(text)
    with pytest.raises(ContactFileError) as caught:
        load_contract(path)
    assert caught.value.reason == "contract_malformed"
    assert isinstance(caught.value, NightmailError)
