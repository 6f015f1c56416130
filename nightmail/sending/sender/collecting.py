"""Writing outcomes to the ledger, and telling what is left to react to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import psycopg
from sqlalchemy import Engine

from nightmail.campaigns.alerts import raise_alert
from nightmail.carriers.error_tables import ErrorClass, error_entry
from nightmail.carriers.protocol import HandOff, Outcome
from nightmail.organisation.routes import PaceKey
from nightmail.sending import pace
from nightmail.sending.boot_clock import boot_time
from nightmail.sending.intents import Intent, units_of
from nightmail.sending.outcome_storage import StoredOutcome, store_outcomes
from nightmail.sending.outcomes import judge, taken_back, throttled, without_clear_answer
from nightmail.sending.sender.hand_offs import HandedOff, HandOffs
from nightmail.sending.sender.lanes import Lane
from nightmail.sending.sender.session import SenderSession


@dataclass(slots=True)
class DrainSummary:
    """What one sender did: counts by outcome, free of personal data."""

    sender_run_id: int
    handed_off: int = 0
    accepted: int = 0
    rejected: int = 0
    retried: int = 0
    in_doubt: int = 0
    held: int = 0
    taken_back: int = 0
    """Intents without a hand-off: a pause, a carrier's limit or a fresh opt-out came between."""
    seconds: float = 0.0


class Collecting:
    """Writes what became of intents, each outcome once.

    What was read from the threads and not written yet stays in ``unwritten``, and what is written and not reacted to in
    ``unanswered``: a database that goes away in between loses neither.
    """

    def __init__(
        self, engine: Engine, session: SenderSession, hand_offs: HandOffs, note_accepted: Callable[[Lane], None]
    ) -> None:
        self._engine = engine
        self._session = session
        self._hand_offs = hand_offs
        self._note_accepted = note_accepted
        self.summary = DrainSummary(session.run.id)
        self.unwritten: list[StoredOutcome] = []
        self.unanswered: deque[tuple[Intent, HandOff]] = deque()
        self._touched: set[int] = set()

    def collect(self) -> bool:
        """Judge what the threads did and write it; whether there was anything. Fills ``unanswered``."""
        done = self._hand_offs.done
        handed_off = [done.popleft() for _ in range(len(done))]
        for intent, hand_off in handed_off:
            self.unwritten.append(self._judged(intent, hand_off))
        self.unanswered.extend(self._worth_a_reaction(handed_off))
        if not self.unwritten:
            return False
        self._store()
        written, self.unwritten = self.unwritten, []
        self._hand_offs.let_go([stored.intent for stored in written])
        self._touched.update({stored.intent.campaign.row.id for stored in written})
        self._give_back_pace(written)
        return True

    def put_off(self, stored: StoredOutcome) -> None:
        """Have an intent written that is put off without a hand-off."""
        self.unwritten.append(stored)

    def note_held(self, campaign_id: int, messages: int) -> None:
        """Count messages that were held as they were claimed."""
        if messages:
            self.summary.held += messages
            self._touched.add(campaign_id)

    def mark(self) -> None:
        """Note that the ledgers of campaigns changed since the last call."""
        for campaign_id in sorted(self._touched):
            self._session.database.execute(
                "update campaign set ledger_changed_at = now() where id = %s", (campaign_id,)
            )
        self._touched.clear()

    def _judged(self, intent: Intent, hand_off: HandOff | None) -> StoredOutcome:
        summary = self.summary
        if hand_off is None:
            summary.taken_back += 1
            return taken_back(intent)
        summary.handed_off += 1
        stored = judge(intent, hand_off)
        if stored.state == "accepted":
            summary.accepted += 1
            lane = self._hand_offs.lanes[intent.route.account.id]
            lane.accepted += 1
            if lane.trouble or lane.unknown or not lane.accepts:
                self._note_accepted(lane)
            return stored
        if without_clear_answer(hand_off):
            self._hand_offs.lanes[intent.route.account.id].doubtful_messages += 1
        if stored.state == "in_doubt":
            summary.in_doubt += 1
        elif stored.state == "queued":
            summary.retried += 1
        else:
            summary.rejected += 1
        return stored

    def _worth_a_reaction(self, handed_off: Iterable[HandedOff]) -> Iterable[tuple[Intent, HandOff]]:
        """Outcomes to react to. A request of a thousand emails that did not get through is one failure."""
        requests: set[tuple[int, str | None]] = set()
        for intent, hand_off in handed_off:
            if hand_off is None or hand_off.outcome is Outcome.ACCEPTED:
                continue
            account_id = intent.route.account.id
            if self._hand_offs.lanes[account_id].maximum_batch > 1 and (
                without_clear_answer(hand_off) or throttled(hand_off)
            ):
                request = account_id, hand_off.error_code
                if request in requests:
                    continue
                requests.add(request)
            yield intent, hand_off

    def _store(self) -> None:
        """Write outcomes. One that cannot be written as it is goes in doubt, alone: it takes no others along."""
        try:
            store_outcomes(self._session.database, self.unwritten, boot_time())
            return
        except (psycopg.OperationalError, psycopg.InterfaceError):
            raise
        except Exception as error:
            kind = type(error).__name__
        unwritable: list[Intent] = []
        for stored in self.unwritten:
            try:
                store_outcomes(self._session.database, [stored], boot_time())
            except (psycopg.OperationalError, psycopg.InterfaceError):
                raise
            except Exception:
                unwritable.append(stored.intent)
        error_of_answer = error_entry("unwritable", ErrorClass.IN_DOUBT)
        in_doubt = [judge(each, HandOff.failed(each.message.message_id, error_of_answer)) for each in unwritable]
        store_outcomes(self._session.database, in_doubt, boot_time())
        for name in {intent.route.account.name for intent in unwritable}:
            with self._engine.begin() as connection:
                raise_alert(
                    connection,
                    reason="in_doubt",
                    subject=f"carrier:{name}:unwritable",
                    message=f"{name} answered what cannot be stored ({kind}); the messages concerned are in doubt.",
                )

    def _give_back_pace(self, written: Iterable[StoredOutcome]) -> None:
        """Give back the units of intents that were not handed off; what was put off for quiet hours was never charged."""
        unused: dict[tuple[PaceKey, ...], list[Intent]] = {}
        for stored in written:
            if stored.outcome is None and stored.due_at is None:
                unused.setdefault(stored.intent.route.pace_keys, []).append(stored.intent)
        for intents in unused.values():
            pace.give_back(self._session.database, intents[0].route, units_of(intents))
