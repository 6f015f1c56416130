"""The database enforces what the domain says: states, partitions, one schema."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from sqlalchemy import Engine, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from nightmail.store.local_server import WORKING_ROLE
from nightmail.store.partitions import ensure_partitions, month_of, next_month
from nightmail.store.states import MESSAGE_TRANSITIONS, MessageState
from nightmail.store.tables import Message
from nightmail.store.upgrade import pending, upgrade

MONTH = month_of(dt.datetime.now(dt.UTC))


def add_message(engine: Engine, state: MessageState, key: int = 1) -> None:
    with engine.begin() as connection:
        connection.execute(
            insert(Message).values(
                ledger_month=MONTH,
                message_key=key,
                campaign_id=1,
                line=2,
                channel="sms",
                step=0,
                state=state,
                due_at=dt.datetime.now(dt.UTC),
                contact_id="c",
                address_hash=b"h",
                segments=1,
            )
        )


@pytest.mark.parametrize("stamped", [False, True])
@pytest.mark.parametrize("before", list(MessageState))
def test_only_allowed_message_transitions_pass(database: Engine, before: MessageState, stamped: bool) -> None:
    """Each pair of states is accepted or refused by the database exactly as the table in states.py says.

    That holds for statements that write the time of the change themselves, too, which may spare the database a look-up.
    """
    stamp = {"changed_at": func.now()} if stamped else {}
    for number, after in enumerate(MessageState, start=1):
        add_message(database, before, key=number)
        change = update(Message).where(Message.message_key == number).values(state=after, **stamp)
        if after == before or after in MESSAGE_TRANSITIONS[before]:
            with database.begin() as connection:
                connection.execute(change)
        else:
            with pytest.raises(IntegrityError, match="may not go from"), database.begin() as connection:
                connection.execute(change)
            with database.connect() as connection:
                state = connection.scalar(select(Message.state).where(Message.message_key == number))
            assert state == before


def test_a_change_of_state_is_stamped_whoever_makes_it(database: Engine) -> None:
    """A statement that forgets the time of the change gets it from the database."""
    add_message(database, MessageState.QUEUED)
    long_ago = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    with database.begin() as connection:
        connection.execute(update(Message).values(changed_at=long_ago))
    for state in (MessageState.HANDING_OVER, MessageState.ACCEPTED):
        with database.begin() as connection:
            connection.execute(update(Message).values(state=state, changed_at=long_ago))
            assert connection.scalar(select(Message.changed_at == func.now())) is True


def test_upgrade_is_safe_to_repeat_and_leaves_nothing_pending(database: Engine, owner: Engine) -> None:
    """A second upgrade changes nothing."""
    before, after = upgrade(owner, WORKING_ROLE)
    assert before == after
    assert not pending(database)


def test_the_tables_in_code_are_the_tables_that_migrations_make(database: Engine) -> None:
    """A change of tables.py without a migration fails here."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    from nightmail.store.tables import Base

    def ours(thing: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
        table = name if kind == "table" else getattr(getattr(thing, "table", None), "name", None)
        return table is None or re.search(r"_\d{4}_\d{2}$", table) is None

    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
        differences = compare_metadata(context, Base.metadata)
    assert [d for d in differences if "alembic_version" not in str(d)] == []


def test_a_month_far_ahead_gets_its_partitions(database: Engine) -> None:
    """The ledger takes rows of any month once its partitions are asked for, also twice."""
    far = dt.date(2031, 12, 15)
    for _ in range(2):
        with database.begin() as connection:
            ensure_partitions(connection, far)
    with database.connect() as connection:
        names = set(connection.scalars(text("select relname from pg_class where relname like 'message_203%'")))
    assert {"message_2031_12", "message_2032_01", "message_2032_02"} <= names
    assert next_month(dt.date(2031, 12, 15)) == dt.date(2032, 1, 1)
