"""Locks of runs: each run of the pipeline holds an advisory lock for as long as its process lives.

Whatever launched a run, and wherever it works: when its process is killed the server frees the lock at once, and when its
host vanishes within 14 seconds (:mod:`nightmail.store.sessions`). So who is at work is seen in the database alone.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, text

from nightmail.store.engine import libpq_url
from nightmail.store.sessions import connection_arguments

_log = logging.getLogger("nightmail.store")

_SPACE = 0x4E52
_LOOK_S = 1.0
RESTART_GRACE_S = 15
"""After the server starts, runs that live get this long to hold their locks again."""
# A lock's number is kept in two halves. Those of other databases of the server have the same numbers.
HELD = """
    select (classid::bigint << 32) | objid::bigint as number
    from pg_locks
    where locktype = 'advisory' and granted and objsubid = 1 and classid::bigint >> 8 = :space
      and database = (select oid from pg_database where datname = current_database())
"""
SERVER_IS_NEW = """
    select greatest(pg_postmaster_start_time(), timeline_at) > now() - make_interval(secs => :grace) from deployment
"""


def lock_number(run_id: str) -> int:
    """The advisory lock of a run of the pipeline."""
    return (_SPACE << 40) | int.from_bytes(hashlib.blake2b(run_id.encode(), digest_size=5).digest())


def runs_at_work(connection: Connection, run_ids: Iterable[str]) -> set[str]:
    """Return those of the runs whose process lives."""
    held = set(connection.scalars(text(HELD), {"space": _SPACE}))
    return {run_id for run_id in run_ids if lock_number(run_id) in held}


def take_free_lock(connection: Connection, run_id: str) -> bool:
    """Take a run's lock until the end of the transaction; return whether it was free."""
    return bool(connection.scalar(text("select pg_try_advisory_xact_lock(:number)"), {"number": lock_number(run_id)}))


def server_is_new(connection: Connection) -> bool:
    """Return whether the server began so lately that runs may not hold their locks again yet."""
    return bool(connection.scalar(text(SERVER_IS_NEW), {"grace": RESTART_GRACE_S}))


class RunLock:
    """The lock of one run, on a connection of its own that a thread looks after.

    ``still_wanted`` is asked each time when the lock was lost and is held again: a run that was taken for lost meanwhile is not to go on, and
    ``give_up`` is called then.
    """

    def __init__(
        self, engine: Engine, run_id: str, *, still_wanted: Callable[[], bool], give_up: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._number = lock_number(run_id)
        self._still_wanted = still_wanted
        self._give_up = give_up
        self._ended = threading.Event()
        self._connection: psycopg.Connection[Any] | None = None
        self._thread = threading.Thread(target=self._keep, name="run-lock", daemon=True)

    def hold(self) -> None:
        """Take the lock, waiting for whoever ends the run meanwhile, and keep it until :meth:`release`."""
        self._take()
        self._thread.start()

    def release(self) -> None:
        """Free the lock."""
        self._ended.set()
        self._thread.join()
        self._close()

    def _take(self) -> None:
        connection = psycopg.connect(
            libpq_url(self._engine), autocommit=True, **connection_arguments(self._engine.url, "nightmail run")
        )
        try:
            connection.execute("select pg_advisory_lock(%s)", (self._number,))
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _keep(self) -> None:
        while not self._ended.wait(_LOOK_S):
            try:
                if self._connection is None:
                    self._take()
                    if not self._still_wanted():
                        _log.warning("the run was taken for lost while it had no connection; it ends")
                        self._give_up()
                        return
                else:
                    self._connection.execute("select")
            except psycopg.Error as error:
                _log.warning("the run's lock is not held (%s); it is taken again", type(error).__name__)
                self._close()
            except Exception as error:
                # Dagster's records may be away as well: it is asked at the next look.
                _log.warning("it is not known whether the run is wanted: %s", type(error).__name__)
                self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
