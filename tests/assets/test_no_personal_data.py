"""Nobody who operates Nightmail reads of people: neither on Dagster's page nor in logs nor in the tables for analysts."""

from __future__ import annotations

import csv
import datetime as dt
import logging
import re
from pathlib import Path

import dagster as dg
import pytest

from commands.demonstration.sample_contacts import write_sample_contacts
from nightmail.lake import TableFile
from nightmail.store.states import CampaignState
from tests.support.pipeline_rig import PipelineRig

pytestmark = pytest.mark.end_to_end


def _personal(upload: Path, rig: PipelineRig, campaign: object) -> re.Pattern[str]:
    """Every number, mailbox and family name of the file, as it was written and as it was normalised."""
    with upload.open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    found = {row["E-Mail"].strip() for row in rows} | {row["Last Name"].strip() for row in rows}
    found |= {row["Mobile"].strip() for row in rows if len(re.sub(r"\D", "", row["Mobile"])) >= 8}
    found = {value for value in found if len(value) >= 5}
    messages = rig.table("messages", campaign)  # type: ignore[arg-type]
    found |= set(messages["address"].to_pylist())
    contacts = rig.table("contacts", campaign)  # type: ignore[arg-type]
    for column in ("phone", "email"):
        found |= {value for value in contacts[column].to_pylist() if value}
    assert len(found) > 300
    return re.compile("|".join(re.escape(value) for value in sorted(found, key=len, reverse=True)))


def test_a_campaign_names_nobody_outside_its_own_tables(
    rig: PipelineRig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file like life, with rejects, duplicates and held people, then its `sends` and the reports of the day."""
    caplog.set_level(logging.DEBUG)
    upload = tmp_path / "invoices.csv"
    write_sample_contacts(upload, 400)
    rig.change("update template_version set content = jsonb_set(content, '{placeholders}', '{}')")
    rig.change(
        "update template_version set content = jsonb_set(content, '{languages,en,sms}', '\"Dear {{ first_name }}\"')"
    )
    campaign = rig.prepared(upload.read_bytes(), upload.name, reject_limit=1.0)
    assert campaign.state == CampaignState.SENDING, campaign.problem
    assert campaign.counts["rejects"] and campaign.counts["duplicates"] and campaign.counts["held"]
    rig.change("update message set state = 'held', reason = 'suppressed' where line % 2 = 0")
    rig.prepare(campaign, job="write_sends")
    day = dt.datetime.now(dt.UTC).date().isoformat()
    rig.defs.resolve_job_def("report").execute_in_process(partition_key=day, instance=rig.instance)

    personal = _personal(upload, rig, campaign)
    runs = rig.instance.get_runs()
    assert {run.job_name for run in runs} == {"prepare", "write_sends", "report"}
    for run in runs:
        events = rig.instance.all_logs(run.run_id)
        assert len(events) > 10
        for told in (run, *events):
            assert (match := personal.search(dg.serialize_value(told))) is None, (match, told)
    assert caplog.records
    for record in caplog.records:
        assert (match := personal.search(f"{record.getMessage()} {record.exc_text}")) is None, (match, record)
    for name, partition, key in (
        ("audience", campaign.key, "campaign"),
        ("sends", campaign.key, "campaign"),
        ("delivery_report", day, "day"),
    ):
        table: TableFile = rig.lake.table(name, partition, key)
        rows = table.read()
        assert rows.num_rows, name
        assert (match := personal.search(str(rows.to_pylist()))) is None, (name, match)
    page = Path(rig.lake.table("delivery_report", day, "day").url).with_name("_report.html")
    assert personal.search(page.read_text(encoding="utf-8")) is None
