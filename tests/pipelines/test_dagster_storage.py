"""Dagster's records: one connection for many questions, and another when that one is lost."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from dagster import DagsterEventType, EventRecordsFilter
from sqlalchemy import text

from nightmail.store.local_server import WORKING_ROLE, LocalServer
from pipelines.dagster_storage import KeptConnectionsStorage
from tests.store.transaction_pooler import TransactionPooler


@pytest.fixture
def url(postgres: LocalServer) -> Iterator[str]:
    """An empty database: Dagster's is not the product's."""
    name = f"dagster_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(_plain(postgres.superuser_url()), autocommit=True) as connection:
        connection.execute(f"create database {name} owner {WORKING_ROLE}")
        yield _plain(postgres.url(name))
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def storage(url: str) -> KeptConnectionsStorage:
    return KeptConnectionsStorage.from_config_value(None, {"postgres_url": url})


def _plain(url: str) -> str:
    return url.replace("+psycopg", "")


def _backend(storage: KeptConnectionsStorage) -> int:
    with storage.run_storage.connect() as connection:  # type: ignore[attr-defined]
        return int(connection.scalar(text("select pg_backend_pid()")))


def test_a_connection_serves_many_questions(storage: KeptConnectionsStorage) -> None:
    """Dagster's own storage opens one for each."""
    first = _backend(storage)
    assert storage.run_storage.get_runs_count() == 0
    assert _backend(storage) == first


def test_a_connection_that_was_lost_is_replaced_unseen(storage: KeptConnectionsStorage, url: str) -> None:
    """The database may restart while a run writes its events; the run goes on."""
    lost = _backend(storage)
    wanted = EventRecordsFilter(event_type=DagsterEventType.ASSET_MATERIALIZATION)
    assert not list(storage.event_log_storage.get_event_records(wanted))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )
    assert storage.run_storage.get_runs_count() == 0
    assert not list(storage.event_log_storage.get_event_records(wanted))
    assert _backend(storage) != lost


def test_of_several_hosts_the_one_that_can_be_written_to_is_taken(url: str, postgres: LocalServer) -> None:
    """With the server's side of each session looked after, as the product's own connections have it."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        gone = closed.getsockname()[1]
    listener = TransactionPooler(postgres, share=False)
    try:
        one = urlsplit(listener.url(url))
        several = f"postgresql://{one.username}@127.0.0.1:{gone},127.0.0.1:{one.port}{one.path}"
        storage = KeptConnectionsStorage.from_config_value(None, {"postgres_url": several})
        assert storage.run_storage.get_runs_count() == 0
        with storage.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
            stated = text("select reset_val from pg_settings where name = 'tcp_user_timeout'")
            assert connection.scalar(stated) == "12000"
    finally:
        listener.close()
