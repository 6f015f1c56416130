"""Loading a campaign's ledger and writing it out: whole or not at all, once, and the same numbers both ways."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from nightmail.campaigns.approval import approve
from nightmail.campaigns.campaign_rows import CampaignRow, sends_to_write
from nightmail.campaigns.counts import message_counts
from nightmail.campaigns.suspensions import lift_suspension, suspend_channel
from nightmail.campaigns.transitions import begin_preparing, cancel, move_campaign, release_scheduled
from nightmail.errors import UsageError
from nightmail.lake import TableFile
from nightmail.lake.schemas import MESSAGES, SENDS
from nightmail.sending.due_work import due_work
from nightmail.sending.ledger_blocks import LedgerError
from nightmail.sending.ledger_loading import load_ledger
from nightmail.sending.sends_table import write_sends
from nightmail.store.states import CampaignState
from tests.support.sending_rig import Organisation, in_minutes


def prepared(organisation: Organisation, addresses: list[str], **more: Any) -> tuple[CampaignRow, TableFile, TableFile]:
    campaign = organisation.received(**more)
    with organisation.engine.begin() as connection:
        campaign = begin_preparing(connection, campaign.id, "run")
    return campaign, *organisation.tables(campaign, addresses)


def test_loading_again_changes_nothing(organisation: Organisation) -> None:
    """A rerun of the preparing run after the ledger is loaded, and after the first hand-off: the same answer."""
    campaign, messages, audience = prepared(organisation, ["+447700900001", "+447700900002"])
    first = load_ledger(organisation.engine, campaign.id, messages, audience, actor="run")
    assert (first.messages, first.queued, first.already_loaded, first.state) == (2, 2, False, CampaignState.SENDING)
    again = load_ledger(organisation.engine, campaign.key, messages, audience, actor="run")
    assert (again.messages, again.already_loaded) == (2, True)
    organisation.drain()
    before = organisation.messages(campaign)
    more, _ = organisation.tables(campaign, ["+447700900001", "+447700900002", "+447700900003"])
    assert load_ledger(organisation.engine, campaign.id, more, audience, actor="run").already_loaded
    assert organisation.messages(campaign) == before


def test_a_campaign_stopped_before_its_first_hand_off_is_loaded_again(organisation: Organisation) -> None:
    """Stopped, mended, prepared again with other rows: the new rows, and only those."""
    campaign, messages, audience = prepared(
        organisation, ["+447700900001", "+447700900002"], scheduled_at=in_minutes(60)
    )
    load_ledger(organisation.engine, campaign.id, messages, audience, actor="run")
    with organisation.engine.begin() as connection:
        problem = {"reason": "file_over_reject_limit"}
        move_campaign(connection, campaign.id, CampaignState.STOPPED, actor="test", problem=problem)
    organisation.execute("update campaign set state = 'received' where id = :c", c=campaign.id)
    with organisation.engine.begin() as connection:
        begin_preparing(connection, campaign.id, "run 2")
    messages, audience = organisation.tables(campaign, ["+447700900003"])
    loaded = load_ledger(organisation.engine, campaign.id, messages, audience, actor="run 2")
    assert loaded.messages == 1 and not loaded.already_loaded
    assert organisation.query("select address from message_content")[0][0] == "+447700900003"


def test_messages_of_another_campaign_are_refused_and_leave_nothing(organisation: Organisation) -> None:
    """Tables mixed up: a clear error, no rows, and the campaign still being checked."""
    campaign, _, audience = prepared(organisation, ["+447700900001"])
    _, others, _ = prepared(organisation, ["+447700900002"])
    with pytest.raises(LedgerError, match="not those of the campaign"):
        load_ledger(organisation.engine, campaign.id, others, audience, actor="run")
    assert organisation.read(campaign).state == "checking"
    assert organisation.query("select count(*) from message")[0][0] == 0


def test_a_campaign_cancelled_while_it_is_loaded_keeps_no_rows(organisation: Organisation) -> None:
    """The move to sending fails, and with it the load."""
    campaign, messages, audience = prepared(organisation, ["+447700900001"])
    cancel(organisation.engine, campaign.id, actor="test")
    with pytest.raises(UsageError, match="only a campaign that is being checked"):
        load_ledger(organisation.engine, campaign.id, messages, audience, actor="run")
    assert organisation.query("select count(*) from message")[0][0] == 0


def test_text_goes_in_as_it_is(organisation: Organisation) -> None:
    """Quotes, line breaks, delimiters, other scripts, the empty text and null survive; U+0000 is dropped."""
    texts = ['say "hello", then\nleave\r\n', "\\N", "", "tab\there", "Grüße, 世界 👍", "a\x00b"]
    campaign, messages, audience = prepared(organisation, [f"+44770090000{n}" for n in range(len(texts))])
    rows = messages.read().to_pylist()
    for row, body in zip(rows, texts, strict=True):
        row["body"], row["subject"], row["html"] = body, None, body
    messages.write(pa.Table.from_pylist(rows, schema=MESSAGES))
    load_ledger(organisation.engine, campaign.id, messages, audience, actor="run")
    stored = organisation.query("select body, html, subject from message_content order by message_key")
    assert [row.body for row in stored] == [t.replace("\x00", "") for t in texts]
    assert [row.html for row in stored] == [t.replace("\x00", "") for t in texts]
    assert all(row.subject is None for row in stored)


def test_the_state_after_loading(organisation: Organisation) -> None:
    """Approval first if asked for; the schedule if it is later; otherwise sending."""
    later, messages, audience = prepared(organisation, ["+447700900001"], scheduled_at=in_minutes(30))
    assert load_ledger(organisation.engine, later.id, messages, audience, actor="run").state == "scheduled"
    assert release_scheduled(organisation.engine) == []
    organisation.execute("update campaign set scheduled_at = now() where id = :c", c=later.id)
    assert release_scheduled(organisation.engine) == [later.key]
    waiting, messages, audience = prepared(organisation, ["+447700900002"])
    loaded = load_ledger(organisation.engine, waiting.id, messages, audience, actor="run", needs_approval=True)
    assert loaded.state == "awaiting_approval"
    with organisation.engine.connect() as connection:
        assert due_work(connection).messages == 1
    assert approve(organisation.engine, waiting.key, actor="ann").state == "sending"
    with organisation.engine.connect() as connection:
        assert due_work(connection).messages == 2
    with pytest.raises(UsageError, match="does not await approval"):
        approve(organisation.engine, waiting.key, actor="ann")


def test_what_only_waits_is_not_due(organisation: Organisation) -> None:
    """A suspended account or channel, a long pause of the carrier's: no sender is started for it."""
    organisation.campaign(3)

    def due() -> int:
        with organisation.engine.connect() as connection:
            return due_work(connection).messages

    assert due() == 3
    account = organisation.account_ids["sms"]
    for team, only in ((None, account), (organisation.parent_id, None), (organisation.team_id, account)):
        row = suspend_channel(
            organisation.engine, "sms", reason="test", by="test", team_id=team, carrier_account_id=only
        )
        assert due() == 0
        lift_suspension(organisation.engine, row.id, by="test")
    suspend_channel(organisation.engine, "email", reason="test", by="test")
    suspend_channel(organisation.engine, "sms", reason="test", by="test", carrier_account_id=account, sender="+1999")
    assert due() == 3
    organisation.execute(
        "insert into pace (carrier_account_id, sender, channel, rate_per_s, ceiling_per_s, tokens, blocked_until) "
        "values (:a, '', 'sms', 1, 1, 1, now() + interval '10 minutes')",
        a=account,
    )
    assert due() == 0


def test_a_send_that_cannot_make_its_cut_off_says_so(organisation: Organisation) -> None:
    """600 messages at one a second with five minutes to go: late, with an alert; at a hundred a second: not."""
    addresses = [f"+4477009{n:05d}" for n in range(600)]
    for rate, late in ((1, True), (100, False)):
        organisation.change_account("sms", rate_per_s=rate)
        campaign, messages, audience = prepared(organisation, addresses, cut_off_at=in_minutes(5))
        loaded = load_ledger(organisation.engine, campaign.id, messages, audience, actor="run")
        assert loaded.late is late
        assert loaded.finishes_by is not None
        expected = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=600 / rate)
        assert abs(loaded.finishes_by - expected) < dt.timedelta(seconds=30)
        assert organisation.read(campaign).counts["late"] is late
    assert organisation.query("select count(*) from alert where reason = 'cut_off_at_risk'")[0][0] == 1


def test_sends_is_the_ledger_written_out(organisation: Organisation) -> None:
    """Accepted, refused and held: the same rows, times and counts; written when due, and an empty ledger is an empty table."""
    campaign = organisation.campaign(
        ["+447700900001", "+447700907001", "+447700900003"], row={"cost": None, "segments": 2}
    )
    held = organisation.messages(campaign)[2]
    organisation.execute(
        "insert into suppression (channel, address_hash, reason, source) values ('sms', :h, 'hard_bounce', 'x')",
        h=held["address_hash"],
    )
    organisation.drain()
    with organisation.engine.connect() as connection:
        assert [row.key for row in sends_to_write(connection, 300)] == [campaign.key]
    sends = TableFile(f"{organisation.folder}/sends.parquet")
    counts = write_sends(organisation.engine, campaign.key, sends)
    assert counts == {"accepted": 1, "failed": 1, "held": 1}
    with organisation.engine.connect() as connection:
        assert message_counts(connection, campaign.id) == counts
        assert sends_to_write(connection, 300) == []
    table = sends.read()
    assert table.schema.equals(SENDS)
    rows = table.to_pylist()
    ledger = organisation.messages(campaign)
    assert [row["message_id"] for row in rows] == [row["message_id"] for row in ledger]
    assert [row["state"] for row in rows] == ["accepted", "failed", "held"]
    assert [row["reason"] for row in rows] == [None, "address_refused", "suppressed"]
    assert rows[0]["handed_off_at"] == ledger[0]["handed_off_at"]
    assert rows[0]["carrier_message_id"] == ledger[0]["carrier_message_id"] and rows[0]["carrier"] == "twilio"
    assert rows[2]["handed_off_at"] is None and rows[2]["attempts"] == 0
    empty = organisation.received()
    assert write_sends(organisation.engine, empty.id, sends) == {}
    assert sends.num_rows() == 0


def test_a_campaign_whose_month_is_gone_counts_nothing(organisation: Organisation) -> None:
    """Accepted messages are what is left of those that were loaded, but not when the ledger itself has left."""
    campaign = organisation.campaign(3)
    organisation.drain()
    with organisation.engine.connect() as connection:
        assert message_counts(connection, campaign.id) == {"accepted": 3}
    organisation.execute("delete from message")
    with organisation.engine.connect() as connection:
        assert message_counts(connection, campaign.id) == {}
