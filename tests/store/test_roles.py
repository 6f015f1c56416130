"""What the role that the product works as may not do, whatever statement somebody gets it to run."""

from __future__ import annotations

import datetime as dt
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from nightmail.audit import write_entry
from nightmail.store.engine import normalised_url
from nightmail.store.local_server import DAGSTER_DATABASE, WORKING_ROLE, LocalServer
from nightmail.store.partitions import ensure_partitions, month_of, partition_name
from nightmail.store.roles import role_facts
from nightmail.store.upgrade import upgrade

MONTH = month_of(dt.datetime.now(dt.UTC))
AUDIT_PARTITION = partition_name("audit", MONTH)


@pytest.mark.parametrize(
    "statement",
    [
        "update audit set actor = 'somebody'",
        "delete from audit",
        "truncate audit",
        f"update {AUDIT_PARTITION} set actor = 'somebody'",
        f"delete from {AUDIT_PARTITION}",
        f"truncate {AUDIT_PARTITION}",
        f"drop table {AUDIT_PARTITION}",
        f"alter table audit detach partition {AUDIT_PARTITION}",
        f"select retire_month('audit', '{MONTH}', false)",
        "insert into audit (month, id, actor, action, object) values (current_date, 1, 'a', 'b', 'c')",
        "insert into audit (month, at, actor, action, object) values (current_date, now(), 'a', 'b', 'c')",
        "insert into audit (month, transaction, actor, action, object) values (current_date, 1, 'a', 'b', 'c')",
        f"insert into {AUDIT_PARTITION} (month, actor, action, object) values ('{MONTH}', 'a', 'b', 'c')",
        "update audit_seal set hash = ''",
        "delete from audit_seal",
        "insert into audit_month_gone (month, entries, last_seal, kept_aside) values ('2020-01-01', 1, 1, false)",
        "update deployment set epoch = epoch + 1",
        "insert into state_transition values ('campaign', 'cancelled', 'sending')",
        "alter table message disable trigger all",
        "create table mine (value integer)",
        "create or replace function deployment_epoch() returns integer language sql as 'select 7'",
        "set role nightmail_owner",
        "set session authorization postgres",
    ],
)
def test_the_product_can_neither_mend_its_audit_log_nor_its_rules(database: Engine, statement: str) -> None:
    with database.begin() as connection:
        write_entry(connection, actor="test", action="test.done", subject="x")
    with pytest.raises(DBAPIError), database.begin() as connection:
        connection.execute(text(statement))
    with database.connect() as connection:
        assert connection.scalar(text("select count(*) from audit where actor = 'test'")) == 1


def test_months_are_made_and_written_to_by_a_role_that_can_make_no_table(database: Engine) -> None:
    far = dt.date(2031, 12, 1)
    with database.begin() as connection:
        ensure_partitions(connection, far)
        connection.execute(text("delete from message_2031_12"))
        for table in ("audit_2031_12", "no_table"):
            with pytest.raises(DBAPIError), connection.begin_nested():
                connection.execute(text(f"delete from {table}"))
        with pytest.raises(DBAPIError), connection.begin_nested():
            connection.execute(text("select make_month('team', '2031-12-01', null)"))
        facts = role_facts(connection)
    assert (facts.name, facts.superuser, facts.owner) == (WORKING_ROLE, False, False)


@pytest.fixture
def folder() -> Iterator[Path]:
    # PostgreSQL's user must be able to enter every folder above its own.
    made = Path(tempfile.mkdtemp(prefix="nightmail-test-roles-"))
    made.chmod(0o755)
    yield made / "pg"
    LocalServer(made / "pg").stop()
    shutil.rmtree(made, ignore_errors=True)


def test_a_data_folder_of_before_gets_its_roles_and_keeps_what_it_holds(folder: Path) -> None:
    """All of it belonged to the superuser, as which the product worked too."""
    server = LocalServer(folder)
    server.start()
    with psycopg.connect(server.superuser_url(), autocommit=True) as connection:
        for database in ("nightmail", DAGSTER_DATABASE):
            connection.execute(f"alter database {database} owner to postgres")
    with psycopg.connect(server.superuser_url(DAGSTER_DATABASE)) as connection:
        connection.execute("create table runs (id bigserial primary key)")
        connection.execute("create type colour as enum ('red')")
    before = create_engine(normalised_url(server.superuser_url("nightmail")))
    upgrade(before)
    with before.begin() as connection:
        connection.execute(text("insert into team (path, name) values ('acme', 'Acme')"))
    before.dispose()
    with psycopg.connect(server.superuser_url(), autocommit=True) as connection:
        for role in ("nightmail", "nightmail_owner", "dagster"):
            connection.execute(f"drop role {role}")
    server.stop()

    again = LocalServer(folder)
    again.start()
    with psycopg.connect(again.url()) as connection:
        assert connection.execute("select path from team").fetchall() == [("acme",)]
        connection.execute("update team set name = 'More'")
    owner = create_engine(normalised_url(again.owner_url()))
    upgrade(owner, WORKING_ROLE)
    owner.dispose()
    with psycopg.connect(again.url()) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("delete from audit")
    with psycopg.connect(again.url(DAGSTER_DATABASE)) as connection:
        connection.execute("insert into runs default values")
        connection.execute("alter table runs add column more text")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("create role mine")


def test_only_its_own_user_of_the_machine_reaches_the_server(folder: Path) -> None:
    """The server asks for no password, so nobody else may get as far as its socket."""
    server = LocalServer(folder)
    server.start()
    host = server.url().partition("host=")[2].partition("&")[0]
    (socket,) = [path for path in Path(host).glob(".s.PGSQL.*") if path.is_socket() and path.owner() == folder.owner()]
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700
