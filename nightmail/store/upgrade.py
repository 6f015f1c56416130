"""Bringing a database to the newest schema: Alembic migrations, state transitions, partitions and the deployment row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.errors import ConfigurationError
from nightmail.reasons import remedy
from nightmail.store.partitions import ensure_partitions, month_of
from nightmail.store.states import transitions

MIGRATIONS = Path(__file__).parent / "migrations"


def _configuration(connection: Connection) -> Any:
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(MIGRATIONS))
    configuration.attributes["connection"] = connection
    return configuration


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Run what migrations are missing, in one transaction; gives the revision before and after. Safe to run again.

    Raises :class:`ConfigurationError` (``database_newer``).
    """
    with engine.begin() as connection:
        return upgrade_within(connection)


def upgrade_within(connection: Connection) -> tuple[str | None, str]:
    """The same within a transaction of the caller's."""
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
    connection.execute(text("insert into deployment (id) values (1) on conflict do nothing"))
    ensure_partitions(connection, month_of(connection.scalars(text("select now()")).one()))
    assert after is not None
    return before, after


def knows(revision: str) -> bool:
    """Whether a schema of that revision is one of this code's: the newest, or one that can be brought to it."""
    from alembic.script import ScriptDirectory

    return revision in {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}


def pending(engine: Engine) -> bool:
    """Whether the database's schema is older than this code's. Raises :class:`ConfigurationError` when it is newer."""
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    with engine.connect() as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
    _refuse_newer(revision)
    return revision != ScriptDirectory(str(MIGRATIONS)).get_current_head()


def _refuse_newer(revision: str | None) -> None:
    if revision is not None and not knows(revision):
        raise ConfigurationError(
            "database_newer",
            f"The database's schema ({revision}) is newer than this version of Nightmail.",
            remedy("database_newer"),
        )
