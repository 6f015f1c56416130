"""Sensors of campaigns: preparing runs asked for once, schedules that come, senders kept, failed runs taken back."""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.partitions import campaigns
from nightmail.campaigns.approval import waits_for_approval
from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.intake.feed_campaigns import create_feed_campaign
from nightmail.preparation.waiting_campaigns import take_group
from nightmail.store.states import CampaignState
from sensors.api_files import api_files
from sensors.campaigns import campaigns_due
from sensors.failures import failed_runs
from sensors.messages_due import messages_due, senders_wanted
from sensors.prepare_requests import preparers_wanted
from sensors.run_tags import ENDED_TAG
from tests.support.pipeline_rig import PipelineRig, contact_rows


def tick(rig: PipelineRig, sensor: Any, cursor: str | None = None) -> Any:
    """One evaluation of a sensor."""
    with dg.build_sensor_context(instance=rig.instance, cursor=cursor, resources=rig.resources) as context:
        return sensor(context)


def large(rig: PipelineRig, content: str, name: str = "due.csv", **settings: Any) -> CampaignRow:
    """An upload that gets a preparing run of its own."""
    campaign = rig.upload(content, name, **settings).campaign
    assert campaign is not None
    rig.change("update received_file set size = 1000000000 where campaign_id = :id", id=campaign.id)
    return campaign


def test_a_small_file_asks_for_a_preparer_and_its_sender(rig: PipelineRig) -> None:
    """In one tick; no partition, no run key, and nothing again while both are there; two preparers for many files."""
    rig.upload(contact_rows(2))
    assert [r.job_name for r in tick(rig, api_files).run_requests] == ["prepare_waiting", "send"]
    assert isinstance(tick(rig, campaigns_due), dg.SkipReason)
    for job in ("prepare_waiting", "send"):
        rig.instance.create_run_for_job(rig.defs.resolve_job_def(job))
    assert isinstance(tick(rig, api_files), dg.SkipReason)
    assert [preparers_wanted(waiting) for waiting in (0, 1, 20, 21, 1000)] == [0, 1, 1, 2, 2]


def test_a_received_file_is_asked_for_once(rig: PipelineRig) -> None:
    """The partition is registered, the run key counts the attempt, and the next tick asks for nothing."""
    campaign = large(rig, contact_rows(2))
    first = tick(rig, api_files)
    assert [(r.run_key, r.partition_key, r.job_name) for r in first.run_requests] == [
        (f"{campaign.key}/1", campaign.key, "prepare"),
        (None, None, "send"),
    ]
    rig.instance.create_run_for_job(rig.defs.resolve_job_def("send"))
    assert first.dynamic_partitions_requests[0].partition_keys == [campaign.key]
    rig.instance.add_dynamic_partitions(str(campaigns.name), [campaign.key])
    assert isinstance(tick(rig, api_files, first.cursor), dg.SkipReason)
    # A lost cursor is harmless: the same run key comes again, which Dagster knows.
    again = tick(rig, api_files)
    assert [r.run_key for r in again.run_requests] == [f"{campaign.key}/1"]
    assert not again.dynamic_partitions_requests


def test_the_cursor_forgets_what_began(rig: PipelineRig) -> None:
    """The cursor holds only campaigns that still wait."""
    first = large(rig, contact_rows(2), "a.csv")
    cursor = tick(rig, api_files).cursor
    assert rig.prepare(first).success
    second = large(rig, contact_rows(3), "b.csv")
    assert list(json.loads(tick(rig, api_files, cursor).cursor)) == [f"{second.key}/1"]


def test_a_request_whose_run_never_came_is_asked_for_again(rig: PipelineRig) -> None:
    """The database died between a tick and its run: after a minute the same run key comes again, and only then."""
    campaign = large(rig, contact_rows(2))
    rig.instance.create_run_for_job(rig.defs.resolve_job_def("send"))
    cursor = json.loads(tick(rig, api_files).cursor)
    assert isinstance(tick(rig, api_files, json.dumps(cursor)), dg.SkipReason)
    cursor[f"{campaign.key}/1"] -= 61
    assert [r.run_key for r in tick(rig, api_files, json.dumps(cursor)).run_requests] == [f"{campaign.key}/1"]


def test_each_source_has_one_sensor(rig: PipelineRig) -> None:
    """Dagster compares run keys within a sensor, so two sensors must not ask for one campaign."""
    rig.upload(contact_rows(2))
    assert isinstance(tick(rig, campaigns_due), dg.SkipReason)


def test_a_window_of_single_messages_is_prepared_when_it_closes(rig: PipelineRig) -> None:
    """An open campaign waits; once it accepts no more it is asked for."""
    now = dt.datetime.now(dt.UTC)
    with rig.engine.begin() as connection:
        feed = rig.feed()
        campaign = create_feed_campaign(
            connection, feed, source="single", actor="t", accepts_until=now + dt.timedelta(minutes=1)
        )
    assert isinstance(tick(rig, campaigns_due), dg.SkipReason)
    rig.change("update campaign set accepts_until = now()")
    assert "prepare_waiting" in [r.job_name for r in tick(rig, campaigns_due).run_requests]
    assert [c.key for c in take_group(rig.engine, "a run")] == [campaign.key]


def test_a_scheduled_campaign_is_released_when_its_time_comes(rig: PipelineRig) -> None:
    """Prepared at once, sent later: a change of state, no run."""
    campaign = rig.prepared(contact_rows(2), send_at="00:00")
    assert campaign.state == CampaignState.SCHEDULED
    tick(rig, campaigns_due)
    assert rig.campaign(campaign).state == CampaignState.SCHEDULED
    rig.change("update campaign set scheduled_at = now()")
    tick(rig, campaigns_due)
    assert rig.campaign(campaign).state == CampaignState.SENDING


def test_a_start_that_is_long_past_asks_first(rig: PipelineRig) -> None:
    """The machine was off when its time came: an hour late it goes all the same, later a person is asked, once."""
    late, too_late = (rig.prepared(contact_rows(2, start), f"{start}.csv", send_at="00:00") for start in (0, 10))
    for campaign, minutes in ((late, 55), (too_late, 65)):
        rig.change(
            "update campaign set scheduled_at = now() - make_interval(mins => :minutes) where id = :id",
            minutes=minutes,
            id=campaign.id,
        )
    for _ in range(2):
        tick(rig, campaigns_due)
    assert rig.campaign(late).state == CampaignState.SENDING
    waiting = rig.campaign(too_late)
    assert waiting.state == CampaignState.AWAITING_APPROVAL
    waits = waits_for_approval(waiting)
    assert waits is not None and waits["reason"] == "start_long_past" and "65 minutes ago" in waits["message"]
    assert rig.rows("select reason, times from alert") == [{"reason": "start_long_past", "times": 1}]
    assert rig.rows(
        "select actor, detail ->> 'because' as why from audit where action = 'campaign.awaiting_approval'"
    ) == [{"actor": "schedule", "why": "start_long_past"}]


def test_each_recipients_own_time_is_long_past_only_where_somebody_lives(rig: PipelineRig) -> None:
    """Released for the farthest east, where nobody is: not late as long as the first recipient's own time is to come."""
    with_zones = "external_id,phone,time_zone,amount\n1,07400100001,Europe/London,2\n2,07400100002,America/New_York,3\n"
    campaign = rig.prepared(with_zones, send_at="23:59", send_in="recipient")
    first = rig.rows("select min(due_at) as due from message")[0]["due"]
    rig.change("update campaign set state = 'paused' where state = 'sending'")
    rig.change("update campaign set state = 'scheduled', scheduled_at = now() - interval '5 hours'")
    rig.change("update message set due_at = greatest(due_at, now() + interval '1 minute')")
    tick(rig, campaigns_due)
    assert rig.campaign(campaign).state == CampaignState.SENDING, first
    rig.change("update campaign set state = 'paused'")
    rig.change("update campaign set state = 'scheduled'")
    rig.change("update message set due_at = now() - interval '2 hours' where line = 2")
    tick(rig, campaigns_due)
    assert rig.campaign(campaign).state == CampaignState.AWAITING_APPROVAL


def test_a_sender_is_started_before_the_first_message_is_due(rig: PipelineRig) -> None:
    """While a file is prepared a sender warms up; one is enough, and none runs for nothing."""
    assert isinstance(tick(rig, messages_due), dg.SkipReason)
    rig.upload(contact_rows(2))
    rig.change("update campaign set state_changed_at = now() - interval '3 seconds'")
    asked = tick(rig, messages_due)
    assert [r.job_name for r in asked.run_requests] == ["send"]
    rig.instance.create_run_for_job(rig.defs.resolve_job_def("send"))
    assert isinstance(tick(rig, messages_due), dg.SkipReason)


def test_senders_follow_the_work() -> None:
    """None without work, one for little, all for much."""
    assert [senders_wanted(n, False, 4) for n in (0, 1, 1999, 2000)] == [0, 1, 1, 4]
    assert senders_wanted(0, True, 4) == 1


def test_a_crashed_preparation_is_tried_again_and_then_stopped(rig: PipelineRig) -> None:
    """Three attempts by default; then the campaign is stopped, its owner answered, an operator alerted."""
    key = large(rig, contact_rows(3)).key
    rig.instance.create_run_for_job(rig.defs.resolve_job_def("send"))
    Path(rig.lake.url).write_text("a file where the lake's folder should be")
    for attempt in (1, 2, 3):
        assert [r.run_key for r in tick(rig, api_files).run_requests] == [f"{key}/{attempt}"]
        assert not rig.prepare(rig.campaign(key)).success
        assert rig.campaign(key).state == CampaignState.CHECKING
        tick(rig, failed_runs)
        expected = CampaignState.RECEIVED if attempt < 3 else CampaignState.STOPPED
        assert rig.campaign(key).state == expected
    problem = rig.campaign(key).problem
    assert problem is not None and problem["reason"] == "preparation_failed"
    alerts = rig.rows("select reason, subject from alert where reason = 'preparation_failed'")
    assert alerts == [{"reason": "preparation_failed", "subject": f"campaign:{key}"}]


def test_a_full_disk_is_named_and_leaves_nothing_half_done(rig: PipelineRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lake's disk is full at every attempt: stopped with that as the reason; sent when there is room and it comes again."""
    registered = rig.upload(contact_rows(3), prepare_attempts=1)
    assert registered.campaign is not None

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr("pyarrow.parquet.ParquetWriter.write_table", full)
        disk.setattr("pyarrow.parquet.ParquetWriter.write_batch", full)
        disk.setattr("pyarrow.parquet.ParquetWriter.write", full)
        assert not rig.prepare(registered.campaign).success
    tick(rig, failed_runs)
    stopped = rig.campaign(registered.campaign)
    assert stopped.state == CampaignState.STOPPED
    assert stopped.problem is not None and stopped.problem["reason"] == "disk_full"
    (alert,) = rig.rows("select reason, message from alert")
    assert alert["reason"] == "disk_full" and "not enough room on the disk" in alert["message"]
    assert rig.rows("select count(*) as n from message") == [{"n": 0}]
    again = rig.prepared(contact_rows(3), same_content="send")
    assert again.state == CampaignState.SENDING


def test_a_run_at_work_is_left_alone(rig: PipelineRig) -> None:
    """A campaign that is being checked by a living run is nobody else's."""
    campaign = rig.upload(contact_rows(3)).campaign
    assert campaign is not None
    run = rig.instance.create_run_for_job(rig.defs.resolve_job_def("send"))
    rig.change("update campaign set state = 'checking', run_id = :run, prepare_attempts = 1", run=run.run_id)
    rig.change("update campaign set state_changed_at = now() - interval '1 hour'")
    tick(rig, failed_runs)
    assert rig.campaign(campaign).state == CampaignState.CHECKING


def test_a_run_that_vanished_is_noticed(rig: PipelineRig) -> None:
    """The run is not in Dagster's storage at all: after a grace the campaign is taken back."""
    campaign = rig.upload(contact_rows(3)).campaign
    assert campaign is not None
    rig.change("update campaign set state = 'checking', run_id = 'gone', prepare_attempts = 1")
    tick(rig, failed_runs)
    assert rig.campaign(campaign).state == CampaignState.CHECKING
    rig.change("update campaign set state_changed_at = now() - interval '5 minutes'")
    tick(rig, failed_runs)
    assert rig.campaign(campaign).state == CampaignState.RECEIVED


def test_a_run_cancelled_before_it_began_counts_as_an_attempt(rig: PipelineRig) -> None:
    """The campaign is still `received`; without a new attempt its run key would be used up for good."""
    campaign = large(rig, contact_rows(3))
    request = tick(rig, api_files).run_requests[0]
    run = rig.instance.create_run_for_job(rig.defs.resolve_job_def("prepare"), tags=request.tags)
    rig.instance.report_run_canceled(run)
    tick(rig, failed_runs)
    with rig.engine.connect() as connection:
        assert get_campaign(connection, campaign.key).prepare_attempts == 1
    assert tick(rig, api_files).run_requests[0].run_key == f"{campaign.key}/2"


def test_attempts_that_ended_with_the_daemon_are_not_held_against_the_campaign(rig: PipelineRig) -> None:
    """A daemon that is killed again and again stops no campaign: only its own failures count."""
    campaign = large(rig, contact_rows(3))
    for attempt in range(1, 6):
        request = tick(rig, api_files).run_requests[0]
        assert request.run_key == f"{campaign.key}/{attempt}"
        run = rig.instance.create_run_for_job(
            rig.defs.resolve_job_def("prepare"), tags={**request.tags, ENDED_TAG: "true"}
        )
        rig.instance.report_run_failed(run)
        tick(rig, failed_runs)
        assert rig.campaign(campaign).state == CampaignState.RECEIVED
