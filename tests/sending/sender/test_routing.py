"""Routing: which way a campaign's messages go now, and how soon it is seen that something changed."""

from __future__ import annotations

import pytest

from nightmail.campaigns.suspensions import suspend_channel
from nightmail.sending.sender.routing import Routing
from nightmail.sending.sender.session import SenderSession
from nightmail.sending.sender.watch import Watcher
from tests.support.sending_rig import Organisation


@pytest.fixture
def second_account(organisation: Organisation) -> int:
    """Another SMS account, which comes after the first."""
    organisation.execute(
        "insert into carrier_account (name, carrier, channel, settings, priority) "
        "values ('second', 'test', 'sms', '{\"sender\": \"+15550009\"}', 200)"
    )
    return int(organisation.query("select id from carrier_account where name = 'second'")[0][0])


def test_the_next_account_takes_over_what_is_suspended(
    organisation: Organisation, session: SenderSession, second_account: int
) -> None:
    watcher = Watcher(session)
    routing = Routing(organisation.engine, watcher)
    campaign = routing.campaign(organisation.campaign(1).id)
    assert campaign is not None
    first = routing.route(campaign, "sms")
    assert first is not None and first.account.id == organisation.account_ids["sms"]
    suspend_channel(organisation.engine, "sms", reason="test", by="test", carrier_account_id=first.account.id)
    watcher.look(())
    second = routing.route(campaign, "sms")
    assert second is not None and second.account.id == second_account
    suspend_channel(organisation.engine, "sms", reason="test", by="test")
    watcher.look(())
    assert routing.route(campaign, "sms") is None
    organisation.execute("update suspension set lifted_at = now()")
    assert {each.carrier_account_id for each in watcher.look(())} == {None, first.account.id}
    assert routing.route(campaign, "sms") == first


def test_what_was_read_is_used_for_some_seconds(
    organisation: Organisation, session: SenderSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    routing = Routing(organisation.engine, Watcher(session))
    campaign_id = organisation.campaign(1).id
    before = routing.campaign(campaign_id)
    assert routing.campaign(campaign_id) is before
    assert routing.read_accounts() and routing.read_accounts() is None
    monkeypatch.setattr("nightmail.sending.sender.routing.CONTEXT_S", 0.0)
    assert routing.campaign(campaign_id) is not before
    assert routing.read_accounts()
    assert routing.campaign(-1) is None
