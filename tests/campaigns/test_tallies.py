"""What is counted of a campaign is what the ledger has: after any statements, beside each other, and taken back."""

from __future__ import annotations

import datetime as dt
import json
import random
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from nightmail.campaigns.campaign_rows import get_campaign
from nightmail.campaigns.tallies import compare_tallies, newest_wrong_tallies, rebuild_tally
from nightmail.message_ids import MessageId, campaign_keys
from nightmail.reports.campaign_messages import report_lines
from nightmail.reports.progress import campaign_progress
from nightmail.store.partitions import ensure_partitions, month_of
from tests.support.sending_rig import Organisation

MONTH = month_of(dt.datetime.now(dt.UTC))
ADD = """
insert into message (ledger_month, message_key, campaign_id, line, channel, step, state, due_at, contact_id, address_hash,
    country, segments, cost, currency)
select :month, :first + (:line + n << 7), :campaign, :line + n, 'sms', 0, 'queued', now(), 'c' || (n % 7), '\\x0a', :country,
    1 + n % 2, :cost, :currency
from generate_series(1, :many) n
"""
CHANGES = (
    "state = 'handing_over', attempts = attempts + 1, changed_at = now()",
    "state = 'accepted', reason = null, handed_off_at = now(), changed_at = now()",
    "state = 'held', reason = 'opted_out'",
    "state = 'in_doubt', reason = 'in_doubt'",
    "delivery = 'delivered', delivery_at = now()",
    "delivery = 'undelivered', cost_charged = 0.01, cost_charged_currency = 'USD'",
    "opened_at = now(), clicked_at = now()",
    "replied_at = now(), duration_s = 12",
    "due_at = now()",
)
ALLOWED = {0: ("queued",), 1: ("handing_over",), 2: ("queued",), 3: ("handing_over",)}
STEP = st.one_of(
    st.tuples(st.just("add"), st.integers(1, 20), st.sampled_from(["GB", "DE", None])),
    st.tuples(st.just("change"), st.integers(0, len(CHANGES) - 1), st.integers(1, 5)),
    st.tuples(st.just("delete"), st.integers(1, 40), st.just(None)),
    st.tuples(st.just("fold"), st.just(0), st.just(None)),
)


@pytest.fixture
def organisation(database: Engine, tmp_path: Path) -> Organisation:
    return Organisation(database, tmp_path, {"base_url": "http://127.0.0.1:9", "twilio": {"account_sid": "AC"}})


def begun(organisation: Organisation) -> int:
    """A campaign whose ledger is empty."""
    campaign = organisation.received()
    with organisation.engine.begin() as connection:
        ensure_partitions(connection, MONTH)
        connection.execute(
            text("update campaign set ledger_month = :month, loaded_at = now() where id = :id"),
            {"month": MONTH, "id": campaign.id},
        )
    return campaign.id


def add(connection: Connection, campaign: int, line: int, many: int, country: str | None = "GB") -> None:
    price = {"cost": 0.035, "currency": "EUR"} if country else {"cost": None, "currency": None}
    values = {"month": MONTH, "first": campaign_keys(campaign)[0], "campaign": campaign, "line": line, "many": many}
    connection.execute(text(ADD), {**values, "country": country, **price})


def do(connection: Connection, campaign: int, step: tuple[str, int, Any], number: int) -> None:
    kind, chosen, more = step
    if kind == "add":
        add(connection, campaign, 100 * number, chosen, more)
    elif kind == "fold":
        connection.execute(text("select fold_campaign_tally(:campaign)"), {"campaign": campaign})
    elif kind == "delete":
        connection.execute(
            text("delete from message where campaign_id = :campaign and line % 41 = :line"),
            {"campaign": campaign, "line": chosen},
        )
    else:
        connection.execute(
            text(
                f"update message set {CHANGES[chosen]} where campaign_id = :campaign and line % :part = 0 "
                "and (cast(:states as text[]) is null or state = any(:states))"
            ),
            {"campaign": campaign, "part": more, "states": list(ALLOWED[chosen]) if chosen in ALLOWED else None},
        )


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(transactions=st.lists(st.tuples(st.lists(STEP, min_size=1, max_size=5), st.booleans()), min_size=1, max_size=6))
def test_counts_are_the_ledgers_after_any_changes_and_what_was_taken_back(
    organisation: Organisation, transactions: list[tuple[list[tuple[str, int, Any]], bool]]
) -> None:
    """Within a transaction as well: who reads there sees the messages and the counts of the same moment."""
    campaign = begun(organisation)
    number = 0
    for steps, kept in transactions:
        with organisation.engine.connect() as connection:
            for step in steps:
                number += 1
                do(connection, campaign, step, number)
                assert newest_wrong_tallies(connection, campaigns=1, messages=10_000) == []
            if kept:
                connection.commit()
            else:
                connection.rollback()
    assert compare_tallies(organisation.engine) == []


def test_many_at_once_neither_wait_for_each_other_nor_lose_a_count(organisation: Organisation) -> None:
    """Senders and portals change messages of the same campaigns in other orders, and fold while they do."""
    campaigns = [begun(organisation) for _ in range(3)]
    with organisation.engine.begin() as connection:
        for campaign in campaigns:
            add(connection, campaign, 0, 400)
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        chance = random.Random(seed)
        try:
            for _ in range(12):
                with organisation.engine.begin() as connection:
                    for campaign in chance.sample(campaigns, 3):
                        connection.execute(
                            text(
                                "update message set opened_at = now(), segments = segments + 1 "
                                "where campaign_id = :campaign and line % 8 = :part"
                            ),
                            {"campaign": campaign, "part": seed},
                        )
                        connection.execute(text("select fold_campaign_tally(:campaign)"), {"campaign": campaign})
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert compare_tallies(organisation.engine) == []
    with organisation.engine.begin() as connection:
        for campaign in campaigns:
            connection.execute(text("select fold_campaign_tally(:campaign)"), {"campaign": campaign})
        assert connection.scalar(text("select count(*) from campaign_tally")) == len(campaigns)


def test_a_wrong_count_is_found_and_mended(organisation: Organisation) -> None:
    """What somebody did by hand to the table is told, and counted again."""
    right, wrong = begun(organisation), begun(organisation)
    with organisation.engine.begin() as connection:
        add(connection, right, 0, 5)
        add(connection, wrong, 0, 7)
        connection.execute(text("update campaign_tally set messages = 8 where campaign_id = :id"), {"id": wrong})
    (found,) = compare_tallies(organisation.engine)
    assert (found.campaign_id, found.messages, found.counted) == (wrong, 7, 8)
    with organisation.engine.begin() as connection:
        rebuild_tally(connection, wrong, actor="user:anna")
    assert compare_tallies(organisation.engine) == []
    (entry,) = organisation.query("select actor, object from audit where action = 'campaign.counted_again'")
    assert (entry.actor, entry.object) == ("user:anna", f"campaign:{wrong}")


def test_counts_outlive_the_ledger(organisation: Organisation, owner: Engine) -> None:
    """When retention has taken a month, its campaigns are still counted; recipients are no longer found there."""
    campaign = begun(organisation)
    with organisation.engine.begin() as connection:
        add(connection, campaign, 0, 5)
        do(connection, campaign, ("change", 2, 1), 1)
        assert connection.scalar(text("select count(*) from message_recipient")) == 5
    with owner.begin() as connection:
        for table in ("message", "message_recipient"):
            connection.execute(text(f"drop table {table}_{MONTH:%Y_%m}"))
    with organisation.engine.connect() as connection:
        assert campaign_progress(connection, campaign).states == {"held": 5}
    assert compare_tallies(organisation.engine) == []


def test_lines_of_a_campaign_have_what_it_cost(organisation: Organisation) -> None:
    """What the carrier charged takes the place of the estimate, in its own currency; a message without a price is null."""
    campaign = begun(organisation)
    with organisation.engine.begin() as connection:
        add(connection, campaign, 0, 2, "GB")
        add(connection, campaign, 10, 2, None)
        connection.execute(text("update message set cost_charged = 0.5, cost_charged_currency = 'USD' where line = 1"))
        lines = report_lines(connection, get_campaign(connection, campaign))
    assert [(line.country, line.messages, line.segments, line.cost, line.currency) for line in lines] == [
        ("GB", 1, 1, Decimal("0.035"), "EUR"),
        ("GB", 1, 2, Decimal("0.5"), "USD"),
        (None, 2, 3, None, None),
    ]


def test_what_is_deleted_and_loaded_again_is_found_once(organisation: Organisation) -> None:
    """A recipient's messages are found by ``message_recipient``, which goes and comes with its messages."""
    campaign = begun(organisation)
    key = MessageId("c0000000001", 1, "sms", 0).key(campaign)
    for _ in range(2):
        with organisation.engine.begin() as connection:
            connection.execute(text("delete from message where campaign_id = :id"), {"id": campaign})
            add(connection, campaign, 0, 1)
            found = connection.scalars(
                text("select message_key from message_recipient where address_key = address_key('\\x0a'::bytea)")
            ).all()
        assert found == [key], json.dumps(found)
