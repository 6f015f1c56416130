"""The next channel of a contact goes only while it is still wanted, however long it waited since it was its turn."""

from __future__ import annotations

from typing import Any

import pytest

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.suspensions import lift_suspension, suspend_channel
from nightmail.carriers.protocol import Receipt, ReceiptStatus, Reply, ReplyKind
from nightmail.receipts.incoming_receipts import take_receipts
from nightmail.receipts.replies import take_replies
from nightmail.sending.advance import advance_ledger
from tests.support.sandbox_process import RunningCarriers
from tests.support.sending_rig import KEY, Organisation

AT_ONCE = {"delivery": "escalation", "escalate_after_s": 0}
LATER = {"delivery": "escalation", "escalate_after_s": 3600}


def ends(organisation: Organisation, campaign: CampaignRow) -> list[tuple[str, str, str | None]]:
    """Channel, state and reason of each message."""
    return [(row["channel"], row["state"], row["reason"]) for row in organisation.messages(campaign)]


def delivered(organisation: Organisation, message: dict[str, Any]) -> None:
    """The carrier says that the text message got there."""
    receipt = Receipt("twilio", "sms", message["message_id"], ReceiptStatus.DELIVERED, message_id=message["message_id"])
    take_receipts(organisation.engine, [receipt], hash_key=KEY)


def stop(organisation: Organisation, number: str) -> None:
    """The person answers the text message."""
    reply = Reply("twilio", "sms", f"stop{number}", ReplyKind.TEXT, "STOP", number, "+15005550006")
    take_replies(organisation.engine, [reply], hash_key=KEY)


def test_a_call_that_waits_is_made_only_if_it_is_still_wanted(
    organisation: Organisation, sandbox: RunningCarriers
) -> None:
    """While calls are suspended one text message is delivered, and one is answered with STOP: only the third is called."""
    numbers = [f"+4477009083{n:02d}" for n in range(3)]
    campaign = organisation.campaign(numbers, ("sms", "voice"), settings=AT_ONCE)
    suspension = suspend_channel(organisation.engine, "voice", reason="x", by="test")
    organisation.drain()
    assert [end[1] for end in ends(organisation, campaign)] == ["accepted", "queued"] * 3
    delivered(organisation, organisation.messages(campaign)[0])
    stop(organisation, numbers[1])
    lift_suspension(organisation.engine, suspension.id, by="test")
    organisation.drain()
    assert ends(organisation, campaign)[1::2] == [
        ("voice", "not_needed", "earlier_channel_delivered"),
        ("voice", "held", "opted_out"),
        ("voice", "accepted", None),
    ]
    assert sum("-voice-" in each for each in sandbox.accepted_of(campaign.token)) == 1
    assert organisation.read(campaign).state == "finished"


def test_what_waits_on_every_channel_goes_on_each(organisation: Organisation) -> None:
    """A campaign for all channels makes no difference between them: an email goes although the text was delivered."""
    campaign = organisation.campaign(1, ("sms", "email"), settings={"delivery": "all_of"}, row={"state": "queued"})
    suspension = suspend_channel(organisation.engine, "email", reason="x", by="test")
    organisation.drain()
    delivered(organisation, organisation.messages(campaign)[0])
    lift_suspension(organisation.engine, suspension.id, by="test")
    organisation.drain()
    assert organisation.states(campaign) == {"accepted": 2}


@pytest.mark.parametrize("above", [False, True])
def test_stop_in_answer_to_the_campaign_ends_its_escalation(organisation: Organisation, above: bool) -> None:
    """Who answers the text message with STOP is not called, whichever team of those above the word counts for."""
    number = f"+447700908{4 + above}00"
    campaign = organisation.campaign([number], ("sms", "voice"), settings=LATER)
    organisation.drain()
    stop(organisation, number)
    if above:
        organisation.execute("update suppression set team_id = :t", t=organisation.parent_id)
    organisation.execute("update message set due_at = now() where state = 'standby'")
    advance_ledger(organisation.engine)
    assert ends(organisation, campaign)[1] == ("voice", "held", "opted_out")


def test_an_opt_out_from_something_else_ends_no_escalation(organisation: Organisation) -> None:
    """Another team's STOP, or one to another category, says nothing of this campaign's call."""
    numbers = ["+447700908600", "+447700908601"]
    campaign = organisation.campaign(numbers, ("sms", "voice"), settings=LATER)
    organisation.drain()
    for number in numbers:
        stop(organisation, number)
    organisation.execute("insert into team (path, name) values ('other', 'Other')")
    first, second = organisation.query("select id from suppression order by id")
    organisation.execute(
        "update suppression set team_id = (select id from team where path = 'other') where id = :i", i=first[0]
    )
    organisation.execute(
        "update suppression set team_id = :t, category = 'offers' where id = :i", i=second[0], t=organisation.team_id
    )
    organisation.execute("update message set due_at = now() where state = 'standby'")
    organisation.execute("update campaign set settings = settings || '{\"escalate_after_s\": 0}'")
    organisation.drain()
    assert organisation.states(campaign) == {"accepted": 4}


def test_a_stop_that_only_the_carrier_knows_is_not_answered_by_a_call(organisation: Organisation) -> None:
    """Twilio refuses the text (21610): the person asked, and is left alone on the other channels as well."""
    campaign = organisation.campaign(["+447700907002"], ("sms", "voice"))
    organisation.drain()
    organisation.drain()
    assert ends(organisation, campaign) == [("sms", "failed", "address_refused"), ("voice", "held", "opted_out")]
