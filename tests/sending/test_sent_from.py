"""What a message came from is kept with it, whatever becomes of the sender, and replies are bound to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.suspensions import suspend_channel
from nightmail.carriers.error_tables import ErrorClass, error_entry
from nightmail.carriers.protocol import HandOff, Reply, ReplyKind
from nightmail.lake import TableFile
from nightmail.receipts.replies import take_replies
from nightmail.sending.outcomes import judge
from nightmail.sending.sends_table import write_sends
from tests.support.sandbox_process import RunningCarriers
from tests.support.sender_by_hand import SenderByHand
from tests.support.sending_rig import KEY, Organisation

OLD, NEW, SECOND = "+15005550006", "+15005550009", "+15005550011"
PERSON = "+447700906100"


def second_account(organisation: Organisation) -> int:
    """Another SMS account like the first, which sends from another number and comes after it."""
    organisation.execute(
        "insert into carrier_account (name, carrier, channel, secret, webhook_secret, priority, settings) "
        "select 'second', carrier, channel, secret, webhook_secret, 200, settings || cast(:s as jsonb) "
        "from carrier_account where id = :id",
        id=organisation.account_ids["sms"],
        s=json.dumps({"sender": SECOND}),
    )
    return int(organisation.query("select id from carrier_account where name = 'second'")[0][0])


def of_team(organisation: Organisation, address: str) -> None:
    """The team's own sender, on its account for text messages; one that there is gets the address."""
    organisation.execute(
        "insert into sender (team_id, channel, name, address, carrier_account_id) values (:t, 'sms', 'texts', :a, :c) "
        "on conflict (team_id, channel, name) do update set address = excluded.address",
        t=organisation.team_id,
        a=address,
        c=organisation.account_ids["sms"],
    )


def sent(organisation: Organisation) -> CampaignRow:
    """A message to the person, handed off."""
    campaign = organisation.campaign([PERSON])
    organisation.drain()
    assert organisation.states(campaign) == {"accepted": 1}
    return campaign


def answered(organisation: Organisation, number: str) -> int | None:
    """The campaign that a text of the person to a number is bound to."""
    reply = Reply("twilio", "sms", f"to {number}", ReplyKind.TEXT, "Thank you", PERSON, number)
    take_replies(organisation.engine, [reply], hash_key=KEY)
    (row,) = organisation.query("select campaign_id from reply order by id desc limit 1")
    return None if row.campaign_id is None else int(row.campaign_id)


@pytest.mark.parametrize("by_team", [True, False], ids=["the team's sender", "what the account states"])
def test_a_reply_belongs_to_the_number_that_the_message_went_under(
    organisation: Organisation, sandbox: RunningCarriers, by_team: bool
) -> None:
    """The team's number changes between two messages: each keeps its own, and so does what is said to it."""

    def use(number: str) -> None:
        if by_team:
            of_team(organisation, number)
        else:
            organisation.change_account("sms", sender=number)

    use(OLD)
    first = sent(organisation)
    use(NEW)
    second = sent(organisation)
    assert answered(organisation, OLD) == first.id
    assert answered(organisation, NEW) == second.id
    use(SECOND)
    # Nothing has gone under it yet: what is said there answers no message of another number.
    assert answered(organisation, SECOND) is None


def test_the_written_ledger_tells_account_and_number(organisation: Organisation, tmp_path: Path) -> None:
    """Each of two messages went another way; the table says which, after both senders have changed."""
    second_account(organisation)
    first = sent(organisation)
    suspend_channel(
        organisation.engine, "sms", reason="x", by="test", carrier_account_id=organisation.account_ids["sms"]
    )
    second = sent(organisation)
    organisation.change_account("sms", sender=NEW)
    organisation.execute("update carrier_account set settings = settings - 'sender' where name = 'second'")
    told = []
    for campaign in (first, second):
        table = TableFile(f"{tmp_path}/{campaign.id}.parquet")
        write_sends(organisation.engine, campaign.id, table)
        (row,) = table.read().to_pylist()
        told.append((row["carrier_account"], row["sent_from"]))
    assert told == [("sandbox-sms", OLD), ("second", SECOND)]


def test_each_attempt_keeps_its_own(organisation: Organisation) -> None:
    """A hand-off that got nowhere went under another number than the one that was accepted later."""
    sender = SenderByHand(organisation)
    campaign = organisation.campaign([PERSON])
    (intent,) = sender.claim(campaign)
    refused = error_entry("http 503", ErrorClass.RETRY_LATER)
    sender.store(judge(intent, HandOff.failed(intent.message.message_id, refused)))
    organisation.execute("update message set due_at = now()")
    organisation.change_account("sms", sender=NEW)
    organisation.drain()
    (row,) = organisation.query(
        "select m.state, m.attempts, x.address, y.address as before from message m "
        "join sent_from x on x.id = m.sent_from_id join attempt a on a.message_key = m.message_key "
        "join sent_from y on y.id = a.sent_from_id"
    )
    assert (row.state, row.attempts, row.address, row.before) == ("accepted", 2, NEW, OLD)
