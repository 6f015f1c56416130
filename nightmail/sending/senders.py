"""Senders: each drains due messages of all campaigns from the ledger, fairly and urgent first, until nothing is due.

One sender is one process. Its main thread owns one database connection: it commits intents, keeps watch over what may be
sent, and writes outcomes; threads hand messages off in between. The parts stand in :mod:`nightmail.sending.sender`.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Thread

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from nightmail.errors import UnavailableError
from nightmail.organisation.carrier_accounts import CarrierFactory
from nightmail.sending.advance import advance_ledger
from nightmail.sending.boot_clock import boot_time
from nightmail.sending.doubt_lookup import resolve_in_doubt
from nightmail.sending.sender.collecting import Collecting, DrainSummary
from nightmail.sending.sender.composing import Composer
from nightmail.sending.sender.failing_over import FailingOver
from nightmail.sending.sender.filling import Filling
from nightmail.sending.sender.hand_offs import HandOffs
from nightmail.sending.sender.reactions import Reactions
from nightmail.sending.sender.routing import Routing
from nightmail.sending.sender.session import NO_DATABASE, SenderSession
from nightmail.sending.sender.tidying import Tidying
from nightmail.sending.sender.watch import Watcher
from nightmail.store.engine import libpq_url

__all__ = ["DrainSummary", "Sender", "SenderOptions", "drain"]

_log = logging.getLogger("nightmail.sending")

WATCH_S = 0.25
MARK_S = 1.0
LAST_LOOK_S = 5.0
"""How long a sender that is done waits for its last look at messages in doubt: something else may fall due."""
COLLECT_AFTER = 50_000
"""New objects between two runs of the garbage collector."""


@dataclass(frozen=True, kw_only=True)
class SenderOptions:
    """How one sender works. The defaults are the product's."""

    hash_key: bytes = field(repr=False)
    public_url: str | None = None
    """The portal's address, for one-click unsubscribing; nothing is added without it."""
    dagster_run_id: str | None = None
    idle_s: float = 1.0
    """How long a sender waits for more when nothing is due, before it ends."""
    maximum_s: float | None = None
    """Ends after so many seconds even if there is more to do."""


class Sender:
    """One sender: puts the parts together and runs them in turns until nothing is due."""

    def __init__(
        self,
        engine: Engine,
        carriers: CarrierFactory,
        options: SenderOptions,
        *,
        stop: Event | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """Register the sender; ``stop`` and ``progress`` are those of :func:`drain`."""
        self._options = options
        self._stop = stop or Event()
        self._progress = progress
        self.session = SenderSession(libpq_url(engine), options.dagster_run_id)
        self.watcher = Watcher(self.session)
        self.hand_offs = HandOffs(carriers, self.watcher)
        self.routing = Routing(engine, self.watcher)
        self.reactions = Reactions(engine, self.session, self.watcher, self.look)
        self.failing_over = FailingOver(engine, self.watcher, self.hand_offs)
        self.collecting = Collecting(engine, self.session, self.hand_offs, self.reactions.note_accepted)
        self.filling = Filling(
            self.session,
            self.watcher,
            self.routing,
            self.hand_offs,
            self.collecting,
            Composer(options.hash_key, options.public_url),
            self.reactions.suspend_unusable,
        )
        self._tidying = Tidying(engine, carriers)
        self._marked_at = float("-inf")

    def run(self) -> DrainSummary:
        """Drain until nothing is due. Raises :class:`UnavailableError` when the database does not come back."""
        began = last_work = boot_time()
        # What the process has loaded by now stays, and no cycles are made of messages: the collector, which would walk
        # all that is in hand several times for every batch of emails, need not come often.
        gc.freeze()
        thresholds = gc.get_threshold()
        gc.set_threshold(COLLECT_AFTER, *thresholds[1:])
        hand_offs, filling = self.hand_offs, self.filling
        try:
            self.look()
            self._tidying.start()
            while not self._stop.is_set() and hand_offs.defect is None:
                worked = self._step()
                now = boot_time()
                if worked or hand_offs.in_hand:
                    last_work = now
                if self._options.maximum_s is not None and now - began > self._options.maximum_s:
                    break
                # It ends on a plan made after the last work: messages that were taken back are due again.
                idle = now - last_work >= self._options.idle_s and filling.planned_at > last_work
                if idle and not hand_offs.in_hand and not filling.waits_for_pace(now):
                    break
                hand_offs.wake.wait(0.02 if hand_offs.in_hand else 0.1)
                hand_offs.wake.clear()
        finally:
            self._close()
            gc.set_threshold(*thresholds)
            gc.unfreeze()
            self.collecting.summary.seconds = boot_time() - began
        if hand_offs.defect is not None:
            raise hand_offs.defect
        return self.collecting.summary

    def look(self) -> None:
        """Read what may be sent now. Accounts that a person has mended are read again, with their secrets."""
        lifted = self.watcher.look(self.hand_offs.in_hand.values())
        if lifted:
            self.routing.forget_routes()
            self.hand_offs.end_lanes(
                {each.carrier_account_id for each in lifted if each.carrier_account_id is not None}
            )

    def _step(self) -> bool:
        """Write what is known, look, take more; whether anything was done. A database that goes away is waited for."""
        try:
            worked = self._collect()
            now = boot_time()
            if now - self.watcher.watch.read_at >= WATCH_S:
                self.look()
            if now - self._marked_at >= MARK_S:
                self._mark()
            if not self.hand_offs.closing:
                worked = self.filling.fill() or worked
        except NO_DATABASE as error:
            self._recover(error)
            return True
        self.session.note_answer()
        return worked

    def _collect(self) -> bool:
        collecting = self.collecting
        worked = collecting.collect()
        while collecting.unanswered:
            intent, hand_off = collecting.unanswered[0]
            self.reactions.react(self.hand_offs.lanes[intent.route.account.id], intent, hand_off)
            collecting.unanswered.popleft()
        if worked and self._progress is not None:
            self._progress(collecting.summary.handed_off)
        return worked

    def _mark(self) -> None:
        self.collecting.mark()
        self.reactions.mark()
        self.failing_over.mark()
        self._marked_at = boot_time()

    def _recover(self, error: Exception) -> None:
        if self.session.recover(error, self.hand_offs.in_hand):
            self.collecting.summary.sender_run_id = self.session.run.id
            # It may be a database that was restored: ids are read again.
            self.routing.forget_routes()
            try:
                self.look()
            except NO_DATABASE as again:
                self._recover(again)

    def _close(self) -> None:
        """Stop the threads after what they are handing off, and write everything that is known."""
        self._tidying.end()
        self.hand_offs.close()
        while self.hand_offs.in_hand or self.collecting.unwritten:
            self._step()
            if self.hand_offs.are_over():
                self.hand_offs.settle_left_over({stored.intent.key for stored in self.collecting.unwritten})
            self.hand_offs.wake.wait(0.02)
            self.hand_offs.wake.clear()
        if not self.session.database.closed:
            self._mark()
            self.session.end(self.collecting.summary.handed_off)


def drain(
    engine: Engine,
    carriers: CarrierFactory,
    options: SenderOptions,
    *,
    stop: Event | None = None,
    progress: Callable[[int], None] | None = None,
) -> DrainSummary:
    """Hand off what is due until nothing is due. Safe to run in any number of processes at once.

    ``progress`` gets the number of messages handed off so far. ``stop`` ends it early, between hand-offs. Raises
    :class:`UnavailableError` (``database_unavailable``) when the database does not come back.
    """
    try:
        advance_ledger(engine)
        summary = Sender(engine, carriers, options, stop=stop, progress=progress).run()
        advance_ledger(engine)
    except OperationalError as error:
        raise UnavailableError("database_unavailable", problem="a sender lost its connection") from error
    # A carrier that does not answer holds up the look, but not the sender; sensors look again every few seconds.
    look = Thread(target=_look_at_doubts, args=(engine, carriers), name="last-look", daemon=True)
    look.start()
    look.join(LAST_LOOK_S)
    return summary


def _look_at_doubts(engine: Engine, carriers: CarrierFactory) -> None:
    try:
        resolve_in_doubt(engine, carriers, sparing=True)
    except SQLAlchemyError as error:
        _log.warning("messages in doubt were not looked up: %s", type(error).__name__)
