"""A sender's database session: one connection, and the run whose advisory lock it holds.

When the process dies, the server frees the lock, and any other process sees at once whose intents are in doubt
(:mod:`nightmail.sending.dead_senders`).
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import exc

from nightmail.errors import UnavailableError
from nightmail.sending.boot_clock import boot_time
from nightmail.sending.intents import release_unknown
from nightmail.sending.sender_queries import BY_INDEX
from nightmail.sending.sender_runs import (
    SenderRun,
    begin_sender_run,
    end_sender_run,
    rejoin_sender_run,
    server_timeline,
)
from nightmail.store.server_urls import server_url
from nightmail.store.sessions import connection_arguments

_log = logging.getLogger("nightmail.sending")

PATIENCE_S = 300.0
"""How long a sender waits for a database that does not answer."""
NO_DATABASE = (psycopg.OperationalError, psycopg.InterfaceError, exc.OperationalError, exc.InterfaceError)
"""Errors that mean that the database went away or has no room, rather than a defect."""


class SenderSession:
    """One connection to the database and the sender run that it holds.

    The connection commits every statement by itself: an intent must be known before the hand-off. Used by the sender's
    main thread alone.
    """

    def __init__(self, url: str, dagster_run_id: str | None = None) -> None:
        self._url = url
        self._dagster_run_id = dagster_run_id
        self._trouble_since: float | None = None
        self.database = self._connect()
        self.run = self._begin()

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            self._url,
            autocommit=True,
            **connection_arguments(
                server_url(self._url), "nightmail sender", f"-c timezone=UTC -c statement_timeout=60000 {BY_INDEX}"
            ),
        )

    def _begin(self) -> SenderRun:
        return begin_sender_run(self.database, self._dagster_run_id, socket.gethostname(), os.getpid())

    def note_answer(self) -> None:
        """Note that the database answers: patience begins from the start at the next trouble."""
        self._trouble_since = None

    def recover(self, error: Exception, in_hand: Collection[int]) -> bool:
        """Wait for a database that went away, and hold the run again; whether the connection is a new one.

        ``in_hand`` are the keys of intents that the sender knows: others of its run are given back, as the answer to
        their claim was lost. A sender that was declared dead meanwhile begins another run; what it has in hand is then
        not handed off, since its intents are of the run before. Raises :class:`UnavailableError`
        (``database_unavailable``) when the database does not come back.
        """
        if self._trouble_since is None:
            self._trouble_since = boot_time()
            _log.warning("the database does not answer (%s); waiting for it", type(error).__name__)
        while True:
            if boot_time() - self._trouble_since > PATIENCE_S:
                raise UnavailableError(
                    "database_unavailable", problem=f"there was no answer for {PATIENCE_S:.0f} seconds"
                ) from error
            time.sleep(0.2)
            if self._is_usable():
                return False
            try:
                self.database = self._connect()
                self._hold_run(in_hand)
            except (psycopg.OperationalError, psycopg.InterfaceError):
                # Never left open without the run's lock: other processes would take this sender for dead.
                self.database.close()
                continue
            return True

    def _is_usable(self) -> bool:
        if self.database.closed or self.database.broken:
            return False
        if self.database.info.transaction_status != TransactionStatus.ACTIVE:
            return True
        # A signal came in the middle of a command. Its answer will not be read, and the connection takes no other.
        self.database.close()
        return False

    def _hold_run(self, in_hand: Collection[int]) -> None:
        timeline = server_timeline(self.database)
        if timeline < self.run.timeline:
            # The one that was replaced, back without knowing it: what is sent from there the other one sends as well.
            raise psycopg.OperationalError("the server is on an earlier timeline than this sender has seen")
        if rejoin_sender_run(self.database, self.run.id):
            self.run = replace(self.run, timeline=timeline)
            release_unknown(self.database, self.run.id, list(in_hand))
        else:
            self.run = self._begin()

    def end(self, handed_off: int) -> None:
        """End the run and close the connection; ``handed_off`` messages are noted with the run."""
        if self.database.closed:
            return
        # A claim that broke off between its commit and our list of it: nothing of it was handed off.
        release_unknown(self.database, self.run.id, [])
        end_sender_run(self.database, self.run.id, handed_off)
        self.database.close()
