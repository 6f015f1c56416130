"""Another server of the database takes over: two real ones, of which one is killed. Nothing is sent twice."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.transitions import resume
from nightmail.sending.advance import advance_ledger
from nightmail.sending.doubt_lookup import resolve_in_doubt
from nightmail.sending.servers import note_server, server_facts
from nightmail.store.engine import engine as product_engine
from nightmail.store.engine import normalised_url
from nightmail.store.local_server import WORKING_ROLE
from nightmail.store.upgrade import upgrade
from tests.support.sandbox_process import RunningCarriers, WebhookReceiver, eventually
from tests.support.sending_rig import Organisation
from tests.support.standby_server import ServerAndStandby

pytestmark = pytest.mark.real_parts


@pytest.fixture
def servers() -> Iterator[ServerAndStandby]:
    """A migrated server and its standby."""
    made = ServerAndStandby()
    try:
        owner = create_engine(normalised_url(made.server.owner_url()))
        upgrade(owner, WORKING_ROLE)
        owner.dispose()
        made.make_standby()
        yield made
    finally:
        made.close()


def deployment(engine: Engine) -> Any:
    with engine.connect() as connection:
        return connection.execute(text("select * from deployment")).one()


def times_each_was_accepted(sandbox: RunningCarriers, token: str) -> Counter[int]:
    """How many messages were accepted how often."""
    return Counter(Counter(sandbox.accepted_of(token)).values())


def drain_until_finished(organisation: Organisation, campaign: CampaignRow) -> None:
    """As a sender run does: it drains, and drains again while there is something."""
    while organisation.read(campaign).state != "finished":
        organisation.drain()
        time.sleep(0.1)


def test_a_standby_that_was_behind_sends_nothing_again(
    servers: ServerAndStandby, sandbox: RunningCarriers, webhooks: WebhookReceiver, tmp_path: Path
) -> None:
    """What it has as unsent is in doubt and the campaign paused, as after a restore; the carrier's records settle it."""
    engine = product_engine(servers.url())
    organisation = Organisation(engine, tmp_path, sandbox.told, webhooks.base_url)
    campaign = organisation.campaign(40)
    advance_ledger(engine)
    before = deployment(engine)
    assert (before.epoch, before.timeline, before.synchronous) == (1, 1, False)
    with create_engine(normalised_url(servers.url(standby=True))).connect() as behind:
        eventually(lambda: behind.scalar(text("select count(*) from message where state = 'queued'")) == 40)
        eventually(lambda: behind.scalar(text("select timeline from deployment")) == 1)
    servers.follow(False)
    assert organisation.drain().accepted == 40
    servers.kill_server()
    servers.promote()
    engine.dispose()
    with engine.connect() as connection:
        assert connection.scalar(text("select count(*) from message where state = 'queued'")) == 40
        assert server_facts(connection).held, "nobody commits an intent before it is decided"
    # A sender that is the first to see the new server decides it, and hands nothing off.
    assert organisation.drain().handed_off == 0
    after = deployment(engine)
    assert (after.epoch, after.timeline) == (2, 2)
    assert organisation.read(campaign).state == "paused"
    with engine.connect() as connection:
        noted = "select detail ->> 'in_doubt' from audit where action = 'database.restored' and actor = 'failover'"
        assert connection.scalars(text(noted)).all() == ["40"]
        assert connection.scalars(text("select reason from alert where resolved_at is null")).all() == [
            "server_taken_over"
        ]

    def settled() -> bool:
        resolve_in_doubt(engine, organisation.carriers)
        return organisation.states(campaign) == {"accepted": 40}

    eventually(settled, 60)
    resume(engine, campaign.key, actor="test")
    assert organisation.drain().handed_off == 0
    assert times_each_was_accepted(sandbox, campaign.token) == {1: 40}


def test_after_a_synchronous_standby_took_over_campaigns_go_on(
    servers: ServerAndStandby, sandbox: RunningCarriers, webhooks: WebhookReceiver, tmp_path: Path
) -> None:
    """In the middle of a send, with the same sender process: each message once, none lost, and nobody does anything."""
    servers.administer("alter system set synchronous_standby_names = '*'", "select pg_reload_conf()")
    engine = product_engine(servers.url())
    organisation = Organisation(engine, tmp_path, sandbox.told, webhooks.base_url)
    campaign = organisation.campaign(240)
    organisation.change_account("sms", rate_per_s=40)
    eventually(lambda: note_server(engine) == "same" and deployment(engine).synchronous)
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(drain_until_finished, organisation, campaign)
        eventually(lambda: len(sandbox.accepted_of(campaign.token)) >= 40)
        servers.kill_server()
        servers.promote()
        engine.dispose()
        went = time.monotonic()
        sent = len(sandbox.accepted_of(campaign.token))
        eventually(lambda: len(sandbox.accepted_of(campaign.token)) > sent + 20, 60)
        stall = time.monotonic() - went
        sending.result(timeout=120)
    after = deployment(engine)
    assert (after.epoch, after.timeline, after.synchronous) == (1, 2, False)
    assert times_each_was_accepted(sandbox, campaign.token) == {1: 240}
    assert stall < 20, stall


def test_a_standby_that_is_given_up_is_not_believed_later(database: Engine, owner: Engine) -> None:
    """The row's own rules, by what it says of the past: time, timeline and whether commits waited."""

    def found(**said: Any) -> str:
        values = {"timeline": 1, "synchronous": False, "server_seen_at": "now()", "unsynchronised_at": "null"} | said
        with owner.begin() as connection:
            assigned = ", ".join(f"{name} = {value}" for name, value in values.items())
            connection.execute(text(f"update deployment set epoch = 1, {assigned}"))
        return note_server(database)

    with database.connect() as connection:
        assert connection.scalar(text("select server_timeline()")) == 1
    assert found() == "same"
    # Commits wait for no standby on this server: one that did is given up after three minutes, in which nothing goes.
    assert found(synchronous=True) == "held"
    with database.connect() as connection:
        assert not connection.scalar(text("select may_hand_off(1)"))
    assert found(synchronous=True, unsynchronised_at="now() - interval '2 minutes'") == "holds"
    assert found(synchronous=True, unsynchronised_at="now() - interval '4 minutes'") == "asynchronous"
    assert not deployment(database).synchronous
    # Another timeline: believed where commits waited until lately, never otherwise.
    lately, long_ago = "now() - interval '50 seconds'", "now() - interval '3 minutes'"
    assert found(timeline=7, synchronous=True, server_seen_at=lately) == "taken_over"
    assert deployment(database).epoch == 1
    for said in (
        {"synchronous": True, "server_seen_at": long_ago},
        {"server_seen_at": lately},
        {"synchronous": True, "server_seen_at": "null"},
    ):
        assert found(timeline=7, **said) == "fenced", said
        assert (deployment(database).epoch, deployment(database).timeline) == (2, 1)
    with database.connect() as connection:
        assert not connection.scalar(text("select may_hand_off(2)")), "a sender of another timeline"
        assert connection.scalar(text("select may_hand_off(1)"))
