"""When a feed's campaign starts and is cut off."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from nightmail.campaigns.start_times import CampaignTimes, start_times
from nightmail.intake.feed_campaigns import create_feed_campaign
from nightmail.organisation.feeds import FeedSettings
from nightmail.stated_times import StatedStart
from tests.support.pipeline_rig import PipelineRig

NOON = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)


def test_times_of_a_campaign() -> None:
    """A time of day in the team's zone, in each recipient's own, a cut-off after it, and the earlier of two cut-offs."""
    settings = FeedSettings(send_at="19:30", cut_off="21:00", cut_off_after_s=3600)
    times = start_times(settings, "Europe/Berlin", NOON)
    assert times.scheduled_at == dt.datetime(2026, 11, 23, 18, 30, tzinfo=dt.UTC)
    assert times.cut_off_at == dt.datetime(2026, 11, 23, 19, 30, tzinfo=dt.UTC)
    assert start_times(FeedSettings(), "UTC", NOON) == CampaignTimes()


def test_each_recipients_own_time_is_of_the_day_that_the_team_means() -> None:
    """Half past seven of today's evening, though the day has ended in the east; cut off where it comes last."""
    local = FeedSettings(send_at="19:30", send_in="recipient", cut_off_after_s=3600)
    times = start_times(local, "Europe/Berlin", NOON)
    assert (times.scheduled_at, times.local_start) == (NOON, dt.datetime(2026, 11, 23, 19, 30))  # noqa: DTZ001
    assert times.cut_off_at == dt.datetime(2026, 11, 24, 8, 30, tzinfo=dt.UTC)
    in_the_night = start_times(local.model_copy(update={"send_at": "02:00"}), "Europe/Berlin", NOON)
    assert in_the_night.local_start == dt.datetime(2026, 11, 24, 2, 0)  # noqa: DTZ001
    assert in_the_night.scheduled_at == dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("source", "scheduled_at", "settings", "cut_off_at"),
    [
        # The feed's own start is at 19:30 UTC; the team's zone is London, in winter.
        ("api", "2026-11-23T13:00", {"cut_off_after_s": 7200}, "2026-11-23T15:00"),
        ("api", "2026-11-23T13:00", {"cut_off": "19:00", "send_at": "19:30"}, "2026-11-23T19:00"),
        ("api", "2026-11-23T20:00", {"cut_off": "19:00"}, "2026-11-24T19:00"),
        ("api", "2026-11-22T13:00", {"cut_off": "19:00"}, "2026-11-23T19:00"),
        ("contacts", "2026-11-23T02:00", {"cut_off": "06:00"}, "2026-11-23T06:00"),
        ("contacts", "2026-11-23T12:00", {"cut_off": "14:00"}, "2026-11-23T14:00"),
    ],
)
def test_a_cut_off_counts_from_the_start_that_was_asked_for(
    rig: PipelineRig, source: str, scheduled_at: str, settings: dict[str, object], cut_off_at: str
) -> None:
    """By the time that an upload asks for, and by the night that a schedule meant, not by the next one."""
    feed = replace(rig.feed(**settings), schedule="0 2 * * *" if source == "contacts" else None)
    at = dt.datetime.fromisoformat(f"{scheduled_at}+00:00")
    how = {"schedule_time": at} if source == "contacts" else {"start": StatedStart(at)}
    with rig.engine.begin() as connection:
        campaign = create_feed_campaign(connection, feed, source=source, actor="test", now=NOON, **how)  # type: ignore[arg-type]
    assert campaign.scheduled_at == at
    assert campaign.cut_off_at == dt.datetime.fromisoformat(f"{cut_off_at}+00:00")
