"""The local PostgreSQL: started again on its own folder, and never on that of another major version."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from nightmail.errors import ConfigurationError
from nightmail.reasons import Surface
from nightmail.store.local_server import LocalServer


@pytest.fixture
def folder() -> Iterator[Path]:
    # PostgreSQL's user must be able to enter every folder above its own.
    made = Path(tempfile.mkdtemp(prefix="nightmail-test-server-"))
    made.chmod(0o755)
    yield made / "pg"
    LocalServer(made / "pg").stop()
    shutil.rmtree(made, ignore_errors=True)


def test_a_stopped_server_starts_again_with_what_it_held(folder: Path) -> None:
    first = LocalServer(folder)
    first.start()
    with psycopg.connect(first.owner_url()) as connection:
        connection.execute("create table kept (value integer)")
        connection.execute("insert into kept values (7)")
        version = connection.execute("show server_version").fetchone()
    first.stop()
    assert not (folder / "postmaster.pid").exists()
    assert version is not None
    assert version[0].split(".")[0] == LocalServer.major()

    again = LocalServer(folder)
    again.start()
    with psycopg.connect(again.owner_url()) as connection:
        assert connection.execute("select value from kept").fetchone() == (7,)


def test_a_folder_of_another_major_version_is_refused_with_the_way_out(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "PG_VERSION").write_text("12\n")
    with pytest.raises(ConfigurationError) as caught:
        LocalServer(folder).start()
    assert caught.value.reason == "database_major_version"
    assert "nightmail db restore" in caught.value.remedy_for(Surface.SHELL)


def test_a_setting_that_somebody_changed_stays(folder: Path) -> None:
    """The server gets room for a ledger's log; whoever sets another size by hand keeps it."""
    server = LocalServer(folder)
    server.start()
    with psycopg.connect(server.superuser_url(), autocommit=True) as connection:
        assert connection.execute("show max_wal_size").fetchone() == ("3GB",)
        connection.execute("alter system set max_wal_size = '5GB'")
    server.stop()
    again = LocalServer(folder)
    again.start()
    with psycopg.connect(again.url()) as connection:
        assert connection.execute("show max_wal_size").fetchone() == ("5GB",)
        assert connection.execute("show checkpoint_timeout").fetchone() == ("15min",)
