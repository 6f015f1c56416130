"""The schedules: standing feeds at their times, late feeds told of, older reports at night, old keys forgotten."""

from __future__ import annotations

import datetime as dt
from typing import Any

import dagster as dg

from assets.partitions import campaigns
from pipelines.partitions import prune_campaigns
from pipelines.schedules import nightly, standing_feeds
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
        "insert into feed (team_id, name, template_id, schedule, created_at, settings) "
        """select team_id, 'a', template_id, schedule, created_at, settings || '{"category": "tips"}' from feed"""
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
