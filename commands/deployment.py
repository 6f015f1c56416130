"""All parts of Nightmail on one machine, started in order and waited for: what ``up`` and ``demo`` share.

PostgreSQL (the local one, unless the settings name another), the schema, the sandbox where no carrier is configured,
the sample organisation where there is none, the portal, Dagster's webserver and daemon.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.local import (
    CHECKOUT,
    actor,
    ask,
    configured_database,
    dagster_database_url,
    is_running,
    local_server,
    maintained,
    postgres_folder,
)
from commands.part_checks import check_sftp_servers
from commands.sandbox_setup import Sandbox, provision_sandbox, start_sandbox, write_sftp_users
from commands.supervisor import Child, Supervisor, answers, free_port, refuse_taken_port
from nightmail.errors import UnavailableError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from nightmail.settings import Settings
    from nightmail.store.local_server import LocalServer

SAMPLE_ORGANISATION = CHECKOUT / "samples" / "organisation.yaml"
START_TIMEOUT_S = 120.0
PRIVATE_FOLDERS = ("lake", "incoming", "logs", "dagster", "sandbox")


@dataclass
class Deployment:
    """The running parts. ``started_s`` says how long each took to be ready."""

    settings: Settings
    supervisor: Supervisor
    engine: Engine
    database_url: str
    sandbox: Sandbox | None
    local_server: LocalServer | None = None
    """The PostgreSQL of this machine; ``None`` where the settings name another."""
    say: Callable[[str], None] = print
    new_keys: tuple[Any, ...] = ()
    started_s: dict[str, float] = field(default_factory=dict)

    def watch(self) -> None:
        """Wait until a signal asks to stop. PostgreSQL is started again when it ends unexpectedly.

        Raises :class:`nightmail.errors.UnavailableError` when another part ends, or PostgreSQL does not come up again.
        """
        self.supervisor.watch(self._mind_the_database)

    def _mind_the_database(self) -> None:
        if self.local_server is None or is_running(self.local_server.folder):
            return
        self.say(f"PostgreSQL ended unexpectedly; starting it again. Its log: {self.local_server.folder / 'log'}")
        self.local_server.start_again()
        self.say("PostgreSQL is up again")

    @property
    def portal_url(self) -> str:
        """The portal's own address."""
        return f"http://{self.settings.portal_host}:{self.settings.portal_port}"

    @property
    def dagster_url(self) -> str:
        """Dagster's pages, behind the portal's login."""
        return f"{self.portal_url}/pipeline/"

    @property
    def logs(self) -> Path:
        """Where each part writes its log."""
        return self.supervisor.logs


@contextmanager
def deployment(
    settings: Settings,
    say: Callable[[str], None],
    *,
    sandbox_behaviour: dict[str, Any] | None = None,
    organisation: Path | None = SAMPLE_ORGANISATION,
) -> Iterator[Deployment]:
    """Start everything, give it, and stop what was started when the block ends, however it ends.

    ``say`` gets a line for each part that is being started. ``organisation`` is set up where the database has no team.
    Raises :class:`nightmail.errors.NightmailError` when a port is taken, or a part does not come up.
    """
    refuse_taken_port(settings.portal_host, settings.portal_port, "the portal", "NIGHTMAIL_PORTAL_PORT")
    data_dir = settings.data_dir.resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    for name in PRIVATE_FOLDERS:
        (data_dir / name).mkdir(exist_ok=True)
        (data_dir / name).chmod(0o700)
    with (
        _database(settings, say) as (engine, url, dagster_url, local),
        _supervised(data_dir, settings, url, dagster_url) as children,
    ):
        started = _Clock()
        made = Deployment(settings, children, engine, url, None, local, say, started_s=started.seconds)
        if _needs_sandbox(engine):
            say("sandbox: carriers and SFTP server")
            made.sandbox = start_sandbox(
                children, data_dir / "sandbox", settings.public_url or made.portal_url, sandbox_behaviour
            )
            provision_sandbox(engine, made.sandbox, data_dir / "sandbox", actor())
            started.ready("sandbox")
        if organisation is not None and _has_no_team(engine):
            say(f"organisation: {organisation.name}")
            made.new_keys = _provision(engine, organisation)
            # A feed's folder that is not there would be complained about at every look.
            for check in check_sftp_servers(engine, make_folders=True):
                if check.ill:
                    say(f"{check.part}: {check.message} {check.remedy}")
            started.ready("organisation")
        write_sftp_users(engine, data_dir / "sandbox")
        _start_services(made, say)
        _wait_for_services(made, started)
        yield made


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.monotonic()

    def ready(self, part: str) -> None:
        self.seconds[part] = round(time.monotonic() - self._since, 1)


@contextmanager
def _database(settings: Settings, say: Callable[[str], None]) -> Iterator[tuple[Engine, str, str, LocalServer | None]]:
    """The database, upgraded; the local server is stopped at the end if it was started here."""
    from nightmail.audit.deployment_key import require_key
    from nightmail.store.local_server import DAGSTER_DATABASE

    local = server = None
    if settings.database_url is not None:
        say("database: the configured one")
        made = configured_database(settings)
        url, dagster_url = settings.require_database_url(), dagster_database_url()
    else:
        local = local_server(settings.data_dir)
        say(f"database: PostgreSQL {local.major()} in {local.folder}")
        server = None if is_running(postgres_folder(settings.data_dir)) else local
        local.start()
        made = maintained(local)
        url, dagster_url = local.url(), local.url(DAGSTER_DATABASE)
    if settings.dagster_database_url is not None:
        dagster_url = settings.dagster_database_url.get_secret_value()
    try:
        ask(made.owner)
        made.upgrade()
        made.owner.dispose()
        # Before the parts are started, which are told the database's URL and make no key of their own.
        require_key(made.working, settings.key())
        yield made.working, url, dagster_url, local
        made.working.dispose()
    finally:
        if server is not None:
            server.stop()


@contextmanager
def _supervised(data_dir: Path, settings: Settings, url: str, dagster_url: str) -> Iterator[Supervisor]:
    environment = dagster_environment(data_dir, url, dagster_url) | {"NIGHTMAIL_PUBLIC_URL": settings.public_url or ""}
    if not settings.public_url:
        del environment["NIGHTMAIL_PUBLIC_URL"]
    with Supervisor(data_dir / "logs", CHECKOUT, environment) as supervisor:
        yield supervisor


def dagster_environment(data_dir: Path, url: str, dagster_url: str) -> dict[str, str]:
    """What Dagster's processes need to know; puts Dagster's settings where they look for them, in ``data_dir/dagster``."""
    home = data_dir / "dagster"
    shutil.copyfile(CHECKOUT / "dagster.yaml", home / "dagster.yaml")
    return {
        "NIGHTMAIL_DATA_DIR": str(data_dir),
        "NIGHTMAIL_DATABASE_URL": url,
        # Nothing that runs needs the owner of the tables.
        "NIGHTMAIL_DATABASE_OWNER_URL": "",
        "NIGHTMAIL_DAGSTER_DATABASE_URL": dagster_url,
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "PYTHONUNBUFFERED": "1",
        # Dagster starts Python by name; the environment's own must be the first to be found.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH")))),
        "NO_PROXY": ",".join(filter(None, ("127.0.0.1,localhost", os.environ.get("NO_PROXY")))),
    }


def start_code_server(supervisor: Supervisor, port: int, environment: Mapping[str, str]) -> None:
    """Start Dagster's code server and wait until it listens.

    One for daemon and webserver, with a thread for every sensor that watches. Left to themselves, daemon and webserver
    would each have one, and the daemon would start another every minute.
    """
    supervisor.start(
        "dagster-code",
        [
            *(sys.executable, "-m", "pipelines.code_server", "--host", "127.0.0.1", "--port", str(port)),
        ],
        environment,
    )
    supervisor.wait_for("Dagster's code server", lambda: _listens(port), START_TIMEOUT_S)


def start_daemon(
    supervisor: Supervisor, data_dir: Path, code_server_port: int, environment: Mapping[str, str]
) -> tuple[Child, Path]:
    """Start Dagster's daemon on a code server; gives it and the workspace file, which the webserver needs too."""
    # With a name of its own: sensors' cursors belong to it, and must be found again under another port.
    workspace = data_dir / "dagster" / "workspace.yaml"
    workspace.write_text(
        "load_from:\n  - grpc_server:\n      host: 127.0.0.1\n"
        f"      port: {code_server_port}\n      location_name: nightmail\n"
    )
    arguments = [sys.executable, "-m", "dagster._daemon", "run", "-w", str(workspace)]
    return supervisor.start("dagster-daemon", arguments, environment), workspace


def _needs_sandbox(engine: Engine) -> bool:
    from nightmail.provisioning.sandbox import is_sandbox_wanted

    with engine.connect() as connection:
        return is_sandbox_wanted(connection)


def _has_no_team(engine: Engine) -> bool:

    from nightmail.organisation.teams import list_team_paths

    with engine.connect() as connection:
        return not list_team_paths(connection, limit=1)


def _provision(engine: Engine, file: Path) -> tuple[Any, ...]:
    from nightmail.provisioning import load_organisation, provision
    from resources.carriers import CARRIERS

    return provision(engine, load_organisation(file, CARRIERS.adapters), file.parent, actor()).new_keys


def _start_services(made: Deployment, say: Callable[[str], None]) -> None:
    settings, supervisor = made.settings, made.supervisor
    further = {}
    if made.sandbox is not None and not settings.public_url:
        # The sandbox's carriers reach the portal on loopback; a real one needs a public address to post receipts to.
        further["NIGHTMAIL_PUBLIC_URL"] = made.portal_url
    python = sys.executable
    say("Dagster: code server, daemon and webserver")
    code_port = free_port()
    start_code_server(supervisor, code_port, further)
    socket_path = webserver_socket(settings)
    _, workspace = start_daemon(supervisor, settings.data_dir.resolve(), code_port, further)
    supervisor.start(
        "dagster-webserver",
        [
            *(python, "-m", "pipelines.webserver", "-w", str(workspace)),
            *("--socket", str(socket_path)),
        ],
        further,
    )
    further["NIGHTMAIL_DAGSTER_SOCKET"] = str(socket_path)
    say("portal")
    supervisor.start(
        "portal",
        [python, "-m", "portal", "--host", settings.portal_host, "--port", str(settings.portal_port)],
        further,
    )


LONGEST_SOCKET_PATH = 100
"""Bytes of a Unix socket's path, a few less than Linux takes."""


def webserver_socket(settings: Settings) -> Path:
    """Where Dagster's webserver of a data folder listens: in the folder, whose path may be too long for a socket's."""
    if settings.dagster_socket is not None:
        return settings.dagster_socket
    inside = settings.data_dir.resolve() / "dagster" / "web.sock"
    if len(os.fsencode(inside)) <= LONGEST_SOCKET_PATH:
        return inside
    name = hashlib.sha256(os.fsencode(inside)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"nightmail-{os.getuid()}-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o077:
        raise UnavailableError("folder_unusable", folder=folder, problem="others may write to it")
    return folder / "web.sock"


def answers_on(socket_path: Path) -> bool:
    """Whether Dagster's webserver answers on a socket."""
    import httpx

    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket_path)), timeout=5.0) as client:
            return client.get("http://dagster/pipeline/server_info").status_code == 200
    except httpx.HTTPError:
        return False


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait_for_services(made: Deployment, started: _Clock) -> None:
    made.supervisor.wait_for("the portal", lambda: answers(f"{made.portal_url}/health"), START_TIMEOUT_S)
    started.ready("portal")
    socket_path = webserver_socket(made.settings)
    made.supervisor.wait_for("Dagster's webserver", lambda: answers_on(socket_path), START_TIMEOUT_S)
    started.ready("dagster-webserver")
