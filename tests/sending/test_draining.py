"""Senders on the real ledger and the sandbox's carriers: once each, fairly, urgent first, and no further than allowed."""

from __future__ import annotations

import datetime as dt
import threading
import time
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.suspensions import lift_suspension, list_suspensions, messages_waiting, suspend_channel
from nightmail.campaigns.transitions import cancel, pause, resume
from nightmail.carriers.protocol import HandOff, Outcome
from nightmail.errors import UnavailableError
from nightmail.privacy import address_hash
from nightmail.sending.due_work import due_work
from nightmail.sending.outcomes import judge
from nightmail.sending.senders import Sender, SenderOptions, drain
from nightmail.store.local_server import SUPERUSER
from tests.support.sandbox_process import RunningCarriers, eventually
from tests.support.sender_by_hand import SenderByHand
from tests.support.sending_rig import KEY, Organisation, in_minutes


def test_a_campaign_is_handed_off_once_and_finishes(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """Every message of a small campaign is accepted once by the carrier, under its own id."""
    campaign = organisation.campaign(250)
    summary = organisation.drain()
    assert summary.accepted == 250
    ids = sandbox.accepted_of(campaign.token)
    assert len(ids) == len(set(ids)) == 250
    rows = organisation.messages(campaign)
    assert {row["message_id"] for row in rows} == set(ids)
    assert all(row["state"] == "accepted" and row["carrier_message_id"] and row["handed_off_at"] for row in rows)
    assert all(row["changed_at"] == row["handed_off_at"] > row["planned_at"] for row in rows)
    after = organisation.read(campaign)
    assert after.state == "finished" and after.first_hand_off_at is not None
    assert all(row["attempts"] == 1 and row["sender_run_id"] == summary.sender_run_id for row in rows)
    assert organisation.query("select count(*) from attempt")[0][0] == 0


@pytest.mark.parametrize("channel", ["email", "voice"])
def test_other_channels_go_the_same_way(organisation: Organisation, sandbox: RunningCarriers, channel: str) -> None:
    """Emails by the batch and calls one by one are accepted once each."""
    campaign = organisation.campaign(40, (channel,))
    organisation.drain()
    ids = sandbox.accepted_of(campaign.token)
    assert len(ids) == len(set(ids)) == 40
    assert organisation.states(campaign) == {"accepted": 40}


def test_outcomes_are_written_once_however_often_they_are_stored(organisation: Organisation) -> None:
    """A sender that does not know whether its outcomes were written stores them again: one attempt, none changed."""
    campaign = organisation.campaign(5, ("email",))
    sender = SenderByHand(organisation)
    with sender.connection:
        outcomes = [
            judge(intent, HandOff(intent.message.message_id, Outcome.ACCEPTED if number else Outcome.IN_DOUBT, "one"))
            for number, intent in enumerate(sender.claim(campaign, "email"))
        ]
        for _ in range(2):
            sender.store(*outcomes)
    assert organisation.states(campaign) == {"accepted": 4, "in_doubt": 1}
    rows = organisation.query("select number, outcome, count(*) from attempt group by 1, 2 order by 2")
    assert [tuple(row) for row in rows] == [(1, "in_doubt", 1)]


def test_a_defect_in_a_sender_shows_and_leaves_nothing_in_its_hands(organisation: Organisation) -> None:
    """What was taken when a sender breaks, before any hand-off, is queued again, and the error is not swallowed."""
    campaign = organisation.campaign(30, ("email",))
    with pytest.raises(TypeError):
        organisation.drain(hash_key="not bytes")
    assert organisation.states(campaign) == {"queued": 30}
    organisation.drain()
    assert organisation.states(campaign) == {"accepted": 30}


OUTCOMES = [
    # recipient's number, state, reason, suppressed, attempt's outcome
    ("+447700907001", "failed", "address_refused", None, "rejected"),
    ("+447700907002", "failed", "address_refused", "opted_out", "rejected"),
    ("+447700907004", "failed", "address_refused", None, "rejected"),
    ("+447700907006", "failed", "carrier_rejected", None, "rejected"),
    ("+447700900001", "accepted", None, None, None),
]


def test_each_refusal_is_kept_by_its_class_and_stops_no_other(organisation: Organisation) -> None:
    """Refused, suppressing and unknown errors next to a good message: one row each, as the error table says."""
    campaign = organisation.campaign([number for number, *_ in OUTCOMES])
    organisation.drain()
    rows = organisation.messages(campaign)
    attempts = {row[0]: row[1] for row in organisation.query("select message_key, outcome from attempt")}
    for (number, state, reason, suppressed, outcome), row in zip(OUTCOMES, rows, strict=True):
        assert (row["state"], row["reason"]) == (state, reason), number
        assert attempts.get(row["message_key"]) == outcome
        found = organisation.query(
            "select reason from suppression where address_hash = :h", h=address_hash(number, KEY)
        )
        assert [r[0] for r in found] == ([suppressed] if suppressed else [])
    alerts = organisation.query("select reason, subject from alert")
    assert [(a, s) for a, s in alerts if a == "carrier_error_unknown"] == [
        ("carrier_error_unknown", "carrier:sandbox-sms:29999")
    ]


FAULTS = [
    ({"kind": "429", "retry_after": 0.2}, "accepted"),
    ({"kind": "503", "retry_after": 0.2}, "accepted or in doubt"),
    ({"kind": "500_before"}, "in_doubt"),
    ({"kind": "reset_before"}, "in_doubt"),
    ({"kind": "500_after"}, "accepted"),
    ({"kind": "reset_after"}, "accepted"),
    ({"kind": "hang_after", "seconds": 3}, "accepted"),
    ({"kind": "html_after"}, "accepted"),
]


@pytest.mark.parametrize(("fault", "end"), FAULTS, ids=lambda value: value["kind"] if isinstance(value, dict) else "")
def test_a_fault_never_sends_twice_and_what_was_taken_is_found(
    organisation: Organisation, sandbox: RunningCarriers, fault: dict[str, Any], end: str
) -> None:
    """After each kind of fault: nothing twice, and everything that the carrier has is accepted in the ledger."""
    sandbox.faults({"on": "messages", "count": 3, "skip": 5, **fault})
    campaign = organisation.campaign(30)
    organisation.drain(idle_s=3.0 if fault["kind"] in ("429", "503") else 0.05)
    ids = sandbox.accepted_of(campaign.token)
    assert len(ids) == len(set(ids))
    states = {row["message_id"]: row["state"] for row in organisation.messages(campaign)}
    assert all(states[message_id] == "accepted" for message_id in ids)
    left = {state for message_id, state in states.items() if message_id not in ids}
    assert left <= {"in_doubt"} if "in" in end else not left, left


@pytest.mark.parametrize("channel", ["sms", "email"])
def test_a_text_that_the_carrier_refuses_stops_no_other(
    organisation: Organisation, sandbox: RunningCarriers, channel: str
) -> None:
    """One refused among forty, by itself or within a request: it fails with the carrier's reason, the others go once."""
    if channel == "sms":
        campaign = organisation.campaign(39)
        refused = organisation.campaign(["+447700900777"], row={"body": "x" * 1601})
    else:
        addresses = [f"person{number}@mail.example" for number in range(39)]
        refused = campaign = organisation.campaign(
            [*addresses[:20], "refuse@mail.example", *addresses[20:]], ("email",)
        )
    organisation.drain()
    (failed,) = [row for row in organisation.messages(refused) if row["state"] == "failed"]
    assert failed["reason"] in ("carrier_rejected", "address_refused") and failed["error_code"]
    accepted = sandbox.accepted_of(campaign.token)
    assert len(accepted) == len(set(accepted)) == 39
    assert failed["message_id"] not in accepted
    assert organisation.query("select count(*) from suspension")[0][0] == 0


def test_trying_again_backs_off_and_ends(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """Throttled for good: later at each attempt, and given up at the twelfth, when the next channel takes over."""
    sandbox.faults({"kind": "429", "on": "messages", "retry_after": 0.05})
    campaign = organisation.campaign(["+447700900001"], ("sms", "email"))
    waits = []
    for attempt in range(1, 13):
        organisation.execute("update message set due_at = now() where state = 'queued'")
        organisation.execute("update pace set blocked_until = null")
        organisation.drain(idle_s=0.01)
        sms, _ = organisation.messages(campaign)
        assert sms["attempts"] == attempt
        if attempt < 12:
            assert (sms["state"], sms["reason"]) == ("queued", "carrier_unavailable")
            waits.append((sms["due_at"] - sms["changed_at"]).total_seconds())
    assert all(0.75 * min(300, 2**place) <= wait <= 1.25 * min(300, 2**place) + 1 for place, wait in enumerate(waits))
    assert (sms["state"], sms["reason"]) == ("failed", "retries_exhausted")
    organisation.drain()
    assert [row["state"] for row in organisation.messages(campaign)] == ["failed", "accepted"]


def test_a_database_that_stays_away_ends_the_sender_with_a_word_and_loses_nothing(
    organisation: Organisation, sandbox: RunningCarriers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for a while, says what happened and what to do; nothing goes meanwhile, and all goes once afterwards."""
    monkeypatch.setattr("nightmail.sending.sender.session.PATIENCE_S", 1.5)
    monkeypatch.setattr("nightmail.sending.dead_senders.RESTART_GRACE_S", 0)
    sandbox.faults({"kind": "wait", "on": "messages", "seconds": 0.05})
    organisation.change_account("sms", connections=2)
    campaign = organisation.campaign(150)
    name = organisation.engine.url.database
    administration = create_engine(
        organisation.engine.url.set(database="postgres", username=SUPERUSER), isolation_level="AUTOCOMMIT"
    )
    raised: list[BaseException] = []

    def send() -> None:
        try:
            organisation.drain()
        except UnavailableError as error:
            raised.append(error)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    eventually(lambda: len(sandbox.accepted_of(campaign.token)) >= 20)
    with administration.connect() as connection:
        connection.execute(text(f"alter database {name} allow_connections false"))
        connection.execute(
            text("select pg_terminate_backend(pid) from pg_stat_activity where datname = :n"), {"n": name}
        )
        sender.join(60)
        connection.execute(text(f"alter database {name} allow_connections true"))
    administration.dispose()
    assert not sender.is_alive()
    (error,) = raised
    assert isinstance(error, UnavailableError) and error.reason == "database_unavailable"
    assert "did not answer" in error.message or "does not answer" in error.message
    assert len(sandbox.accepted_of(campaign.token)) < 150
    organisation.engine.dispose()
    organisation.drain()
    ids = sandbox.accepted_of(campaign.token)
    assert len(ids) == len(set(ids)) == 150
    assert organisation.states(campaign) == {"accepted": 150}


@pytest.mark.parametrize("kind", ["html", "html_502"])
def test_a_carrier_that_answers_html_is_alerted_and_nothing_is_lost(
    organisation: Organisation, sandbox: RunningCarriers, kind: str
) -> None:
    """A proxy in between speaks for the carrier: in doubt, an alert that names the account, and the rest waits."""
    sandbox.faults({"kind": kind, "on": "messages"})
    campaign = organisation.campaign(60)
    stop = threading.Event()
    drain(
        organisation.engine,
        organisation.carriers,
        SenderOptions(hash_key=KEY, maximum_s=60.0),
        stop=stop,
        progress=lambda handed_off: stop.set() if handed_off > 10 else None,
    )
    states = organisation.states(campaign)
    assert set(states) <= {"in_doubt", "queued"} and sum(states.values()) == 60
    assert states["in_doubt"] < 60, "a carrier that gives no clear answer is left alone"
    (alert,) = organisation.query("select reason, message from alert")
    assert alert.reason == "carrier_unavailable"
    assert "sandbox-sms gave no clear answer to 10 hand-offs in a row" in alert.message
    assert sandbox.accepted_of(campaign.token) == []
    sandbox.faults()
    organisation.execute("update pace set blocked_until = null")
    organisation.drain()
    assert organisation.states(campaign) == {"accepted": states["queued"], "in_doubt": states["in_doubt"]}


def test_an_opt_out_after_rendering_is_honoured(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """Suppressed after the ledger was loaded: held, with the reason, and never handed off."""
    campaign = organisation.campaign(5)
    rows = organisation.messages(campaign)
    organisation.execute(
        "insert into suppression (team_id, channel, address_hash, reason, source) values (:t, 'sms', :h, 'opted_out', 'x')",
        t=organisation.parent_id,
        h=rows[2]["address_hash"],
    )
    organisation.execute(
        "insert into suppression (channel, address_hash, reason, source) values ('email', :h, 'hard_bounce', 'x')",
        h=rows[3]["address_hash"],
    )
    summary = organisation.drain()
    assert summary.held == 1
    states = [(row["state"], row["reason"]) for row in organisation.messages(campaign)]
    assert states == [("accepted", None)] * 2 + [("held", "opted_out")] + [("accepted", None)] * 2
    assert len(sandbox.accepted_of(campaign.token)) == 4


def test_consent_and_category_are_looked_at_again(organisation: Organisation) -> None:
    """A withdrawn consent and a category opted out of since hold the message."""
    category = organisation.query("select id from category")[0][0]
    organisation.execute("update category set needs_consent = true, kind = 'marketing' where id = :c", c=category)
    campaign = organisation.campaign(["+447700900001", "+447700900002", "+447700900003"])
    for number, withdrawn in (("1", None), ("2", dt.datetime.now(dt.UTC)), ("3", None)):
        organisation.execute(
            "insert into consent (team_id, contact_id, category, captured_at, captured_how, withdrawn_at) "
            "values (:t, :c, 'billing', now(), 'web', :w)",
            t=organisation.team_id,
            c=f"contact-+44770090000{number}",
            w=withdrawn,
        )
    organisation.execute(
        "insert into preference (team_id, contact_id, categories_out) values (:t, 'contact-+447700900003', '{billing}')",
        t=organisation.team_id,
    )
    organisation.drain()
    assert [(r["state"], r["reason"]) for r in organisation.messages(campaign)] == [
        ("accepted", None),
        ("held", "consent_withdrawn"),
        ("held", "category_opted_out"),
    ]


def test_a_feed_that_insists_on_consent_is_asked_again(organisation: Organisation) -> None:
    """Though its category does without: a consent withdrawn since holds the message."""
    campaign = organisation.campaign(["+447700900001", "+447700900002"], settings={"needs_consent": True})
    organisation.execute(
        "insert into consent (team_id, contact_id, category, captured_at, captured_how, withdrawn_at) "
        "select :t, 'contact-+44770090000' || n, 'billing', now(), 'web', case n when 2 then now() end "
        "from generate_series(1, 2) as n",
        t=organisation.team_id,
    )
    organisation.drain()
    assert [(r["state"], r["reason"]) for r in organisation.messages(campaign)] == [
        ("accepted", None),
        ("held", "consent_withdrawn"),
    ]


def copies(organisation: Organisation, campaign: CampaignRow, count: int) -> None:
    """So many more campaigns like one of a single message: by hand, as loading hundreds takes long."""
    organisation.execute(
        "with made as (insert into campaign (key, token, team_id, template_version_id, category_id, source, priority, "
        "settings, state, ledger_month, loaded_at) select key || n, 'c' || lpad(to_hex(n), 10, '0'), team_id, "
        "template_version_id, category_id, source, priority, settings, state, ledger_month, loaded_at "
        "from campaign, generate_series(1, :count) n where id = :c returning id), "
        "messages as (insert into message (ledger_month, message_key, campaign_id, line, channel, step, state, due_at, "
        "contact_id, address_hash, segments) select ledger_month, message_key + ((made.id::bigint - :c) << 38), made.id, "
        "line, channel, step, state, due_at, contact_id, address_hash, segments from made, message "
        "where campaign_id = :c returning ledger_month, message_key) "
        "insert into message_content (ledger_month, message_key, address, body) "
        "select ledger_month, message_key, '+447700900009', 'text' from messages",
        c=campaign.id,
        count=count,
    )


@pytest.mark.parametrize("other", ["another channel", "another team"])
def test_urgent_campaigns_that_wait_keep_no_others_waiting(organisation: Organisation, other: str) -> None:
    """More campaigns than a plan has places wait for a suspension to be lifted: what goes another way goes."""
    copies(organisation, organisation.campaign(1, priority=0), 204)
    suspend_channel(organisation.engine, "sms", reason="down", by="test", team_id=organisation.team_id)
    if other == "another team":
        organisation.execute("insert into team (path, name) values ('other', 'Other')")
        organisation.team_id = organisation.query("select id from team where path = 'other'")[0].id
    campaign = organisation.campaign(5, ("email",) if other == "another channel" else ("sms",), priority=5)
    organisation.drain()
    assert organisation.states(campaign) == {"accepted": 5}
    assert organisation.query("select count(*) from message where state = 'queued'")[0][0] == 205


def test_quiet_hours_put_a_message_off_to_their_end(organisation: Organisation) -> None:
    """Within the contact's own quiet hours nothing goes; the message is due when they end."""
    now = dt.datetime.now(dt.UTC)
    campaign = organisation.campaign(["+447700900001", "+447700900002"])
    organisation.execute(
        "insert into preference (team_id, contact_id, quiet_from, quiet_until, time_zone) "
        "values (:t, 'contact-+447700900002', :f, :u, 'UTC')",
        t=organisation.team_id,
        f=f"{now - dt.timedelta(hours=1):%H:%M}",
        u=f"{now + dt.timedelta(hours=2):%H:%M}",
    )
    organisation.drain()
    first, second = organisation.messages(campaign)
    assert first["state"] == "accepted" and second["state"] == "queued" and second["attempts"] == 0
    assert dt.timedelta(hours=1, minutes=58) < second["due_at"] - now < dt.timedelta(hours=2, minutes=1)


def test_a_contacts_own_quiet_hours_come_on_top_of_the_feeds(organisation: Organisation) -> None:
    """Own hours at another time of day leave the feed's in force, and where the one ends within the other, both are over.

    The feed's bind text messages and calls, a contact's own bind an email as well.
    """
    now = dt.datetime.now(dt.UTC)

    def clock(hours: float) -> str:
        return f"{now + dt.timedelta(hours=hours):%H:%M}"

    settings = {"quiet_hours": f"{clock(-1)}-{clock(2)}"}
    numbers = ["+447700900001", "+447700900002", "+447700900003"]
    texts = organisation.campaign(numbers, settings=settings)
    emails = organisation.campaign(numbers, ("email",), settings=settings)
    organisation.execute("update message set time_zone = 'UTC'")
    for number, start, end in ((numbers[1], 5, 6), (numbers[2], -1.5, 3)):
        organisation.execute(
            "insert into preference (team_id, contact_id, quiet_from, quiet_until) values (:t, :c, :f, :u)",
            t=organisation.team_id,
            c=f"contact-{number}",
            f=clock(start),
            u=clock(end),
        )
    organisation.drain()

    def waits(message: dict[str, Any]) -> int | None:
        """Hours, or none for one that was sent."""
        return None if message["state"] == "accepted" else round((message["due_at"] - now).total_seconds() / 3600)

    assert [waits(message) for message in organisation.messages(texts)] == [2, 2, 3]
    assert [waits(message) for message in organisation.messages(emails)] == [None, None, 3]


def test_what_is_not_handed_off_by_the_cut_off_is_dropped(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """After the cut-off nothing goes, and the messages say so."""
    campaign = organisation.campaign(5, cut_off_at=in_minutes(-1))
    organisation.drain()
    assert organisation.states(campaign) == {"expired": 5}
    assert sandbox.accepted_of(campaign.token) == []
    assert organisation.read(campaign).state == "finished"


def test_urgent_campaigns_go_first_and_equals_share(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """An urgent campaign overtakes; two ordinary ones of different size take turns."""
    organisation.change_account("sms", connections=1)
    large, small = organisation.campaign(600), organisation.campaign(100)
    urgent = organisation.campaign(50, priority=0)
    organisation.drain()
    order = [i.split("-")[0] for i in sandbox.accepted_ids() if i]
    order = [token for token in order if token in (large.token, small.token, urgent.token)]
    assert set(order[:50]) == {urgent.token}
    last_of_small = max(place for place, token in enumerate(order) if token == small.token)
    assert last_of_small < 400


def test_a_pause_holds_within_a_second_and_resuming_sends_the_rest(
    organisation: Organisation, sandbox: RunningCarriers
) -> None:
    """While a sender is at work: after the pause nothing more is accepted but what was under way."""
    sandbox.faults({"kind": "wait", "on": "messages", "seconds": 0.05})
    campaign = organisation.campaign(200)
    stop = threading.Event()
    sender = threading.Thread(
        target=lambda: drain(
            organisation.engine, organisation.carriers, SenderOptions(hash_key=KEY, idle_s=2.0), stop=stop
        )
    )
    sender.start()
    eventually(lambda: len(sandbox.accepted_of(campaign.token)) >= 20)
    stopped = pause(organisation.engine, campaign.key, actor="test")
    paused_at = time.time()
    assert stopped.not_sent > 0
    sender.join()
    late = [
        line
        for line in sandbox.accepted()
        if (line["message_id"] or "").startswith(campaign.token)
        and dt.datetime.fromisoformat(line["at"]).timestamp() > paused_at + 1.0
    ]
    assert late == []
    done = len(sandbox.accepted_of(campaign.token))
    assert done < 200
    assert organisation.states(campaign) == {"accepted": done, "queued": 200 - done}
    sandbox.faults()
    resume(organisation.engine, campaign.key, actor="test")
    organisation.drain()
    ids = sandbox.accepted_of(campaign.token)
    assert len(ids) == len(set(ids)) == 200


@pytest.mark.parametrize("order", ["cancel", "suspend"])
def test_cancelling_and_suspending_hold_within_a_second_too(
    organisation: Organisation, sandbox: RunningCarriers, order: str
) -> None:
    """While a sender is at work; what is told as not sent, and what was under way, adds up with what the carrier has."""
    sandbox.faults({"kind": "wait", "on": "messages", "seconds": 0.05})
    campaign = organisation.campaign(200)
    stop = threading.Event()
    options = SenderOptions(hash_key=KEY, idle_s=2.0)
    sender = threading.Thread(
        target=lambda: drain(organisation.engine, organisation.carriers, options, stop=stop), daemon=True
    )
    sender.start()
    eventually(lambda: len(sandbox.accepted_of(campaign.token)) >= 20)
    if order == "cancel":
        stopped = cancel(organisation.engine, campaign.key, actor="test")
        assert 0 < stopped.not_sent <= 200 - 20
    else:
        suspend_channel(organisation.engine, "sms", reason="test", by="test", team_id=organisation.parent_id)
        with organisation.engine.connect() as connection:
            assert 0 < messages_waiting(connection, "sms", organisation.parent_id) <= 200 - 20
            assert messages_waiting(connection, "email", organisation.parent_id) == 0
    ordered_at = time.time()
    sender.join(30)
    assert not sender.is_alive()
    lines = [line for line in sandbox.accepted() if (line["message_id"] or "").startswith(campaign.token)]
    assert max(dt.datetime.fromisoformat(line["at"]).timestamp() for line in lines) < ordered_at + 1.0
    organisation.drain()
    left = "cancelled" if order == "cancel" else "queued"
    assert organisation.states(campaign) == {"accepted": len(lines), left: 200 - len(lines)}
    assert len(sandbox.accepted_of(campaign.token)) == len(lines) < 200


def test_a_cancelled_campaign_tells_what_was_not_sent(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """Cancelling before the first hand-off: nothing goes, the count is told, the standby goes with it."""
    campaign = organisation.campaign(30, ("sms", "email"))
    stopped = cancel(organisation.engine, campaign.key, actor="test")
    assert stopped.not_sent == 60
    organisation.drain()
    assert organisation.states(campaign) == {"cancelled": 60}
    assert sandbox.accepted_of(campaign.token) == []


def test_a_suspended_channel_waits_and_loses_nothing(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """Suspended for the team above: messages wait; another team's go; lifted, they go too."""
    campaign = organisation.campaign(10)
    row = suspend_channel(organisation.engine, "sms", reason="test", by="test", team_id=organisation.parent_id)
    organisation.drain()
    assert organisation.states(campaign) == {"queued": 10}
    assert sandbox.accepted_of(campaign.token) == []
    lift_suspension(organisation.engine, row.id, by="test")
    organisation.drain()
    assert organisation.states(campaign) == {"accepted": 10}


def test_wrong_credentials_stop_the_account_and_lose_nothing(
    organisation: Organisation, sandbox: RunningCarriers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused credentials: one clear alert, the account suspended, every message still queued; mended, all go once."""
    right = sandbox.told["twilio"]["auth_token"]
    monkeypatch.setenv("NIGHTMAIL_RIG_TWILIO", "wrong")
    campaign = organisation.campaign(50)
    organisation.drain()
    assert organisation.states(campaign) == {"queued": 50}
    (alert,) = organisation.query("select reason, message from alert")
    assert alert.reason == "carrier_credentials" and "20003" in alert.message
    with organisation.engine.connect() as connection:
        (suspension,) = list_suspensions(connection)
    assert suspension.carrier_account_id == organisation.account_ids["sms"]
    monkeypatch.setenv("NIGHTMAIL_RIG_TWILIO", right)
    lift_suspension(organisation.engine, suspension.id, by="test")
    organisation.drain()
    ids = sandbox.accepted_of(campaign.token)
    assert len(ids) == len(set(ids)) == 50
    assert organisation.query("select count(*) from alert where resolved_at is null")[0][0] == 0


@pytest.mark.parametrize(("error_class", "end"), [("stop_and_alert", "accepted"), ("retry_later", "failed")])
def test_what_a_person_had_to_mend_uses_no_retries_up(
    organisation: Organisation, sandbox: RunningCarriers, error_class: str, end: str
) -> None:
    """After eleven attempts the carrier puts a message off once more: its last try, if those were its own."""
    campaign = organisation.campaign(1)
    organisation.execute("update message set attempts = 11")
    organisation.execute(
        "insert into attempt (ledger_month, message_key, number, sender_run_id, carrier_account_id, outcome, error_class) "
        "select ledger_month, message_key, n, 0, :a, 'rejected', :c from message, generate_series(1, 11) n",
        a=organisation.account_ids["sms"],
        c=error_class,
    )
    sandbox.faults({"kind": "429", "on": "messages", "count": 1, "retry_after": 0.1})
    organisation.drain()
    if end == "accepted":
        assert organisation.states(campaign) == {"queued": 1}
        organisation.execute("update pace set blocked_until = null")
        organisation.execute("update message set due_at = now()")
        organisation.drain()
    assert organisation.states(campaign) == {end: 1}


def test_a_sender_that_the_account_does_not_own_stops_only_itself(
    organisation: Organisation, sandbox: RunningCarriers
) -> None:
    """The team's own sender is not the account's: it is suspended with a message, and nothing of it fails."""
    sandbox.behave(owned_senders=["+15005550006"])
    organisation.execute(
        "insert into sender (team_id, channel, name, address, carrier_account_id) values (:t, 'sms', 'own', '+15551230000', :a)",
        t=organisation.team_id,
        a=organisation.account_ids["sms"],
    )
    campaign = organisation.campaign(10)
    organisation.drain()
    assert organisation.states(campaign) == {"queued": 10}
    with organisation.engine.connect() as connection:
        (suspension,) = list_suspensions(connection)
    assert suspension.sender == "+15551230000"
    assert "21" in suspension.reason


def test_a_second_account_takes_over_from_a_suspended_one(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """With the first account suspended, its messages go over the next one, once."""
    add_account(organisation, "second")
    suspend_channel(
        organisation.engine, "sms", reason="down", by="test", carrier_account_id=organisation.account_ids["sms"]
    )
    campaign = organisation.campaign(20)
    organisation.drain()
    assert organisation.states(campaign) == {"accepted": 20}
    assert {row["carrier_account_id"] for row in organisation.messages(campaign)} != {organisation.account_ids["sms"]}
    assert len(sandbox.accepted_of(campaign.token)) == 20


def add_account(organisation: Organisation, name: str) -> int:
    """A further account for SMS, like the organisation's own, of a lower priority."""
    organisation.execute(
        "insert into carrier_account (name, carrier, channel, settings, secret, priority) "
        "select :n, carrier, channel, settings, secret, 5 from carrier_account where channel = 'sms'",
        n=name,
    )
    return int(organisation.query("select id from carrier_account where name = :n", n=name)[0].id)


def add_sender(organisation: Organisation, team_id: int, address: str, account_id: int) -> None:
    organisation.execute(
        "insert into sender (team_id, channel, name, address, carrier_account_id) values (:t, 'sms', :n, :n, :a)",
        t=team_id, n=address, a=account_id,
    )  # fmt: skip


@pytest.fixture
def suspended_with_a_sender(organisation: Organisation) -> Organisation:
    """The team has a sender on the first account, which is suspended; the second states a sender of somebody else's."""
    add_sender(organisation, organisation.team_id, "+15551230001", organisation.account_ids["sms"])
    add_account(organisation, "second")
    suspend_channel(
        organisation.engine, "sms", reason="down", by="test", carrier_account_id=organisation.account_ids["sms"]
    )
    return organisation


def test_a_team_with_a_sender_sends_under_no_other_name(
    suspended_with_a_sender: Organisation, sandbox: RunningCarriers
) -> None:
    """Its account suspended, its messages wait: the other account is neither used for them nor suspended by them."""
    organisation = suspended_with_a_sender
    campaign = organisation.campaign(5)
    organisation.drain()
    assert organisation.states(campaign) == {"queued": 5}
    assert sandbox.accepted_of(campaign.token) == []
    with organisation.engine.connect() as connection:
        assert [row.by for row in list_suspensions(connection)] == ["test"]
        assert due_work(connection).messages == 0


def test_a_sender_of_the_team_above_takes_over_on_its_account(
    suspended_with_a_sender: Organisation, sandbox: RunningCarriers
) -> None:
    """The carrier takes messages from that number only."""
    organisation = suspended_with_a_sender
    sandbox.behave(owned_senders=["+15551230002"])
    second = int(organisation.query("select id from carrier_account where name = 'second'")[0].id)
    add_sender(organisation, organisation.parent_id, "+15551230002", second)
    campaign = organisation.campaign(5)
    with organisation.engine.connect() as connection:
        assert due_work(connection).messages == 5
    organisation.drain()
    assert organisation.states(campaign) == {"accepted": 5}
    assert len(sandbox.accepted_of(campaign.token)) == 5


def test_an_account_without_any_sender_is_not_used(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """Nothing is handed off without a sender, the account is not suspended for it, and an alert says what is missing."""
    organisation.execute("update carrier_account set settings = settings - 'sender'")
    campaign = organisation.campaign(5)
    with organisation.engine.connect() as connection:
        assert due_work(connection).messages == 0
    organisation.drain()
    assert organisation.states(campaign) == {"queued": 5}
    assert [row.reason for row in organisation.query("select reason from alert")] == ["no_carrier"]
    with organisation.engine.connect() as connection:
        assert list_suspensions(connection) == []


def test_another_teams_suspended_number_does_not_keep_senders_from_starting(organisation: Organisation) -> None:
    account = organisation.account_ids["sms"]
    add_sender(organisation, organisation.team_id, "+15551230001", account)
    organisation.execute("insert into team (path, name) values ('other', 'Other')")
    other = organisation.query("select id from team where path = 'other'")[0].id
    add_sender(organisation, other, "+15551230009", account)
    suspend_channel(
        organisation.engine, "sms", reason="down", by="test", carrier_account_id=account, sender="+15551230009"
    )
    organisation.campaign(5)
    with organisation.engine.connect() as connection:
        assert due_work(connection).messages == 5


def test_the_rate_holds_over_all_senders(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """Two senders at 40 a second together: no second sees more than the rate and its small burst."""
    organisation.change_account("sms", rate_per_s=40)
    campaign = organisation.campaign(100)
    senders = [threading.Thread(target=organisation.drain) for _ in range(2)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    times = sorted(
        dt.datetime.fromisoformat(line["at"]).timestamp()
        for line in sandbox.accepted()
        if (line["message_id"] or "").startswith(campaign.token)
    )
    assert len(times) == 100
    busiest = max(sum(1 for other in times if start <= other < start + 1.0) for start in times)
    # 40 of the rate, a quarter of a second's burst, and what was under way when the second began.
    assert busiest <= 40 + 10 + 8


def test_a_carriers_limit_is_obeyed_and_recovered_from(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """Over the carrier's own limit: 429s slow the pace, everything goes once, and the rate is below its ceiling."""
    sandbox.behave(requests_per_second=50)
    campaign = organisation.campaign(150)
    organisation.drain(idle_s=4.0)
    ids = sandbox.accepted_of(campaign.token)
    assert len(ids) == len(set(ids)) == 150
    assert organisation.states(campaign) == {"accepted": 150}
    rate, ceiling = organisation.query("select rate_per_s, ceiling_per_s from pace where channel = 'sms'")[0]
    assert rate < ceiling


def test_a_command_that_was_broken_off_does_not_hold_the_sender_up(organisation: Organisation) -> None:
    """A signal in the middle of a statement leaves a connection that takes no other: the sender begins a new one."""
    campaign = organisation.campaign(20)
    options = SenderOptions(hash_key=KEY, public_url=organisation.public_url, idle_s=0.05)
    broken_off: list[int] = []

    def break_off(_: int) -> None:
        if not broken_off:
            broken_off.append(1)
            sender.session.database.pgconn.send_query(b"select pg_sleep(60)")

    sender = Sender(organisation.engine, organisation.carriers, options, progress=break_off)
    summary = sender.run()
    assert broken_off
    assert summary.handed_off == 20
    assert organisation.states(campaign) == {"accepted": 20}


def test_a_pause_and_the_end_of_a_consent_hold_at_hand_off(organisation: Organisation) -> None:
    """Stated after the ledger was loaded; what was given again since the withdrawal goes."""
    organisation.execute("update category set needs_consent = true")
    numbers = [f"+44770090000{number}" for number in range(1, 6)]
    campaign = organisation.campaign(numbers)
    organisation.execute(
        "insert into consent (team_id, contact_id, category, channel, captured_at, captured_how, withdrawn_at, expires_at) "
        "select :t, 'contact-+44770090000' || n, 'billing', c, now() - d * interval '1 day', 'web', "
        "now() - w * interval '1 day', now() - e * interval '1 day' "
        "from (values (1, null, 9, null, null), (2, null, 9, null, 1), (3, null, 9, 8, null), (3, 'sms', 2, null, null), "
        "(4, null, 2, null, null), (4, 'sms', 3, 1, null)) as stated(n, c, d, w, e)",
        t=organisation.team_id,
    )
    organisation.execute(
        "insert into preference (team_id, contact_id, paused_until) values (:t, 'contact-+447700900001', now() + interval '1 day')",
        t=organisation.team_id,
    )
    organisation.drain()
    assert [(r["state"], r["reason"]) for r in organisation.messages(campaign)] == [
        ("held", "paused_by_contact"),
        ("held", "consent_expired"),
        ("accepted", None),
        ("held", "consent_withdrawn"),
        ("held", "consent_missing"),
    ]
