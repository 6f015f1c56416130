"""Who is in a list or segment now, within the seconds that somebody waits: a slow rule ends in an estimate, and holds up nobody."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text

from nightmail.contacts.list_membership import Membership, count_members, rule_membership, sample_members
from nightmail.contacts.live_counts import estimated_members, members_within
from nightmail.contacts.scopes import scope_of
from nightmail.contacts.segment_reading import read_rule
from nightmail.errors import UsageError

CONTACTS = 20_000
NOBODY = {"on": "field", "name": "external_id", "test": "begins_with", "value": "nobody"}
SLOW = {
    "any": [{"on": "attribute", "name": "note", "test": "begins_with", "value": f"y{number}"} for number in range(100)]
}
"""A hundred looks into each contact's attributes, none of which helps."""
FILL = """
    insert into contact (team_id, contact_id, external_id, country, attributes, source)
    select :team, 'c' || n, 'c' || n, case when n % 2 = 0 then 'DE' else 'AT' end,
        jsonb_build_object('note', repeat('x', 200), 'other', n), 'test'
    from generate_series(1, :contacts) n
"""


@pytest.fixture
def filled(database: Engine) -> Iterator[Engine]:
    with database.begin() as connection:
        team = connection.scalar(text("insert into team (path, name) values ('acme', 'Acme') returning id"))
        attribute = "insert into contact_attribute (team_id, name, type, label, created_by) values (:team, 'note', 'text', '', 'test')"
        connection.execute(text(attribute), {"team": team})
        connection.execute(text(FILL), {"team": team, "contacts": CONTACTS})
    with database.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("analyze contact"))
    yield database


def _membership(engine: Engine, rule: dict[str, Any]) -> Membership:
    with engine.connect() as connection:
        used = scope_of(connection, "acme")
    return rule_membership(used, read_rule(rule, used.vocabulary))


@pytest.mark.parametrize("limit", [1, 10])
@pytest.mark.parametrize(
    "rule", [{"all": []}, {"on": "field", "name": "country", "test": "is_one_of", "value": ["AT"]}, NOBODY]
)
def test_one_look_finds_what_counting_and_the_sample_find(filled: Engine, rule: dict[str, Any], limit: int) -> None:
    membership = _membership(filled, rule)
    with filled.connect() as connection:
        expected = count_members(connection, membership), sample_members(connection, membership, limit)
    with filled.begin() as connection:
        found = members_within(connection, membership, limit, seconds=20)
    assert found.count == expected[0]
    assert [row.id for row in found.sample] == [row.id for row in expected[1]]


def test_a_slow_rule_ends_in_time_and_is_estimated(filled: Engine) -> None:
    membership = _membership(filled, SLOW)
    begin = time.monotonic()
    with pytest.raises(UsageError) as refused, filled.begin() as connection:
        members_within(connection, membership, 10, seconds=0.05)
    assert refused.value.reason == "count_takes_long"
    with filled.connect() as connection:
        assert 0 < estimated_members(connection, membership) <= CONTACTS
    assert time.monotonic() - begin < 5, "the database was asked to stop"
    # The limit was of that one transaction: the connections of the pool count for as long as they are asked to.
    for _ in range(filled.pool.checkedin() or 1):  # type: ignore[attr-defined]
        with filled.connect() as connection:
            assert connection.scalar(text("show statement_timeout")) == "0"
    with filled.begin() as connection:
        assert members_within(connection, membership, 10, seconds=60).count == 0
