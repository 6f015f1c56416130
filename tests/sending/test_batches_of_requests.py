"""A batch of emails that takes many requests: what may go is asked before each, and what is not written goes back."""

from __future__ import annotations

import datetime as dt
import random
import threading
from collections import Counter
from collections.abc import Callable

import pyarrow as pa
import pytest

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.suspensions import suspend_channel
from nightmail.campaigns.transitions import begin_preparing, pause, resume
from nightmail.consent.consents import ConsentWithdrawn, withdraw_consents
from nightmail.consent.preferences import record_preferences
from nightmail.lake.schemas import MESSAGES
from nightmail.sending.advance import advance_ledger
from nightmail.sending.doubt_decisions import Decision, decide_campaign
from nightmail.sending.doubt_lookup import resolve_in_doubt
from nightmail.sending.ledger_loading import load_ledger
from tests.support.sandbox_process import RunningCarriers, eventually
from tests.support.sending_rig import Organisation


@pytest.fixture
def slow_mail(organisation: Organisation, sandbox: RunningCarriers) -> Organisation:
    """One connection, and a tenth of a second for each request."""
    organisation.change_account("email", connections=1, timeout_s=10)
    sandbox.faults({"kind": "wait", "on": "mail", "seconds": 0.1})
    return organisation


def large_emails(organisation: Organisation, count: int) -> CampaignRow:
    """A campaign of emails that have so little in common that each takes a request of its own."""
    drawn = random.Random(1)
    campaign = organisation.received()
    with organisation.engine.begin() as connection:
        campaign = begin_preparing(connection, campaign.id, "run")
    addresses = [f"reader-{campaign.token}-{number}@mail.example" for number in range(count)]
    messages, audience = organisation.tables(campaign, addresses, ("email",))
    rows = messages.read().to_pylist()
    for row in rows:
        row["body"] = "".join(drawn.choices("abcdefghijklmnopqrstuvwxyz ", k=11_000))
    messages.write(pa.Table.from_pylist(rows, schema=MESSAGES))
    load_ledger(organisation.engine, campaign.id, messages, audience, actor="run")
    return organisation.read(campaign)


def begun(organisation: Organisation, sandbox: RunningCarriers, campaign: CampaignRow) -> threading.Thread:
    """A sender in the middle of the campaign."""
    sender = threading.Thread(target=organisation.drain, daemon=True)
    sender.start()
    eventually(lambda: len(sandbox.accepted_of(campaign.token)) >= 3)
    return sender


def pause_it(organisation: Organisation, campaign: CampaignRow) -> None:
    pause(organisation.engine, campaign.key, actor="test")


def suspend_email(organisation: Organisation, _: CampaignRow) -> None:
    suspend_channel(organisation.engine, "email", reason="test", by="test")


def suppress_all(organisation: Organisation, campaign: CampaignRow) -> None:
    organisation.execute(
        "insert into suppression (channel, address_hash, reason, source) "
        "select 'email', address_hash, 'opted_out', 'test' from message where campaign_id = :id",
        id=campaign.id,
    )


@pytest.mark.parametrize("stop", [pause_it, suspend_email, suppress_all])
def test_a_stop_is_seen_within_a_batch(
    slow_mail: Organisation, sandbox: RunningCarriers, stop: Callable[[Organisation, CampaignRow], None]
) -> None:
    """Not only when a batch of many requests is over: at most what goes within a second goes yet."""
    campaign = large_emails(slow_mail, 60)
    sender = begun(slow_mail, sandbox, campaign)
    stop(slow_mail, campaign)
    before = len(sandbox.accepted_of(campaign.token))
    sender.join(60)
    assert not sender.is_alive()
    after = len(sandbox.accepted_of(campaign.token))
    # Ten requests in a second, and one that was under way: no clock of this machine's is asked.
    assert after - before <= 12
    states = slow_mail.states(campaign)
    assert states["accepted"] == after
    left = "held" if stop is suppress_all else "queued"
    assert states == {"accepted": after, left: 60 - after}
    # What was not written is no attempt.
    assert slow_mail.query("select max(attempts) from message where state = 'queued'")[0][0] in (None, 0)


def test_a_batch_that_was_given_up_is_not_written_on(
    slow_mail: Organisation, sandbox: RunningCarriers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sender was taken for dead and its messages are sent again: the old thread writes no further request."""
    monkeypatch.setattr("nightmail.sending.dead_senders.RESTART_GRACE_S", 0)
    campaign = large_emails(slow_mail, 40)
    sender = begun(slow_mail, sandbox, campaign)

    def buried() -> bool:
        slow_mail.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where application_name = 'nightmail sender' and datname = current_database()"
        )
        return bool(advance_ledger(slow_mail.engine).in_doubt)

    eventually(buried)
    eventually(lambda: slow_mail.query("select count(*) from sender_run")[0][0] == 2)
    resolve_in_doubt(slow_mail.engine, slow_mail.carriers)
    decide_campaign(slow_mail.engine, campaign.id, Decision.RESEND, actor="test")
    second = threading.Thread(target=slow_mail.drain, daemon=True)
    second.start()
    for each in (sender, second):
        each.join(60)
        assert not each.is_alive()
    times = Counter(sandbox.accepted_of(campaign.token))
    # One request may have been under way when it was decided that what is in doubt goes again.
    assert len(times) == 40 and sum(times.values()) <= 41
    assert slow_mail.states(campaign) == {"accepted": 40}


def test_a_long_batch_is_known_before_it_is_over(
    slow_mail: Organisation, sandbox: RunningCarriers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not written within some seconds goes back, so that a crash puts no more than that in doubt."""
    monkeypatch.setattr("nightmail.sending.sender.lanes.BATCH_S", 0.35)
    campaign = large_emails(slow_mail, 30)
    sender = begun(slow_mail, sandbox, campaign)
    eventually(lambda: 0 < slow_mail.states(campaign).get("accepted", 0) < 30)
    eventually(lambda: slow_mail.states(campaign).get("handing_over", 0) in range(1, 11))
    sender.join(60)
    assert slow_mail.states(campaign) == {"accepted": 30}
    assert list(Counter(sandbox.accepted_of(campaign.token)).values()) == [1] * 30
    assert slow_mail.query("select distinct attempts from message") == [(1,)]


def test_a_failed_request_of_many_emails_is_one_failure(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """What is in doubt is looked up; the account is not left alone as if hundreds of hand-offs had failed in a row."""
    sandbox.faults({"kind": "500_after", "on": "mail", "count": 1})
    organisation.campaign([f"reader{number}@mail.example" for number in range(300)], ("email",))
    organisation.drain()
    assert organisation.query("select count(*) from pace where blocked_until > now()") == [(0,)]
    assert organisation.query("select count(*) from alert where reason = 'carrier_unavailable'") == [(0,)]
    after = organisation.campaign([f"later{number}@mail.example" for number in range(300)], ("email",))
    organisation.drain()
    assert organisation.states(after) == {"accepted": 300}


def test_one_campaigns_refused_messages_stop_that_campaign_alone(
    organisation: Organisation, sandbox: RunningCarriers
) -> None:
    """A carrier that refuses every message of a campaign and does not say why: nothing is failed, and others go on."""
    refused = organisation.campaign([f"bad{number}@mail.example" for number in range(40)], ("email",))
    good = organisation.campaign([f"good{number}@mail.example" for number in range(5)], ("email",))
    sandbox.faults({"kind": "400", "to": "bad"})
    organisation.drain()
    assert organisation.states(refused) == {"queued": 40}
    assert organisation.states(good) == {"accepted": 5}
    paused = organisation.read(refused)
    assert paused.state == "paused"
    assert paused.problem is not None and paused.problem["reason"] == "refused_alike"
    assert organisation.query("select count(*) from suspension") == [(0,)]
    assert organisation.query("select reason, campaign_id, times from alert") == [("refused_alike", refused.id, 1)]
    sandbox.faults()
    resume(organisation.engine, refused.key, actor="test")
    organisation.drain()
    assert organisation.states(refused) == {"accepted": 40}
    assert organisation.read(refused).problem is None


def test_a_consent_withdrawn_while_a_message_waits_for_its_turn_holds(
    organisation: Organisation, sandbox: RunningCarriers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow carrier: what waits in a sender's hands for long is asked again."""
    monkeypatch.setattr("nightmail.sending.sender.watch.CONSENT_LEASE_S", 0.5)
    organisation.execute("update category set needs_consent = true")
    organisation.execute(
        "insert into consent (team_id, contact_id, category, captured_at, captured_how) "
        "select :t, 'contact-' || address, 'billing', now(), 'web' from unnest(cast(:a as text[])) as address",
        t=organisation.team_id,
        a=[f"+44770090000{number}" for number in range(3)],
    )
    organisation.change_account("sms", connections=1, timeout_s=40)
    sandbox.faults({"kind": "wait", "on": "messages", "seconds": 1.5, "count": 1})
    campaign = organisation.campaign([f"+44770090000{number}" for number in range(3)])
    sender = threading.Thread(target=organisation.drain, daemon=True)
    sender.start()
    eventually(lambda: organisation.states(campaign).get("handing_over", 0) == 3)
    organisation.execute("update consent set withdrawn_at = now() where contact_id = 'contact-+447700900002'")
    sender.join(60)
    assert [(row["state"], row["reason"]) for row in organisation.messages(campaign)] == [
        ("accepted", None),
        ("accepted", None),
        ("held", "consent_withdrawn"),
    ]


@pytest.mark.parametrize("stated", ["withdrawal", "pause"])
def test_the_first_withdrawal_and_the_first_pause_of_a_team_stop_what_is_claimed(
    organisation: Organisation, sandbox: RunningCarriers, stated: str
) -> None:
    """Of a category without need of consent, where nobody has chosen anything: the claim asked for neither."""
    organisation.change_account("sms", connections=1, timeout_s=40)
    sandbox.faults({"kind": "wait", "on": "messages", "seconds": 1.5, "count": 1})
    numbers = [f"+44770090000{number}" for number in range(3)]
    campaign = organisation.campaign(numbers)
    sender = threading.Thread(target=organisation.drain, daemon=True)
    sender.start()
    eventually(lambda: organisation.states(campaign).get("handing_over", 0) == 3)
    contact, yesterday = f"contact-{numbers[2]}", dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    with organisation.engine.begin() as connection:
        if stated == "withdrawal":
            # Stated a day ago, and recorded now.
            withdrawn = ConsentWithdrawn(contact, "billing", yesterday, "call")
            withdraw_consents(connection, organisation.team_id, [withdrawn], actor="test")
        else:
            paused = {"paused_until": (yesterday + dt.timedelta(days=9)).isoformat()}
            record_preferences(
                connection, organisation.team_id, [(contact, yesterday, paused)], source="test", actor="test"
            )
    sender.join(60)
    held = {"withdrawal": "consent_withdrawn", "pause": "paused_by_contact"}[stated]
    assert [(row["state"], row["reason"]) for row in organisation.messages(campaign)] == [
        ("accepted", None),
        ("accepted", None),
        ("held", held),
    ]


def test_another_teams_suppression_delays_no_message(organisation: Organisation) -> None:
    """A fresh opt-out from one category, or for another team, is no reason to take another message back."""
    organisation.execute("insert into team (path, name) values ('acme.loans', 'Loans')")
    campaign = organisation.campaign(["+447700900001", "+447700900002", "+447700900003"])
    hashes = [row["address_hash"] for row in organisation.messages(campaign)]
    for team, category, address_hash in (
        (organisation.team_id, "offers", hashes[0]),
        (organisation.query("select id from team where path = 'acme.loans'")[0][0], None, hashes[1]),
    ):
        organisation.execute(
            "insert into suppression (team_id, channel, category, address_hash, reason, source) "
            "values (:team, 'sms', :category, :hash, 'opted_out', 'test')",
            team=team,
            category=category,
            hash=address_hash,
        )
    summary = organisation.drain()
    assert (summary.accepted, summary.taken_back) == (3, 0)
