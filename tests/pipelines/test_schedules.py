"""The schedules: standing feeds at their times, late feeds told of, older reports at night, old keys forgotten."""

from __future__ import annotations

import datetime as dt
from typing import Any

import dagster as dg
from sqlalchemy import Engine, text

from assets.partitions import campaigns
from nightmail.campaigns.approval import approve, waits_for_approval
from nightmail.privacy.hashes import contact_ids
from nightmail.sending.advance import advance_ledger
from nightmail.settings import settings
from pipelines.partitions import prune_campaigns
from pipelines.schedules import nightly, standing_feeds
from sensors.campaigns import campaigns_due
from tests.support.pipeline_rig import PipelineRig, contact_rows

NOON = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)


def evaluate(rig: PipelineRig, schedule: Any, at: dt.datetime) -> Any:
    with dg.build_schedule_context(
        instance=rig.instance, scheduled_execution_time=at, resources={"database": rig.resources["database"]}
    ) as context:
        found = schedule(context)
        return found if isinstance(found, dg.SkipReason) else list(found)


def _standing(rig: PipelineRig, **settings: Any) -> None:
    rig.feed(standing_source="contacts", **settings)
    rig.change("update feed set schedule = '0 2 * * *', created_at = '2026-11-01'")
    rig.change("update feed set schedule_set_at = '2026-11-22 12:00Z'")


def test_a_standing_feed_on_the_contact_book_makes_one_campaign_a_night(rig: PipelineRig) -> None:
    """At its time, once, whatever how often the schedule is evaluated; and made good after a night without power."""
    _standing(rig)
    evaluate(rig, standing_feeds, dt.datetime(2026, 11, 23, 1, 59, tzinfo=dt.UTC))
    assert rig.rows("select 1 from campaign") == []
    for minute in (0, 1, 2, 240):
        evaluate(rig, standing_feeds, dt.datetime(2026, 11, 23, 2, 0, tzinfo=dt.UTC) + dt.timedelta(minutes=minute))
    found = rig.rows("select source, state, scheduled_at from campaign")
    assert found == [
        {"source": "contacts", "state": "received", "scheduled_at": dt.datetime(2026, 11, 23, 2, 0, tzinfo=dt.UTC)}
    ]
    evaluate(rig, standing_feeds, dt.datetime(2026, 11, 24, 2, 30, tzinfo=dt.UTC))
    assert len(rig.rows("select 1 from campaign")) == 2


def test_a_standing_feed_that_cannot_begin_holds_up_no_other(rig: PipelineRig) -> None:
    """Its category is not there: people are told, the other feed's night goes on, and its own once that is mended."""
    _standing(rig)
    rig.change(
        "insert into feed (team_id, name, template_id, schedule, created_at, schedule_set_at, settings) "
        """select team_id, 'a', template_id, schedule, created_at, schedule_set_at, settings || '{"category": "tips"}' from feed"""
    )
    at_two = dt.datetime(2026, 11, 23, 2, 0, tzinfo=dt.UTC)
    evaluate(rig, standing_feeds, at_two)
    of_campaigns = "select f.name from campaign c join feed f on f.id = c.feed_id order by c.id"
    assert [row["name"] for row in rig.rows(of_campaigns)] == ["invoices"]
    assert [row["reason"] for row in rig.rows("select reason from alert")] == ["category_unknown"]
    rig.change("insert into category (name, kind) values ('tips', 'service')")
    evaluate(rig, standing_feeds, at_two + dt.timedelta(minutes=1))
    assert [row["name"] for row in rig.rows(of_campaigns)] == ["invoices", "a"]
    assert rig.rows("select 1 from alert where resolved_at is null") == []


def test_times_before_a_schedule_was_set_were_not_missed(rig: PipelineRig) -> None:
    """A schedule that is given to an old feed, or changed, begins with its next time."""
    rig.feed(standing_source="contacts")
    rig.change("update feed set schedule = '0 2 * * *', created_at = '2026-11-01'")
    now = rig.rows("select now() as now")[0]["now"]
    evaluate(rig, standing_feeds, now)
    assert rig.rows("select 1 from campaign") == []
    evaluate(rig, standing_feeds, now + dt.timedelta(days=1))
    assert len(rig.rows("select 1 from campaign")) == 1


def _fill_contact_book(rig: PipelineRig) -> None:
    """Two contacts of the team, one of another, and what one of them chose."""
    contact = (
        "insert into contact (team_id, contact_id, external_id, phone, email, time_zone, attributes) select id, :id, :id, "
        """:phone, :email, 'America/New_York', '{"amount": "4.00", "first_name": "Ann"}' from team where path = :team"""
    )
    for team, id_, phone, email in (
        ("acme.billing", "B1", "+447400100002", None),
        ("acme.billing", "B2", "+447400100003", "b2@example.com"),
        ("acme", "A1", "+447400100004", None),
    ):
        rig.change(contact, team=team, id=id_, phone=phone, email=email)
    rig.change(
        "insert into preference (team_id, contact_id, channels) select id, :contact, '{email,sms}' from team "
        "where path = 'acme.billing'",
        contact=contact_ids("acme.billing", ["B2"], settings().key())[0],
    )


def test_a_schedule_sends_to_the_contact_book(rig: PipelineRig) -> None:
    """From the schedule over the sensor to the ledger: the team's own contacts, on the channels that they chose."""
    _fill_contact_book(rig)
    rig.feed(standing_source="contacts", channels=["sms", "email"])
    now = dt.datetime.now(dt.UTC)
    rig.change("update feed set schedule = '* * * * *'")
    rig.change("update feed set schedule_set_at = '2026-11-01'")
    evaluate(rig, standing_feeds, now)
    with dg.build_sensor_context(instance=rig.instance, resources={"database": rig.resources["database"]}) as context:
        result = campaigns_due(context)
    assert isinstance(result, dg.SensorResult)
    assert [request.job_name for request in result.run_requests or ()] == ["prepare_waiting", "send"]
    ((made,)) = rig.rows("select key from campaign")
    campaign = rig.campaign(str(made["key"]))
    assert rig.prepare(campaign).success
    campaign = rig.campaign(campaign)
    assert (campaign.state, campaign.source, campaign.counts["planned"]) == ("sending", "contacts", 2)
    messages = rig.table("messages", campaign).to_pylist()
    assert [(row["channel"], row["address"]) for row in messages] == [
        ("sms", "+447400100002"),
        ("email", "b2@example.com"),
    ]
    assert messages[0]["body"] == "Dear Ann, €4.00 is due."
    assert rig.rows("select distinct time_zone from message") == [{"time_zone": "America/New_York"}]


def test_a_schedule_on_an_empty_contact_book_is_told_of(rig: PipelineRig) -> None:
    """Nobody waits for its answer: it is stopped for what it is, with an alert."""
    _standing(rig)
    evaluate(rig, standing_feeds, dt.datetime(2026, 11, 23, 2, 0, tzinfo=dt.UTC))
    ((made,)) = rig.rows("select key from campaign")
    rig.prepare(rig.campaign(made["key"]))
    campaign = rig.campaign(made["key"])
    assert campaign.state == "stopped"
    assert campaign.problem is not None and campaign.problem["reason"] == "contact_book_empty"
    assert [row["reason"] for row in rig.rows("select reason from alert")] == ["contact_book_empty"]


def test_a_schedule_that_was_missed_asks_before_it_sends(rig: PipelineRig) -> None:
    """The machine was off for days: the last night alone is made good, by a person; one approval lets it go."""
    _fill_contact_book(rig)
    _standing(rig)
    now = dt.datetime.now(dt.UTC)
    rig.change("update feed set schedule = :cron", cron=f"0 {(now.hour - 2) % 24} * * *")
    rig.change("update feed set schedule_set_at = '2026-11-01'")
    evaluate(rig, standing_feeds, now)
    ((made,)) = rig.rows("select key from campaign")
    assert rig.prepare(rig.campaign(made["key"])).success
    campaign = rig.campaign(made["key"])
    assert campaign.state == "awaiting_approval"
    waits = waits_for_approval(campaign)
    assert waits is not None and waits["reason"] == "start_long_past"
    assert "2 hours ago" in waits["message"]
    assert [row["reason"] for row in rig.rows("select reason from alert where resolved_at is null")] == [
        "start_long_past"
    ]
    assert approve(rig.engine, campaign.key, actor="test").state == "sending"
    advance_ledger(rig.engine)
    assert rig.rows("select 1 from alert where resolved_at is null") == []


def test_a_schedule_whose_cut_off_is_over_is_told_of_once(rig: PipelineRig) -> None:
    """There is nothing to approve: what could be sent would be dropped."""
    _standing(rig, cut_off="06:00")
    for hour in (7, 8, 9):
        evaluate(rig, standing_feeds, dt.datetime(2026, 11, 23, hour, 0, tzinfo=dt.UTC))
    assert rig.rows("select 1 from campaign") == []
    assert [row["reason"] for row in rig.rows("select reason from alert")] == ["schedule_missed"]


def test_a_schedules_time_before_a_restore_asks(rig: PipelineRig, owner: Engine) -> None:
    """However short ago: the database that was lost may have sent it."""
    _fill_contact_book(rig)
    _standing(rig)
    rig.change("update feed set schedule = '* * * * *'")
    rig.change("update feed set schedule_set_at = '2026-11-01'")
    with owner.begin() as connection:
        now = connection.scalars(text("update deployment set restored_at = now() returning restored_at")).one()
    evaluate(rig, standing_feeds, now)
    ((made,)) = rig.rows("select key from campaign")
    assert rig.prepare(rig.campaign(made["key"])).success
    waits = waits_for_approval(rig.campaign(made["key"]))
    assert waits is not None and waits["reason"] == "schedule_before_restore"


def test_a_time_of_day_follows_the_schedule_of_the_contact_book(rig: PipelineRig) -> None:
    """Made at two in the morning, sent at half past seven of each contact's own clock."""
    _standing(rig, send_at="07:30", send_in="recipient")
    evaluate(rig, standing_feeds, dt.datetime(2026, 11, 23, 2, 0, tzinfo=dt.UTC))
    ((made,)) = rig.rows("select scheduled_at, local_start, schedule_time from campaign")
    at_two = dt.datetime(2026, 11, 23, 2, 0, tzinfo=dt.UTC)
    assert made == {"scheduled_at": at_two, "schedule_time": at_two, "local_start": dt.datetime(2026, 11, 23, 7, 30)}  # noqa: DTZ001


def test_files_of_a_standing_feed_wait_for_its_next_time(rig: PipelineRig) -> None:
    """What lies in the folder by night is sent by night."""
    rig.change("update feed set schedule = '0 2 * * *'")
    campaign = rig.prepared("external_id,phone,amount\nC1,07400100001,2\n")
    assert campaign.state == "scheduled"
    assert campaign.scheduled_at is not None and campaign.scheduled_at.hour == 2


def test_a_late_feed_is_told_of_once_a_day(rig: PipelineRig) -> None:
    """`expected_by` in the team's own time; nothing before, nothing after a file came."""
    rig.feed(expected_by="09:00")
    for hour in (8, 10, 11):
        evaluate(rig, standing_feeds, dt.datetime(2026, 11, 23, hour, 0, tzinfo=dt.UTC))
    assert [row["reason"] for row in rig.rows("select reason from alert")] == ["feed_late"]


def test_the_nightly_round_asks_for_yesterday_and_what_changed_long_ago(rig: PipelineRig) -> None:
    """A receipt that came last night for a message of 18 days ago; the days in between are the sensor's."""
    now = dt.datetime.now(dt.UTC)
    yesterday, long_ago = (now.date() - dt.timedelta(days=age) for age in (1, 18))
    with dg.instance_for_test() as instance:
        rig.instance = instance
        assert [request.partition_key for request in evaluate(rig, nightly, now)] == [yesterday.isoformat()]
        month = now.date().replace(day=1)
        rig.change(
            "insert into message (ledger_month, message_key, campaign_id, line, channel, step, state, due_at, contact_id,"
            " address_hash, segments, handed_off_at, changed_at) values (:month, 1, 1, 1, 'sms', 0, 'accepted', :then, 'c',"
            " 'h', 1, :then, :then)",
            month=month,
            then=now - dt.timedelta(days=18),
        )
        rig.change(
            "insert into receipt (received_month, event_key, received_at, carrier, channel, status, ledger_month, message_key)"
            " values (:month, 'k', :at, 'twilio', 'sms', 'delivered', :month, 1)",
            month=month,
            at=now - dt.timedelta(hours=2),
        )
        asked = {request.partition_key for request in evaluate(rig, nightly, now)}
    assert asked == {yesterday.isoformat(), long_ago.isoformat()}


def test_old_partition_keys_are_forgotten(rig: PipelineRig) -> None:
    """Dagster keeps the keys of a good year; lake and database keep the campaigns."""
    keys = ["2025-01-01.acme.x.000001", "2026-11-22.acme.x.000002"]
    rig.instance.add_dynamic_partitions(str(campaigns.name), keys)
    assert prune_campaigns(rig.instance, NOON.date()) == 1
    assert list(rig.instance.get_dynamic_partitions(str(campaigns.name))) == keys[1:]


def test_the_nightly_round_keeps_no_text_longer_than_the_team_does(rig: PipelineRig) -> None:
    """As the schedule runs it: a campaign that ended long ago loses addresses and texts, one of yesterday keeps them."""
    old, fresh = (rig.prepared(contact_rows(2, start)) for start in (0, 10))
    rig.change("update campaign set state = 'cancelled'")
    rig.change("update campaign set state_changed_at = now() - interval '10 years' where id = :id", id=old.id)
    assert rig.defs.resolve_job_def("retention").execute_in_process(instance=rig.instance).success
    left = rig.rows(
        "select distinct m.campaign_id from message m join message_content using (ledger_month, message_key)"
    )
    assert [row["campaign_id"] for row in left] == [fresh.id]
    assert rig.rows("select count(*) as n from message") == [{"n": 4}]
