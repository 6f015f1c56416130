"""The product's database as a Dagster resource: one pool of connections per process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import dagster as dg
from sqlalchemy import Connection, Engine

from nightmail.audit.deployment_key import require_key
from nightmail.settings import settings
from nightmail.store.engine import engine


@lru_cache(maxsize=8)
def _engine_of_deployment(url: str) -> Engine:
    made = engine(url or None)
    require_key(made, settings().key())
    return made


class DatabaseResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The PostgreSQL at ``url``; empty takes the settings' (``NIGHTMAIL_DATABASE_URL``)."""

    url: str = ""

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
