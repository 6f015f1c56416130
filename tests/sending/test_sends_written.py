"""``sends`` is the ledger written out: whatever changes a ledger, a sender is asked for that writes it, and writes all."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from assets.sends import write_changed_sends
from nightmail.campaigns.campaign_rows import CampaignRow, sends_to_write
from nightmail.campaigns.transitions import move_campaign, pause
from nightmail.campaigns.unsent_messages import end_unsent
from nightmail.carriers.protocol import Receipt, ReceiptStatus
from nightmail.receipts.incoming_receipts import take_receipts
from nightmail.sending.advance import advance_ledger
from nightmail.store.states import CampaignState, MessageState
from resources.database import DatabaseResource
from resources.lake import LakeResource
from sensors import watching
from sensors.messages_due import messages_due
from tests.support.sandbox_process import eventually
from tests.support.sender_by_hand import SenderByHand
from tests.support.sending_rig import KEY, Organisation, in_minutes


class Writer:
    """What a sender does about ``sends``, and the sensor that asks for it."""

    def __init__(self, organisation: Organisation, database_url: str, folder: Path) -> None:
        self.organisation = organisation
        self.database = DatabaseResource(url=database_url)
        self.lake = LakeResource(url=str(folder / "lake"))

    def write(self) -> int:
        @dg.op
        def write(context: dg.OpExecutionContext) -> int:
            return write_changed_sends(context, self.database, self.lake)

        with dg.build_op_context() as context:
            return int(write(context))

    def asked(self, cursor: str | None = None) -> dg.SensorResult | dg.SkipReason:
        with (
            dg.DagsterInstance.ephemeral() as instance,
            dg.build_sensor_context(instance=instance, cursor=cursor, resources={"database": self.database}) as context,
        ):
            found = messages_due(context)
            assert isinstance(found, dg.SensorResult | dg.SkipReason)
            return found

    def wanted(self) -> bool:
        return isinstance(self.asked(), dg.SensorResult)

    def states(self, campaign: CampaignRow) -> dict[str, int]:
        return dict(Counter(self.lake.table("sends", campaign.key).read()["state"].to_pylist()))


@pytest.fixture
def writer(organisation: Organisation, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Writer:
    monkeypatch.setattr(watching, "WATCH_S", 0.0)
    return Writer(organisation, database_url, tmp_path)


def test_a_campaign_for_later_is_written_when_loaded(organisation: Organisation, writer: Writer) -> None:
    """No message is due, and a sender is asked for all the same, once."""
    campaign = organisation.campaign(3, scheduled_at=in_minutes(600))
    assert writer.wanted()
    assert writer.write() == 1
    assert writer.states(campaign) == {"queued": 3}
    assert not writer.wanted()


def test_what_receipts_and_time_decide_is_written(organisation: Organisation, writer: Writer) -> None:
    """An escalation ends by good news, long after its sender did."""
    campaign = organisation.campaign(2, ("sms", "email"), settings={"delivery": "escalation", "escalate_after_s": 900})
    organisation.drain()
    writer.write()
    texts = [row["message_id"] for row in organisation.messages(campaign) if row["channel"] == "sms"]
    receipts = [Receipt("twilio", "sms", each, ReceiptStatus.DELIVERED, message_id=each) for each in texts]
    take_receipts(organisation.engine, receipts, hash_key=KEY)
    assert writer.wanted()
    assert organisation.read(campaign).state == "finished"
    writer.write()
    assert writer.states(campaign) == {"accepted": 2, "not_needed": 2}


def _cancel(organisation: Organisation, campaign: CampaignRow) -> None:
    end_unsent(organisation.engine, campaign.id, MessageState.CANCELLED, "campaign_cancelled")


def _go_on_cancelling(organisation: Organisation, campaign: CampaignRow) -> None:
    advance_ledger(organisation.engine)


@pytest.mark.parametrize("then", [_cancel, _go_on_cancelling])
def test_a_writer_that_looks_in_the_middle_of_a_cancel_looks_again(
    organisation: Organisation, writer: Writer, then: Callable[[Organisation, CampaignRow], None]
) -> None:
    """The campaign's state is committed first and its messages later, by whoever cancels or by the next one after a crash."""
    campaign = organisation.campaign(5)
    with organisation.engine.begin() as connection:
        move_campaign(connection, campaign.id, CampaignState.CANCELLED, actor="test")
    writer.write()
    assert writer.states(campaign) == {"queued": 5}
    then(organisation, campaign)
    assert writer.write() == 1
    assert writer.states(campaign) == {"cancelled": 5}
    assert writer.write() == 0


def test_what_a_dead_sender_leaves_in_doubt_is_written(
    organisation: Organisation, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process finds the death, and says that the ledger changed."""
    monkeypatch.setattr("nightmail.sending.dead_senders.RESTART_GRACE_S", 0)
    campaign = organisation.campaign(2)
    sender = SenderByHand(organisation)
    sender.claim(campaign)
    writer.write()
    sender.connection.close()
    eventually(lambda: advance_ledger(organisation.engine).in_doubt)
    with organisation.engine.connect() as connection:
        assert [row.key for row in sends_to_write(connection, 0)] == [campaign.key]


def test_a_paused_campaign_finishes_at_its_cut_off(organisation: Organisation, writer: Writer) -> None:
    """Nothing is left for which it could be resumed: it is not left paused for ever, and ``sends`` says what became of it."""
    campaign = organisation.campaign(4, ("sms", "email"), cut_off_at=in_minutes(60))
    pause(organisation.engine, campaign.key, actor="test")
    writer.write()
    advance_ledger(organisation.engine)
    assert organisation.read(campaign).state == "paused"
    organisation.execute("update campaign set cut_off_at = now() - interval '1 s'")
    assert writer.wanted()
    assert organisation.read(campaign).state == "finished"
    writer.write()
    assert writer.states(campaign) == {"expired": 8}


def test_many_campaigns_that_finish_at_once_are_all_written(organisation: Organisation, writer: Writer) -> None:
    """More than one look takes: the writer does not stop before there is nothing to write."""
    campaigns = [organisation.campaign(1) for _ in range(23)]
    organisation.drain()
    assert writer.write() == 23
    assert all(writer.states(campaign) == {"accepted": 1} for campaign in campaigns)
    assert not writer.wanted()


def test_what_cannot_be_written_starts_no_runs_without_end(organisation: Organisation, writer: Writer) -> None:
    """A lake that takes nothing is tried again after a minute; messages that fall due do not wait for that."""
    organisation.campaign(3, scheduled_at=in_minutes(600))
    first = writer.asked()
    assert isinstance(first, dg.SensorResult)
    assert isinstance(writer.asked(first.cursor), dg.SkipReason)
    a_minute_before = str(float(first.cursor or 0) - 61)
    assert isinstance(writer.asked(a_minute_before), dg.SensorResult)
    organisation.campaign(3)
    assert isinstance(writer.asked(first.cursor), dg.SensorResult)
