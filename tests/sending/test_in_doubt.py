"""Messages in doubt: found by the carrier's records, decided by people, sent again only where the category says so."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from multiprocessing.context import ForkServerProcess
from typing import Any

import pytest

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.transitions import cancel
from nightmail.errors import UsageError
from nightmail.sending import dead_senders
from nightmail.sending.advance import advance_ledger
from nightmail.sending.doubt_decisions import Decision, decide
from nightmail.sending.doubt_lists import list_in_doubt
from nightmail.sending.doubt_lookup import resolve_in_doubt
from tests.support.sandbox_process import RunningCarriers, eventually
from tests.support.sender_by_hand import SenderByHand
from tests.support.sender_processes import context, start_sender
from tests.support.sending_rig import Organisation


@pytest.fixture
def sender(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Starts senders as processes, and ends those that are left."""
    # This server has just started; how long senders get to come back is not what is tried here.
    monkeypatch.setattr(dead_senders, "RESTART_GRACE_S", 0)
    started: list[ForkServerProcess] = []
    url = organisation.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)

    def start() -> ForkServerProcess:
        started.append(start_sender(context(), url, organisation.public_url, again=False))
        return started[-1]

    yield start
    for process in started:
        if process.is_alive():
            process.kill()
        process.join()


@pytest.mark.parametrize(("fault", "sent"), [("hang_after", True), ("hang_before", False)])
def test_a_sender_killed_in_the_middle_of_a_request_leaves_doubt_and_no_double(
    organisation: Organisation, sandbox: RunningCarriers, sender: Any, fault: str, sent: bool
) -> None:
    """SIGKILL while the carrier holds the answer back: found if it was taken, in doubt if not, never sent again."""
    sandbox.faults({"kind": fault, "on": "messages", "count": 1, "seconds": 30})
    organisation.change_account("sms", timeout_s=30, connections=1)
    campaign = organisation.campaign(10)
    before = sandbox.ask("")["faults"].get(fault, 0)
    process = sender()
    eventually(lambda: sandbox.ask("")["faults"].get(fault, 0) > before)
    assert organisation.states(campaign).get("handing_over")
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    organisation.drain()
    ids = sandbox.accepted_of(campaign.token)
    assert len(ids) == len(set(ids))
    states = {row["message_id"]: row["state"] for row in organisation.messages(campaign)}
    assert {states[i] for i in ids} <= {"accepted"}
    assert ids or not sent
    # What the killed sender had taken and not handed off is in doubt, and nothing else is left.
    left = {i: state for i, state in states.items() if i not in ids}
    assert set(left.values()) <= {"in_doubt"} and len(left) <= 10
    (run,) = organisation.query("select count(*) from sender_run where finished_at is null")
    assert run[0] == 0


def in_doubt(organisation: Organisation, sandbox: RunningCarriers, count: int = 3, **more: Any) -> CampaignRow:
    """A campaign whose messages are all in doubt and were never taken."""
    sandbox.faults({"kind": "500_before", "on": "messages"})
    campaign = organisation.campaign(count, **more)
    organisation.drain()
    sandbox.faults()
    organisation.execute("update pace set blocked_until = null")
    assert organisation.states(campaign) == {"in_doubt": count}
    return campaign


def test_silent_records_are_no_proof(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """After ten minutes without a record: still in doubt, alerted once, the campaign finished; not sent again."""
    campaign = in_doubt(organisation, sandbox)
    organisation.execute("update message set changed_at = now() - interval '11 minutes'")
    for _ in range(2):
        assert resolve_in_doubt(organisation.engine, organisation.carriers).left == 3
        organisation.drain()
    assert organisation.states(campaign) == {"in_doubt": 3}
    assert sandbox.accepted_of(campaign.token) == []
    alerts = organisation.query("select message, resolved_at from alert where reason = 'in_doubt'")
    assert len(alerts) == 1 and alerts[0].message.startswith("3 messages are in doubt")
    assert organisation.read(campaign).state == "finished"


def test_a_category_may_state_that_absent_messages_are_sent_again(
    organisation: Organisation, sandbox: RunningCarriers
) -> None:
    """``resend_if_absent``: not before ten minutes, then once."""
    organisation.execute("update category set resend_if_absent = true")
    campaign = in_doubt(organisation, sandbox)
    assert resolve_in_doubt(organisation.engine, organisation.carriers).resent == 0
    organisation.execute("update message set changed_at = now() - interval '11 minutes'")
    assert resolve_in_doubt(organisation.engine, organisation.carriers).resent == 3
    organisation.drain()
    ids = sandbox.accepted_of(campaign.token)
    assert len(ids) == len(set(ids)) == 3
    assert organisation.states(campaign) == {"accepted": 3}


@pytest.mark.parametrize("because", ["attempts = 12", "cut_off_at = now()"])
def test_sending_absent_messages_again_has_an_end(
    organisation: Organisation, sandbox: RunningCarriers, because: str
) -> None:
    """After as many attempts as any message has, and after the cut-off, a person is asked: the carrier's trouble stays."""
    organisation.execute("update category set resend_if_absent = true")
    campaign = in_doubt(organisation, sandbox)
    organisation.execute("update message set changed_at = now() - interval '11 minutes'")
    organisation.execute(f"update {'message' if 'attempts' in because else 'campaign'} set {because}")
    for _ in range(2):
        assert resolve_in_doubt(organisation.engine, organisation.carriers).resent == 0
        organisation.drain()
    assert organisation.states(campaign) == {"in_doubt": 3}
    assert organisation.read(campaign).state == "finished"
    assert [row.reason for row in organisation.query("select reason from alert")] == ["in_doubt"]


def test_people_decide_each_way(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """Accepted, failed, sent again: each with an audit row, and only while in doubt."""
    campaign = in_doubt(organisation, sandbox)
    ids = [row["message_id"] for row in organisation.messages(campaign)]
    with organisation.engine.connect() as connection:
        assert {row.message_id for row in list_in_doubt(connection, team_path="acme")} == set(ids)
        assert list_in_doubt(connection, team_path="other") == []
    for message_id, decision in zip(ids, Decision, strict=True):
        decide(organisation.engine, message_id, decision, actor="ann")
    organisation.drain()
    rows = organisation.messages(campaign)
    assert [row["state"] for row in rows] == ["accepted", "failed", "accepted"]
    assert sandbox.accepted_of(campaign.token) == [ids[2]]
    trail = organisation.query("select actor, action from audit where action like 'message.%' order by id")
    assert [tuple(row) for row in trail] == [("ann", f"message.decided_{d}") for d in Decision]
    with pytest.raises(UsageError, match="not in doubt"):
        decide(organisation.engine, ids[0], Decision.RESEND, actor="ann")
    for unknown in ("nonsense", "c0000000000-2-sms-0"):
        with pytest.raises(UsageError, match="no message"):
            decide(organisation.engine, unknown, Decision.FAILED, actor="ann")


def test_nothing_of_a_cancelled_campaign_is_sent_again(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """A decision to resend is refused once the campaign is cancelled."""
    campaign = in_doubt(organisation, sandbox, 1)
    cancel(organisation.engine, campaign.id, actor="test")
    with pytest.raises(UsageError, match="nothing of it is sent"):
        decide(organisation.engine, organisation.messages(campaign)[0]["message_id"], Decision.RESEND, actor="ann")


def test_what_has_no_text_any_more_is_not_sent_again(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """Retention deleted the text: the decision is refused, and what is queued all the same fails and holds up no sender."""
    campaign = in_doubt(organisation, sandbox, 3)
    ids = [row["message_id"] for row in organisation.messages(campaign)]
    decide(organisation.engine, ids[0], Decision.RESEND, actor="ann")
    decide(organisation.engine, ids[1], Decision.RESEND, actor="ann")
    organisation.execute(
        "delete from message_content where message_key = any(:keys)",
        keys=[row["message_key"] for row in organisation.messages(campaign)[1:]],
    )
    with pytest.raises(UsageError, match="text is deleted"):
        decide(organisation.engine, ids[2], Decision.RESEND, actor="ann")
    summary = organisation.drain(maximum_s=20)
    assert (summary.handed_off, summary.taken_back) == (1, 0)
    assert [(row["state"], row["reason"]) for row in organisation.messages(campaign)] == [
        ("accepted", None),
        ("failed", "text_deleted"),
        ("in_doubt", "in_doubt"),
    ]
    assert sandbox.accepted_of(campaign.token) == ids[:1]


def test_a_carrier_whose_records_hang_does_not_keep_a_sender(
    organisation: Organisation, sandbox: RunningCarriers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender ends, so that the next one can begin with what falls due, while its last look still waits for an answer."""
    monkeypatch.setattr("nightmail.sending.senders.LAST_LOOK_S", 0.1)
    sandbox.faults(
        {"kind": "500_before", "on": "messages"},
        {"kind": "hang_before", "on": "lists", "seconds": 8, "count": 1},
    )
    organisation.change_account("sms", timeout_s=6)
    campaign = organisation.campaign(3)
    organisation.drain()
    looks = [thread for thread in threading.enumerate() if thread.name == "last-look"]
    assert len(looks) == 1
    assert organisation.states(campaign) == {"in_doubt": 3}
    looks[0].join()


def test_a_doubt_is_looked_up_from_its_intent_on_however_late_its_sender_is_found_dead(
    organisation: Organisation,
) -> None:
    """A database that restarts may find a dead sender only after a while: what the carrier took before that counts."""
    campaign = organisation.campaign(1)
    sender = SenderByHand(organisation)
    sender.claim(campaign)
    (row,) = organisation.query("select changed_at from message")
    sender.connection.close()
    eventually(lambda: advance_ledger(organisation.engine).in_doubt)
    (attempt,) = organisation.query("select started_at, finished_at from attempt")
    assert attempt.started_at == row.changed_at < attempt.finished_at
