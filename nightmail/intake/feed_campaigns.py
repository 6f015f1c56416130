"""The campaign that a feed makes: its template's newest version, its category, its settings as they are now."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.creation import create_campaign
from nightmail.campaigns.start_times import CampaignTimes, cut_off_of, start_times
from nightmail.organisation.categories import named_category
from nightmail.organisation.stored_feeds import FeedRow, next_run_of
from nightmail.organisation.stored_templates import newest_template_version
from nightmail.stated_times import StatedStart
from nightmail.store.clock import database_time


def create_feed_campaign(
    connection: Connection,
    feed: FeedRow,
    *,
    source: str,
    actor: str,
    start: StatedStart | None = None,
    schedule_time: dt.datetime | None = None,
    accepts_until: dt.datetime | None = None,
    now: dt.datetime | None = None,
) -> CampaignRow:
    """Make a campaign of a feed, with the feed's settings as they are now.

    ``start`` was stated by a person or a program and wins over the feed's own. ``schedule_time`` is the time of the
    feed's schedule that makes it, for a campaign of the contact book. Raises :class:`UsageError` (``category_unknown``,
    ``feed_sends_nothing``).
    """
    now = now or database_time(connection)
    return create_campaign(
        connection,
        team_id=feed.team_id,
        feed_id=feed.id,
        template_version_id=newest_template_version(connection, feed.sent_template),
        category_id=category_of_feed(connection, feed),
        source=source,
        actor=actor,
        settings=feed.settings.stored(),
        priority=feed.settings.priority if "priority" in feed.settings.model_fields_set else None,
        times=campaign_times(feed, now, start, schedule_time),
        start_stated=start is not None,
        schedule_time=schedule_time,
        accepts_until=accepts_until,
    )


def campaign_times(
    feed: FeedRow, now: dt.datetime, start: StatedStart | None = None, schedule_time: dt.datetime | None = None
) -> CampaignTimes:
    """When a feed's campaign is sent that is made ``now``; the other arguments as :func:`create_feed_campaign` has them."""
    if start is not None:
        # The cut-off counts from the start that was asked for; one that is over means now.
        begins = StatedStart(max(start.moment, now), start.local)
        return CampaignTimes(start, cut_off_of(feed.settings, feed.time_zone, begins, now))
    if schedule_time is not None:
        # A schedule's time that was missed stays the start, so that its cut-off does not move.
        return start_times(feed.settings, feed.time_zone, schedule_time, schedule_time)
    return start_times(feed.settings, feed.time_zone, now, next_run_of(feed, now))


def category_of_feed(connection: Connection, feed: FeedRow) -> int:
    """The id of the category that a feed's campaigns are of. Raises :class:`UsageError` (``category_unknown``)."""
    if feed.settings.category is None:
        assert feed.category_id is not None, "who sends a template has its category"
        return feed.category_id
    category = named_category(connection, feed.team, feed.settings.category, by=f"the feed {feed.name}")
    assert category.id is not None
    return category.id
