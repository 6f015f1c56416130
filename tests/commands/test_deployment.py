"""What `up` does about its own PostgreSQL: one that ended by itself is started again, or `up` ends."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from commands.deployment import Deployment
from commands.local import is_running, local_server, postgres_folder
from commands.supervisor import Supervisor
from nightmail.errors import UnavailableError
from nightmail.settings import Settings
from nightmail.store.engine import engine
from nightmail.store.local_server import LocalServer

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def server() -> Iterator[LocalServer]:
    # PostgreSQL's user must be able to enter every folder above its own.
    folder = Path(tempfile.mkdtemp(prefix="nightmail-test-up-"))
    folder.chmod(0o755)
    made = local_server(folder)
    made.start()
    yield made
    made.stop()
    shutil.rmtree(folder, ignore_errors=True)


def end(server: LocalServer, number: signal.Signals) -> None:
    os.kill(int((server.folder / "postmaster.pid").read_text().split("\n", 1)[0]), number)
    deadline = time.monotonic() + 30
    while is_running(server.folder):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def watched(server: LocalServer, logs: Path) -> list[str]:
    """What is said while the deployment is watched, until PostgreSQL is up again."""
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if line.endswith("up again"):
            os.kill(os.getpid(), signal.SIGTERM)

    with Supervisor(logs, logs) as supervisor:
        settings = Settings(data_dir=server.folder.parent)
        Deployment(settings, supervisor, engine(server.url()), server.url(), None, server, say).watch()
    return said


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGINT])
def test_a_database_that_ended_is_started_again(server: LocalServer, tmp_path: Path, number: signal.Signals) -> None:
    """Under the same address, with what it held."""
    address = server.url()
    with psycopg.connect(server.owner_url()) as connection:
        connection.execute("create table kept as select 7 as value")
    end(server, number)
    said = watched(server, tmp_path)
    assert len(said) == 2 and str(server.folder) in said[0]
    assert server.url() == address
    with psycopg.connect(server.owner_url()) as connection:
        assert connection.execute("select value from kept").fetchone() == (7,)


def test_a_database_that_does_not_come_up_ends_it(server: LocalServer, tmp_path: Path) -> None:
    end(server, signal.SIGQUIT)
    settings_of_postgres = server.folder / "postgresql.conf"
    with settings_of_postgres.open("a") as file:
        file.write("\nno_such_setting = 1\n")
    with pytest.raises(UnavailableError) as caught:
        watched(server, tmp_path)
    assert caught.value.reason == "database_unavailable"
    assert str(server.folder / "log") in caught.value.message


def test_a_data_folder_without_a_server_is_told(tmp_path: Path) -> None:
    folder = postgres_folder(tmp_path)
    folder.mkdir()
    assert not is_running(folder)
    (folder / "postmaster.pid").write_text("not a number\n")
    assert not is_running(folder)
