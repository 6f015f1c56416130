"""Messages of a suspended channel wait, or fall to the contact's next channel, as their team set it."""

from __future__ import annotations

import json
import threading
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.suspensions import lift_suspension, suspend_channel
from nightmail.sending import suspended_channels as room
from nightmail.sending.advance import advance_ledger
from nightmail.sending.suspended_channels import fall_from_suspended, suspended_channels
from nightmail.store.engine import libpq_url, normalised_url
from tests.support.sandbox_process import RunningCarriers, eventually
from tests.support.sender_by_hand import SenderByHand
from tests.support.sender_processes import context
from tests.support.sending_rig import Organisation

FALLBACKS = {"keep_fallbacks": True}
FELL = ("held", "fell_to_next_channel")


def lets(organisation: Organisation, setting: Any, team: str = "acme.billing") -> None:
    """A team's ``when_suspended``."""
    organisation.execute(
        "update team set settings = jsonb_build_object('when_suspended', cast(:s as jsonb)) where path = :p",
        s=json.dumps(setting),
        p=team,
    )


def suspended(organisation: Organisation, channel: str = "sms", **of: Any) -> int:
    return suspend_channel(organisation.engine, channel, reason="x", by="test", **of).id


def ends(organisation: Organisation, campaign: CampaignRow) -> list[tuple[str, str, str | None]]:
    """Channel, state and reason of each message, by contact and in their order."""
    rows = sorted(organisation.messages(campaign), key=lambda row: (row["line"], row["step"]))
    return [(row["channel"], row["state"], row["reason"]) for row in rows]


@pytest.mark.parametrize(
    ("own", "above", "falls"),
    [
        (None, None, False),
        ("fall", None, True),
        ({"sms": "fall"}, None, True),
        ({"voice": "fall"}, None, False),
        (None, "fall", True),
        ("wait", "fall", False),
        ({"email": "fall"}, "fall", False),
    ],
)
def test_the_nearest_team_that_states_it_decides(
    organisation: Organisation, sandbox: RunningCarriers, own: Any, above: Any, falls: bool
) -> None:
    """What fell is not brought back as the suspension is lifted; what waited goes then. Each contact is reached once."""
    for setting, team in ((own, "acme.billing"), (above, "acme")):
        if setting is not None:
            lets(organisation, setting, team)
    campaign = organisation.campaign(3, ("sms", "voice"), settings=FALLBACKS)
    suspension = suspended(organisation)
    organisation.drain()
    assert ends(organisation, campaign)[:2] == (
        [("sms", *FELL), ("voice", "accepted", None)]
        if falls
        else [("sms", "queued", None), ("voice", "standby", None)]
    )
    lift_suspension(organisation.engine, suspension, by="test")
    organisation.drain()
    assert organisation.states(campaign) == ({"held": 3, "accepted": 3} if falls else {"accepted": 3, "standby": 3})
    assert len(sandbox.accepted_of(campaign.token)) == 3
    entries = organisation.query("select detail from audit where action = 'campaign.fell_to_next_channel'")
    assert [entry.detail for entry in entries] == ([{"messages": 3, "channels": ["sms"]}] if falls else [])


@pytest.mark.parametrize("by", ["account", "sender", "another team", "another sender"])
def test_a_channel_counts_as_suspended_when_every_way_is(organisation: Organisation, by: str) -> None:
    """The account or the number alone is enough where the team has no other; what is another's is not."""
    lets(organisation, "fall")
    account = organisation.account_ids["sms"]
    organisation.execute(
        "insert into sender (team_id, channel, name, address, carrier_account_id) values (:t, 'sms', 'a', '+15005550006', :c)",
        t=organisation.parent_id,
        c=account,
    )
    organisation.execute("insert into team (path, name) values ('other', 'Other')")
    other = organisation.query("select id from team where path = 'other'")[0].id
    of: dict[str, dict[str, Any]] = {
        "account": {"carrier_account_id": account},
        "sender": {"carrier_account_id": account, "sender": "+15005550006"},
        "another team": {"team_id": other},
        "another sender": {"carrier_account_id": account, "sender": "+15005550007"},
    }
    campaign = organisation.campaign(1, ("sms", "voice"), settings=FALLBACKS)
    suspension = suspended(organisation, **of[by])
    with organisation.engine.connect() as connection:
        told = suspended_channels(connection, campaign.id)
    fell = not by.startswith("another")
    assert told == ([room.SuspendedChannel("sms", (suspension,), True)] if fell else [])
    assert fall_from_suspended(organisation.engine) == fell


def test_a_carrier_that_refuses_the_credentials_lets_messages_fall(
    organisation: Organisation, sandbox: RunningCarriers
) -> None:
    """The senders suspend the account themselves: its messages go on by the next channel, none is lost."""
    lets(organisation, {"sms": "fall"})
    sandbox.behave(owned_senders=["+15005550001", "billing@acme.example"])
    campaign = organisation.campaign(5, ("sms", "email"), settings=FALLBACKS)
    for _ in range(3):
        organisation.drain()
    assert organisation.states(campaign) == {"held": 5, "accepted": 5}
    assert organisation.read(campaign).state == "finished"


def test_nothing_falls_where_no_next_channel_may_be_used(organisation: Organisation) -> None:
    """Without a next channel, or with one that is suspended and waits, a message waits; else it falls past that channel."""
    lets(organisation, {"sms": "fall"})
    alone = organisation.campaign(1, ("sms",))
    two = organisation.campaign(1, ("sms", "voice"), settings=FALLBACKS)
    three = organisation.campaign(1, ("sms", "voice", "email"), settings=FALLBACKS)
    suspended(organisation)
    suspended(organisation, "voice")
    assert fall_from_suspended(organisation.engine) == 0
    lets(organisation, "fall")
    for _ in range(3):
        organisation.drain()
    assert ends(organisation, alone) == [("sms", "queued", None)]
    assert ends(organisation, two) == [("sms", "queued", None), ("voice", "standby", None)]
    assert ends(organisation, three) == [("sms", *FELL), ("voice", *FELL), ("email", "accepted", None)]


def test_what_is_not_due_paused_or_under_way_does_not_fall(organisation: Organisation) -> None:
    """Only what would go at this moment falls: a suspension may be lifted before the rest is due."""
    lets(organisation, "fall")
    campaign = organisation.campaign(4, ("sms", "voice"), settings=FALLBACKS)
    sender = SenderByHand(organisation)
    (under_way,) = sender.claim(campaign, limit=1, has_standby=True)
    organisation.execute(
        "update message set due_at = now() + interval '1 hour' where state = 'queued' and line = "
        "(select max(line) from message)"
    )
    paused = organisation.campaign(1, ("sms", "voice"), settings=FALLBACKS)
    organisation.execute("update campaign set state = 'paused' where id = :c", c=paused.id)
    suspended(organisation)
    advance_ledger(organisation.engine)
    states = [end[1] for end in ends(organisation, campaign) if end[0] == "sms"]
    assert sorted(states) == ["handing_over", "held", "held", "queued"]
    assert ends(organisation, paused) == [("sms", "queued", None), ("voice", "standby", None)]
    # Its sender dies: it is in doubt then, and a person has it sent again. It was in doubt once, and waits.
    sender.connection.close()
    from nightmail.sending.doubt_decisions import Decision, decide

    def in_doubt() -> bool:
        # The database frees a closed session's lock a moment later; until then the sender counts as alive.
        advance_ledger(organisation.engine)
        return "in_doubt" in organisation.states(campaign)

    eventually(in_doubt)
    decide(organisation.engine, under_way.message.message_id, Decision.RESEND, actor="test")
    assert fall_from_suspended(organisation.engine) == 0


def test_a_suspension_that_is_lifted_waits_for_what_is_falling_and_nothing_falls_after(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chunk at a time: between two chunks the suspension is lifted, and the rest goes by its own channel."""
    lets(organisation, "fall")
    monkeypatch.setattr(room, "CHUNK", 2)
    campaign = organisation.campaign(6, ("sms", "voice"), settings=FALLBACKS)
    suspension = suspended(organisation)
    with psycopg.connect(libpq_url(organisation.engine)) as holder:
        # Holds two messages back, so that the falling has them to wait for and to come back to.
        holder.execute("select from message where line in (2, 3) for update")
        assert fall_from_suspended(organisation.engine) == 4
        lifting = threading.Thread(
            target=lift_suspension, args=(organisation.engine, suspension), kwargs={"by": "test"}
        )
        lifting.start()
        lifting.join(10)
    assert fall_from_suspended(organisation.engine) == 0
    organisation.drain()
    assert organisation.states(campaign) == {"held": 4, "accepted": 6, "standby": 2}


def test_who_is_killed_over_it_leaves_each_message_waiting_or_fallen_with_its_next_channel(
    organisation: Organisation, database_url: str
) -> None:
    """Processes that let messages fall, a few at a time, killed at any point: each contact has one way left, and one only."""
    lets(organisation, "fall")
    campaign = organisation.campaign(60, ("sms", "voice"), settings=FALLBACKS)
    suspended(organisation)
    made = context()
    fallen = 0
    while fallen < 60:
        process = made.Process(target=_let_fall_until_killed, args=(database_url,), daemon=True)
        process.start()
        before = fallen
        eventually(lambda before=before: organisation.states(campaign).get("held", 0) > before)
        process.kill()
        process.join(10)
        states = ends(organisation, campaign)
        fallen = states.count(("sms", *FELL))
        woken = organisation.query("select line from message where state = 'standby' and due_at <= now()")
        assert len(woken) == fallen
        assert states.count(("sms", "queued", None)) == 60 - fallen
    organisation.drain()
    organisation.drain()
    assert organisation.states(campaign) == {"held": 60, "accepted": 60}


def _let_fall_until_killed(url: str) -> None:
    room.CHUNK = 7
    engine = create_engine(normalised_url(url))
    while True:
        fall_from_suspended(engine)
