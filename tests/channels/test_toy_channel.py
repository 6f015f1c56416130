"""A channel that only this test has goes the whole way, from the contact file to the delivery report.

Nothing of the product knows its name: the channel is one object (docs/architecture.md), its carrier one description
(docs/carriers.md). PostgreSQL, the stages, the ledger, the senders and the receipts are the product's own.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import Engine

from nightmail.channels import Channel
from nightmail.message_ids import parse_message_id
from nightmail.store.states import CampaignState
from nightmail.store.upgrade import upgrade
from resources.carrier_accounts import CarriersResource
from resources.carriers import CARRIERS
from sensors.receipts import receipts_polled
from tests.support.pipeline_rig import ORGANISATION, PHONES, PipelineRig, contact_rows
from tests.support.sandbox_process import eventually
from tests.support.toy_carrier import ToyStandIn, toy_carrier
from tests.support.toy_channels import registered, toy_channel

pytestmark = pytest.mark.end_to_end

TEMPLATE = """\
name: pages
category: billing
languages:
  en:
    pager: "{{ first_name }}: {{ amount }} due"
"""
FURTHER = """\
  - {team: acme.billing, file: pages.yaml}
prices:
  - {carrier: toy, channel: pager, amount: "0.25", currency: EUR, effective_from: 2020-01-01}
"""
TOO_LONG = "Ann" * 100


@pytest.fixture
def pager() -> Iterator[Channel]:
    with registered(toy_channel("pager", 5)) as channel:
        yield channel


@pytest.fixture
def stand_in(pager: Channel) -> Iterator[ToyStandIn]:
    CARRIERS.register(toy_carrier(pager))
    try:
        with ToyStandIn() as found:
            yield found
    finally:
        CARRIERS.withdraw("toy")


@pytest.fixture
def organisation(
    pager: Channel, stand_in: ToyStandIn, owner: Engine, rig: PipelineRig, monkeypatch: pytest.MonkeyPatch
) -> PipelineRig:
    """The rig's organisation with an account, a sender, a price and a template of the channel, and the feed on it."""
    upgrade(owner)
    monkeypatch.setenv("TOY_KEY", stand_in.key)
    (rig.folder / "pages.yaml").write_text(TEMPLATE)
    changed = ORGANISATION.replace(
        "senders:\n",
        f"  - {{name: toy, adapter: toy_pager, secret: 'env:TOY_KEY', base_url: '{stand_in.base_url}', sandbox: true}}\n"
        "senders:\n"
        "  - {team: acme, channel: pager, address: Toy, carrier_account: toy}\n",
    )
    changed = changed.replace("template: due", "template: pages").replace("channels: [sms]", "channels: [pager]")
    rig.provision(changed.replace("feeds:\n", f"{FURTHER}feeds:\n"))
    return rig


def test_a_file_goes_over_a_channel_of_the_tests_own(
    organisation: PipelineRig, stand_in: ToyStandIn, pager: Channel
) -> None:
    rig = organisation
    campaign = rig.prepared(contact_rows(12) + f"C99,{PHONES[99]},{TOO_LONG},1\n")
    assert (campaign.counts["planned"], campaign.counts["held"]) == (12, 1)
    held = [row for row in rig.table("audience", campaign).to_pylist() if row["state"] == "held"]
    assert [row["reason"] for row in held] == ["body_too_long"]

    assert rig.defs.resolve_job_def("send").execute_in_process(instance=rig.instance, raise_on_error=True).success
    assert rig.campaign(campaign).state == CampaignState.FINISHED
    assert sorted(taken["to"] for taken in stand_in.records) == [f"+4474001{n:05d}" for n in range(12)]
    assert {taken["text"] for taken in stand_in.records} == {f"Ann{n}: {n + 1}.50 due" for n in range(12)}
    assert {parse_message_id(taken["id"]).channel for taken in stand_in.records} == {"pager"}
    eventually(lambda: all(taken["status"] == "delivered" for taken in stand_in.records))
    ceilings = rig.rows("select distinct ceiling_per_s from pace where channel = 'pager'")
    assert ceilings == [{"ceiling_per_s": pager.default_rate}]

    resources = {**rig.resources, "carriers": CarriersResource()}
    with dg.build_sensor_context(instance=rig.instance, resources=resources) as context:
        receipts_polled(context)
    today = dt.datetime.now(dt.UTC).date().isoformat()
    report_job = rig.defs.resolve_job_def("report")
    assert report_job.execute_in_process(partition_key=today, instance=rig.instance).success

    report = rig.lake.table("delivery_report", today, "day").read().to_pylist()
    assert Counter((row["channel"], row["state"], row["status"], row["carrier"]) for row in report) == {
        ("pager", "accepted", "delivered", "toy"): 12,
        (None, "held", None, None): 1,
    }
    by_toys_id = {taken["message"]: taken["id"] for taken in stand_in.records}
    sent = [row for row in report if row["state"] == "accepted"]
    for row in sent:
        message = parse_message_id(row["message_id"])
        assert (message.line, message.channel, message.step) == (row["line"], "pager", 0)
        assert by_toys_id[row["carrier_message_id"]] == row["message_id"]
        assert (str(row["cost"]), row["currency"]) == ("0.250000", "EUR")
    receipts = rig.lake.table("receipts", today, "day").read()
    assert sorted(receipts["message_id"].to_pylist()) == sorted(row["message_id"] for row in sent)
    page = Path(rig.lake.url) / "delivery_report" / f"day={today}" / "_report.html"
    assert pager.label in page.read_text(encoding="utf-8")
