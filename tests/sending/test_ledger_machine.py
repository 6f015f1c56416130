"""The ledger as a state machine: whatever happens in whatever order, no message goes twice and none is forgotten."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.counts import message_counts
from nightmail.campaigns.suspensions import lift_suspension, list_suspensions, suspend_channel
from nightmail.campaigns.tallies import wrong_tallies
from nightmail.campaigns.transitions import cancel, pause, resume
from nightmail.carriers.error_tables import ErrorClass, error_entry
from nightmail.carriers.protocol import HandOff, Outcome, Receipt, ReceiptStatus
from nightmail.receipts.incoming_receipts import take_receipts
from nightmail.sending.advance import advance_ledger
from nightmail.sending.doubt_decisions import Decision, decide
from nightmail.sending.intents import Intent, release_unknown
from nightmail.sending.outcome_storage import StoredOutcome, store_outcomes
from nightmail.sending.outcomes import judge, taken_back
from nightmail.sending.suspended_channels import fall_from_suspended
from nightmail.store.engine import libpq_url
from tests.support.sandbox_process import eventually
from tests.support.sender_by_hand import SenderByHand
from tests.support.sending_rig import KEY, Organisation

ANSWERS = [
    (Outcome.ACCEPTED, None),
    (Outcome.ACCEPTED, None),
    (Outcome.ACCEPTED, None),
    (Outcome.RETRY_LATER, ErrorClass.RETRY_LATER),
    (Outcome.REJECTED, ErrorClass.PERMANENT_ADDRESS),
    (Outcome.REJECTED, ErrorClass.STOP_AND_ALERT),
    (Outcome.IN_DOUBT, ErrorClass.IN_DOUBT),
]
_events = itertools.count(1)


class LedgerMachine(RuleBasedStateMachine):
    """The model is the carrier's side: which messages it has, and how often."""

    organisation: Organisation

    @initialize(channels=st.sampled_from([("sms",), ("sms", "voice")]))
    def start(self, channels: tuple[str, ...]) -> None:
        self.channels = channels
        self.url = libpq_url(self.organisation.engine)
        # What another example left in force would make the same steps end otherwise.
        self._lift_all()
        self.senders = [SenderByHand(self.organisation) for _ in range(2)]
        self._begin_campaign()

    def _begin_campaign(self) -> None:
        settings = {"delivery": "escalation", "escalate_after_s": 900} if len(self.channels) > 1 else {}
        self.campaign: CampaignRow = self.organisation.campaign(4, self.channels, settings=settings)
        self.planned = 4 * len(self.channels)
        self.carrier_has: Counter[str] = Counter()
        self.resent: Counter[str] = Counter()
        self.late: list[StoredOutcome] = []
        """Of senders that were taken for dead between the answer and its outcome."""
        self.written: list[StoredOutcome] = []

    def teardown(self) -> None:
        for sender in getattr(self, "senders", []):
            self._end(sender)

    def _claim(self, sender: SenderByHand, limit: int, channel: str, *, answered: bool = True) -> None:
        sending = self.organisation.read(self.campaign).state == "sending"
        intents = sender.claim(self.campaign, channel, limit, has_standby=True)
        assert sending or not intents
        if not intents and not {"queued", "handing_over", "in_doubt"} & self.organisation.states(self.campaign).keys():
            self._begin_campaign()
        if answered:
            sender.in_hand += intents
        else:
            # The answer to the claim never came: the sender gives back what it does not know of.
            release_unknown(sender.connection, sender.run, [intent.key for intent in sender.in_hand])

    @rule(data=st.data(), limit=st.integers(1, 3), written=st.sampled_from(["once", "once", "twice", "late", "never"]))
    def messages_are_handed_off(self, data: st.DataObject, limit: int, written: str) -> None:
        sender = data.draw(st.sampled_from(self.senders))
        if not sender.in_hand:
            self._claim(sender, limit, data.draw(st.sampled_from(self.channels)))
        outcomes = [self._hand_off(intent, data) for intent in sender.in_hand[:limit]]
        del sender.in_hand[:limit]
        if written in ("never", "late"):
            # Killed between the answers and the outcomes, or cut off from the database for a while.
            self._kill(sender)
            self.late += outcomes if written == "late" else []
            return
        for _ in range(2 if written == "twice" else 1):
            sender.store(*outcomes)
        self.written += outcomes

    def _hand_off(self, intent: Intent, data: st.DataObject) -> StoredOutcome:
        outcome, error_class = data.draw(st.sampled_from(ANSWERS))
        message_id = intent.message.message_id
        if outcome is Outcome.ACCEPTED or (outcome is Outcome.IN_DOUBT and data.draw(st.booleans())):
            self.carrier_has[message_id] += 1
        carrier_id = "SM1" if outcome is Outcome.ACCEPTED else None
        error = None if error_class is None else error_entry("30008", error_class)
        stored = judge(intent, HandOff(message_id, outcome, carrier_id, error))
        stored.delay_s = 0.0
        return stored

    @precondition(lambda self: self.late)
    @rule(data=st.data())
    def a_late_outcome_comes(self, data: st.DataObject) -> None:
        stored = data.draw(st.sampled_from(self.late))
        self.late.remove(stored)
        self._store_from_elsewhere(stored)
        self.written.append(stored)

    @precondition(lambda self: self.written)
    @rule(data=st.data())
    def an_outcome_is_written_again(self, data: st.DataObject) -> None:
        """Its sender had no answer to the first time, and much may have happened since."""
        self._store_from_elsewhere(data.draw(st.sampled_from(self.written)))

    def _store_from_elsewhere(self, stored: StoredOutcome) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            store_outcomes(connection, [stored], time.monotonic())

    @rule(data=st.data(), what=st.sampled_from(["claims only", "is not answered", "gives back", "is killed"]))
    def a_sender_stumbles(self, data: st.DataObject, what: str) -> None:
        sender = data.draw(st.sampled_from(self.senders))
        self._claim(sender, 2, data.draw(st.sampled_from(self.channels)), answered=what != "is not answered")
        if what == "gives back":
            sender.store(*(taken_back(intent) for intent in sender.in_hand))
            sender.in_hand = []
        elif what == "is killed":
            self._kill(sender)

    def _kill(self, sender: SenderByHand) -> None:
        """Another one takes its place."""
        self._end(sender)
        self.senders[self.senders.index(sender)] = SenderByHand(self.organisation)

    def _end(self, sender: SenderByHand) -> None:
        """Cut a sender off, and wait until the server has seen it: before, it would count as alive."""
        pid = sender.connection.info.backend_pid
        sender.connection.close()
        eventually(lambda: not self.organisation.query("select 1 from pg_locks where pid = :pid", pid=pid))

    def _lift_all(self) -> None:
        with self.organisation.engine.connect() as connection:
            in_force = list_suspensions(connection)
        for suspension in in_force:
            lift_suspension(self.organisation.engine, suspension.id, by="test")

    @rule()
    def time_passes(self) -> None:
        advance_ledger(self.organisation.engine)

    @rule(
        data=st.data(), status=st.sampled_from([ReceiptStatus.SENT, ReceiptStatus.DELIVERED, ReceiptStatus.UNDELIVERED])
    )
    def a_receipt_comes(self, data: st.DataObject, status: ReceiptStatus) -> None:
        if self.carrier_has:
            message_id = data.draw(st.sampled_from(sorted(self.carrier_has)))
            take_receipts(
                self.organisation.engine,
                [Receipt("twilio", "sms", f"machine-{next(_events)}", status, message_id=message_id)],
                hash_key=KEY,
            )

    @rule(decision=st.sampled_from(list(Decision)), data=st.data())
    def a_person_decides(self, decision: Decision, data: st.DataObject) -> None:
        rows = self.organisation.messages(self.campaign)
        doubtful = [row["message_id"] for row in rows if row["state"] == "in_doubt"]
        if not doubtful or self.organisation.read(self.campaign).state == "cancelled":
            return
        message_id = data.draw(st.sampled_from(doubtful))
        if decision is Decision.RESEND:
            if self.carrier_has[message_id]:
                # A person who looks sees that the carrier has it.
                decision = Decision.ACCEPTED
            else:
                self.resent[message_id] += 1
        decide(self.organisation.engine, message_id, decision, actor="test")

    @rule(what=st.sampled_from(["pause", "resume", "resume", "resume", "resume", "cancel"]))
    def somebody_steers(self, what: str) -> None:
        state = self.organisation.read(self.campaign).state
        engine = self.organisation.engine
        if what == "pause" and state == "sending":
            pause(engine, self.campaign.id, actor="test")
        elif what == "resume" and state == "paused":
            resume(engine, self.campaign.id, actor="test")
        elif what == "cancel" and state in ("sending", "paused") and not self.resent:
            cancel(engine, self.campaign.id, actor="test")

    @rule()
    def text_messages_are_suspended_or_again_allowed(self) -> None:
        """The team lets them fall: what may be at the carrier must not, whatever happened to it."""
        with self.organisation.engine.connect() as connection:
            in_force = list_suspensions(connection)
        if in_force:
            lift_suspension(self.organisation.engine, in_force[0].id, by="test")
        else:
            suspend_channel(self.organisation.engine, "sms", reason="x", by="test")
            fall_from_suspended(self.organisation.engine)

    @invariant()
    def nothing_goes_twice_and_nothing_is_lost(self) -> None:
        if not hasattr(self, "campaign"):
            return
        assert all(count == 1 for count in self.carrier_has.values()), self.carrier_has
        rows = self.organisation.messages(self.campaign)
        assert len(rows) == self.planned
        with self.organisation.engine.connect() as connection:
            assert message_counts(connection, self.campaign.id) == Counter(row["state"] for row in rows)
            assert wrong_tallies(connection, [self.campaign.id]) == []
        for row in rows:
            if row["message_id"] in self.carrier_has:
                # The carrier has it: the ledger knows, or knows that it does not know.
                assert row["state"] in ("accepted", "in_doubt", "handing_over", "failed"), row["state"]
            if row["state"] == "accepted" and row["message_id"] not in self.carrier_has:
                # Only a person may say so without the carrier.
                assert self.organisation.query(
                    "select 1 from audit where object = :o and action = 'message.decided_accepted'", o=row["message_id"]
                )
        # What was in doubt is settled with its message, or went on with another attempt.
        assert not self.organisation.query(
            "select m.message_key, m.attempts, a.outcome from message m join attempt a using (ledger_month, message_key) "
            "where m.campaign_id = :c and a.number = m.attempts and m.state = 'accepted' and a.outcome <> 'accepted'",
            c=self.campaign.id,
        )
        assert not self.organisation.query(
            "select from message m join attempt a using (ledger_month, message_key) "
            "where m.campaign_id = :c and a.number > m.attempts",
            c=self.campaign.id,
        )


def test_the_ledger_keeps_its_promise_in_any_order(database: Engine, tmp_path: Path, monkeypatch: Any) -> None:
    """Claims, answers, lost answers, kills, receipts, people and pauses in any order."""
    from nightmail.sending import dead_senders

    # This server has just started; its age is not what is tried here.
    monkeypatch.setattr(dead_senders, "RESTART_GRACE_S", 0)
    LedgerMachine.organisation = Organisation(
        database, tmp_path, {"base_url": "http://127.0.0.1:9", "twilio": {"account_sid": "AC"}}
    )
    LedgerMachine.organisation.execute('update team set settings = \'{"when_suspended": "fall"}\'')
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
