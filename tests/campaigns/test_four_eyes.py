"""Approval by another person: bound to what is sent, refused to who made it, and no way around it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from nightmail.access.api_keys import create_key, verify_key
from nightmail.access.grants import give_role
from nightmail.access.principals import Principal, person_principal, system_principal
from nightmail.access.roles import find_role
from nightmail.campaigns.approval import approve, count_waiting, waiting_approvals
from nightmail.campaigns.approval_bindings import binding_of
from nightmail.campaigns.approval_records import standing_approval
from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.campaigns.creation import create_campaign
from nightmail.campaigns.start_times import CampaignTimes
from nightmail.campaigns.transitions import begin_preparing, move_campaign, pause, release_scheduled, resume
from nightmail.errors import NightmailError
from nightmail.organisation.four_eyes import FourEyes, four_eyes_demanded
from nightmail.sending.ledger_loading import load_ledger
from nightmail.stated_times import StatedStart
from nightmail.store.states import CampaignState
from tests.support.sending_rig import Organisation, in_minutes

TOLD = {"base_url": "http://127.0.0.1:1", "twilio": {"account_sid": "AC1", "auth_token": "x"}}
DEMANDED = {"approval": {"four_eyes": {"always": True}}}


@dataclass
class Office:
    """Ann makes campaigns; Ben and Cleo may approve them; Dan is Cleo's deputy while she is away."""

    rig: Organisation
    people: dict[str, int]

    def principal(self, name: str) -> Principal:
        with self.rig.engine.connect() as connection:
            return person_principal(connection, self.people[name])

    def campaign(self, maker: str = "Ann", settings: dict[str, Any] | None = None, minutes: int = 0) -> CampaignRow:
        """A campaign that was made by somebody and waits for approval."""
        with self.rig.engine.begin() as connection:
            made = create_campaign(
                connection,
                team_id=self.rig.team_id,
                template_version_id=self.rig.version_id,
                category_id=self.rig.category_id,
                source="command",
                actor=self.principal(maker).actor if maker in self.people else maker,
                settings=DEMANDED if settings is None else settings,
                times=CampaignTimes(StatedStart(in_minutes(minutes))) if minutes else CampaignTimes(),
            )
        self.prepare(made)
        return self.read(made)

    def prepare(self, campaign: CampaignRow) -> None:
        with self.rig.engine.begin() as connection:
            begin_preparing(connection, campaign.id, "run")
        tables = self.rig.tables(campaign, ["+447700900001", "+447700900002"])
        load_ledger(self.rig.engine, campaign.id, *tables, actor="run", needs_approval=True)

    def approve(self, campaign: CampaignRow, name: str, **more: Any) -> CampaignRow:
        principal = self.principal(name)
        return approve(self.rig.engine, campaign.id, actor=principal.actor, principal=principal, **more)

    def refused(self, campaign: CampaignRow, name: str, **more: Any) -> str:
        with pytest.raises(NightmailError) as caught:
            self.approve(campaign, name, **more)
        return str(caught.value.reason)

    def read(self, campaign: CampaignRow) -> CampaignRow:
        with self.rig.engine.connect() as connection:
            return get_campaign(connection, campaign.id)

    def audit(self, action: str) -> list[dict[str, Any]]:
        return [row.detail for row in self.rig.query(f"select detail from audit where action = '{action}' order by id")]


@pytest.fixture
def office(database: Engine, tmp_path: Path) -> Office:
    rig = Organisation(database, tmp_path, TOLD)
    people: dict[str, int] = {}
    with database.begin() as connection:
        for name in ("Ann", "Ben", "Cleo", "Dan"):
            people[name] = connection.execute(
                text("insert into person (email, name, state, created_by) values (:e, :n, 'active', 'x') returning id"),
                {"e": f"{name.lower()}@acme.example", "n": name},
            ).scalar_one()
        root = system_principal("root")
        for name in ("Ann", "Ben", "Cleo"):
            role = find_role(connection, "approver", "acme.billing")
            give_role(connection, by=root, person_id=people[name], role=role, team="acme")
        connection.execute(
            text("update person set deputy_id = :dan, deputy_until = now() + interval '1 day' where id = :cleo"),
            {"dan": people["Dan"], "cleo": people["Cleo"]},
        )
    return Office(rig, people)


def test_another_person_approves_and_nobody_their_own(office: Office) -> None:
    campaign = office.campaign()
    assert campaign.state == "awaiting_approval"
    with office.rig.engine.connect() as connection:
        counts = {name: count_waiting(connection, office.principal(name)) for name in office.people}
        (waiting,) = waiting_approvals(connection, office.principal("Ann"))
    assert counts == {"Ann": 0, "Ben": 1, "Cleo": 1, "Dan": 1} and waiting.own
    assert office.refused(campaign, "Ann") == "approval_by_another"
    assert office.refused(campaign, "Ben", seen="what it was") == "approval_outdated"
    assert office.approve(campaign, "Ben", seen=waiting.hash).state == "sending"
    assert office.audit("approval.given") == [{"hash": waiting.hash, "four_eyes": True, "same_person": False}]


def test_where_it_is_not_demanded_the_same_person_may_and_that_is_recorded(office: Office) -> None:
    campaign = office.campaign(settings={})
    assert office.approve(campaign, "Ann").state == "sending"
    assert [given["same_person"] for given in office.audit("approval.given")] == [True]


def test_a_deputy_approves_for_who_is_away_but_neither_their_own(office: Office) -> None:
    campaign = office.campaign()
    assert office.approve(campaign, "Dan").state == "sending"
    assert office.audit("approval.given")[0]["deputy_for"] == f"person:{office.people['Cleo']}"
    assert office.refused(office.campaign("Dan"), "Dan") == "approval_by_another"
    # What the one who is away made, their deputy approves no more than they themselves.
    assert office.refused(office.campaign("Cleo"), "Dan") == "not_permitted"
    office.rig.execute("update person set deputy_until = now() - interval '1 second'")
    assert office.refused(office.campaign(), "Dan") == "not_permitted"


def test_a_key_is_who_made_it(office: Office) -> None:
    """Neither does a key approve what its maker made, nor a maker what their key asked for."""
    with office.rig.engine.begin() as connection:
        secret = create_key(
            connection,
            team_id=office.rig.team_id,
            name="k",
            permissions=["campaign.approve"],
            created_by=office.principal("Ann").actor,
        )
        program = verify_key(connection, secret)
    campaign = office.campaign()
    with pytest.raises(NightmailError) as caught:
        approve(office.rig.engine, campaign.id, actor=program.actor, principal=program.principal)
    assert caught.value.reason == "approval_by_another"
    assert office.refused(office.campaign(program.actor), "Ann") == "approval_by_another"
    assert approve(office.rig.engine, office.campaign("Ben").id, actor=program.actor).state == "sending"


def test_who_wrote_the_template_or_joined_the_window_is_an_author_too(office: Office) -> None:
    campaign = office.campaign("Ben")
    office.rig.execute(
        "insert into audit (month, actor, action, object, detail) values (date_trunc('month', now())::date, :a, "
        "'template.stored', 'acme.billing/invoice', '{\"version\": 1}')",
        a=office.principal("Ann").actor,
    )
    assert office.refused(campaign, "Ann") == "approval_by_another"
    office.rig.execute(
        "insert into single_message (campaign_id, line, row, asked_by) values (:c, 1, '{}', :a)",
        c=campaign.id,
        a=office.principal("Cleo").actor,
    )
    assert office.refused(campaign, "Cleo") == "approval_by_another"


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ("update message_content set body = 'Pay somebody else' where message_key = :first", "content"),
        ("update message_content set address = '+447700900999' where message_key = :first", "audience"),
        ("delete from message_content where message_key = :first", "content"),
        ("update message set cost = 7, currency = 'EUR' where message_key = :first", "cost"),
        ("update campaign set cut_off_at = now() + interval '1 day' where id = :id", "times"),
        ('update campaign set settings = settings || \'{"senders": {"sms": ["x"]}}\' where id = :id', "route"),
    ],
)
def test_a_change_voids_the_approval_and_says_so(office: Office, change: str, part: str) -> None:
    """Before it is approved, and after, while it waits for its time or is paused."""
    engine = office.rig.engine

    def edit(campaign: CampaignRow) -> None:
        first = office.rig.query(f"select min(message_key) as k from message where campaign_id = {campaign.id}")[0].k
        values = {"first": first, "id": campaign.id}
        office.rig.execute(change, **{name: value for name, value in values.items() if f":{name}" in change})

    early, scheduled, paused = office.campaign(), office.campaign(minutes=30), office.campaign(minutes=30)
    edit(early)
    assert office.refused(early, "Ben") == "approval_outdated"
    for each in (scheduled, paused):
        assert office.approve(each, "Ben").state == "scheduled"
    pause(engine, paused.key, actor="user:root")
    for each in (scheduled, paused):
        edit(each)
    office.rig.execute("update campaign set scheduled_at = now() where id = :id", id=scheduled.id)
    assert release_scheduled(engine) == []
    with pytest.raises(NightmailError) as caught:
        resume(engine, paused.key, actor="user:root")
    assert caught.value.reason == "approval_void" and part in caught.value.message
    for each in (scheduled, paused):
        assert office.read(each).state == "awaiting_approval"
        assert office.refused(each, "Ann") == "approval_by_another"
    assert office.rig.query("select count(*) as n from alert where reason = 'approval_changed'")[0].n == 2
    assert office.approve(paused, "Ben").state == "scheduled"
    assert office.approve(early, "Ben").state == "sending"


def test_rules_hold_for_the_team_and_below_and_by_size(office: Office) -> None:
    office.rig.execute(
        'update team set settings = \'{"four_eyes": {"over_contacts": 100, "over_cost": {"EUR": 50}}}\' where path = \'acme\''
    )

    def demanded(feed: FourEyes | None = None, contacts: int = 1, **costs: Any) -> tuple[str, str] | None:
        with office.rig.engine.connect() as connection:
            return four_eyes_demanded(connection, "acme.billing", feed, contacts=contacts, costs=costs)

    assert demanded() is demanded(contacts=100) is demanded(EUR="50") is demanded(FourEyes()) is None
    assert demanded(contacts=101) == ("the team acme", "contacts")
    assert demanded(EUR="50.01") == demanded(USD=0.01) == ("the team acme", "cost")
    assert demanded(FourEyes(always=True)) == ("the feed", "always")


ACTIONS = (
    *("approve Ann", "approve Ben", "approve Dan", "body", "address", "time", "pause", "resume", "release", "prepare"),
    *("approve Ben", "release"),
)


@examples(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(st.sampled_from(ACTIONS), min_size=2, max_size=9), minutes=st.sampled_from([0, 30]))
def test_nothing_goes_that_was_not_approved_as_it_is(office: Office, actions: list[str], minutes: int) -> None:
    """Whatever people do, in whatever order: what begins to be sent is what another person approved."""
    campaign = office.campaign(minutes=minutes)
    for number, action in enumerate(actions):
        before = office.read(campaign).state
        try:
            _act(office, campaign, action, number)
        except NightmailError as error:
            assert error.reason in ("campaign_state", "approval_by_another", "approval_outdated", "approval_void")
        with office.rig.engine.connect() as connection:
            now = get_campaign(connection, campaign.id)
            if now.state == CampaignState.SENDING != before:
                standing = standing_approval(connection, campaign.id)
                assert standing is not None and standing.approved_at is not None
                assert standing.hash == binding_of(connection, now).hash
                assert standing.approved_by in {f"person:{office.people[name]}" for name in ("Ben", "Dan")}


def _act(office: Office, campaign: CampaignRow, action: str, number: int) -> None:
    engine, values = office.rig.engine, {"id": campaign.id, "n": str(number)}
    keys = "message_key in (select message_key from message where campaign_id = :id)"
    word, _, name = action.partition(" ")
    if word == "approve":
        office.approve(campaign, name)
    elif word == "body":
        office.rig.execute(f"update message_content set body = body || :n where {keys}", **values)
    elif word == "address":
        office.rig.execute(f"update message_content set address = '+44770090010' || :n where {keys}", **values)
    elif word == "time":
        office.rig.execute("update campaign set scheduled_at = now() where id = :id", id=campaign.id)
    elif word == "pause":
        pause(engine, campaign.id, actor="user:root")
    elif word == "resume":
        resume(engine, campaign.id, actor="user:root")
    elif word == "release":
        release_scheduled(engine)
    elif office.read(campaign).state in ("awaiting_approval", "scheduled"):
        with engine.begin() as connection:
            move_campaign(connection, campaign.id, CampaignState.STOPPED, actor="test")
            move_campaign(connection, campaign.id, CampaignState.RECEIVED, actor="test")
        office.prepare(campaign)
