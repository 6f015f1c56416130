"""Collecting: each outcome is written once, also when the database goes away in between."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from nightmail.carriers.error_tables import NOT_CONNECTED, ErrorClass, error_entry
from nightmail.carriers.protocol import HandOff, Outcome
from nightmail.sending.intents import Intent
from nightmail.sending.sender.collecting import Collecting
from nightmail.sending.sender.hand_offs import HandOffs
from nightmail.sending.sender.lanes import Lane
from nightmail.sending.sender.session import SenderSession
from nightmail.sending.sender.watch import Watcher
from tests.support.sender_by_hand import claim_by_hand
from tests.support.sender_parts import ScriptedCarrier, accepted, factory_of, idle_lane
from tests.support.sending_rig import Organisation


class Collected:
    """Intents in hand, whose outcomes a test gives."""

    def __init__(self, organisation: Organisation, session: SenderSession, count: int, maximum_batch: int = 1) -> None:
        self.accepting: list[Lane] = []
        self.campaign = organisation.campaign(count)
        self.hand_offs = HandOffs(factory_of(ScriptedCarrier()), Watcher(session))
        self.collecting = Collecting(organisation.engine, session, self.hand_offs, self.accepting.append)
        self.intents = claim_by_hand(organisation, session.database, session.run, self.campaign, limit=count)
        self.lane = idle_lane(self.intents[0].route.account, maximum_batch)
        self.hand_offs.lanes[self.lane.account.id] = self.lane
        self.hand_offs.take_in_hand(self.lane, self.intents)

    def done(self, intent: Intent, hand_off: HandOff | None) -> None:
        self.hand_offs.done.append((intent, hand_off))


def failed(intent: Intent, code: str = "21211", error_class: ErrorClass = ErrorClass.PERMANENT_ADDRESS) -> HandOff:
    return HandOff.failed(intent.message.message_id, error_entry(code, error_class))


def test_outcomes_are_written_counted_and_let_go(organisation: Organisation, session: SenderSession) -> None:
    each = Collected(organisation, session, 5)
    taken, refused, lost, later, back = each.intents
    each.done(taken, accepted(taken.message))
    each.done(refused, failed(refused))
    each.done(lost, failed(lost, "answer_lost", ErrorClass.IN_DOUBT))
    each.done(later, HandOff.failed(later.message.message_id, NOT_CONNECTED))
    each.done(back, None)
    assert each.collecting.collect()
    assert organisation.states(each.campaign) == {"accepted": 1, "failed": 1, "in_doubt": 1, "queued": 2}
    summary = each.collecting.summary
    assert (summary.handed_off, summary.accepted, summary.rejected, summary.in_doubt, summary.retried) == (
        4,
        1,
        1,
        1,
        1,
    )
    assert summary.taken_back == 1
    assert not each.hand_offs.in_hand and each.lane.outstanding == 0
    assert each.accepting == [each.lane]
    assert [intent for intent, _ in each.collecting.unanswered] == [refused, lost, later]
    assert not each.collecting.collect()


def test_a_database_that_goes_away_loses_no_outcome(organisation: Organisation, session: SenderSession) -> None:
    each = Collected(organisation, session, 2)
    first, second = each.intents
    each.done(first, accepted(first.message))
    each.done(second, failed(second))
    organisation.query("select pg_terminate_backend(:pid)", pid=session.database.info.backend_pid)
    with pytest.raises(psycopg.OperationalError) as lost:
        each.collecting.collect()
    assert len(each.hand_offs.in_hand) == 2
    session.recover(lost.value, each.hand_offs.in_hand)
    assert each.collecting.collect()
    assert organisation.states(each.campaign) == {"accepted": 1, "failed": 1}
    assert [intent for intent, _ in each.collecting.unanswered] == [second]
    assert not each.hand_offs.in_hand


def test_a_request_of_many_that_failed_is_one_failure(organisation: Organisation, session: SenderSession) -> None:
    each = Collected(organisation, session, 4, maximum_batch=1000)
    for intent in each.intents[:3]:
        each.done(intent, failed(intent, "answer_lost", ErrorClass.IN_DOUBT))
    each.done(each.intents[3], failed(each.intents[3]))
    each.collecting.collect()
    assert [hand_off.error_code for _, hand_off in each.collecting.unanswered] == ["answer_lost", "21211"]


def test_an_outcome_that_no_column_holds_is_in_doubt_alone(organisation: Organisation, session: SenderSession) -> None:
    each = Collected(organisation, session, 2)
    garbled, plain = each.intents
    each.done(garbled, replace(accepted(garbled.message), segments=10**12))
    each.done(plain, accepted(plain.message))
    each.collecting.collect()
    assert organisation.states(each.campaign) == {"accepted": 1, "in_doubt": 1}
    assert organisation.query("select reason, subject from alert") == [("in_doubt", "carrier:sandbox-sms:unwritable")]


def test_marks_tell_that_ledgers_changed_once(organisation: Organisation, session: SenderSession) -> None:
    each = Collected(organisation, session, 1)
    organisation.execute("update campaign set ledger_changed_at = null")
    each.done(each.intents[0], HandOff(each.intents[0].message.message_id, Outcome.ACCEPTED, "SM1"))
    each.collecting.collect()
    each.collecting.mark()
    (changed,) = organisation.query("select ledger_changed_at from campaign")
    assert changed.ledger_changed_at is not None
    each.collecting.mark()
    assert organisation.query("select ledger_changed_at from campaign") == [changed]
