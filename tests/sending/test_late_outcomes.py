"""Outcomes that come late: the sender was taken for dead, and others have decided about what it had in hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.carriers.error_tables import ErrorClass, error_entry
from nightmail.carriers.protocol import HandOff, Outcome, Receipt, ReceiptStatus
from nightmail.receipts.incoming_receipts import take_receipts
from nightmail.sending import dead_senders
from nightmail.sending.advance import advance_ledger
from nightmail.sending.dead_senders import end_dead_senders
from nightmail.sending.doubt_decisions import Decision, decide
from nightmail.sending.intents import Intent
from nightmail.sending.outcome_storage import StoredOutcome
from nightmail.sending.outcomes import judge, taken_back
from nightmail.sending.sender_runs import lock_number
from tests.support.sender_by_hand import SenderByHand
from tests.support.sending_rig import KEY, Organisation


class Sender(SenderByHand):
    """One that loses its lock."""

    def is_taken_for_dead(self) -> None:
        self.connection.execute("select pg_advisory_unlock(%s)", (lock_number(self.run),))
        assert end_dead_senders(self.organisation.engine)


Senders = Callable[[], Sender]


@pytest.fixture
def sender(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Senders]:
    """Makes senders; the server's age is not what is tried here."""
    monkeypatch.setattr(dead_senders, "RESTART_GRACE_S", 0)
    made: list[Sender] = []

    def make() -> Sender:
        made.append(Sender(organisation))
        return made[-1]

    yield make
    for each in made:
        each.connection.close()


ANSWERS: dict[str, tuple[Outcome, ErrorClass | None]] = {
    "accepted": (Outcome.ACCEPTED, None),
    "rejected": (Outcome.REJECTED, ErrorClass.PERMANENT_ADDRESS),
    "retry_later": (Outcome.RETRY_LATER, ErrorClass.RETRY_LATER),
    "in_doubt": (Outcome.IN_DOUBT, ErrorClass.IN_DOUBT),
}


def answered(intent: Intent, answer: str) -> StoredOutcome:
    if answer == "not tried":
        return taken_back(intent)
    outcome, error_class = ANSWERS[answer]
    error = None if error_class is None else error_entry("30008", error_class)
    stored = judge(intent, HandOff(intent.message.message_id, outcome, None, error))
    stored.delay_s = 0.0
    return stored


def settled_by(organisation: Organisation, intent: Intent, what: str) -> None:
    """A receipt comes, or a person decides."""
    message_id = intent.message.message_id
    if what == "receipt":
        event = Receipt("twilio", "sms", f"event-{message_id}", ReceiptStatus.DELIVERED, message_id=message_id)
        take_receipts(organisation.engine, [event], hash_key=KEY)
    elif what:
        decide(organisation.engine, message_id, Decision(what), actor="test")


def ledger(organisation: Organisation, campaign: CampaignRow) -> tuple[str, list[tuple[int, str]]]:
    """The message's state, and its attempts."""
    (row,) = organisation.messages(campaign)
    attempts = organisation.query("select number, outcome from attempt where message_key = :k", k=row["message_key"])
    return row["state"], [tuple(each) for each in attempts]


@pytest.mark.parametrize(
    ("settled", "answer", "state", "attempts"),
    [
        ("", "accepted", "accepted", [(1, "accepted")]),
        ("", "rejected", "failed", [(1, "rejected")]),
        ("", "retry_later", "queued", [(1, "retry_later")]),
        ("", "in_doubt", "in_doubt", [(1, "in_doubt")]),
        ("", "not tried", "queued", []),
        ("receipt", "accepted", "accepted", [(1, "accepted")]),
        ("receipt", "in_doubt", "accepted", [(1, "accepted")]),
        ("receipt", "retry_later", "accepted", [(1, "accepted")]),
        ("accepted", "rejected", "accepted", [(1, "accepted")]),
        ("failed", "accepted", "failed", [(1, "rejected")]),
        # It was to be sent again, and needs not.
        ("resend", "accepted", "accepted", [(1, "accepted")]),
        ("resend", "rejected", "queued", [(1, "retry_later")]),
        ("resend", "not tried", "queued", [(1, "retry_later")]),
    ],
)
def test_what_was_settled_stays_and_what_is_proven_is_taken(
    organisation: Organisation, sender: Senders, settled: str, answer: str, state: str, attempts: list[Any]
) -> None:
    """Message and attempt say the same, also when the late outcome is written twice."""
    campaign = organisation.campaign(1)
    late = sender()
    (intent,) = late.claim(campaign)
    late.is_taken_for_dead()
    settled_by(organisation, intent, settled)
    for _ in range(2):
        late.store(answered(intent, answer))
        assert ledger(organisation, campaign) == (state, attempts)
    assert len(sender().claim(campaign)) == (state == "queued")


def test_an_outcome_written_again_changes_nothing_that_came_between(
    organisation: Organisation, sender: Senders
) -> None:
    """The answer to the first writing was lost; a receipt has settled the message since."""
    campaign = organisation.campaign(1)
    living = sender()
    (intent,) = living.claim(campaign)
    living.store(answered(intent, "in_doubt"))
    settled_by(organisation, intent, "receipt")
    living.store(answered(intent, "in_doubt"))
    assert ledger(organisation, campaign) == ("accepted", [(1, "accepted")])


def test_a_receipt_that_comes_before_the_answer_leaves_no_doubt(organisation: Organisation, sender: Senders) -> None:
    """The carrier's word was faster than its answer, which was lost: the message is accepted, and nothing says otherwise."""
    campaign = organisation.campaign(1)
    living = sender()
    (intent,) = living.claim(campaign)
    settled_by(organisation, intent, "receipt")
    living.store(answered(intent, "in_doubt"))
    assert ledger(organisation, campaign) == ("accepted", [])


@pytest.mark.parametrize("second", ["not tried", "retry_later", "rejected", "in_doubt"])
def test_a_receipt_of_the_first_attempt_ends_the_second(
    organisation: Organisation, sender: Senders, second: str
) -> None:
    """Sent again by decision; while the second attempt is under way, the first proves to have arrived."""
    campaign = organisation.campaign(1)
    first = sender()
    (intent,) = first.claim(campaign)
    first.is_taken_for_dead()
    settled_by(organisation, intent, "resend")
    other = sender()
    (again,) = other.claim(campaign)
    settled_by(organisation, intent, "receipt")
    other.store(answered(again, second))
    advance_ledger(organisation.engine)
    (row,) = organisation.messages(campaign)
    assert (row["state"], row["delivery"], row["reason"]) == ("accepted", "delivered", None)
    assert other.claim(campaign) == []


def test_what_comes_back_to_a_finished_campaign_is_still_sent(organisation: Organisation, sender: Senders) -> None:
    """A machine that slept: its campaign ended without it, with a message that was never handed off."""
    campaign = organisation.campaign(1)
    late = sender()
    (intent,) = late.claim(campaign)
    late.is_taken_for_dead()
    organisation.execute("update message set changed_at = now() - interval '11 minutes'")
    advance_ledger(organisation.engine)
    assert organisation.read(campaign).state == "finished"
    late.store(answered(intent, "not tried"))
    after = organisation.read(campaign)
    assert (after.state, after.finished_at) == ("sending", None)
    assert organisation.query("select detail ->> 'because' from audit where object = :k", k=campaign.key)[-1][0]
    assert len(sender().claim(campaign)) == 1
