"""Each migration runs on a database that is filled as of the revision before it, and loses no row."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterator
from hashlib import sha256
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from nightmail.store.engine import normalised_url
from nightmail.store.local_server import LocalServer
from nightmail.store.partitions import PARTITIONED, month_of, next_month, partition_name
from nightmail.store.upgrade import MIGRATIONS, pending, upgrade

NOW = dt.datetime.now(dt.UTC)
ROWS = 2
_REVISIONS = sorted(script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions())
_PARTITION = re.compile(r"_\d{4}_\d{2}$")
_VALUES: dict[str, list[Any]] = {
    "channel": ["sms", "email"],
    "team.path": ["acme", "acme.billing"],
    "category.kind": ["service", "marketing"],
    "deployment.id": [1],
    "message.state": ["queued", "accepted"],
    "campaign.state": ["sending", "finished"],
    "campaign.token": ["c0123456789", "c9876543210"],
    "person.state": ["invited", "active"],
    "role_grant.origin": ["person", "file"],
    "access_link.purpose": ["invitation", "password"],
    "address_hash": ["0a" * 16, "f1" * 16],
    "report_day.day": [NOW.date(), NOW.date() - dt.timedelta(days=1)],
    "audit_month_gone.month": [dt.date(2024, 1, 1), dt.date(2024, 2, 1)],
}
"""Values where the database, or a migration, asks for more than the type; by column, or by table and column."""


@pytest.fixture
def empty(postgres: LocalServer) -> Iterator[Engine]:
    """A database without any table."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    administration = create_engine(normalised_url(postgres.superuser_url()), isolation_level="AUTOCOMMIT")
    with administration.connect() as connection:
        connection.execute(text(f"create database {name}"))
    engine = create_engine(normalised_url(postgres.superuser_url(name)))
    yield engine
    engine.dispose()
    with administration.connect() as connection:
        connection.execute(text(f"drop database {name} with (force)"))
    administration.dispose()


def _migrate(connection: Connection, revision: str) -> None:
    configuration = Config()
    configuration.set_main_option("script_location", str(MIGRATIONS))
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, revision)


def _tables(connection: Connection) -> list[sa.Table]:
    """The tables as they are in the database, each after those that it refers to."""
    metadata = sa.MetaData()
    metadata.reflect(connection, only=lambda name, _: not _PARTITION.search(name) and name != "alembic_version")
    return metadata.sorted_tables


def _value(column: sa.Column[Any], number: int) -> Any:
    stated = _VALUES.get(f"{column.table.name}.{column.name}", _VALUES.get(column.name))
    kind = column.type
    if stated is not None and not isinstance(kind, ARRAY):
        value = stated[number - 1]
        return bytes.fromhex(value) if isinstance(kind, sa.LargeBinary) else value
    if isinstance(kind, ARRAY) and not isinstance(kind.item_type, sa.String):
        return [b"x%d" % number if isinstance(kind.item_type, sa.LargeBinary) else number]
    if column.name in ("ledger_month", "month", "received_month"):
        return month_of(NOW)
    made: dict[type[Any], Any] = {
        sa.Boolean: False,
        sa.Integer: number,
        sa.Numeric: number,
        sa.Float: float(number),
        sa.DateTime: NOW,
        sa.Date: NOW.date(),
        sa.LargeBinary: b"x%d" % number,
        JSONB: {},
        ARRAY: [f"{column.name}{number}"],
        sa.String: f"{column.name}{number}",
    }
    return next(value for type_, value in made.items() if isinstance(kind, type_))


def _make_months(connection: Connection) -> None:
    """Make this month's partitions, in a database of before the function that does."""
    there = sa.inspect(connection).get_table_names()
    for table in (table for table in PARTITIONED if table in there):
        month = month_of(NOW)
        connection.execute(
            text(
                f"create table if not exists {partition_name(table, month)} partition of {table} "
                f"for values from ('{month}') to ('{next_month(month)}')"
            )
        )


def _fill(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Put rows into every table that has none yet; gives the rows of every table."""
    _make_months(connection)
    for table in _tables(connection):
        if not connection.scalar(sa.select(sa.func.count()).select_from(table)):
            for number in range(1, 1 + (1 if table.name == "deployment" else ROWS)):
                own = {key.parent.name for key in table.foreign_keys if key.column.table is table}
                columns = [column for column in table.columns if column.identity is None and column.name not in own]
                row = {column.name: _value(column, number) for column in columns}
                connection.execute(table.insert().values(row))
    return _rows(connection)


def _rows(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    return {
        table.name: [dict(row._mapping) for row in connection.execute(table.select())] for table in _tables(connection)
    }


def _still_there(row: dict[str, Any], rows: list[dict[str, Any]]) -> bool:
    """Whether one of ``rows`` has the values of ``row`` in every column that is still there."""
    return any(all(_same(row[name], other[name]) for name in row.keys() & other.keys()) for other in rows)


def _same(before: Any, after: Any) -> bool:
    """Whether a value is still what it was: of hashes, the bytes that its digits stood for; of an event's key, its hash."""
    if isinstance(before, str) and isinstance(after, bytes):
        return after in (sha256(before.encode()).digest()[:16], bytes.fromhex(before) if _is_hash(before) else None)
    return bool(before == after)


def _is_hash(value: str) -> bool:
    return len(value) % 2 == 0 and set(value) <= set("0123456789abcdef")


@pytest.mark.parametrize(("before", "after"), list(pairwise(_REVISIONS)))
def test_a_migration_runs_on_a_filled_database(empty: Engine, before: str, after: str) -> None:
    """Every row stays, with the values that it had, and the upgrade to the newest schema follows.

    A migration may add rows and columns. One that changes a value on purpose says here which, and why.
    """
    with empty.begin() as connection:
        _migrate(connection, before)
        filled = _fill(connection)
    assert all(filled.values())
    with empty.begin() as connection:
        _migrate(connection, after)
    with empty.connect() as connection:
        migrated = _rows(connection)
    lost = {name: row for name, rows in filled.items() for row in rows if not _still_there(row, migrated.get(name, []))}
    assert lost == {}
    upgrade(empty)
    assert not pending(empty)


@pytest.mark.parametrize("organisations", [1, 2])
def test_parts_of_before_are_their_organisations_and_the_sandbox_ends_beside_a_real_account(
    empty: Engine, organisations: int
) -> None:
    """What belongs to all is known to be of a file only where there is one organisation; the sandbox's is of none."""
    with empty.begin() as connection:
        _migrate(connection, "0016")
        connection.execute(
            text("insert into channel (code, name) values (0, 'sms'), (1, 'email') on conflict do nothing")
        )
        for path in ("acme", "acme.billing", "globex")[: organisations + 1]:
            connection.execute(text("insert into team (path, name) values (:path, :path)"), {"path": path})
        for name, channel, settings in (
            ("twilio", "sms", "{}"),
            ("sandbox-sms", "sms", '{"sandbox": true}'),
            ("sandbox-email", "email", '{"sandbox": true}'),
        ):
            connection.execute(
                text(
                    "insert into carrier_account (name, carrier, channel, settings) values (:name, 'x', :channel, :settings)"
                ),
                {"name": name, "channel": channel, "settings": settings},
            )
        connection.execute(
            text(
                "insert into sender (team_id, channel, name, address, carrier_account_id) "
                "select t.id, 'sms', 'default', '+1', a.id from team t, carrier_account a "
                "where t.path = 'acme.billing' and a.name = 'twilio'"
            )
        )
    upgrade(empty)
    with empty.connect() as connection:
        accounts = {
            row.name: (row.active, row.retired_at is not None, row.provisioned_by)
            for row in connection.execute(text("select name, active, retired_at, provisioned_by from carrier_account"))
        }
        assert connection.scalar(text("select provisioned_by from sender")) == "acme"
    assert accounts == {
        "twilio": (True, False, "acme" if organisations == 1 else None),
        "sandbox-sms": (False, True, None),
        "sandbox-email": (True, False, None),
    }
