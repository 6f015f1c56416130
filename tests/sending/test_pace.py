"""The pace: what carriers say of it is obeyed by every message and process alike, and nothing that they say does harm."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from nightmail.campaigns.campaign_routes import routes_of
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.carriers.error_tables import NOT_CONNECTED, ErrorClass, ErrorScope, error_entry
from nightmail.carriers.protocol import Carrier, HandOff, OutgoingMessage
from nightmail.organisation.carrier_accounts import CarrierAccountRow
from nightmail.organisation.routes import PaceKey
from nightmail.sending.due_work import due_work
from nightmail.sending.outcomes import pace_concerned
from nightmail.sending.senders import Sender, SenderOptions, drain
from tests.support.sandbox_process import RunningCarriers, eventually
from tests.support.sending_rig import KEY, Organisation

BILLING, LOANS = "+15551230001", "+15551230002"
DAY = dt.timedelta(days=1)
MINUTE = dt.timedelta(minutes=1)


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [(1e15, DAY), (1.7e12, DAY), (86_400, DAY), (7_200, dt.timedelta(hours=2)), (float("inf"), None), (float("nan"), None)],
)  # fmt: skip
def test_a_wait_that_a_carrier_states_holds_for_message_and_account_alike(
    organisation: Organisation, sandbox: RunningCarriers, retry_after: float, wait: dt.timedelta | None
) -> None:
    """Up to a day; beyond that for a day, and what is no number is no wait. Nothing is lost over it, and all goes once."""
    sandbox.faults({"kind": "429", "on": "messages", "count": 1, "skip": 6, "retry_after": retry_after})
    campaign = organisation.campaign(20)
    organisation.drain()
    put_off = organisation.query("select due_at - now() from message where reason = 'carrier_unavailable'")
    blocked = organisation.query("select blocked_until - now() from pace where blocked_until is not null")
    if wait is not None:
        assert wait - MINUTE < put_off[0][0] <= wait
        assert wait - MINUTE < blocked[0][0] <= wait
        organisation.execute("update pace set blocked_until = null")
        organisation.execute("update message set due_at = now() where state = 'queued'")
    organisation.drain(idle_s=2.0)
    ids = sandbox.accepted_of(campaign.token)
    assert len(ids) == len(set(ids)) == 20
    assert organisation.states(campaign) == {"accepted": 20}


@pytest.mark.parametrize(
    ("rate", "slowed"), [(0.02, 0.02), (0.1, 0.1), (0.12, 0.1), (40.0, 26.8)], ids=lambda value: f"{value:g}"
)
def test_a_limit_never_makes_a_rate_higher(
    organisation: Organisation, sandbox: RunningCarriers, rate: float, slowed: float
) -> None:
    """A third slower, but not below one in ten seconds; an account that is slower by itself stays as it is."""
    organisation.change_account("sms", rate_per_s=rate)
    organisation.campaign(1)
    sandbox.faults({"kind": "429", "on": "messages", "count": 1, "retry_after": 3600})
    organisation.drain()
    found = organisation.query("select rate_per_s, ceiling_per_s from pace")
    assert [tuple(row) for row in found] == [(pytest.approx(slowed), rate)]


def two_teams_with_a_number_each(organisation: Organisation) -> int:
    """A second team, ``acme.loans``, whose id it gives; each team has a number of its own on the one account for SMS."""
    organisation.execute(
        "insert into team (path, name, parent_id) values ('acme.loans', 'Loans', :p)", p=organisation.parent_id
    )
    loans = int(organisation.query("select id from team where path = 'acme.loans'")[0][0])
    for team, number in ((organisation.team_id, BILLING), (loans, LOANS)):
        organisation.execute(
            "insert into sender (team_id, channel, name, address, carrier_account_id) values (:t, 'sms', 'own', :n, :a)",
            t=team,
            n=number,
            a=organisation.account_ids["sms"],
        )
    return loans


def campaign_of(organisation: Organisation, team: int, messages: int, **more: Any) -> CampaignRow:
    """A campaign of another team than the organisation's."""
    usual, organisation.team_id = organisation.team_id, team
    try:
        return organisation.campaign(messages, **more)
    finally:
        organisation.team_id = usual


def busiest_second(sandbox: RunningCarriers, *campaigns: CampaignRow) -> int:
    """How many messages of campaigns the carrier took within the busiest second."""
    tokens = {campaign.token for campaign in campaigns}
    times = [
        dt.datetime.fromisoformat(line["at"]).timestamp()
        for line in sandbox.accepted()
        if (line["message_id"] or "").split("-")[0] in tokens
    ]
    return max(sum(start <= other < start + 1.0 for other in times) for start in times)


def test_the_rate_of_an_account_holds_over_all_of_its_senders(
    organisation: Organisation, sandbox: RunningCarriers
) -> None:
    """Two teams with a number each share the account's rate, whichever of two processes sends."""
    loans = two_teams_with_a_number_each(organisation)
    organisation.change_account("sms", rate_per_s=20)
    campaigns = organisation.campaign(30), campaign_of(organisation, loans, 30)
    senders = [threading.Thread(target=organisation.drain) for _ in range(2)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert [organisation.states(campaign) for campaign in campaigns] == [{"accepted": 30}] * 2
    # 20 of the rate, a quarter of a second's burst, and what was under way when the second began.
    assert busiest_second(sandbox, *campaigns) <= 20 + 5 + 8


def test_a_sender_of_an_account_has_a_lower_rate_of_its_own(
    organisation: Organisation, sandbox: RunningCarriers
) -> None:
    """A number that may go slower than its account does, and what it leaves of the account's rate goes to others."""
    loans = two_teams_with_a_number_each(organisation)
    organisation.execute("""update sender set settings = '{"rate_per_s": 5}' where address = :n""", n=BILLING)
    organisation.change_account("sms", rate_per_s=400)
    slow, fast = organisation.campaign(15, priority=0), campaign_of(organisation, loans, 200)
    organisation.drain()
    assert organisation.states(slow) == {"accepted": 15} and organisation.states(fast) == {"accepted": 200}
    assert busiest_second(sandbox, slow) <= 5 + 1 + 2
    last = {token: place for place, token in enumerate((each or "").split("-")[0] for each in sandbox.accepted_ids())}
    assert last[fast.token] < last[slow.token]


def due(organisation: Organisation) -> int:
    """How many messages the sensor would start senders for."""
    with organisation.engine.connect() as connection:
        return due_work(connection).messages


def test_a_limit_of_the_account_stops_all_of_its_senders(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """One number is answered 429: no other number of the account is used before ``Retry-After`` is over."""
    loans = two_teams_with_a_number_each(organisation)
    organisation.change_account("sms", connections=1)
    sandbox.faults({"kind": "429", "on": "messages", "count": 1, "retry_after": 600})
    first = organisation.campaign(3, priority=0)
    organisation.drain()
    other = campaign_of(organisation, loans, 30)
    organisation.drain()
    assert sandbox.accepted_of(first.token) == sandbox.accepted_of(other.token) == []
    blocked = organisation.query("select sender from pace where blocked_until > now() + interval '9 minutes'")
    assert [row.sender for row in blocked] == [""]
    assert due(organisation) == 0
    organisation.execute("update pace set blocked_until = null")
    organisation.drain()
    assert organisation.states(other) == {"accepted": 30}


def test_a_limit_of_one_number_stops_no_other(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """A number that is left alone for an hour is no work for a sender; those of the same account go on."""
    loans = two_teams_with_a_number_each(organisation)
    own = organisation.campaign(1)
    organisation.drain()
    assert organisation.states(own) == {"accepted": 1}
    organisation.execute("update pace set blocked_until = now() + interval '1 hour' where sender = :n", n=BILLING)
    waiting = organisation.campaign(5)
    assert due(organisation) == 0
    other = campaign_of(organisation, loans, 7)
    assert due(organisation) == 7
    organisation.drain()
    assert organisation.states(waiting) == {"queued": 5} and organisation.states(other) == {"accepted": 7}


def test_an_answer_about_one_number_is_about_that_number_alone(organisation: Organisation) -> None:
    """A full queue is the number's; too many requests, or no answer, are the account's."""
    two_teams_with_a_number_each(organisation)
    campaign = organisation.campaign(1)
    with organisation.engine.connect() as connection:
        (route,) = routes_of(connection, campaign, "sms")
    account = organisation.account_ids["sms"]
    later, doubt = ErrorClass.RETRY_LATER, ErrorClass.IN_DOUBT
    full_queue = error_entry("21611", later, scope=ErrorScope.SENDER, throttles=True)
    too_many = error_entry("20429", later, throttles=True)
    for error, sender in (
        (full_queue, BILLING),
        (too_many, ""),
        (NOT_CONNECTED, ""),
        (error_entry("20503", doubt), ""),
    ):
        assert pace_concerned(route, HandOff.failed("m", error)) == (account, sender, "sms"), error.code


@pytest.mark.parametrize(("kind", "left"), [("503", "in_doubt"), ("429", "queued")])
def test_a_carrier_that_wants_to_be_left_alone_is_and_is_alerted(
    organisation: Organisation, sandbox: RunningCarriers, kind: str, left: str
) -> None:
    """Whatever the answer: one hand-off, then none by any sender until the time is over, and an alert though it has ended."""
    organisation.change_account("sms", connections=1)
    sandbox.faults({"kind": kind, "on": "messages", "retry_after": 600}, {"kind": "500_before", "on": "lists"})
    campaign = organisation.campaign(30)
    assert [organisation.drain().handed_off for _ in range(2)] == [1, 0]
    assert due(organisation) == 0
    assert organisation.query("select count(*) from message where attempts > 0 and state = :s", s=left)[0][0] == 1
    (alert,) = organisation.query("select reason, message, times from alert")
    assert alert.reason == "carrier_unavailable" and "sandbox-sms asks to be left alone for 10 minutes" in alert.message
    organisation.execute("update pace set blocked_until = null")
    assert organisation.drain().handed_off == 1
    assert organisation.query("select times from alert")[0][0] == alert.times + 1
    assert sandbox.accepted_of(campaign.token) == []


def test_what_is_put_off_for_quiet_hours_costs_no_pace(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """Twenty urgent texts of two segments within quiet hours, at one a minute: the ordinary one behind them goes."""
    organisation.change_account("sms", rate_per_s=1 / 60)
    now = dt.datetime.now(dt.UTC)
    hours = f"{now - dt.timedelta(hours=1):%H:%M}-{now + dt.timedelta(hours=2):%H:%M}"
    quiet = organisation.campaign(
        20, priority=0, row={"segments": 2}, settings={"quiet_hours": hours, "default_time_zone": "UTC"}
    )
    organisation.execute("update message set time_zone = 'UTC'")
    ordinary = organisation.campaign(1)
    organisation.drain(maximum_s=30.0)
    assert organisation.states(quiet) == {"queued": 20} and sandbox.accepted_of(quiet.token) == []
    assert organisation.states(ordinary) == {"accepted": 1}


def test_what_is_taken_back_costs_no_pace(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """A sender that ends with messages in hand leaves of the bucket all but what it has handed off."""
    organisation.change_account("sms", rate_per_s=40, connections=1, timeout_s=20)
    sandbox.faults({"kind": "wait", "on": "messages", "seconds": 2.5, "count": 1})
    campaign = organisation.campaign(20)
    stop = threading.Event()
    options = SenderOptions(hash_key=KEY)
    sender = threading.Thread(
        target=lambda: drain(organisation.engine, organisation.carriers, options, stop=stop), daemon=True
    )
    sender.start()
    eventually(lambda: organisation.states(campaign).get("handing_over"))
    stop.set()
    sender.join(30)
    accepted = organisation.states(campaign)["accepted"]
    assert organisation.states(campaign) == {"accepted": accepted, "queued": 20 - accepted}
    assert organisation.query("select tokens from pace")[0][0] == pytest.approx(40 / 4 - accepted)


class Growing(dict[PaceKey, float]):
    """What threads add to between any two looks at it."""

    def items(self) -> Any:
        for pair in super().items():
            self[len(self), "", "sms"] = 0.0
            yield pair


def test_limits_that_threads_meet_while_the_sender_looks_do_not_end_it(organisation: Organisation) -> None:
    """They are added to what the main thread reads at that moment."""
    sender = Sender(organisation.engine, organisation.carriers, SenderOptions(hash_key=KEY, idle_s=0.05))
    blocked = {(number, "", "sms"): float("inf") for number in range(3)}
    sender.watcher.watch.blocked = Growing(blocked)
    sender.look()
    assert sender.watcher.watch.blocked.items() >= blocked.items()
    sender.run()


class Garbled:
    """A carrier of the sandbox that says of one message what no column holds."""

    def __init__(self, real: Carrier, message_id: str) -> None:
        self._real = real
        self._message_id = message_id

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def hand_off(self, batch: Sequence[OutgoingMessage]) -> list[HandOff]:
        return [
            replace(answer, segments=10**12) if answer.message_id == self._message_id else answer
            for answer in self._real.hand_off(batch)
        ]


def test_an_outcome_that_cannot_be_stored_takes_no_other_along(
    organisation: Organisation, sandbox: RunningCarriers
) -> None:
    """It is in doubt, with an alert, until the carrier's records tell; all the others are stored and the sender goes on."""
    campaign = organisation.campaign(40)
    odd = organisation.messages(campaign)[7]["message_id"]

    def carriers(account: CarrierAccountRow) -> Any:
        return Garbled(organisation.carriers(account), odd)

    summary = drain(organisation.engine, carriers, SenderOptions(hash_key=KEY, idle_s=0.05))
    assert summary.handed_off == 40
    (alert,) = organisation.query("select reason, message from alert")
    assert alert.reason == "in_doubt" and "sandbox-sms" in alert.message
    codes = organisation.query("select error_code from attempt")
    assert [row[0] for row in codes] == ["unwritable"]
    # The last look of the sender has found it in the carrier's records.
    assert organisation.states(campaign) == {"accepted": 40}
    ids = sandbox.accepted_of(campaign.token)
    assert len(ids) == len(set(ids)) == 40
