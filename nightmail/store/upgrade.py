"""Bringing a database to the newest schema: Alembic migrations, state transitions, partitions and the deployment row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.channels import CHANNELS
from nightmail.errors import ConfigurationError
from nightmail.store.partitions import ensure_partitions, month_of
from nightmail.store.roles import grant_working_rights
from nightmail.store.states import transitions

MIGRATIONS = Path(__file__).parent / "migrations"
MAY_READ_REVISION = "select coalesce(has_table_privilege(to_regclass('public.alembic_version')::oid, 'select'), true)"
"""Whether the role was given its rights on the tables, where there are any."""


def _configuration(connection: Connection) -> Any:
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(MIGRATIONS))
    configuration.attributes["connection"] = connection
    return configuration


def upgrade(engine: Engine, working_role: str | None = None) -> tuple[str | None, str]:
    """Run the migrations that are missing, in one transaction; return the revisions before and after. Safe to repeat.

    ``engine`` is the owner's; ``working_role`` is the role that the product works as, which gets its rights, or ``None``
    where that is the owner too. Raises :class:`ConfigurationError` (``database_newer``).
    """
    with engine.begin() as connection:
        return upgrade_within(connection, working_role)


def upgrade_within(connection: Connection, working_role: str | None = None) -> tuple[str | None, str]:
    """Do the same within the caller's transaction."""
    from alembic import command
    from alembic.runtime.migration import MigrationContext

    connection.execute(text("select pg_advisory_xact_lock(hashtext('nightmail.upgrade'))"))
    before = MigrationContext.configure(connection).get_current_revision()
    _refuse_newer(before)
    command.upgrade(_configuration(connection), "head")
    after = MigrationContext.configure(connection).get_current_revision()
    rows = [{"machine": m, "from_state": a, "to_state": b} for m, a, b in transitions()]
    connection.execute(
        text(
            "insert into state_transition (machine, from_state, to_state) "
            "values (:machine, :from_state, :to_state) on conflict do nothing"
        ),
        rows,
    )
    _add_channels(connection)
    connection.execute(text("insert into deployment (id) values (1) on conflict do nothing"))
    ensure_partitions(connection, month_of(connection.scalars(text("select now()")).one()))
    driver: Any = connection.connection.driver_connection
    grant_working_rights(driver, working_role)
    assert after is not None
    return before, after


def _add_channels(connection: Connection) -> None:
    """Add the channels of the code to the table ``channel``.

    Raises :class:`ConfigurationError` (``channel_code_taken``) where a code stands for another name there: the ids of
    messages already sent would change.
    """
    connection.execute(
        text("insert into channel (code, name) values (:code, :name) on conflict (code) do nothing"),
        [{"code": channel.code, "name": channel.name} for channel in CHANNELS.values()],
    )
    rows = connection.execute(text("select code, name from channel")).all()
    names = {row.code: row.name for row in rows}
    for channel in CHANNELS.values():
        if names[channel.code] != channel.name:
            raise ConfigurationError(
                "channel_code_taken", channel=channel.name, code=channel.code, other=names[channel.code]
            )
    # Autovacuum never analyses a table of so few rows, and the planner goes by its size.
    connection.execute(text("analyze channel"))


def knows(revision: str) -> bool:
    """Return whether this code knows a schema's revision: the newest, or one that can be upgraded to it."""
    from alembic.script import ScriptDirectory

    return revision in {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}


def newest() -> str:
    """Return the revision of this code's schema."""
    from alembic.script import ScriptDirectory

    return str(ScriptDirectory(str(MIGRATIONS)).get_current_head())


def pending(engine: Engine) -> bool:
    """Whether the database needs :func:`upgrade`: its schema is older than this code's, or lacks one of its channels.

    Raises :class:`ConfigurationError` (``database_newer``).
    """
    from alembic.runtime.migration import MigrationContext

    with engine.connect() as connection:
        if not connection.scalar(text(MAY_READ_REVISION)):
            return True
        revision = MigrationContext.configure(connection).get_current_revision()
        _refuse_newer(revision)
        if revision != newest():
            return True
        return not set(connection.scalars(text("select name from channel"))) >= set(CHANNELS)


def _refuse_newer(revision: str | None) -> None:
    if revision is not None and not knows(revision):
        raise ConfigurationError("database_newer", revision=revision)
