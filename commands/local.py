"""The parts of one machine: the data folder, its PostgreSQL, and how commands reach the database.

A command that only looks never starts a server: it joins the one that ``nightmail up`` runs. A command that maintains
the database (``db``, ``provision``) starts the local one for as long as it works, if it is not running.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nightmail.errors import ConfigurationError, NightmailError, UnavailableError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from nightmail.access.principals import Principal
    from nightmail.organisation.sandbox_accounts import SandboxUse
    from nightmail.settings import Settings
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


def dagster_database_url() -> str:
    """The URL of Dagster's own database, beside the product's. Raises :class:`ConfigurationError` where there is none."""
    from nightmail.settings import settings
    from nightmail.store.local_server import DAGSTER_DATABASE
    from nightmail.store.server_urls import server_url

    configured = settings()
    if configured.dagster_database_url is not None:
        return configured.dagster_database_url.get_secret_value()
    if configured.database_url is not None:
        url = server_url(configured.database_url.get_secret_value())
        return url.set(drivername="postgresql", database=DAGSTER_DATABASE).render_as_string(hide_password=False)
    database_url()
    server = local_server(configured.data_dir)
    server.start()
    return server.url(DAGSTER_DATABASE)


def open_database() -> Engine:
    """An engine on a database that answers, has the newest schema and this secret key. Raises :class:`NightmailError` otherwise.

    Where a channel goes to the sandbox, the command's screen says so in large letters.
    """
    from commands.screen import current
    from nightmail.audit.deployment_key import require_key
    from nightmail.settings import settings
    from nightmail.store.engine import engine
    from nightmail.store.upgrade import pending

    _say_from_where()
    made = engine(database_url())
    ask(made)
    if pending(made):
        raise ConfigurationError("database_not_upgraded")
    require_key(made, settings().key())
    view = current()
    if view.in_sandbox is None:
        view.sandbox(sandbox_of(made))
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


@dataclass(frozen=True)
class Maintained:
    """The database for who owns its tables, and for who works with it."""

    owner: Engine
    working: Engine
    working_role: str | None
    """The role that the product works as; ``None`` where that is the owner."""

    def upgrade(self) -> tuple[str | None, str]:
        """Bring the database to the newest schema, as its owner; return the revisions before and after.

        Where the role that the settings name owns nothing, and there is nothing to do, that is no fault.
        Raises :class:`ConfigurationError` (``database_owner_needed``).
        """
        from nightmail.store.roles import role_facts
        from nightmail.store.upgrade import newest, pending, upgrade

        with self.owner.connect() as connection:
            facts = role_facts(connection)
        if facts.owner or facts.superuser:
            return upgrade(self.owner, self.working_role)
        if pending(self.owner):
            raise ConfigurationError("database_owner_needed", role=facts.name)
        return newest(), newest()


@contextmanager
def database_for_maintenance(*, make: bool = True) -> Iterator[Maintained]:
    """The settings' database, or the local one, which is started for as long as it is needed.

    Without ``make`` a data folder that has no database is refused.
    """
    from nightmail.settings import settings

    _say_from_where()
    configured = settings()
    if configured.database_url is not None:
        made = configured_database(configured)
        ask(made.owner)
        yield made
        return
    server = local_server(configured.data_dir)
    if not make and not (server.folder / "PG_VERSION").exists():
        raise ConfigurationError("database_missing", place=server.folder)
    running = is_running(server.folder)
    server.start()
    made = maintained(server)
    try:
        yield made
    finally:
        made.owner.dispose()
        made.working.dispose()
        if not running:
            server.stop()


def maintained(server: LocalServer) -> Maintained:
    """The product's database of a local server that was started."""
    from nightmail.store.engine import engine
    from nightmail.store.local_server import WORKING_ROLE

    return Maintained(engine(server.owner_url()), engine(server.url()), WORKING_ROLE)


def configured_database(configured: Settings) -> Maintained:
    """The database that the settings name; its owner is ``database_owner_url``'s role, where that is set."""
    from nightmail.store.engine import engine

    working = engine(configured.require_database_url())
    if configured.database_owner_url is None or not configured.database_owner_url.get_secret_value():
        return Maintained(working, working, None)
    owner = engine(configured.database_owner_url.get_secret_value())
    role = working.url.username
    return Maintained(owner, working, role if role != owner.url.username else None)


def sandbox_of(engine: Engine) -> SandboxUse:
    """What goes to the sandbox."""
    from nightmail.organisation.sandbox_accounts import sandbox_use

    with engine.connect() as connection:
        return sandbox_use(connection)


def link_address(token: str, page: str = "invitation") -> str:
    """Where a link for people leads, ``first-administrator`` being the other page: at the portal's public address, else its own."""
    from nightmail.settings import settings

    configured = settings()
    base = configured.public_url or f"http://{configured.portal_host}:{configured.portal_port}"
    return f"{base.rstrip('/')}/{page}/{token}"


def _say_from_where() -> None:
    """Let the audit log say on which machine a command was run."""
    from nightmail.audit.origins import set_origin

    set_origin(os.uname().nodename)


def actor() -> str:
    """Who acts, for the audit log: the operating system's user, ``user:anna``."""
    return principal().actor


def principal() -> Principal:
    """The operating system's user, who may do everything at this machine."""
    import getpass

    from nightmail.access.principals import system_principal

    try:
        return system_principal(getpass.getuser())
    except (KeyError, OSError):
        return system_principal(str(os.getuid()))
