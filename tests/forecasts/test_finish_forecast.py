"""When a send ends at the carriers' rates: one forecast for the ledger and for rendered messages."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import text

from nightmail.campaigns.approval import approve
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.transitions import begin_preparing, cancel, pause, resume
from nightmail.errors import UsageError
from nightmail.forecasts.finish_forecast import FinishForecast, Load, Work, finish, forecast_of_ledger, work_of_messages
from nightmail.forecasts.recorded_forecasts import recorded_forecast, renew_forecast
from nightmail.forecasts.shared_pace import OtherWork
from nightmail.lake import TableFile
from nightmail.organisation.categories import find_category
from nightmail.organisation.feeds import FeedSettings
from nightmail.preparation.preparation_settings import Preparation
from nightmail.preparation.prepared_finish import prepared_finish
from nightmail.sending.ledger_loading import load_ledger
from nightmail.templates.loading import load_template
from tests.support.sending_rig import KEY, Organisation, in_minutes

NOON = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


def at(minutes: float) -> dt.datetime:
    return NOON + dt.timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("loads", "rates", "minutes"),
    [
        pytest.param([], {}, 0, id="nothing to send"),
        pytest.param([Load("sms", 600)], {"sms": 1}, 10, id="units over rate"),
        pytest.param(
            [Load("sms", 600), Load("email", 60_000)], {"sms": 1, "email": 50}, 20, id="channels side by side"
        ),
        pytest.param([Load("sms", 60, at(30))], {"sms": 1}, 31, id="what is due later takes its turn then"),
        pytest.param([Load("sms", 600, at(5)), Load("sms", 600)], {"sms": 1}, 20, id="a queue does not pause"),
        pytest.param([Load("sms", 60, at(60)), Load("sms", 60)], {"sms": 1}, 61, id="nor does it work ahead"),
        pytest.param([Load("sms", 60, at(-5))], {"sms": 1}, 1, id="due before the start waits for the start"),
        pytest.param([Load("sms", 60), Load("voice", 1)], {"sms": 1}, None, id="a channel without a carrier"),
    ],
)
def test_when_work_is_done(loads: list[Load], rates: dict[str, float], minutes: float | None) -> None:
    assert finish(Work(tuple(loads)), rates, NOON) == (None if minutes is None else at(minutes))


def test_an_escalation_takes_until_its_last_channel_is_looked_at() -> None:
    """A cut-off before the second channel's turn is a mistake that is told, even if the first channel is quick."""
    work = Work((Load("sms", 60),), further_steps=2)
    assert finish(work, {"sms": 1}, NOON, dt.timedelta(minutes=15)) == at(31)


@pytest.mark.parametrize(
    ("finishes_by", "cut_off_at", "late", "words"),
    [
        (at(10), at(9), True, "ends about 2026-11-23 12:10 UTC, after its cut-off at 2026-11-23 12:09 UTC"),
        (at(10.5), at(10), True, "ends about 2026-11-23 12:10:30 UTC, after its cut-off at 2026-11-23 12:10:00 UTC"),
        (at(10), at(10), False, "ends about 2026-11-23 12:10 UTC, before its cut-off at 2026-11-23 12:10 UTC."),
        (at(10), None, False, "It ends about 2026-11-23 12:10 UTC."),
        (None, at(9), False, "not known; its cut-off at 2026-11-23 12:09 UTC holds."),
        (None, None, False, ""),
    ],
)
def test_a_forecast_in_words(
    finishes_by: dt.datetime | None, cut_off_at: dt.datetime | None, late: bool, words: str
) -> None:
    made = FinishForecast(finishes_by, cut_off_at)
    assert made.late is late
    assert words in made.in_words()
    assert (made.as_dict()["late_warning"] is not None) is late


def test_ledger_and_rendered_messages_come_to_the_same(organisation: Organisation) -> None:
    """Segments of text messages, recipients of email, what waits for its time, and further channels of an escalation."""
    organisation.change_account("sms", rate_per_s=1)
    organisation.change_account("email", rate_per_s=1)
    settings = {"delivery": "escalation", "escalate_after_s": 600}
    later = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(hours=1)
    for channels, row, expected in (
        (("sms",), {"segments": 3}, dt.timedelta(seconds=30)),
        (("email",), {"segments": 3}, dt.timedelta(seconds=10)),
        (("sms", "email"), {}, dt.timedelta(seconds=10 + 600)),
        (("sms",), {"not_before": later}, dt.timedelta(hours=1, seconds=10)),
    ):
        campaign = organisation.campaign(10, channels, row=row, settings=settings)
        messages = TableFile(f"{organisation.folder}/{campaign.token}/messages.parquet")
        with organisation.engine.connect() as connection:
            now = dt.datetime.now(dt.UTC)
            made, work = forecast_of_ledger(connection, campaign, now)
        rendered = work_of_messages(messages)
        assert rendered.units_by_channel() == work.units_by_channel() == campaign.counts["units"]
        assert rendered.further_steps == work.further_steps
        assert made.finishes_by is not None
        assert abs(made.finishes_by - now - expected) < dt.timedelta(seconds=5)
        cancel(organisation.engine, campaign.key, actor="test")


def test_resuming_a_campaign_says_that_it_is_late_now(organisation: Organisation) -> None:
    """In time when it was loaded, late after an hour's pause, and in time again at a higher rate: the alert is over."""
    organisation.change_account("sms", rate_per_s=1)
    campaign = organisation.campaign(60, cut_off_at=in_minutes(5))
    open_alerts = "select count(*) from alert where reason = 'cut_off_at_risk' and resolved_at is null"
    assert campaign.counts["late"] is False
    for rate, late in ((0.1, True), (1, False)):
        pause(organisation.engine, campaign.id, actor="test")
        organisation.change_account("sms", rate_per_s=rate)
        resumed = renew_forecast(organisation.engine, resume(organisation.engine, campaign.id, actor="test"))
        assert resumed.counts["late"] is late
        assert organisation.query(open_alerts)[0][0] == late


def test_an_approval_that_comes_late_says_so(organisation: Organisation) -> None:
    """The time that a campaign waited for a person counts."""
    organisation.change_account("sms", rate_per_s=1)
    campaign = organisation.received(cut_off_at=in_minutes(2))
    with organisation.engine.begin() as connection:
        begin_preparing(connection, campaign.id, "run")
    tables = organisation.tables(campaign, [f"+4477009{n:05d}" for n in range(60)])
    loaded = load_ledger(organisation.engine, campaign.id, *tables, actor="run", needs_approval=True)
    assert loaded.late is False
    organisation.execute("update campaign set cut_off_at = now() + interval '30 s'")
    # The request that was bound to the earlier end is void: it is asked for again, and approved as it is now.
    with pytest.raises(UsageError, match="times changed"):
        approve(organisation.engine, campaign.id, actor="test")
    approved = approve(organisation.engine, campaign.id, actor="test")
    assert renew_forecast(organisation.engine, approved).counts["late"] is True


def test_a_campaign_that_is_paused_or_over_has_no_end_to_come(organisation: Organisation) -> None:
    """It was another one's, or of another time; resumed, it has one again."""
    organisation.change_account("sms", rate_per_s=1)
    campaign = organisation.campaign(60)
    assert recorded_forecast(organisation.read(campaign)).finishes_by is not None
    for order, ends in ((pause, False), (resume, True), (cancel, False)):
        order(organisation.engine, campaign.key, actor="test")
        told = recorded_forecast(organisation.read(campaign))
        assert (told.finishes_by is not None) is ends


def others(*works: tuple[float, float, bool]) -> list[OtherWork]:
    return [OtherWork(units, at(minutes), goes_first) for units, minutes, goes_first in works]


@pytest.mark.parametrize(
    ("beside", "minutes"),
    [
        pytest.param([], 20, id="nothing beside"),
        pytest.param(others((300, 10, True)), 25, id="what is more urgent goes first"),
        pytest.param(others((6000, 0, False)), 30, id="an equal one takes every other turn"),
        pytest.param(others((6000, 0, False), (6000, 0, False)), 40, id="and two of them two of three"),
        pytest.param(others((60, 10, False)), 21, id="a smaller one is done before"),
        pytest.param(others((60, -30, True)), 20, id="what began long ago is done"),
        pytest.param(others((1200, 0, True)), 30, id="what began before has gone on meanwhile"),
        pytest.param(others((1200, 0, False)), 30, id="an equal one that began before too"),
        pytest.param(others((600, 15, True)), 30, id="what begins in between takes over"),
        pytest.param(others((6000, 15, False)), 25, id="or takes turns with what is left"),
        pytest.param(others((600, 25, True)), 20, id="what begins later is not in the way"),
        pytest.param(others((300, 15, True), (60, 24, True)), 26, id="unless something else made it longer"),
    ],
)
def test_when_work_is_done_beside_others(beside: list[OtherWork], minutes: float) -> None:
    """Ten minutes of messages from ten past on, at the rate of one a second that all share."""
    work = Work((Load("sms", 600, at(10)),))
    assert finish(work, {"sms": 1}, NOON, others={"sms": beside, "email": others((9, 0, True))}) == at(minutes)


def ends_after(organisation: Organisation, campaign: CampaignRow) -> float:
    """In how many seconds, by a forecast of now."""
    with organisation.engine.connect() as connection:
        now = connection.scalars(text("select now()")).one()
        finishes_by = forecast_of_ledger(connection, campaign, now)[0].finishes_by
    assert finishes_by is not None
    return (finishes_by - now).total_seconds()


def test_campaigns_that_share_a_sender_wait_for_each_other(organisation: Organisation) -> None:
    """What is queued for the same sender counts by urgency and size, and a cut-off that it breaks is told at once."""
    organisation.change_account("sms", rate_per_s=1)
    large = organisation.campaign(600, row={"segments": 2})
    assert ends_after(organisation, large) == pytest.approx(1200, abs=2)
    small = organisation.campaign(60, cut_off_at=in_minutes(1.5))
    # Two turns for each of its own, and then it is done.
    assert ends_after(organisation, small) == pytest.approx(120, abs=2)
    assert small.counts["late"] is True
    warned = organisation.query("select message from alert where reason = 'cut_off_at_risk' and resolved_at is null")
    assert len(warned) == 1
    organisation.execute("update campaign set priority = 0 where id = :id", id=small.id)
    assert ends_after(organisation, organisation.read(small)) == pytest.approx(60, abs=2)
    assert ends_after(organisation, large) == pytest.approx(1260, abs=2)
    # The large one's texts that a carrier put off for longer than the small one takes are not in its way.
    organisation.execute("update campaign set priority = 5 where id = :id", id=small.id)
    organisation.execute(
        "update message set due_at = now() + interval '1 h' where campaign_id = :id and line % 20 <> 0", id=large.id
    )
    assert ends_after(organisation, organisation.read(small)) == pytest.approx(120, abs=2)
    organisation.execute(
        "update message set due_at = now() + interval '1 h' where campaign_id = :id and line % 60 <> 0", id=large.id
    )
    assert ends_after(organisation, organisation.read(small)) == pytest.approx(80, abs=2)


@pytest.mark.parametrize(
    ("theirs", "priority", "ours", "seconds"),
    [
        pytest.param(None, 5, None, 120, id="the account's rate binds both"),
        pytest.param(None, 5, 1.0, 60, id="a rate of our own does not go down"),
        pytest.param(0.5, 0, None, 60 / 1.5, id="who is slower leaves the rest of the account"),
    ],
)
def test_campaigns_under_other_senders_share_the_accounts_rate(
    organisation: Organisation, theirs: float | None, priority: int, ours: float | None, seconds: float
) -> None:
    """Two a second of the account for two senders, of which each may be allowed less."""
    organisation.change_account("sms", rate_per_s=1 if theirs is ours is None else 2)
    for name, rate in (("first", ours), ("other", theirs)):
        organisation.execute(
            "insert into sender (team_id, name, channel, address, carrier_account_id, settings) "
            "values (:team, cast(:name as text), 'sms', '+4477009' || :name, :account, jsonb_build_object('rate_per_s', cast(:rate as float8)))",
            team=organisation.team_id,
            name=name,
            account=organisation.account_ids["sms"],
            rate=rate,
        )
    organisation.campaign(100, priority=priority, settings={"senders": {"sms": "other"}})
    assert ends_after(organisation, organisation.campaign(60)) == pytest.approx(seconds, abs=2)


@pytest.mark.parametrize("how", ["paused", "another account", "another channel", "scheduled for later", "less urgent"])
def test_what_is_not_in_the_way(organisation: Organisation, how: str) -> None:
    organisation.change_account("sms", rate_per_s=1)
    organisation.change_account("email", rate_per_s=1)
    later = {"scheduled_at": in_minutes(5)} if how == "scheduled for later" else {}
    other = organisation.campaign(100, ("email",) if how == "another channel" else ("sms",), **later)
    if how == "paused":
        pause(organisation.engine, other.key, actor="test")
    elif how == "another account":
        organisation.execute(
            "with another as (insert into carrier_account (name, carrier, channel, settings, secret, priority) "
            "select 'another', carrier, channel, settings, secret, 5 from carrier_account where id = :account "
            "returning id) insert into sender (team_id, name, channel, address, carrier_account_id) "
            "select :team, name, 'sms', address, account from (values ('first', '+447700900998', :account), "
            "('other', '+447700900999', (select id from another))) as each_one(name, address, account)",
            team=organisation.team_id,
            account=organisation.account_ids["sms"],
        )
        organisation.execute("""update campaign set settings = '{"senders": {"sms": "other"}}'""")
    elif how == "less urgent":
        organisation.execute("update campaign set priority = 9")
    assert ends_after(organisation, organisation.campaign(60)) == pytest.approx(60, abs=2)


@pytest.mark.parametrize(
    ("feed", "seconds"),
    [
        pytest.param({}, 120, id="as urgent as the other"),
        pytest.param({"category": "alerts"}, 60, id="a category that is urgent"),
        pytest.param({"category": "alerts", "priority": 5}, 120, id="unless its feed says otherwise"),
        pytest.param({"priority": 9}, 660, id="after all others"),
    ],
)
def test_a_check_before_sending_counts_other_campaigns(
    organisation: Organisation, feed: dict[str, Any], seconds: float
) -> None:
    """``check`` and ``send`` take the priority that the campaign would have."""
    organisation.change_account("sms", rate_per_s=1)
    organisation.campaign(600)
    organisation.execute("insert into category (name, kind, urgent) values ('alerts', 'service', true)")
    template = load_template({"name": "invoice", "category": "billing", "languages": {"en": {"sms": "Due."}}})
    with organisation.engine.connect() as connection:
        now = connection.scalars(text("select now()")).one()
        settings = FeedSettings(**feed)
        category = find_category(connection, "acme.billing", settings.category or "billing")
        preparation = Preparation(
            template=template, hash_key=KEY, feed=settings, team="acme.billing", category=category, now=now
        )
        ending = prepared_finish(connection, preparation, Work((Load("sms", 60),)))
    assert ending.finishes_by is not None
    assert (ending.finishes_by - now).total_seconds() == pytest.approx(seconds, abs=2)
