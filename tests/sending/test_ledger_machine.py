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

from benchmarks.sending_rig import KEY, Organisation
from nightmail.sending.advance import advance_ledger
from nightmail.sending.campaigns import CampaignRow, cancel, message_counts, pause, resume
from nightmail.sending.carrier import HandOff, Outcome, OutgoingMessage, Receipt, ReceiptStatus
from nightmail.sending.error_classes import ErrorClass
from nightmail.sending.in_doubt import Decision, decide
from nightmail.sending.intents import CampaignInHand, Intent, claim, release_unknown, store_outcomes
from nightmail.sending.outcomes import judge, not_tried
from nightmail.sending.receipts import take_receipts
from nightmail.sending.routes import Route, routes_of, team_ids_upwards
from nightmail.sending.sender_runs import begin_sender_run
from nightmail.store.engine import libpq_url

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


class Sender:
    """A sender's connection and what it has in hand; killing it closes the connection and forgets."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True)
        self.run, self.epoch = begin_sender_run(self.connection, None, "here", 1)
        self.in_hand: list[Intent] = []


def compose(_: CampaignInHand, __: Route, rows: list[Any]) -> list[OutgoingMessage]:
    return [OutgoingMessage(row[0], row[2], row[4]) for row in rows]


class LedgerMachine(RuleBasedStateMachine):
    """The model is the carrier's side: which messages it has, and how often."""

    organisation: Organisation

    @initialize(channels=st.sampled_from([("sms",), ("sms", "voice")]))
    def start(self, channels: tuple[str, ...]) -> None:
        settings = {"delivery": "escalation", "escalate_after_s": 900} if len(channels) > 1 else {}
        self.campaign: CampaignRow = self.organisation.campaign(6, channels, settings=settings)
        self.planned = 6 * len(channels)
        self.carrier_has: Counter[str] = Counter()
        self.resent: Counter[str] = Counter()
        self.url = libpq_url(self.organisation.engine)
        self.senders: list[Sender] = []

    def teardown(self) -> None:
        for sender in getattr(self, "senders", []):
            sender.connection.close()

    def _in_hand(self, channel: str) -> tuple[CampaignInHand, Route]:
        with self.organisation.engine.connect() as connection:
            row = self.organisation.read(self.campaign)
            route = routes_of(connection, row, channel)[0]
            return CampaignInHand(row, team_ids_upwards(connection, row.team), True, False), route

    @rule()
    def a_sender_starts(self) -> None:
        if len(self.senders) < 3:
            self.senders.append(Sender(self.url))

    @precondition(lambda self: self.senders)
    @rule(data=st.data(), limit=st.integers(1, 4), channel=st.sampled_from(["sms", "voice"]), lost=st.booleans())
    def it_claims(self, data: st.DataObject, limit: int, channel: str, lost: bool) -> None:
        sender = data.draw(st.sampled_from(self.senders))
        campaign, route = self._in_hand(channel)
        intents, _ = claim(
            sender.connection, campaign, route, sender_run_id=sender.run, epoch=sender.epoch, limit=limit,
            taken_at=time.monotonic(), compose=compose,
        )  # fmt: skip
        if campaign.row.state != "sending":
            assert intents == []
        if lost:
            # The answer to the claim never came: the sender gives back what it does not know of.
            release_unknown(sender.connection, sender.run, [intent.key for intent in sender.in_hand])
        else:
            sender.in_hand += intents

    @precondition(lambda self: any(sender.in_hand for sender in self.senders))
    @rule(data=st.data(), answer=st.sampled_from(ANSWERS), written=st.sampled_from(["once", "twice", "never"]))
    def it_hands_off(self, data: st.DataObject, answer: tuple[Outcome, ErrorClass | None], written: str) -> None:
        sender = data.draw(st.sampled_from([s for s in self.senders if s.in_hand]))
        intent = sender.in_hand.pop(0)
        outcome, error_class = answer
        message_id = intent.message.message_id
        if outcome is Outcome.ACCEPTED or (outcome is Outcome.IN_DOUBT and data.draw(st.booleans())):
            self.carrier_has[message_id] += 1
        stored = judge(
            intent, HandOff(message_id, outcome, "SM1" if outcome is Outcome.ACCEPTED else None, None, error_class)
        )
        stored.delay_s = 0.0
        if written == "never":
            # Killed between the answer and the outcome.
            self._kill(sender)
            return
        for _ in range(2 if written == "twice" else 1):
            store_outcomes(sender.connection, [stored], time.monotonic())

    @precondition(lambda self: any(sender.in_hand for sender in self.senders))
    @rule(data=st.data())
    def it_gives_back(self, data: st.DataObject) -> None:
        sender = data.draw(st.sampled_from([s for s in self.senders if s.in_hand]))
        store_outcomes(sender.connection, [not_tried(intent) for intent in sender.in_hand], time.monotonic())
        sender.in_hand = []

    def _kill(self, sender: Sender) -> None:
        self.senders.remove(sender)
        sender.connection.close()

    @precondition(lambda self: self.senders)
    @rule(data=st.data())
    def it_is_killed(self, data: st.DataObject) -> None:
        self._kill(data.draw(st.sampled_from(self.senders)))

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

    @rule(what=st.sampled_from(["pause", "resume", "resume", "cancel"]))
    def somebody_steers(self, what: str) -> None:
        state = self.organisation.read(self.campaign).state
        engine = self.organisation.engine
        if what == "pause" and state == "sending":
            pause(engine, self.campaign.id, actor="test")
        elif what == "resume" and state == "paused":
            resume(engine, self.campaign.id, actor="test")
        elif what == "cancel" and state in ("sending", "paused") and not self.resent:
            cancel(engine, self.campaign.id, actor="test")

    @invariant()
    def nothing_goes_twice_and_nothing_is_lost(self) -> None:
        if not hasattr(self, "campaign"):
            return
        assert all(count == 1 for count in self.carrier_has.values()), self.carrier_has
        rows = self.organisation.messages(self.campaign)
        assert len(rows) == self.planned
        with self.organisation.engine.connect() as connection:
            assert message_counts(connection, self.campaign.id) == Counter(row["state"] for row in rows)
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
    from nightmail.sending import advance

    # This server has just started; its age is not what is tried here.
    monkeypatch.setattr(advance, "RESTART_GRACE_S", 0)
    LedgerMachine.organisation = Organisation(
        database, tmp_path, {"base_url": "http://127.0.0.1:9", "twilio": {"account_sid": "AC"}}
    )
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
