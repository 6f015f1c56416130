"""Routing: which way a campaign's messages go now, and how soon it is seen that something changed."""

from __future__ import annotations

from typing import Any

import pytest

from nightmail.campaigns.suspensions import suspend_channel
from nightmail.sending.sender.routing import Routing, Way
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
    (way,) = routing.ways(campaign, "sms")
    first = way.route
    assert way == Way(first) and first.account.id == organisation.account_ids["sms"]
    suspend_channel(organisation.engine, "sms", reason="test", by="test", carrier_account_id=first.account.id)
    watcher.look(())
    assert [way.route.account.id for way in routing.ways(campaign, "sms")] == [second_account]
    suspend_channel(organisation.engine, "sms", reason="test", by="test")
    watcher.look(())
    assert routing.ways(campaign, "sms") == []
    organisation.execute("update suspension set lifted_at = now()")
    assert {each.carrier_account_id for each in watcher.look(())} == {None, first.account.id}
    assert routing.ways(campaign, "sms") == [Way(first)]


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


@pytest.mark.parametrize(
    ("moved", "others_moved", "ways"),
    [
        (25, 0, [("sms", (25, 100)), ("second", (0, 25))]),
        (75, 0, [("sms", (75, 100)), ("second", (0, 75))]),
        # The last account has nowhere to give to.
        (50, 50, [("sms", (50, 100)), ("second", (0, 50))]),
        (100, 100, [("sms", "probes"), ("second", None)]),
        # Only the account that is preferred counts.
        (0, 100, [("sms", None)]),
    ],
)
def test_an_account_gives_a_share_of_its_messages_to_the_next(
    organisation: Organisation,
    session: SenderSession,
    second_account: int,
    moved: int,
    others_moved: int,
    ways: list[Any],
) -> None:
    watcher = Watcher(session)
    routing = Routing(organisation.engine, watcher)
    campaign = routing.campaign(organisation.campaign(1).id)
    assert campaign is not None
    for account, percent in ((organisation.account_ids["sms"], moved), (second_account, others_moved)):
        organisation.execute(
            "insert into failover (carrier_account_id, moved_percent, stepped_at) values (:a, :p, now() - interval '1 hour')",
            a=account,
            p=percent,
        )
    watcher.look(())
    found = [
        (
            way.route.account.name.removeprefix("sandbox-"),
            "probes" if way.probes else way.portion and tuple(way.portion),
        )
        for way in routing.ways(campaign, "sms")
    ]
    assert found == ways
    # A probe is due only when the account has rested.
    organisation.execute("update failover set probed_at = now()")
    watcher.look(())
    assert not any(way.probes for way in routing.ways(campaign, "sms"))


def test_a_team_without_a_sender_on_the_other_account_stays(
    organisation: Organisation, session: SenderSession, second_account: int
) -> None:
    """Who a message is from matters more than when it comes."""
    organisation.execute(
        "insert into sender (team_id, channel, name, address, carrier_account_id) values (:t, 'sms', 'a', '+15550001', :c)",
        t=organisation.team_id,
        c=organisation.account_ids["sms"],
    )
    organisation.execute(
        "insert into failover (carrier_account_id, moved_percent, stepped_at) values (:a, 100, now())",
        a=organisation.account_ids["sms"],
    )
    watcher = Watcher(session)
    routing = Routing(organisation.engine, watcher)
    campaign = routing.campaign(organisation.campaign(1).id)
    assert campaign is not None
    watcher.look(())
    (way,) = routing.ways(campaign, "sms")
    assert way == Way(way.route) and way.route.account.id == organisation.account_ids["sms"]
    assert second_account != way.route.account.id
