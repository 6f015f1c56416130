"""A carrier that is down, under sender processes: another account takes over step by step, and gives back by itself."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from multiprocessing.context import ForkServerProcess

import pytest

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.sending.doubt_lookup import resolve_in_doubt
from nightmail.sending.failovers import failed_over
from tests.support.sandbox_process import RunningCarriers, eventually
from tests.support.sender_processes import context, start_sender
from tests.support.sending_rig import Organisation

SECRET = "NIGHTMAIL_RIG_SECOND"
QUICK = {"after": 3, "within_s": 30, "cool_down_s": 0.4, "step_percent": 50}


@pytest.fixture(scope="module")
def other_carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCarriers]:
    """The stand-in of another company, which works all the time."""
    carriers = RunningCarriers(tmp_path_factory.mktemp("other-carrier"))
    carriers.behave_well()
    os.environ[SECRET] = carriers.told["twilio"]["auth_token"]
    yield carriers
    carriers.stop()
    del os.environ[SECRET]


@pytest.fixture
def second(organisation: Organisation, other_carrier: RunningCarriers) -> int:
    """The team's second account for text messages, at the other company; the first one fails over quickly."""
    organisation.change_account("sms", failover=QUICK, rate_per_s=50)
    organisation.execute(
        "insert into carrier_account (name, carrier, channel, secret, priority, settings) "
        "values ('second', 'twilio', 'sms', :secret, 200, cast(:s as jsonb))",
        secret=f"env:{SECRET}",
        s=json.dumps(
            {
                "adapter": "twilio_sms",
                "base_url": other_carrier.base_url,
                "account": other_carrier.told["twilio"]["account_sid"],
                "sender": "+15005550011",
                "timeout_s": 1.0,
                "rate_per_s": 50,
            }
        ),
    )
    return int(organisation.query("select id from carrier_account where name = 'second'")[0][0])


@pytest.fixture
def senders(organisation: Organisation, database_url: str) -> Iterator[list[ForkServerProcess]]:
    """Two sender processes that drain again and again."""
    made = context()
    running = [start_sender(made, database_url, organisation.public_url, idle_s=0.2) for _ in range(2)]
    yield running
    for process in running:
        process.kill()
        process.join(10)


def moved(organisation: Organisation) -> int:
    """So many percent of the first account's messages go over the second."""
    rows = organisation.query(
        "select moved_percent from failover where carrier_account_id = :a", a=organisation.account_ids["sms"]
    )
    return int(rows[0][0]) if rows else 0


def open_alerts(organisation: Organisation) -> int:
    query = "select count(*) from alert where reason = 'carrier_failed_over' and resolved_at is null"
    return int(organisation.query(query)[0][0])


def under_way(organisation: Organisation, *campaigns: CampaignRow) -> int:
    """Messages that are not decided yet."""
    states: Counter[str] = Counter()
    for campaign in campaigns:
        states.update(organisation.states(campaign))
    return states["queued"] + states["handing_over"]


@pytest.mark.parametrize("fault", ["hang_after", "reset_before", "500_after"])
def test_another_account_takes_over_and_gives_back(
    organisation: Organisation,
    sandbox: RunningCarriers,
    other_carrier: RunningCarriers,
    second: int,
    senders: list[ForkServerProcess],
    database_url: str,
    fault: str,
) -> None:
    """Nothing goes twice, over both carriers' own books, and nothing is lost; a sender is killed over it."""
    sandbox.faults({"kind": fault, "on": "messages"})
    first = organisation.campaign(150)
    eventually(lambda: moved(organisation) == 100, 60)
    assert open_alerts(organisation) == 1
    with organisation.engine.connect() as connection:
        (told,) = failed_over(connection, first.id)
    assert (told.carrier_account, told.channel, told.moved_percent) == ("sandbox-sms", "sms", 100)
    victim = senders.pop()
    assert victim.pid is not None
    os.kill(victim.pid, signal.SIGKILL)
    senders.append(start_sender(context(), database_url, organisation.public_url, idle_s=0.2))
    eventually(lambda: len(other_carrier.accepted_of(first.token)) >= 60, 60)
    assert moved(organisation) == 100
    sandbox.faults()
    later = organisation.campaign(400)
    eventually(lambda: moved(organisation) == 0, 90)
    assert open_alerts(organisation) == 0
    eventually(lambda: under_way(organisation, first, later) == 0, 90)
    for process in senders:
        process.kill()
        process.join(10)
    assert len(sandbox.accepted_of(later.token)) >= 40, "the first account has its messages back"
    resolve_in_doubt(organisation.engine, organisation.carriers)
    for campaign in (first, later):
        taken = Counter(sandbox.accepted_of(campaign.token) + other_carrier.accepted_of(campaign.token))
        assert not taken or max(taken.values()) == 1
        for message in organisation.messages(campaign):
            # What a carrier has, the ledger knows, or knows that it does not know; and the other way round.
            has = taken[message["message_id"]] == 1
            assert message["state"] == "accepted" if has else message["state"] == "in_doubt", message
    actions = [
        row[0] for row in organisation.query("select action from audit where action like 'carrier.%' order by at")
    ]
    assert actions == ["carrier.failed_over"] * 2 + ["carrier.moved_back"] * 2


def test_an_account_without_another_beside_it_does_not_fail_over(
    organisation: Organisation, sandbox: RunningCarriers, second: int, senders: list[ForkServerProcess]
) -> None:
    """The team's only sender is on the first account: its messages wait for it and go over it in the end."""
    organisation.execute(
        "insert into sender (team_id, channel, name, address, carrier_account_id) values (:t, 'sms', 'a', '+15005550006', :c)",
        t=organisation.team_id,
        c=organisation.account_ids["sms"],
    )
    sandbox.faults({"kind": "reset_before", "on": "messages", "count": 12})
    campaign = organisation.campaign(40)
    eventually(lambda: under_way(organisation, campaign) == 0, 90)
    assert moved(organisation) == 0 and open_alerts(organisation) == 0
    rows = organisation.query("select distinct carrier_account_id from message where carrier_account_id is not null")
    assert [row[0] for row in rows] == [organisation.account_ids["sms"]] and second not in rows[0]
