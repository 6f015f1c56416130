"""The product's database as a Dagster resource: one pool of connections per process, and the lock of the run that uses it."""

from __future__ import annotations

import _thread
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import dagster as dg
from pydantic import PrivateAttr
from sqlalchemy import Connection, Engine

from nightmail.audit.deployment_key import require_key
from nightmail.settings import settings
from nightmail.store.engine import engine
from nightmail.store.run_locks import RunLock


@lru_cache(maxsize=8)
def _engine_of_deployment(url: str) -> Engine:
    made = engine(url or None)
    require_key(made, settings().key())
    return made


class DatabaseResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The PostgreSQL at ``url``; empty takes the settings' (``NIGHTMAIL_DATABASE_URL``)."""

    url: str = ""
    _lock: RunLock | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Hold the run's lock: by it others see that its process lives, whatever launched it. Sensors have no run.

        Raises :class:`dagster.Failure` where the run was taken for lost before it began.
        """
        run, instance = context.run, context.instance
        if run is None or instance is None:
            return

        def still_wanted() -> bool:
            found = instance.get_run_by_id(run.run_id)
            return found is None or not found.is_finished

        self._lock = RunLock(self.engine, run.run_id, still_wanted=still_wanted, give_up=_thread.interrupt_main)
        self._lock.hold()
        if not still_wanted():
            self._lock.release()
            raise dg.Failure(
                "The run was taken for lost before it began; another one is asked for.", allow_retries=False
            )

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002
        """Free the run's lock."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    @property
    def engine(self) -> Engine:
        """The engine, shared by all in this process. Raises :class:`ConfigurationError` where the secret key is another one."""
        return _engine_of_deployment(self.url)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A connection in a transaction that commits when the block ends well."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection for reading."""
        with self.engine.connect() as connection:
            yield connection
