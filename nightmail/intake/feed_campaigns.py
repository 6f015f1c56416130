"""The campaign that a feed makes: its template's newest version, its category, its settings as they are now."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.creation import create_campaign
from nightmail.campaigns.start_times import start_times
from nightmail.organisation.categories import named_category
from nightmail.organisation.stored_feeds import FeedRow, next_run_of
from nightmail.organisation.stored_templates import newest_template_version
from nightmail.store.clock import database_time


def create_feed_campaign(
    connection: Connection,
    feed: FeedRow,
    *,
    source: str,
    actor: str,
    scheduled_at: dt.datetime | None = None,
    accepts_until: dt.datetime | None = None,
    now: dt.datetime | None = None,
) -> CampaignRow:
    """Make a campaign of a feed, with the feed's settings as they are now; ``scheduled_at`` wins over the feed's own.

    Raises :class:`UsageError` (``category_unknown``).
    """
    now = now or database_time(connection)
    own_start, cut_off = start_times(feed.settings, feed.time_zone, now, next_run_of(feed, now))
    if scheduled_at is not None:
        # The cut-off counts from the start that was asked for. A schedule's time that was missed stays the start, so that
        # its cut-off does not move; a time of a person's that is over means now.
        start = scheduled_at if source == "contacts" else max(now, scheduled_at)
        _, cut_off = start_times(feed.settings.model_copy(update={"send_at": None}), feed.time_zone, start)
    return create_campaign(
        connection,
        team_id=feed.team_id,
        feed_id=feed.id,
        template_version_id=newest_template_version(connection, feed.template_id),
        category_id=category_of_feed(connection, feed),
        source=source,
        actor=actor,
        settings=feed.settings.stored(),
        priority=feed.settings.priority if "priority" in feed.settings.model_fields_set else None,
        scheduled_at=scheduled_at or own_start,
        cut_off_at=cut_off,
        accepts_until=accepts_until,
    )


def category_of_feed(connection: Connection, feed: FeedRow) -> int:
    """The id of the category that a feed's campaigns are of. Raises :class:`UsageError` (``category_unknown``)."""
    if feed.settings.category is None:
        return feed.category_id
    category = named_category(connection, feed.team, feed.settings.category, by=f"the feed {feed.name}")
    assert category.id is not None
    return category.id
