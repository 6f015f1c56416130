"""The plan of a recipient's history and of lists of messages: rows read do not grow with the ledger."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from nightmail.recipients.message_list_queries import OF_CAMPAIGN, OF_DAYS, OF_RECIPIENT
from nightmail.recipients.queries import MESSAGES_OF_RECIPIENT
from nightmail.store.partitions import ensure_partitions, month_of, refresh_statistics

ROWS, RECIPIENTS, WINDOW = 30_000, 3_000, 200
FILL = """
    insert into message (ledger_month, message_key, campaign_id, line, channel, step, state, due_at, contact_id, address_hash,
        segments, attempts, handed_off_at)
    select :month, (1::bigint << 38) + (n::bigint << 7), 1, n, 'sms', 0, 'accepted', now(), md5('c' || n % :recipients),
        decode(md5('a' || n % :recipients), 'hex'), 1, 1, now() - make_interval(secs => n)
    from generate_series(2, :rows) as n
"""


CAMPAIGN = (
    "insert into team (path, name) values ('acme', 'Acme')",
    "insert into category (name, kind) values ('billing', 'service')",
    "insert into template (team_id, name, category_id) select t.id, 'due', c.id from team t, category c",
    "insert into template_version (template_id, version, content) select id, 1, '{}' from template",
    "insert into campaign (id, key, token, team_id, template_version_id, category_id, source, created_at) overriding system value"
    " select 1, 'k', 'c0123456789', t.id, v.id, c.id, 'api', now() from team t, template_version v, category c",
)


@pytest.fixture
def ledger(database: Engine) -> Iterator[Connection]:
    """A filled month: ten messages for each of three thousand recipients."""
    month = month_of(dt.datetime.now(dt.UTC))
    with database.begin() as connection:
        ensure_partitions(connection, month)
        for statement in CAMPAIGN:
            connection.execute(text(statement))
        connection.execute(text(FILL), {"month": month, "rows": ROWS, "recipients": RECIPIENTS})
    with database.begin() as connection:
        for table in ("message", "message_recipient"):
            refresh_statistics(connection, table, month)
    with database.connect() as connection:
        yield connection


def _values(connection: Connection) -> dict[str, Any]:
    row = connection.execute(text("select ledger_month, address_hash, contact_id from message limit 1")).one()
    now = dt.datetime.now(dt.UTC)
    return {
        **dict.fromkeys(("channel", "state", "deliveries", "reason", "country", "feed", "since", "until"), None),
        "no_delivery": False,
        "addresses": [row.address_hash],
        "contacts": [row.contact_id],
        "teams": [""],
        "before": 2**62,
        "limit": 51,
        "window": WINDOW,
        "month": row.ledger_month,
        "after": 1 << 38,
        "last": (2 << 38) - 1,
        "before_at": now,
        "before_key": 2**62,
    }


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)


@pytest.mark.parametrize(
    ("statement", "days"),
    [(MESSAGES_OF_RECIPIENT, False), (OF_RECIPIENT, False), (OF_CAMPAIGN, False), (OF_DAYS, True)],
    ids=["history", "recipient", "campaign", "days"],
)
def test_rows_read_are_bounded(ledger: Connection, statement: str, days: bool) -> None:
    values = _values(ledger)
    if days:
        now = values["before_at"]
        values |= {"since": now - dt.timedelta(days=7), "until": now}
    found = ledger.execute(text(f"explain (analyze, timing off, format json) {statement}"), values).scalar_one()
    plan = (found if isinstance(found, list) else json.loads(found))[0]["Plan"]
    assert plan["Actual Rows"] > 0
    for node in _nodes(plan):
        table = node.get("Relation Name", "")
        if table.startswith(("message", "attempt", "receipt")):
            read = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
            assert node["Node Type"] != "Seq Scan" or read == 0, f"{table} is read whole"
            assert read <= 3 * WINDOW, f"{read} rows of {table} are read"
