"""Connections to PostgreSQL: one engine per process and URL."""

from __future__ import annotations

import time
from functools import lru_cache

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from nightmail.errors import UnavailableError
from nightmail.settings import settings
from nightmail.store.server_urls import server_url
from nightmail.store.sessions import connection_arguments

PATIENCE_S = 60.0
"""Seconds for which a process that starts waits for the database."""


def normalised_url(url: str) -> str:
    """The URL with the driver that the product uses (psycopg 3), whatever spelling was given (:mod:`nightmail.store.server_urls`)."""
    return server_url(url).render_as_string(hide_password=False)


@lru_cache(maxsize=8)
def _engine(url: str) -> Engine:
    made = server_url(url)
    return create_engine(
        made,
        pool_pre_ping=True,
        pool_size=5,
        max_overflow=10,
        connect_args=connection_arguments(made, "nightmail", "-c timezone=UTC"),
    )


def engine(url: str | None = None) -> Engine:
    """The engine of ``url``, or of the settings' database. Raises :class:`ConfigurationError` when there is none."""
    return _engine(url or settings().require_database_url())


def wait_for(engine: Engine, patience_s: float = PATIENCE_S) -> Engine:
    """Return the engine once its database answers. Raises :class:`UnavailableError` when it does not for so long."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            with engine.connect():
                return engine
        except DBAPIError as error:
            if time.monotonic() > deadline:
                problem = " ".join(str(error.orig).split())
                raise UnavailableError("database_unavailable", problem=problem) from error
        time.sleep(0.5)


def libpq_url(of: Engine) -> str:
    """The engine's URL as libpq's own programs and psycopg read it, password included: not for logs."""
    return of.url.set(drivername="postgresql").render_as_string(hide_password=False)


def server_version(connection: Connection) -> str:
    """Return the version of the PostgreSQL server, such as ``17.2``."""
    return str(connection.execute(text("show server_version")).scalar_one())
