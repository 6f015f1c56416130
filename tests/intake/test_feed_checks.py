"""``nightmail check --feed`` judges a file as the feed does when it comes: the same counts, reasons and problems, and no trace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nightmail.errors import UsageError
from nightmail.intake.answers import answer_of
from nightmail.intake.due_answers import files_to_answer
from nightmail.intake.feed_checks import FeedCheck, feed_check
from nightmail.preparation.stage_tables import StageTables
from nightmail.preparation.stages import Prepared, prepare
from nightmail.privacy import address_hash
from nightmail.settings import Settings, settings
from tests.support.pipeline_rig import PipelineRig, contact_rows

TABLES = ("campaign", "received_file", "message", "audit_entry", "single_message")


def checked(rig: PipelineRig, content: str, feed: str = "acme.billing/invoices") -> tuple[FeedCheck, Prepared]:
    """What the feed would make of a file."""
    file = rig.folder / "checked.csv"
    file.write_text(content)
    configured = Settings.model_validate(settings().model_dump() | {"lake_url": rig.lake.url})
    found = feed_check(rig.engine, feed, file, configured)
    tables = StageTables.in_folder(rig.folder / "check")
    return found, prepare(found.preparation, file, tables, found.known, earlier=found.earlier)


def traces(rig: PipelineRig) -> dict[str, int]:
    there = {row["table_name"] for row in rig.rows("select table_name from information_schema.tables")}
    return {name: rig.rows(f"select count(*) as n from {name}")[0]["n"] for name in TABLES if name in there}


@pytest.mark.parametrize(
    ("content", "feed_settings"),
    [
        (contact_rows(8), {}),
        (
            contact_rows(6) + "C9,nonsense,Bob,1\nC9,07400100990,Bo,1.00\nC9,07400100991,Bo,1.00\n",
            {"reject_limit": 0.5},
        ),
        (contact_rows(4) + "a,b,c,d\ne,f,g,h\n", {"reject_limit": 0.1}),
        (contact_rows(3), {"volume": {"at_least": 5}}),
        (contact_rows(3, header="external_id,Handy,first_name,total"), {"mapping": {"total": "amount"}}),
        (contact_rows(3), {"required_columns": ["iban"]}),
        (contact_rows(3), {"placeholders": {"amount": {"allowed_values": ["1.50"]}}, "reject_limit": 1.0}),
    ],
)
def test_a_check_counts_what_the_campaign_then_counts(
    rig: PipelineRig, content: str, feed_settings: dict[str, Any]
) -> None:
    rig.change(
        "insert into suppression (channel, address_hash, reason, source) values ('sms', :hash, 'opted_out', 'test')",
        hash=address_hash("+447400100002", settings().key()),
    )
    rig.feed(**feed_settings)
    before = traces(rig)
    found, prepared = checked(rig, content)
    assert traces(rig) == before
    campaign = rig.prepared(content)
    if prepared.problems:
        assert campaign.state == "stopped"
        assert campaign.problem is not None
        assert campaign.problem["reason"] in {problem.reason for problem in prepared.problems}
        return
    assert campaign.state == "sending"
    assert {name: campaign.counts[name] for name in prepared.counts} == prepared.counts
    assert campaign.counts["rejects_by_reason"] == prepared.contacts.by_reason
    assert campaign.counts["costs"] == prepared.messages.as_dict()["costs"]
    assert found.preparation.feed == rig.feed().settings


def test_contacts_of_the_feeds_earlier_campaigns_are_duplicates(rig: PipelineRig) -> None:
    rig.prepared(contact_rows(3), window_days=7)
    _, prepared = checked(rig, contact_rows(5))
    assert prepared.contacts.by_reason == {"duplicate_earlier_campaign": 3}
    assert prepared.counts["contacts"] == 2


def test_the_same_content_would_not_be_taken(rig: PipelineRig) -> None:
    earlier = rig.prepared(contact_rows(3))
    found, _ = checked(rig, contact_rows(3))
    assert [problem.as_dict()["reason"] for problem in found.problems] == ["file_already_taken"]
    assert earlier.key in found.problems[0].message
    assert checked(rig, contact_rows(4))[0].problems == ()


def test_it_says_why_the_campaign_would_wait(rig: PipelineRig) -> None:
    rig.feed(approval={"first_file": True, "over_contacts": 3})
    for rows, because in ((4, "over 3 it waits"), (2, "the feed's first file")):
        found, prepared = checked(rig, contact_rows(rows))
        with rig.engine.connect() as connection:
            assert because in (found.approval(connection, prepared) or "")


def test_an_unknown_feed_is_said(rig: PipelineRig, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        checked(rig, contact_rows(1), "acme.billing/nightly")
    assert caught.value.reason == "feed_unknown"
    assert "invoices" in caught.value.remedy


def test_the_result_lists_what_was_decided_and_by_what(rig: PipelineRig) -> None:
    """The same sentences that a check shows, with the file's own words in them."""
    content = "external_id;Handy;amount\n" + "".join(f"C{n};07400 1{n:05d};{n},50\n" for n in range(1, 6))
    _, prepared = checked(rig, content)
    rig.prepared(content)
    with rig.engine.connect() as connection:
        (file,) = files_to_answer(connection, "api")
        decisions = answer_of(connection, file, rig.lake).document["decisions"]
    assert decisions == [
        decision.as_dict() for decision in (*prepared.contact_file.decisions, *prepared.contacts.decisions)
    ]
    by_reason = {decision["reason"]: decision["message"] for decision in decisions}
    assert "separated by semicolons" in by_reason["decided_delimiter"]
    assert by_reason["decided_column"] == "The column Handy was read as phone: its name means that."
