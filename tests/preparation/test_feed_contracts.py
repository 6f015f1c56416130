"""A feed's contract as people read it, and the sample file that keeps it."""

from __future__ import annotations

from pathlib import Path

import pytest

from nightmail.organisation.feeds import feed_settings
from nightmail.preparation.feed_contracts import feed_contract
from nightmail.preparation.preparation_settings import Preparation
from nightmail.preparation.stage_tables import StageTables
from nightmail.preparation.stages import prepare
from nightmail.templates import load_template, sample_names
from nightmail.templates.template_files import find_template

TEMPLATE = load_template(
    "category: billing\nplaceholders: {amount: {type: money, currency: EUR}, status: {max_length: 4}}\n"
    "languages: {en: {sms: '{{ amount }} {{ status }} {{ note|default(\"-\") }}'}}"
)


@pytest.mark.parametrize("name", sample_names())
def test_the_sample_of_each_shipped_template_loses_no_row(name: str, tmp_path: Path) -> None:
    template = find_template(name)
    sample = tmp_path / "sample.csv"
    sample.write_bytes(feed_contract(template, feed_settings({})).sample())
    prepared = prepare(Preparation(template=template, hash_key=b"k" * 32), sample, StageTables.in_folder(tmp_path))
    assert (prepared.counts["rows"], prepared.counts["contacts"]) == (2, 2)
    assert prepared.problems == ()


def test_a_feed_of_demands_and_other_headers_is_kept_by_its_sample(tmp_path: Path) -> None:
    settings = feed_settings(
        {
            "mapping": {"Mobil": "phone", "Betrag": "amount"},
            "required_columns": ["phone", "branch"],
            "placeholders": {"status": {"allowed_values": ["open", "late"]}},
            "require_external_id": True,
        }
    )
    contract = feed_contract(TEMPLATE, settings)
    asked = {column.name: column.required for column in contract.columns}
    assert asked == {
        "external_id": True, "phone": True, "amount": True, "note": False, "status": True, "branch": True,
    }  # fmt: skip
    sample = tmp_path / "sample.csv"
    sample.write_bytes(contract.sample())
    assert sample.read_text("utf-8-sig").splitlines()[0] == "external_id,Mobil,Betrag,note,status,branch"
    preparation = Preparation(template=TEMPLATE, hash_key=b"k" * 32, feed=settings)
    prepared = prepare(preparation, sample, StageTables.in_folder(tmp_path))
    assert (prepared.counts["contacts"], prepared.problems, dict(prepared.contacts.by_reason)) == (2, (), {})
