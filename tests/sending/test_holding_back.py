"""The seconds in which a send by hand can be undone: no sender begins earlier, and who made it takes it back."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from nightmail.access.permissions import Permission
from nightmail.access.principals import Held, Principal, system_principal
from nightmail.campaigns.approval import approve
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.creation import create_campaign
from nightmail.campaigns.taking_back import take_back
from nightmail.campaigns.transitions import begin_preparing, pause, release_scheduled, resume
from nightmail.errors import NightmailError, UsageError
from nightmail.sending.advance import advance_ledger
from nightmail.sending.ledger_loading import load_ledger
from nightmail.store.states import CampaignState
from tests.support.sending_rig import Organisation, in_minutes


@pytest.fixture
def held(organisation: Organisation) -> Organisation:
    """An organisation whose top team holds back for half a minute."""
    hold_back(organisation, 30)
    return organisation


def hold_back(organisation: Organisation, seconds: int | None) -> None:
    settings = {} if seconds is None else {"hold_back_s": seconds}
    organisation.execute("update team set settings = cast(:s as jsonb) where path = 'acme'", s=json.dumps(settings))


def time_passes(organisation: Organisation, campaign: CampaignRow) -> None:
    """The countdown is over."""
    organisation.execute("update campaign set held_until = now() - interval '1 s' where id = :id", id=campaign.id)


def test_no_sender_begins_before_its_time(held: Organisation) -> None:
    """The ledger is loaded and due, and a sender finds nothing; after the time it goes, once, as any campaign."""
    campaign = held.campaign(3)
    assert (campaign.state, campaign.scheduled_at) == (CampaignState.SCHEDULED, None)
    assert campaign.held_until is not None
    assert dt.timedelta(0) < campaign.held_until - dt.datetime.now(dt.UTC) <= dt.timedelta(seconds=30)
    held.drain()
    assert held.states(campaign) == {"queued": 3}
    assert advance_ledger(held.engine).released == 0
    time_passes(held, campaign)
    assert advance_ledger(held.engine).released == 1
    held.drain()
    assert held.states(campaign) == {"accepted": 3}


def test_undone_in_time_nothing_is_handed_off(held: Organisation) -> None:
    """Taken back before the first hand-off: cancelled, said twice alike, and no sender takes any of it afterwards."""
    campaign = held.campaign(3)
    undone = take_back(held.engine, campaign.key, by=system_principal("test"))
    assert (undone.campaign.state, undone.not_sent) == (CampaignState.CANCELLED, 3)
    assert take_back(held.engine, campaign.key, by=system_principal("test")).not_sent == 3
    time_passes(held, campaign)
    advance_ledger(held.engine)
    held.drain()
    assert held.states(campaign) == {"cancelled": 3}


@pytest.mark.parametrize(
    ("seconds", "more", "state"),
    [
        (None, {}, CampaignState.SENDING),
        (0, {}, CampaignState.SENDING),
        (30, {"scheduled_at": in_minutes(0.1)}, CampaignState.SCHEDULED),
    ],
)
def test_which_are_held_back(
    organisation: Organisation, seconds: int | None, more: dict[str, Any], state: CampaignState
) -> None:
    """Without the setting, and by 0, nothing is; a start within the time is."""
    hold_back(organisation, seconds)
    campaign = organisation.campaign(1, **more)
    assert (campaign.state, campaign.held_until is not None) == (state, state is CampaignState.SCHEDULED)


def test_a_later_start_is_time_enough(held: Organisation) -> None:
    """There is time to undo until it starts."""
    assert held.campaign(1, scheduled_at=in_minutes(30)).held_until is None


@pytest.mark.parametrize(
    ("source", "maker"), [("api", "key:1"), ("list", "key:1"), ("single", "key:1"), ("sftp", "sftp")]
)
def test_what_programs_send_goes_at_once(held: Organisation, source: str, maker: str) -> None:
    """A code for a login must not wait for a second thought that nobody has."""
    with held.engine.begin() as connection:
        campaign = create_campaign(
            connection,
            team_id=held.team_id,
            template_version_id=held.version_id,
            category_id=held.category_id,
            source=source,
            actor=maker,
        )
        campaign = begin_preparing(connection, campaign.id, "run")
    load_ledger(held.engine, campaign.id, *held.tables(campaign, ["+447700900001"]), actor="run")
    assert held.read(campaign).state is CampaignState.SENDING


def test_an_approved_one_is_held_back_from_then_on(held: Organisation) -> None:
    """The approval's own second thought; what was approved is unchanged by it, so that it goes when the time is over."""
    campaign = held.received()
    with held.engine.begin() as connection:
        campaign = begin_preparing(connection, campaign.id, "run")
    messages, audience = held.tables(campaign, ["+447700900001"])
    load_ledger(held.engine, campaign.id, messages, audience, actor="run", needs_approval=True)
    assert held.read(campaign).held_until is None
    assert approve(held.engine, campaign.key, actor="user:other").state is CampaignState.SCHEDULED
    time_passes(held, campaign)
    assert release_scheduled(held.engine) == [campaign.key]


def test_paused_and_resumed_it_waits_no_longer_than_before(held: Organisation) -> None:
    """The time is absolute: it outlives a pause, and is not begun again."""
    campaign = held.campaign(1)
    pause(held.engine, campaign.id, actor="test")
    again = resume(held.engine, campaign.id, actor="test")
    assert (again.state, again.held_until) == (CampaignState.SCHEDULED, campaign.held_until)
    pause(held.engine, campaign.id, actor="test")
    time_passes(held, campaign)
    assert resume(held.engine, campaign.id, actor="test").state is CampaignState.SENDING


def test_a_machine_that_was_off_asks(held: Organisation) -> None:
    """What was to go a day ago is not sent unasked when the machine is back."""
    campaign = held.campaign(1)
    held.execute("update campaign set held_until = now() - interval '1 day' where id = :id", id=campaign.id)
    assert release_scheduled(held.engine) == []
    assert held.read(campaign).state is CampaignState.AWAITING_APPROVAL


def actor(name: str, *permissions: Permission) -> Principal:
    """Somebody with permissions at the team."""
    return Principal("system", 0, name, (Held(None, "role", "acme.billing", frozenset(permissions)),))


def test_who_may_take_back(held: Organisation) -> None:
    """Who controls the team's campaigns, and who made it while they may send; nobody else."""
    campaign = held.campaign(1)
    for by in (actor("other", Permission.CAMPAIGN_SEND), actor("test", Permission.CAMPAIGN_SEE)):
        with pytest.raises(NightmailError) as refused:
            take_back(held.engine, campaign.key, by=by)
        assert refused.value.reason == "not_permitted"
    assert take_back(held.engine, campaign.key, by=actor("test", Permission.CAMPAIGN_SEND)).not_sent == 1
    other = held.campaign(1)
    assert take_back(held.engine, other.key, by=actor("other", Permission.CAMPAIGN_CONTROL)).not_sent == 1


def test_one_that_is_over_is_not_undone(organisation: Organisation) -> None:
    """What was sent was sent: it is said."""
    campaign = organisation.campaign(1)
    organisation.drain()
    advance_ledger(organisation.engine)
    with pytest.raises(UsageError) as refused:
        take_back(organisation.engine, campaign.key, by=system_principal("test"))
    assert refused.value.reason == "campaign_state"
