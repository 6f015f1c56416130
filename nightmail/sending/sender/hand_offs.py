"""The hand-offs of one sender: threads that give messages to carriers, and what the sender has in hand.

A few threads per carrier account do nothing but hand off, each with a carrier of its own. Between two hand-offs a thread
asks the watch whether the message may still go; the watch is never older than a second, or the threads wait, so that a
pause holds even while the database does not answer.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from threading import Event
from typing import Protocol

from nightmail.carriers.error_tables import ErrorClass, error_entry
from nightmail.carriers.protocol import Carrier, HandOff, Outcome, OutgoingMessage
from nightmail.errors import NightmailError
from nightmail.organisation.carrier_accounts import CarrierAccountRow, CarrierFactory
from nightmail.sending.boot_clock import boot_time
from nightmail.sending.intents import Intent
from nightmail.sending.outcomes import pace_concerned, throttled, without_clear_answer
from nightmail.sending.sender.lanes import WINDOW, Lane
from nightmail.sending.sender.watch import LEASE_S, STALE_S, Watch

_log = logging.getLogger("nightmail.sending")

FRESH_S = 0.05
"""What may go is not asked again so soon within one batch."""
FIRST_BLOCK_S = 0.25
"""How long the other threads leave a pace alone that a carrier limits, until the main thread has read how long it is."""

HandedOff = tuple[Intent, HandOff | None]
"""An intent and what became of it; ``None``: there was no hand-off."""


class HasWatch(Protocol):
    """Where threads find the watch of the moment."""

    watch: Watch


class HandOffs:
    """The lanes of one sender, by carrier account, and the intents that it has in hand.

    The main thread calls everything but :meth:`_serve`, which is what the lanes' threads do. They pass what they did
    through ``done``, and wake the main thread by ``wake``.
    """

    def __init__(self, carriers: CarrierFactory, watcher: HasWatch) -> None:
        self._carriers = carriers
        self._watcher = watcher
        self.lanes: dict[int, Lane] = {}
        self._former: list[Lane] = []
        self.in_hand: dict[int, Intent] = {}
        """Intents by message key, from their commit until their outcome is written."""
        self.done: deque[HandedOff] = deque()
        self.wake = Event()
        self.defect: BaseException | None = None
        """What a thread died of: a defect of an adapter or of this room."""
        self.closing = False

    # --- The main thread ---

    def lane_of(self, account: CarrierAccountRow) -> Lane:
        """The account's lane; another where the last one was ended. Raises what the carriers' factory raises."""
        former = self.lanes.get(account.id)
        if former is not None and not former.ended:
            return former
        lane = self.lanes[account.id] = Lane(account, self._carriers(account), self._serve)
        if former is not None:
            lane.outstanding = former.outstanding
            self._former.append(former)
        return lane

    def take_in_hand(self, lane: Lane, intents: Sequence[Intent]) -> None:
        """Note intents that are committed and not handed off yet."""
        for intent in intents:
            self.in_hand[intent.key] = intent
        lane.outstanding += len(intents)

    def let_go(self, intents: Iterable[Intent]) -> None:
        """Note that the outcomes of intents are written."""
        in_hand, lanes = self.in_hand, self.lanes
        for intent in intents:
            if in_hand.pop(intent.key, None) is not None:
                lanes[intent.route.account.id].outstanding -= 1

    def give_back(self, intents: Iterable[Intent]) -> None:
        """Have intents taken back: there is no hand-off."""
        self.done.extend((intent, None) for intent in intents)
        self.wake.set()

    def end_lanes(self, account_ids: Iterable[int]) -> None:
        """End the lanes of accounts: others take over with what the accounts' rows and secrets say now."""
        for account_id in account_ids:
            if (lane := self.lanes.get(account_id)) is not None:
                lane.end()

    def end_changed(self, accounts: Iterable[CarrierAccountRow]) -> bool:
        """End the lanes of accounts whose rows have changed; whether there are any."""
        current = {account.id: account for account in accounts}
        changed = [
            account_id
            for account_id, lane in self.lanes.items()
            if not lane.ended and current.get(account_id, lane.account) != lane.account
        ]
        self.end_lanes(changed)
        return bool(changed)

    def close(self) -> None:
        """Let all threads end after what they are handing off."""
        self.closing = True
        for lane in self._all_lanes():
            lane.end()

    def are_over(self) -> bool:
        """Whether no thread is left."""
        return not any(thread.is_alive() for lane in self._all_lanes() for thread in lane.threads)

    def settle_left_over(self, answered: Collection[int]) -> None:
        """Settle what the threads left, none of which is alive: queued intents go back, others are in doubt.

        ``answered`` are the keys of intents whose outcome is known beside those in ``done``.
        """
        for lane in self._all_lanes():
            while not lane.work.empty():
                if (batch := lane.work.get()) is not None:
                    self.give_back(batch)
        known = {intent.key for intent, _ in self.done} | set(answered)
        for key, intent in self.in_hand.items():
            if key not in known:
                self.done.append((intent, _in_doubt(intent, "sender")))

    def _all_lanes(self) -> list[Lane]:
        return [*self.lanes.values(), *self._former]

    # --- The threads ---

    def _serve(self, lane: Lane, carrier: Carrier | None) -> None:
        """Hand off what is in the lane's queue until it finds ``None``."""
        try:
            while (batch := lane.work.get()) is not None:
                ready = self._admit(batch)
                if not ready:
                    continue
                if carrier is None:
                    try:
                        carrier = self._carriers(lane.account)
                    except NightmailError:
                        self.give_back(ready)
                        continue
                self._hand_off(lane, carrier, ready)
        except BaseException as error:
            self.defect = error
            self.wake.set()
        finally:
            if carrier is not None:
                carrier.close()

    def _admit(self, batch: list[Intent]) -> list[Intent]:
        """Those of a batch that may go at this moment; the others are given back."""
        ready = self._allowed(batch)
        if len(ready) < len(batch):
            kept = {intent.key for intent in ready}
            self.give_back(intent for intent in batch if intent.key not in kept)
        return ready

    def _allowed(self, batch: list[Intent]) -> list[Intent]:
        """Those that may be handed off at this moment; waits while the watch is stale."""
        now = boot_time()
        while now - self._watcher.watch.read_at > STALE_S and now - batch[0].taken_at < LEASE_S and not self.closing:
            time.sleep(0.02)
            now = boot_time()
        watch = self._watcher.watch
        if self.closing or now - watch.read_at > STALE_S:
            return []
        return [intent for intent in batch if watch.allows(intent, now)]

    def _hand_off(self, lane: Lane, carrier: Carrier, ready: list[Intent]) -> None:
        began = boot_time()
        answers, without_answer = self._ask(lane, carrier, ready, began)
        took = boot_time() - began
        lane.note_latency(took)
        tried, well = 0, True
        for intent in ready:
            answer = answers.get(intent.message.message_id)
            if answer is None:
                answer = _in_doubt(intent, without_answer)
            elif answer.outcome is Outcome.NOT_TRIED:
                self.done.append((intent, None))
                continue
            tried += 1
            self.done.append((intent, answer))
            if well and answer.outcome is not Outcome.ACCEPTED and (without_clear_answer(answer) or throttled(answer)):
                # The other threads see it before the database does.
                well = False
                blocked_s = answer.retry_after_s or FIRST_BLOCK_S
                self._watcher.watch.blocked[pace_concerned(intent.route, answer)] = boot_time() + blocked_s
        if len(ready) > 1 or lane.batch < lane.maximum_batch:
            lane.note_batch(len(ready), tried, took)
        if not self.wake.is_set() and (len(self.done) >= WINDOW // 3 or lane.work.empty()):
            self.wake.set()

    def _ask(self, lane: Lane, carrier: Carrier, ready: list[Intent], began: float) -> tuple[dict[str, HandOff], str]:
        """Hand messages to a carrier; returns its answers by message id, and the code of messages without one."""
        messages = [intent.message for intent in ready]
        try:
            if len(ready) == 1:
                answered = carrier.hand_off(messages)
                return {messages[0].message_id: answered[0]} if answered else {}, "missing answer"
            by_id = {intent.message.message_id: intent for intent in ready}

            def may_go_now(rest: Sequence[OutgoingMessage]) -> Sequence[OutgoingMessage]:
                """Those of a batch that may go at this moment: it may take many requests."""
                since = boot_time() - began
                if since < FRESH_S:
                    return rest
                if lane.is_out_of_time(since):
                    return ()
                return [intent.message for intent in self._allowed([by_id[message.message_id] for message in rest])]

            return {answer.message_id: answer for answer in carrier.hand_off(messages, may_go_now)}, "missing answer"
        except Exception as error:
            # The protocol forbids it: what it leaves unknown is in doubt, and the defect is logged.
            _log.exception("the carrier %s raised at a hand-off", lane.account.name)
            return {}, type(error).__name__


def _in_doubt(intent: Intent, code: str) -> HandOff:
    return HandOff.failed(intent.message.message_id, error_entry(code, ErrorClass.IN_DOUBT))
