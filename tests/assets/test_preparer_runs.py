"""A preparer: many small campaigns in one run, each as if it were alone, and what it tells of each."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
from sqlalchemy import text

from assets import preparer_runs
from assets.campaign_events import TAKEN_TAG
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.intake.feed_campaigns import create_feed_campaign
from nightmail.preparation import group_preparation, waiting_campaigns
from nightmail.preparation.joined_validation import Judged, validate_together
from nightmail.preparation.table_contracts import audience_contract
from nightmail.preparation.waiting_campaigns import take_group
from nightmail.store.states import CampaignState
from sensors.failures import failed_runs
from sensors.run_tags import ENDED_TAG
from tests.support.pipeline_rig import PHONES, PipelineRig, contact_rows
from tests.support.sandbox_process import eventually

TABLES = ("contact_file", "contacts", "rejects", "warnings", "audience", "messages")
CHECKS = {
    "contact_file": ["contact_file_contract_holds"],
    "contacts": ["contacts_contract_holds"],
    "audience": ["audience_contract_holds"],
    "messages": ["messages_contract_holds", "rows_reconcile"],
}


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A preparer ends when nothing waits."""
    monkeypatch.setattr(preparer_runs, "LINGER_S", 0.0)


@pytest.fixture
def of_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A preparer takes what is left of a group as well."""
    monkeypatch.setattr(preparer_runs, "LINGER_S", 0.5)


def upload(rig: PipelineRig, content: str | bytes, name: str, **settings: Any) -> CampaignRow:
    campaign = rig.upload(content, name, **settings).campaign
    assert campaign is not None
    return campaign


def run_preparer(rig: PipelineRig) -> dg.ExecuteInProcessResult:
    job = rig.defs.resolve_job_def("prepare_waiting")
    return job.execute_in_process(instance=rig.instance, raise_on_error=False)


def run_preparers(rig: PipelineRig) -> list[dg.ExecuteInProcessResult]:
    """Preparers until nothing waits: each takes half."""
    results = []
    while rig.rows("select 1 from campaign where state = 'received' and prepare_attempts = 0"):
        results.append(run_preparer(rig))
        assert len(results) < 10
    return results


def told_of(rig: PipelineRig, campaign: CampaignRow, asset: str) -> dict[str, Any]:
    """The metadata of the latest materialization of a campaign's partition."""
    records = rig.instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), asset_partitions=[campaign.key]), limit=1
    ).records
    assert records, f"{asset} of {campaign.key} is not told of"
    made = records[0].asset_materialization
    assert made is not None
    return {name: getattr(value, "value", None) for name, value in made.metadata.items()}


def test_what_a_preparer_makes_is_what_a_run_of_its_own_makes(rig: PipelineRig, of_one_run: None) -> None:
    """Tables, counts, state and told metadata are equal, byte for byte where no id or time stands in them."""
    contents = [
        contact_rows(8, 10 * n) + f"C9{n},not a number,Bob,1\nC{10 * n},{PHONES[10 * n]},Ann{10 * n},1.50\n"
        for n in range(3)
    ]
    grouped = [upload(rig, content, f"{n}.csv") for n, content in enumerate(contents)]
    (result,) = run_preparers(rig)
    assert result.success
    alone = [rig.prepared(content, f"again-{n}.csv", same_content="send") for n, content in enumerate(contents)]
    for one, other in zip(map(rig.campaign, grouped), map(rig.campaign, alone), strict=True):
        assert one.state == other.state == CampaignState.SENDING
        assert one.prepare_attempts == 1 and one.run_id == result.run_id
        assert {**one.counts, "finishes_by": None} == {**other.counts, "finishes_by": None}
        for table in TABLES:
            mine, its = rig.table(table, one), rig.table(table, other)
            same = [name for name in mine.column_names if name not in ("message_id", "due_at")]
            assert mine.select(same).equals(its.select(same)), table
            assert told_of(rig, one, table) == told_of(rig, other, table)
        assert told_of(rig, one, "ledger")["queued"] == 8
    assert rig.rows("select count(*) as n from message") == [{"n": 48}]
    run = rig.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert {name for name in run.tags if name.startswith(TAKEN_TAG)} == {f"{TAKEN_TAG}{c.key}" for c in grouped}
    assert set(rig.instance.get_dynamic_partitions("campaign")) >= {campaign.key for campaign in grouped}


def test_each_check_is_told_for_each_campaign(rig: PipelineRig, of_one_run: None) -> None:
    """An operator sees of one campaign which of its checks passed, and which did not."""
    good = upload(rig, contact_rows(3), "good.csv")
    bad = upload(rig, "external_id,phone\nC1,07400100001\nC2,07400100002\n", "bad.csv")
    run_preparers(rig)
    found: dict[tuple[str, str], dict[str, bool]] = {}
    for event in _check_events(rig):
        found.setdefault((event.asset_key.to_user_string(), event.check_name), {})[event.partition] = event.passed
    assert found == {
        (table, check): {good.key: True, **({bad.key: False} if table == "contact_file" else {})}
        for table, checks in CHECKS.items()
        for check in checks
    }


def _check_events(rig: PipelineRig) -> list[Any]:
    return [
        record.event_log_entry.dagster_event.event_specific_data
        for run in rig.instance.get_runs()
        for record in rig.instance.get_records_for_run(
            run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ).records
        if record.event_log_entry.dagster_event is not None
    ]


@pytest.mark.parametrize(
    ("content", "settings", "reason"),
    [
        ("external_id,phone\nC1,07400100001\nC2,07400100002\n", {}, "file_missing_column"),
        (b"", {}, "file_empty"),
        (bytes(range(256)) * 40, {}, "file_not_text"),
        (contact_rows(4, 40) + "".join(f"B{n},nonsense,Bob,1\n" for n in range(4)), {}, "file_over_reject_limit"),
        (contact_rows(3, 40), {"volume": {"at_least": 5}}, "file_volume"),
    ],
)
def test_a_bad_file_stops_no_other(
    rig: PipelineRig, of_one_run: None, content: str | bytes, settings: dict[str, Any], reason: str
) -> None:
    """It is stopped with the reason that it would have alone, at once, with one attempt; the others are sent."""
    before = upload(rig, contact_rows(3), "before.csv")
    bad = upload(rig, content, "bad.csv", **settings)
    rig.change("update feed set settings = settings - 'volume'")
    after = upload(rig, contact_rows(3, 20), "after.csv")
    assert all(result.success for result in run_preparers(rig))
    stopped = rig.campaign(bad)
    assert (stopped.state, stopped.prepare_attempts) == (CampaignState.STOPPED, 1)
    assert stopped.problem is not None and stopped.problem["reason"] == reason and stopped.problem["remedy"]
    assert [rig.campaign(each).state for each in (before, after)] == [CampaignState.SENDING] * 2
    assert rig.rows("select count(*) as n from message where campaign_id = :id", id=bad.id) == [{"n": 0}]


def test_what_is_not_the_files_fault_is_given_back_alone(rig: PipelineRig, of_one_run: None) -> None:
    """One campaign's folder cannot be written: it is received again, for a run of its own, which finishes it."""
    good, bad = upload(rig, contact_rows(3), "good.csv"), upload(rig, contact_rows(3, 20), "bad.csv")
    blocked = Path(rig.lake.table("contacts", bad.key).url)
    blocked.mkdir(parents=True)
    assert all(result.success for result in run_preparers(rig))
    assert rig.campaign(good).state == CampaignState.SENDING
    again = rig.campaign(bad)
    assert (again.state, again.prepare_attempts) == (CampaignState.RECEIVED, 1)
    with rig.engine.connect() as connection:
        own = waiting_campaigns.campaigns_for_own_runs(connection, {"api"}, 10)
        assert [row.key for row in own] == [bad.key] and not waiting_campaigns.waiting_for_preparers(connection)
    shutil.rmtree(blocked)
    assert rig.prepare(again).success
    assert rig.campaign(bad).state == CampaignState.SENDING


def test_a_preparer_that_dies_gives_all_back_and_none_is_loaded_twice(rig: PipelineRig) -> None:
    """Its run failed, as one that was killed does: what it had is received again, what it had loaded stays loaded."""
    taken = [upload(rig, contact_rows(2, 10 * n), f"{n}.csv") for n in range(4)]
    run = rig.instance.create_run_for_job(rig.defs.resolve_job_def("prepare_waiting"))
    while take_group(rig.engine, run.run_id):
        pass
    rig.instance.add_run_tags(run.run_id, {ENDED_TAG: "true", **{f"{TAKEN_TAG}{c.key}": "1" for c in taken}})
    loaded = rig.campaign(taken[0])
    assert rig.prepare(loaded).success
    with dg.build_sensor_context(instance=rig.instance, resources=rig.resources) as context:
        failed_runs(context)
        assert [rig.campaign(c).state for c in taken] == [CampaignState.SENDING] + [CampaignState.CHECKING] * 3
        rig.instance.report_run_failed(rig.instance.get_run_by_id(run.run_id))
        failed_runs(context)
    assert [rig.campaign(c).state for c in taken] == [CampaignState.SENDING] + [CampaignState.RECEIVED] * 3
    # Nobody takes them in a group again: one of them may be what killed it.
    assert not take_group(rig.engine, "another")
    for campaign in taken[1:]:
        assert rig.prepare(rig.campaign(campaign)).success
    assert rig.rows("select count(*) as n, count(distinct address_hash) as people from message") == [
        {"n": 8, "people": 8}
    ]


def test_a_cancelled_campaign_is_left_alone(rig: PipelineRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person cancels while the group is at work: nothing of it is loaded, and the others are."""
    kept, cancelled = upload(rig, contact_rows(3), "kept.csv"), upload(rig, contact_rows(3, 20), "cancelled.csv")
    real = preparer_runs.make_campaign_audience

    def cancels(engine: Any, stored: Any) -> Any:
        rig.change("update campaign set state = 'cancelled' where id = :id and state = 'checking'", id=cancelled.id)
        return real(engine, stored)

    monkeypatch.setattr(preparer_runs, "make_campaign_audience", cancels)
    run_preparers(rig)
    assert rig.campaign(kept).state == CampaignState.SENDING
    assert rig.campaign(cancelled).state == CampaignState.CANCELLED
    assert rig.rows("select distinct campaign_id from message") == [{"campaign_id": kept.id}]


def test_half_of_what_waits_is_taken_the_most_urgent_first(rig: PipelineRig) -> None:
    """Another preparer finds the other half; an urgent campaign does not share its group."""
    made = [upload(rig, contact_rows(2, 10 * n), f"{n}.csv") for n in range(5)]
    rig.change("update campaign set priority = 0 where id = :id", id=made[3].id)
    order = {name: [c.id for c in take_group(rig.engine, name)] for name in ("first", "second", "third", "last")}
    assert order == {
        "first": [made[3].id],
        "second": [made[0].id, made[1].id],
        "third": [made[2].id],
        "last": [made[4].id],
    }
    states = rig.rows("select distinct state, prepare_attempts as n from campaign")
    assert states == [{"state": "checking", "n": 1}]


def test_what_is_large_or_tried_before_gets_a_run_of_its_own(rig: PipelineRig) -> None:
    """By the bytes of uploads, by the rows of what has no upload; and single messages only when their window has closed."""
    large, tried, small = (upload(rig, contact_rows(2, 10 * n), f"{n}.csv") for n in range(3))
    rig.change("update received_file set size = 5000000 where campaign_id = :id", id=large.id)
    rig.change("update campaign set prepare_attempts = 1 where id = :id", id=tried.id)
    with rig.engine.begin() as connection:
        single = create_feed_campaign(connection, rig.feed(), source="single", actor="t")
        book = create_feed_campaign(connection, rig.feed(), source="contacts", actor="t")
    row = json.dumps({"external_id": "S1", "phone": "+447400100001", "amount": "3.20"})
    rig.change('insert into single_message (campaign_id, line, "row") values (:id, 1, :row)', id=single.id, row=row)
    sources = {"api", "single", "contacts"}
    with rig.engine.connect() as connection:
        own = waiting_campaigns.campaigns_for_own_runs(connection, sources, 10)
        assert [row.id for row in own] == [large.id, tried.id]
        assert waiting_campaigns.waiting_for_preparers(connection, sources) == 3
        assert waiting_campaigns.waiting_for_preparers(connection, {"api"}) == 1
        assert waiting_campaigns.left_to_preparers(connection, [large, tried, small, single]) == {small.id, single.id}
    rig.change("update campaign set accepts_until = now() + interval '1 minute' where id = :id", id=single.id)
    taken = [c.id for name in "abc" for c in take_group(rig.engine, name)]
    assert taken == [small.id, book.id]


def test_campaigns_of_a_feed_with_a_window_come_one_after_the_other(rig: PipelineRig) -> None:
    """Contacts of the first are duplicates in the second: together neither would know the other's."""
    first, second = (
        upload(rig, contact_rows(3), f"{n}.csv", window_days=7, reject_limit=1.0, same_content="send") for n in (1, 2)
    )
    assert [c.id for c in take_group(rig.engine, "a") + take_group(rig.engine, "b")] == [first.id]
    rig.change("update campaign set state = 'received', prepare_attempts = 0 where id = :id", id=first.id)
    run_preparers(rig)
    assert (rig.campaign(first).counts["contacts"], rig.campaign(second).counts["duplicates"]) == (3, 3)


def test_a_campaign_that_turns_out_large_ends_its_group(
    rig: PipelineRig, of_one_run: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file packed tightly shows its rows when it is read: it is prepared after the others, in the same run."""
    monkeypatch.setattr(group_preparation, "SMALL_ROWS", 4)
    large, small = upload(rig, contact_rows(6), "large.csv"), upload(rig, contact_rows(3, 20), "small.csv")
    rig.change("update campaign set priority = 1")
    run_preparers(rig)
    loaded = rig.rows("select id from campaign where state = 'sending' order by loaded_at")
    assert {row["id"] for row in loaded} == {large.id, small.id}


def test_joined_tables_are_judged_as_each_alone_would_be(rig: PipelineRig) -> None:
    """A line may stand in two tables, not twice in one; a broken table is found among whole ones."""
    made = [rig.prepared(contact_rows(3), f"{n}.csv", same_content="send") for n in range(3)]
    audiences = [Judged(rig.lake.table("audience", campaign.key), audience_contract()) for campaign in made]
    assert [each.passed for each in validate_together("audience", audiences)] == [True] * 3
    rows = audiences[1].file.read()
    audiences[1].file.write(pa.concat_tables([rows, rows.slice(0, 1)]))
    found = validate_together("audience", audiences)
    assert [each.passed for each in found] == [True, False, True]
    assert found[1].broken == ["a contact stands twice in the audience"]
    assert [each.rows for each in found] == [3, 4, 3]


def test_a_preparer_killed_in_the_middle_of_loading_loses_and_repeats_nothing(rig: PipelineRig) -> None:
    """SIGKILL while some of its group are loaded and one is half: those stay as they are, the others are prepared alone."""
    group = [upload(rig, contact_rows(2, 10 * n), f"{n}.csv") for n in range(6)]
    with rig.engine.begin() as holds:
        process = subprocess.Popen(
            [sys.executable, "-c", PREPARER, rig.url, rig.lake.url], cwd=Path(preparer_runs.__file__).parent.parent
        )
        try:
            # Of the first group, which is half of them, the second one cannot be loaded: it waits for this transaction.
            eventually(rig.lake.table("messages", group[2].key).exists, timeout_s=120)
            holds.execute(text("select from campaign where id = :id for update"), {"id": group[1].id})
            eventually(lambda: rig.campaign(group[0]).state == CampaignState.SENDING, timeout_s=120)
        finally:
            process.kill()
            process.wait()
    assert [rig.campaign(c).state for c in group[:3]] == [CampaignState.SENDING] + [CampaignState.CHECKING] * 2
    rig.change("update campaign set state_changed_at = now() - interval '5 minutes' where state = 'checking'")
    with dg.build_sensor_context(instance=rig.instance, resources=rig.resources) as context:
        failed_runs(context)
    for campaign in group[1:3]:
        assert rig.prepare(rig.campaign(campaign)).success
    run_preparers(rig)
    assert {rig.campaign(c).state for c in group} == {CampaignState.SENDING}
    assert rig.rows("select count(*) as n, count(distinct address_hash) as people from message") == [
        {"n": 12, "people": 12}
    ]


PREPARER = """
import sys
import dagster as dg
from pipelines.definitions import build_defs
from resources.database import DatabaseResource
from resources.lake import LakeResource
resources = {"database": DatabaseResource(url=sys.argv[1]), "lake": LakeResource(url=sys.argv[2])}
job = build_defs(resource_overrides=resources).resolve_job_def("prepare_waiting")
job.execute_in_process(instance=dg.DagsterInstance.ephemeral())
"""
