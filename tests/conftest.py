"""Real parts for every test: one PostgreSQL for the session, one fresh database per test that asks for it."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import Engine, create_engine, text

from nightmail.store.engine import normalised_url
from nightmail.store.local_server import OWNER_ROLE, SUPERUSER, WORKING_ROLE, LocalServer
from nightmail.store.upgrade import upgrade

os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")

# A busy machine is no finding: how long an example takes is never what a property test is about.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

PROGRAM_PACKAGES = {
    "sshd": ("openssh-server", "/usr/sbin/sshd"),
    "chromium": ("chromium", "/usr/bin/chromium"),
    "redis-server": ("redis-server", "/usr/bin/redis-server"),
    "faketime": ("faketime", "/usr/bin/faketime"),
    "gpg": ("gnupg", "/usr/bin/gpg"),
    "dovecot": ("dovecot-imapd", "/usr/sbin/dovecot"),
}


ROOM_IN_MEMORY = 8 * 1024**3
"""Free bytes from which on the databases of tests are kept in memory."""
REAL_PARTS = frozenset(
    {"postgres", "server", "sandbox_process", "openssh", "dovecot", "sandboxed", "running", "real_server"}
)
"""Fixtures that start a server or a process: a test that uses one of them, at whatever distance, is no unit test."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by its kind: ``end_to_end`` as its module says, ``real_parts`` by its fixtures, else ``unit``."""
    for item in items:
        if item.get_closest_marker("end_to_end") is not None:
            continue
        if item.get_closest_marker("real_parts") is None:
            real = bool(REAL_PARTS & set(getattr(item, "fixturenames", ())))
            item.add_marker(pytest.mark.real_parts if real else pytest.mark.unit)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose program is not installed, and say which Debian package has it."""
    for marker in item.iter_markers("needs_program"):
        (name,) = marker.args
        package, path = PROGRAM_PACKAGES[name]
        if not Path(path).exists() and shutil.which(name) is None:
            pytest.skip(f"needs {name} (Debian package {package})")


def _memory() -> str | None:
    """A file system in memory where there is one with room: each of two thousand tests copies a database of a thousand files."""
    in_memory = Path("/dev/shm")
    if not os.access(in_memory, os.W_OK) or shutil.disk_usage(in_memory).free < ROOM_IN_MEMORY:
        return None
    return str(in_memory)


@pytest.fixture(scope="session")
def postgres() -> Iterator[LocalServer]:
    """The pip-installed PostgreSQL in a folder of this test process, with a migrated database to copy from."""
    # PostgreSQL's user must be able to enter every folder above its own.
    folder = Path(tempfile.mkdtemp(prefix="nightmail-test-pg-", dir=_memory()))
    folder.chmod(0o755)
    server = LocalServer(folder / "pg")
    server.start()
    administration = create_engine(normalised_url(server.superuser_url()), isolation_level="AUTOCOMMIT")
    with administration.connect() as connection:
        connection.execute(text("alter system set fsync = off"))
        connection.execute(text("alter system set synchronous_commit = off"))
        connection.execute(text("alter system set full_page_writes = off"))
        connection.execute(text("select pg_reload_conf()"))
    administration.dispose()
    engine = create_engine(normalised_url(server.owner_url()))
    upgrade(engine, WORKING_ROLE)
    engine.dispose()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database_url(postgres: LocalServer) -> Iterator[str]:
    """The URL of a fresh, migrated, empty database that is dropped after the test, for the role that the product works as."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    administration = create_engine(normalised_url(postgres.superuser_url()), isolation_level="AUTOCOMMIT")
    with administration.connect() as connection:
        # Files are copied: page by page through the log, as PostgreSQL does otherwise, takes three to ten times the work.
        statement = f"create database {name} template nightmail owner {OWNER_ROLE} strategy file_copy"
        connection.execute(text(statement))
    yield postgres.url(name)
    with administration.connect() as connection:
        connection.execute(text(f"drop database if exists {name} with (force)"))
    administration.dispose()


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    """An engine on a fresh, migrated, empty database, for the role that the product works as."""
    engine = create_engine(normalised_url(database_url))
    yield engine
    engine.dispose()


@pytest.fixture
def owner(database: Engine) -> Iterator[Engine]:
    """An engine on the same database for the owner of its tables: migrations, backups, restores, a test's own tables."""
    engine = create_engine(database.url.set(username=OWNER_ROLE))
    yield engine
    engine.dispose()


@pytest.fixture
def superuser(database: Engine) -> Iterator[Engine]:
    """An engine on the same database for who may do everything."""
    engine = create_engine(database.url.set(username=SUPERUSER))
    yield engine
    engine.dispose()
