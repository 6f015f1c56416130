"""What a sender does beside: every few seconds, what time, receipts and the carriers' records have decided meanwhile."""

from __future__ import annotations

import logging
from threading import Event, Thread

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from nightmail.organisation.carrier_accounts import CarrierFactory
from nightmail.sending.advance import advance_ledger
from nightmail.sending.doubt_lookup import resolve_in_doubt

_log = logging.getLogger("nightmail.sending")

TIDY_S = 5.0
RESOLVE_EVERY = 3
"""Carriers are asked about messages in doubt at every third round."""


class Tidying:
    """A thread that moves the ledger on beside the hand-offs; it never keeps the sender from ending."""

    def __init__(self, engine: Engine, carriers: CarrierFactory) -> None:
        self._engine = engine
        self._carriers = carriers
        self._ended = Event()

    def start(self) -> None:
        """Begin; the first round is after some seconds."""
        Thread(target=self._run, name="tidy", daemon=True).start()

    def end(self) -> None:
        """Begin no further round."""
        self._ended.set()

    def _run(self) -> None:
        rounds = 0
        while not self._ended.wait(TIDY_S):
            rounds += 1
            try:
                advance_ledger(self._engine)
                if rounds % RESOLVE_EVERY == 0:
                    resolve_in_doubt(self._engine, self._carriers, sparing=True)
            except SQLAlchemyError as error:
                _log.warning("the ledger was not advanced: %s", type(error).__name__)
