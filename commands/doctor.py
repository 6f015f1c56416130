"""``nightmail doctor``: asks each part whether it is well, and says how to mend it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from commands.screen import screen
from nightmail.errors import NightmailError
from nightmail.reasons import Surface, remedy, sentence

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from commands.part_checks import Checked
    from nightmail.settings import Settings
    from nightmail.store.roles import RoleFacts

LITTLE_SPACE = 2 * 1024**3
SHOWN_ALERTS = 10
COMPARED_CAMPAIGNS, COMPARED_MESSAGES = 20, 100_000
"""Of how many campaigns, with how many messages together, the counts are compared with the ledger."""


def doctor(json_output: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Check each outside part and say how to mend what is wrong. Ends with 1 when something is."""
    from commands.local import sandbox_of
    from commands.provision import show_checks

    view = screen(json_output)
    found: list[Checked] = list(_machine())
    engine = None
    configured = _settings(found)
    if configured is not None:
        found += _folders(configured)
        engine = _database(configured, found)
    if configured is not None and engine is not None:
        from commands.part_checks import check_carriers, check_sandbox, check_sftp_servers, check_templates

        found += check_sftp_servers(engine)
        found += check_carriers(engine)
        found += check_sandbox(engine)
        found += check_templates(engine)
        found += _services(configured)
        found += _sensors(configured)
        found += _attention(engine)
    view.sandbox(None if engine is None else sandbox_of(engine))
    ill = [check for check in found if check.ill]
    view.answer({"ok": not ill, "checks": [check.as_dict() for check in found]})
    show_checks(view, found)
    if ill:
        view.say(f"{len(ill)} of {len(found)} parts need attention.", style="bold red")
        raise typer.Exit(1)
    to_look_at = [check for check in found if check.state != "well"]
    if to_look_at:
        view.say(f"All parts work; {len(to_look_at)} need a look.", style="yellow")
    else:
        view.say(f"All {len(found)} parts are well.", style="green")


def _machine() -> Iterator[Checked]:
    from commands.local import CHECKOUT
    from commands.part_checks import Checked

    python = ".".join(str(part) for part in sys.version_info[:3])
    if (3, 11) <= sys.version_info[:2] < (3, 14):
        yield Checked("Python", "well", f"{python}")
    else:
        yield Checked("Python", "ill", f"{python} is not supported.", "Use 3.11, 3.12 or 3.13: make setup PYTHON=...")
    wrong = list(_other_versions(CHECKOUT / "requirements.txt"))
    if wrong:
        shown = ", ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        yield Checked("packages", "note", f"Not as requirements.txt pins them: {shown}.", "Run `make setup`.")
    else:
        yield Checked("packages", "well", "as requirements.txt pins them")


def _other_versions(pins: Path) -> Iterator[str]:
    """Packages that are not installed as ``pins`` says; pins for other systems do not count."""
    from importlib.metadata import PackageNotFoundError, version

    from packaging.requirements import InvalidRequirement, Requirement

    for line in pins.read_text(encoding="utf-8").splitlines() if pins.is_file() else ():
        if line.startswith((" ", "#")) or "==" not in line:
            continue
        try:
            pin = Requirement(line.rstrip("\\ "))
        except InvalidRequirement:
            continue
        if pin.marker is not None and not pin.marker.evaluate():
            continue
        try:
            there = version(pin.name)
        except PackageNotFoundError:
            yield f"{pin.name} is missing"
            continue
        if there not in pin.specifier:
            yield f"{pin.name} is {there}"


def _settings(found: list[Checked]) -> Settings | None:
    from commands.part_checks import Checked
    from nightmail.settings import settings

    try:
        configured = settings()
    except NightmailError as error:
        found.append(Checked("settings", "ill", error.message, error.remedy_for(Surface.SHELL)))
        return None
    receipts = "receipts come by webhook" if configured.public_url else "no public_url: receipts are polled"
    found.append(Checked("settings", "well", f"region {configured.region}; {receipts}"))
    return configured


def _folders(configured: Settings) -> Iterator[Checked]:
    from commands.part_checks import Checked, asked

    folder = configured.data_dir.resolve()
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(nearest).free
    state = "well" if free > LITTLE_SPACE else "note"
    remedy = "" if state == "well" else "Free some space, or set NIGHTMAIL_DATA_DIR to a larger disk."
    yield Checked("data folder", state, f"{folder}; {free / 1024**3:.0f} GiB free", remedy)
    if not folder.exists() and configured.lake_url is None:
        yield Checked("lake", "note", "There is no data folder yet.", "`nightmail up` makes it.")
        return
    yield asked("lake", lambda: _probe_lake(configured.lake))


def _probe_lake(url: str) -> str:
    import uuid

    import fsspec

    from nightmail.errors import UnavailableError

    name = f"{url.rstrip('/')}/.doctor-{uuid.uuid4().hex}"
    try:
        filesystem, path = fsspec.core.url_to_fs(name)
        filesystem.makedirs(str(Path(path).parent), exist_ok=True)
        with filesystem.open(path, "wb") as handle:
            handle.write(b"well")
        with filesystem.open(path, "rb") as handle:
            same = handle.read() == b"well"
        filesystem.rm(path)
    except (OSError, ValueError, ImportError) as error:
        raise UnavailableError("lake_unavailable", url=url, problem=f"it cannot be written: {error}") from error
    if not same:
        raise UnavailableError("lake_unavailable", url=url, problem="it gave back something else than was written")
    return f"{url} can be written and read"


def _database(configured: Settings, found: list[Checked]) -> Engine | None:
    from commands.local import ask, database_url
    from commands.part_checks import Checked
    from nightmail.store.engine import engine, server_version
    from nightmail.store.roles import role_facts
    from nightmail.store.upgrade import pending

    try:
        made = engine(database_url())
        ask(made)
        older = pending(made)
    except NightmailError as error:
        found.append(Checked("database", "ill", error.message, error.remedy_for(Surface.SHELL)))
        return None
    with made.connect() as connection:
        version, role = server_version(connection), role_facts(connection)
    where = "the configured one" if configured.database_url else "the local one"
    if older:
        found.append(
            Checked("database", "ill", f"PostgreSQL {version}: the schema is older.", "Run `nightmail db upgrade`.")
        )
        return None
    found.append(Checked("database", "well", f"PostgreSQL {version}, {where}; the schema is the newest"))
    found.append(_database_role(role))
    if configured.database_url is not None:
        found.append(_sessions(made))
        found.append(_standby(made))
    found.append(_secret_key(configured, made))
    found.append(_audit(made))
    found.append(_tallies(made))
    return made


def _standby(engine: Engine) -> Checked:
    """Whether a standby has all that is committed: else a failover is as a restore."""
    from commands.part_checks import Checked
    from nightmail.sending.servers import server_facts

    with engine.connect() as connection:
        facts = server_facts(connection)
    if facts.held:
        return Checked(
            "database standby",
            "ill",
            "Nothing is handed off: another server took over, or commits have ceased to wait for the standby.",
            "It is decided within seconds of a failover, and three minutes after a standby was lost, while the daemon "
            "or a sender works; `nightmail alerts` says more.",
        )
    if facts.synchronous:
        return Checked("database standby", "well", "commits wait for it: after a failover campaigns go on")
    return Checked(
        "database standby",
        "note",
        "Commits wait for no standby: after a failover what was unsent is in doubt, and campaigns come back paused.",
        "Set synchronous_standby_names at the server: docs/operations.md says how.",
    )


def _sessions(engine: Engine) -> Checked:
    """Whether what stands before the server keeps sessions: locks and settings are theirs."""
    from commands.part_checks import Checked
    from nightmail.store.sessions import session_facts

    facts = session_facts(engine)
    if not facts.kept:
        return Checked(
            "database sessions",
            "ill",
            "What is before the server gives transactions in turn to one session: locks of senders are not kept, and "
            "messages could be sent twice.",
            "With PgBouncer set pool_mode = session for these databases, or connect to PostgreSQL itself.",
        )
    if facts.time_zone != "UTC":
        return Checked(
            "database sessions",
            "ill",
            f"What is before the server leaves out how we open a session: its times are in {facts.time_zone}.",
            "With PgBouncer take `options` out of ignore_startup_parameters and name what is refused "
            "(docs/operations.md), or connect to PostgreSQL itself.",
        )
    return Checked(
        "database sessions", "well", "kept from one transaction to the next; a host that vanishes loses its own"
    )


def _secret_key(configured: Settings, engine: Engine) -> Checked:
    from commands.part_checks import asked
    from nightmail.audit.deployment_key import require_key

    return asked("secret key", lambda: f"the deployment's; its fingerprint is {require_key(engine, configured.key())}")


def _tallies(engine: Engine) -> Checked:
    """Whether what pages and the API count of the newest campaigns is what the ledger has; `nightmail db tally` looks at all."""
    from commands.part_checks import Checked
    from nightmail.campaigns.tallies import newest_wrong_tallies

    with engine.connect() as connection:
        wrong = newest_wrong_tallies(connection, campaigns=COMPARED_CAMPAIGNS, messages=COMPARED_MESSAGES)
    if not wrong:
        return Checked("counts", "well", "what is counted of the newest campaigns is what the ledger has")
    shown = ", ".join(each.campaign for each in wrong[:5])
    return Checked(
        "counts",
        "ill",
        f"What is counted of {len(wrong)} of the newest campaigns is not what the ledger has: {shown}.",
        "`nightmail db tally --rebuild` counts again; nothing is sent or held by counts.",
    )


def _audit(engine: Engine) -> Checked:
    """Whether the audit log is being sealed. `nightmail audit verify` says whether it is whole."""
    from commands.part_checks import Checked
    from nightmail.audit.sealing import STALE_S, unsealed

    with engine.connect() as connection:
        waiting = unsealed(connection)
    if waiting.oldest_s <= STALE_S:
        return Checked("audit log", "well", f"{waiting.entries} entries are not sealed yet")
    return Checked(
        "audit log",
        "note",
        f"{waiting.entries} entries are not sealed yet, the oldest for {waiting.oldest_s / 60:.0f} minutes.",
        "The portal seals: is it running? A transaction that does not end keeps it from it too. "
        "`nightmail audit verify` seals as well.",
    )


def _database_role(role: RoleFacts) -> Checked:
    from commands.part_checks import Checked

    if not (role.superuser or role.owner):
        return Checked("database role", "well", f"{role.name} owns no table")
    what = "a superuser" if role.superuser else "the owner of the tables"
    return Checked(
        "database role",
        "note",
        f"The product works as {role.name}, {what}: whoever gets its connection can change the audit log unseen.",
        "Give it a role of its own, and the owner's URL to NIGHTMAIL_DATABASE_OWNER_URL: docs/operations.md says how.",
    )


def _services(configured: Settings) -> Iterator[Checked]:
    from commands.deployment import answers_on, webserver_socket
    from commands.part_checks import Checked
    from commands.supervisor import answers

    socket = webserver_socket(configured)
    portal = f"http://{configured.portal_host}:{configured.portal_port}/health"
    for part, place, well in (("portal", portal, answers(portal)), ("Dagster", str(socket), answers_on(socket))):
        if well:
            yield Checked(part, "well", f"{place} answers")
        else:
            yield Checked(part, "ill", f"{place} does not answer.", "Start it with `nightmail up`, or read its log.")


def _sensors(configured: Settings) -> Iterator[Checked]:
    """Sensors whose ticks fail: what they watch waits, and nothing else shows it."""
    import os

    from commands.local import dagster_database_url
    from commands.part_checks import Checked

    home = configured.data_dir / "dagster"
    if not (home / "dagster.yaml").is_file():
        return
    os.environ["NIGHTMAIL_DAGSTER_DATABASE_URL"] = dagster_database_url()

    import dagster as dg
    from sqlalchemy.exc import SQLAlchemyError

    from sensors.failing_sensors import sensors_health

    try:
        with dg.DagsterInstance.from_config(str(home)) as instance:
            health = sensors_health(instance)
    except (SQLAlchemyError, dg.DagsterError) as error:
        yield Checked("sensors", "ill", f"Dagster's database cannot be read: {type(error).__name__}.", "See its log.")
        return
    for sensor in health:
        if sensor.failing:
            message = sentence("sensor_failing", sensor=sensor.name, problem=sensor.problem)
            yield Checked(f"sensor {sensor.name}", "ill", message, remedy("sensor_failing"))
    if health and not any(sensor.failing for sensor in health):
        yield Checked("sensors", "well", f"the last ticks of all {len(health)} worked")


def _attention(engine: Engine) -> Iterator[Checked]:
    """Suspended channels and open alerts: the deployment works, but a person has to look."""
    from commands.campaign_display import scope_of
    from commands.part_checks import Checked
    from nightmail.campaigns.alerts import list_alerts
    from nightmail.campaigns.suspensions import list_suspensions
    from nightmail.sending.failovers import failed_over

    with engine.connect() as connection:
        suspended = list_suspensions(connection)
        moved = failed_over(connection)
        alerts = list_alerts(connection, limit=SHOWN_ALERTS + 1)
    for row in suspended:
        of = scope_of(row)
        yield Checked(
            f"channel {row.channel}",
            "note",
            f"It is suspended for {of} since {row.since:%Y-%m-%d %H:%M} UTC by {row.by}: {row.reason}",
            f"Mend that, then: nightmail lift {row.id}",
        )
    for account in moved:
        yield Checked(
            f"carrier {account.carrier_account}",
            "note",
            f"It is down since {account.since:%Y-%m-%d %H:%M} UTC: {account.moved_percent} % of its messages go over the next "
            "account.",
            remedy("carrier_failed_over"),
        )
    for alert in alerts[:SHOWN_ALERTS]:
        about = f" [{alert.campaign}]" if alert.campaign and alert.campaign not in alert.message else ""
        yield Checked(
            f"alert {alert.id}",
            "note",
            f"{alert.message}{about} ({alert.times} times, last {alert.last_at:%Y-%m-%d %H:%M} UTC)",
            f"When it is dealt with: nightmail alerts --close {alert.id}",
        )
    if len(alerts) > SHOWN_ALERTS:
        yield Checked("alerts", "note", "There are more.", "List them with `nightmail alerts`.")
