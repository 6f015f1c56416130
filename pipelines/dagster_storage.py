"""Dagster's own records in PostgreSQL, on connections that are kept.

Dagster's storage opens a connection for each event that it stores and each question that it asks, which cost PostgreSQL
more than the events themselves. The webserver keeps one open for that reason; here every process does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import pg_url_from_config
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError

from nightmail.store.server_urls import server_url
from nightmail.store.sessions import connection_arguments

_NO_TIMEOUT = 0
_RECYCLE_S = 3600
_MOST_AT_ONCE = 40
"""Connections beyond the kept one that threads of a process may have at the same time; they are closed after use."""


class KeptConnectionsStorage(DagsterPostgresStorage):
    """Dagster's storage for runs, events and schedules; ``dagster.yaml`` names it."""

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(_storage_url(postgres_url), inst_data=inst_data)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage.optimize_for_webserver(_NO_TIMEOUT, _RECYCLE_S, _MOST_AT_ONCE)
            event.listen(storage._engine, "checkout", _check_alive)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> KeptConnectionsStorage:
        """Make the storage, as Dagster does for ``dagster.yaml``."""
        return cls(pg_url_from_config(config_value), inst_data)


def _storage_url(url: str) -> str:
    """The URL as Dagster's driver (psycopg2) has it, with everything that a connection is opened with: Dagster passes nothing else on."""
    made = server_url(url, "psycopg2")
    arguments = connection_arguments(made, "dagster")
    return made.update_query_dict({name: str(value) for name, value in arguments.items()}).render_as_string(
        hide_password=False
    )


def _check_alive(connection: Any, _record: object, _proxy: object) -> None:
    """Replace a connection that did not survive a restart of the database before it is used."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
    except connection.Error as error:
        raise DisconnectionError from error
