"""The whole way of a file: prepared, handed to a carrier once, receipts asked for, reported."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from nightmail.store.states import CampaignState
from resources.carrier_accounts import CarriersResource
from sensors.receipts import receipts_polled, reports_due
from tests.support.pipeline_rig import PipelineRig, contact_rows
from tests.support.sandbox_process import RunningCarriers, eventually

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def carriers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCarriers]:
    process = RunningCarriers(tmp_path_factory.mktemp("carriers"))
    process.behave_well()
    yield process
    process.stop()


@pytest.fixture
def organisation(rig: PipelineRig, carriers: RunningCarriers, monkeypatch: pytest.MonkeyPatch) -> PipelineRig:
    """The rig's SMS account is at the sandbox."""
    monkeypatch.setenv("RIG_TOKEN", carriers.told["twilio"]["auth_token"])
    rig.change(
        "update carrier_account set settings = settings || jsonb_build_object('account', cast(:account as text), "
        "'base_url', cast(:url as text)) where channel = 'sms'",
        account=carriers.told["twilio"]["account_sid"],
        url=carriers.base_url,
    )
    return rig


def send(rig: PipelineRig) -> dg.ExecuteInProcessResult:
    return rig.defs.resolve_job_def("send").execute_in_process(instance=rig.instance, raise_on_error=True)


class Taken:
    """What the carrier took since the test began: without a public address the message id does not travel with it."""

    def __init__(self, carriers: RunningCarriers) -> None:
        self.carriers = carriers
        self.before = len(carriers.accepted())

    def addresses(self) -> list[str]:
        return sorted(row["to"] for row in self.carriers.accepted()[self.before :])


@pytest.fixture
def taken(carriers: RunningCarriers) -> Taken:
    return Taken(carriers)


def test_a_file_is_sent_once_and_reported(organisation: PipelineRig, taken: Taken) -> None:
    """Two sender runs, one hand-off each; delivered by polling; the report's days are asked for."""
    rig = organisation
    campaign = rig.prepared(contact_rows(12))
    assert send(rig).success
    assert send(rig).success
    assert taken.addresses() == [f"+4474001{number:05d}" for number in range(12)]
    assert rig.campaign(campaign).state == CampaignState.FINISHED
    sends = rig.table("sends", campaign)
    assert set(sends["state"].to_pylist()) == {"accepted"}
    event = rig.instance.get_latest_materialization_event(dg.AssetKey("sends"))
    assert event is not None and event.asset_materialization is not None
    assert event.asset_materialization.partition == campaign.key

    def all_delivered() -> bool:
        with dg.build_sensor_context(
            instance=rig.instance, resources={**rig.resources, "carriers": CarriersResource()}
        ) as context:
            receipts_polled(context)
        return rig.rows("select delivery, count(*) as n from message group by 1") == [
            {"delivery": "delivered", "n": 12}
        ]

    eventually(all_delivered, 60)
    with dg.build_sensor_context(instance=rig.instance, resources=rig.resources) as context:
        waiting = reports_due(context)
    today = dt.datetime.now(dt.UTC).date()
    assert today.isoformat() in str(waiting.cursor)
    assert (
        rig.defs.resolve_job_def("report")
        .execute_in_process(partition_key=today.isoformat(), instance=rig.instance)
        .success
    )
    report = rig.lake.table("delivery_report", today.isoformat(), "day").read()
    assert report["status"].to_pylist() == ["delivered"] * 12
    assert (Path(rig.lake.url) / "delivery_report" / f"day={today}" / "_report.html").exists()


def test_a_rerun_after_the_first_hand_off_sends_nothing_again(organisation: PipelineRig, taken: Taken) -> None:
    """The whole preparing job, run again by hand on a sent campaign: frozen, and nothing leaves."""
    rig = organisation
    campaign = rig.prepared(contact_rows(5))
    send(rig)
    before = {
        name: Path(rig.lake.table(name, campaign.key).url).read_bytes() for name in ("contacts", "audience", "messages")
    }
    assert rig.prepare(campaign).success
    send(rig)
    assert len(taken.addresses()) == 5
    assert {name: Path(rig.lake.table(name, campaign.key).url).read_bytes() for name in before} == before


def test_a_paused_campaign_is_not_drained(organisation: PipelineRig, taken: Taken) -> None:
    """Senders take from `sending` only."""
    rig = organisation
    rig.prepared(contact_rows(4))
    rig.change("update campaign set state = 'paused'")
    send(rig)
    assert taken.addresses() == []
    rig.change("update campaign set state = 'sending'")
    send(rig)
    assert len(taken.addresses()) == 4
