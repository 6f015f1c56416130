"""The parts of one machine: the data folder, its PostgreSQL, and how commands reach the database.

A command that only looks never starts a server: it joins the one that ``nightmail up`` runs. A command that maintains
the database (``db``, ``provision``) starts the local one for as long as it works, if it is not running.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nightmail.errors import ConfigurationError, NightmailError, UnavailableError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from nightmail.store.local_server import LocalServer

CHECKOUT = Path(__file__).resolve().parent.parent
"""The folder that holds the rooms, ``dagster.yaml`` and ``samples``."""


def postgres_folder(data_dir: Path) -> Path:
    """Where the local PostgreSQL keeps its files."""
    return data_dir.resolve() / "postgres"


def is_running(folder: Path) -> bool:
    """Whether a PostgreSQL server runs in ``folder``, without starting or importing anything heavy."""
    try:
        pid = int((folder / "postmaster.pid").read_text().split("\n", 1)[0])
        os.kill(pid, 0)
    except (OSError, ValueError, IndexError):
        return False
    import psutil

    try:
        # Where no process collects dead children, as in some containers, one that was killed is still in the list.
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def local_server(data_dir: Path) -> LocalServer:
    """The local PostgreSQL of a data folder, not started."""
    from nightmail.store.local_server import LocalServer

    return LocalServer(postgres_folder(data_dir))


def database_url() -> str:
    """The database's URL: the settings', else that of the local server that runs. Raises :class:`ConfigurationError`."""
    from nightmail.settings import settings

    configured = settings()
    if configured.database_url is not None:
        return configured.database_url.get_secret_value()
    folder = postgres_folder(configured.data_dir)
    if not is_running(folder):
        return configured.require_database_url()
    server = local_server(configured.data_dir)
    server.start()
    return server.url()


def open_database() -> Engine:
    """An engine on a database that answers and has the newest schema. Raises :class:`NightmailError` otherwise.

    Where no carrier but the sandbox is configured, the command's screen says so in large letters.
    """
    from commands.screen import current
    from nightmail.store.engine import engine
    from nightmail.store.upgrade import pending

    made = engine(database_url())
    ask(made)
    if pending(made):
        raise ConfigurationError("database_not_upgraded")
    view = current()
    if view.in_sandbox is None:
        view.in_sandbox = sandbox_in_use(made)
        if view.in_sandbox:
            view.sandbox()
    return made


def optional_database() -> Engine | None:
    """The database, if one is configured and answers."""
    try:
        database_url()
        return open_database()
    except NightmailError:
        return None


def ask(engine: Engine) -> None:
    """Raise :class:`UnavailableError` when the database does not answer."""
    from sqlalchemy.exc import DBAPIError

    from nightmail.store.clock import database_time

    try:
        with engine.connect() as connection:
            database_time(connection)
    except DBAPIError as error:
        address = engine.url.render_as_string(hide_password=True)
        problem = f"{address}: {' '.join(str(error.orig).split())}"
        raise UnavailableError("database_unavailable", problem=problem) from error


@contextmanager
def database_for_maintenance(*, make: bool = True) -> Iterator[Engine]:
    """An engine on the settings' database, or on the local one, which is started for as long as it is needed.

    Without ``make`` a data folder that has no database is refused.
    """
    from nightmail.settings import settings
    from nightmail.store.engine import engine

    configured = settings()
    if configured.database_url is not None:
        made = engine(configured.database_url.get_secret_value())
        ask(made)
        yield made
        return
    server = local_server(configured.data_dir)
    if not make and not (server.folder / "PG_VERSION").exists():
        raise ConfigurationError("database_missing", place=server.folder)
    running = is_running(server.folder)
    server.start()
    made = engine(server.url())
    try:
        yield made
    finally:
        made.dispose()
        if not running:
            server.stop()


def sandbox_in_use(engine: Engine) -> bool:
    """Whether no carrier but the sandbox is configured."""
    from nightmail.organisation.carrier_accounts import only_sandbox_is_used

    with engine.connect() as connection:
        return only_sandbox_is_used(connection)


def actor() -> str:
    """Who acts, for the audit log: the operating system's user."""
    import getpass

    try:
        return f"command line: {getpass.getuser()}"
    except (KeyError, OSError):
        return f"command line: uid {os.getuid()}"
