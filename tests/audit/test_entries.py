"""The audit log: one entry for each act, by whichever connection, in the transaction of the act."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import Engine, text

from nightmail.audit import Entry, write_entries, write_entry
from nightmail.store.engine import libpq_url

READ = "select actor, action, object, team_id, detail, month = date_trunc('month', at)::date as dated from audit order by id"


def test_an_entry_says_who_did_what_to_what(database: Engine) -> None:
    with database.begin() as connection:
        write_entry(
            connection, actor="anna", action="campaign.paused", subject="c1", team_id=3, detail={"from": "sending"}
        )
        write_entry(connection, actor="schedule", action="campaign.sending", subject="c2")
    with database.connect() as connection:
        rows = connection.execute(text(READ)).all()
    assert [tuple(row) for row in rows] == [
        ("anna", "campaign.paused", "c1", 3, {"from": "sending"}, True),
        ("schedule", "campaign.sending", "c2", None, {}, True),
    ]


def test_the_drivers_own_connection_writes_the_same(database: Engine) -> None:
    entries = [Entry(actor="senders", action="campaign.sending", subject=f"c{n}", team_id=n) for n in (1, 2)]
    with psycopg.connect(libpq_url(database)) as connection:
        write_entries(connection, entries)
        write_entries(connection, [])
    with database.connect() as connection:
        assert [row.object for row in connection.execute(text(READ))] == ["c1", "c2"]


def test_what_is_rolled_back_leaves_no_entry(database: Engine) -> None:
    with pytest.raises(RuntimeError), database.begin() as connection:
        write_entry(connection, actor="anna", action="campaign.paused", subject="c1")
        raise RuntimeError
    with database.connect() as connection:
        assert connection.execute(text(READ)).all() == []
