"""When a campaign would end that is not prepared yet: an estimate for the answer to an upload.

The rows of an upload are counted, without being read: lines of text, or the number that a Parquet file states. How many
messages they become is taken from the feed's last campaign; without one, each row counts as one unit on the feed's first
channel. Once the messages are there, the ledger's own forecast takes its place.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.errors import ContactFileError, NightmailError
from nightmail.forecasts.finish_forecast import FinishForecast, Load, Work, forecast_of_campaign
from nightmail.forecasts.queries import UNITS_OF_LAST
from nightmail.organisation.feed_choices import Delivery
from nightmail.organisation.feeds import FeedSettings, feed_settings
from nightmail.store.clock import database_time

_BLOCK = 1 << 20


def rows_in(path: Path) -> int | None:
    """About how many rows a file has; ``None`` for a file that would have to be unpacked to be counted."""
    from nightmail.contact_files.formats import content_format

    try:
        found = content_format(path)
    except ContactFileError:
        # Compressed, or unusable: the preparation says which.
        return None
    if found == "parquet":
        return _rows_of_parquet(path)
    if found != "text":
        return None
    lines, last = 0, b"\n"
    # In every encoding that files come in, a line feed is the byte 10, beside a byte 0 in UTF-16.
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            lines += block.count(b"\n")
            last = block[-2:]
    lines += not last.rstrip(b"\0").endswith(b"\n")
    return max(lines - 1, 1)


def _rows_of_parquet(path: Path) -> int | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return int(pq.read_metadata(path).num_rows)
    except (pa.ArrowException, OSError):
        return None


def estimated_finish(connection: Connection, campaign: CampaignRow, rows: int | None) -> FinishForecast:
    """The forecast for a campaign of so many rows that is not prepared yet; only its cut-off where they are not known."""
    if rows is None:
        return FinishForecast(None, campaign.cut_off_at)
    feed = feed_settings(campaign.settings, campaign.feed or "")
    now = database_time(connection)
    start = max(now, campaign.scheduled_at or now, campaign.accepts_until or now)
    try:
        channels = _channels(connection, campaign, feed)
    except NightmailError:
        # A template that cannot be used stops the campaign with its reason; the file is taken all the same.
        return FinishForecast(None, campaign.cut_off_at)
    units = _units_of_last(connection, campaign, rows)
    if units is None:
        used = channels if feed.delivery is Delivery.ALL_OF else channels[:1]
        units = dict.fromkeys(used, float(rows))
    due_at = _due_at(connection, campaign, feed)
    work = Work(
        tuple(Load(channel, amount, due_at) for channel, amount in units.items()),
        max(len(channels) - 1, 0),
    )
    return forecast_of_campaign(connection, campaign, work, start)


def _units_of_last(connection: Connection, campaign: CampaignRow, rows: int) -> dict[str, float] | None:
    """Units by channel of ``rows`` like those of the feed's last campaign; ``None`` without one."""
    last = connection.execute(text(UNITS_OF_LAST), {"feed": campaign.feed_id, "id": campaign.id}).first()
    return None if last is None else {channel: amount * rows / last.rows for channel, amount in last.units.items()}


def _channels(connection: Connection, campaign: CampaignRow, feed: FeedSettings) -> tuple[str, ...]:
    from nightmail.templates.loading import stored_template

    content = connection.scalar(
        text("select content from template_version where id = :id"), {"id": campaign.template_version_id}
    )
    template = stored_template(content)
    return tuple(channel for channel in (feed.channels or template.channels) if channel in template.channels)


def _due_at(connection: Connection, campaign: CampaignRow, feed: FeedSettings) -> dt.datetime | None:
    """When messages go that wait for each recipient's own time: in the team's zone, where most recipients are."""
    if campaign.local_start is None:
        return None
    from zoneinfo import ZoneInfo

    zone = feed.default_time_zone or connection.scalar(
        text("select time_zone from team where id = :id"), {"id": campaign.team_id}
    )
    return campaign.local_start.replace(tzinfo=ZoneInfo(zone or "UTC")).astimezone(dt.UTC)
