"""Single messages: recipients that programs send to one by one join the open campaign of their feed.

The campaign is open for a window from its first recipient on; a campaign is made for a recipient only, so none is ever empty.
When the window is over the campaign is prepared like any other.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.intake import queries
from nightmail.intake.feed_campaigns import create_feed_campaign
from nightmail.organisation.stored_feeds import FeedRow
from nightmail.stated_times import StatedStart


@dataclass(frozen=True, slots=True)
class Joined:
    """The campaign that recipients joined, and the row of each in it, in the order given."""

    campaign: CampaignRow
    lines: list[int]
    closes_at: dt.datetime
    """When the campaign takes no more recipients."""


def join_open_campaign(
    connection: Connection,
    feed: FeedRow,
    rows: Sequence[Mapping[str, str]],
    *,
    actor: str,
    window_s: int,
    start: StatedStart | None = None,
) -> Joined:
    """Add rows (column to value) to the feed's open campaign, or to a new one that is open for ``window_s`` seconds.

    Rows with a stated ``start`` share a campaign with those of the same start alone, and others with none of these. The campaign stays locked until the caller's transaction ends. Rows are counted from 1, as in JSON Lines.
    """
    campaign = _open_campaign(connection, feed, actor, window_s, start)
    assert campaign.accepts_until is not None
    return Joined(campaign, add_rows(connection, campaign, rows, actor=actor), campaign.accepts_until)


def add_rows(
    connection: Connection, campaign: CampaignRow, rows: Sequence[Mapping[str, str]], *, actor: str
) -> list[int]:
    """Add rows to a campaign that the transaction holds; their lines."""
    last = int(connection.scalar(text(queries.LAST_SINGLE_MESSAGE), {"campaign": campaign.id}) or 0)
    lines = list(range(last + 1, last + 1 + len(rows)))
    connection.execute(
        text(queries.ADD_SINGLE_MESSAGE),
        [
            {"campaign": campaign.id, "line": line, "row": json.dumps(dict(row)), "actor": actor}
            for line, row in zip(lines, rows, strict=True)
        ],
    )
    return lines


def _open_campaign(
    connection: Connection, feed: FeedRow, actor: str, window_s: int, start: StatedStart | None
) -> CampaignRow:
    """The feed's open campaign of this start, locked until the end of the transaction; a new one when there is none."""
    found = _lock_open_campaign(connection, feed.id, start)
    if found is None:
        # Of several requests that find none, one makes it and the others wait and join it.
        connection.execute(text(queries.LOCK), {"name": f"nightmail.single.{feed.id}"})
        found = _lock_open_campaign(connection, feed.id, start)
    if found is not None:
        return get_campaign(connection, found)
    # Not the transaction's time: it may have waited long for the lock.
    now = connection.scalars(text("select clock_timestamp()")).one()
    return create_feed_campaign(
        connection, feed, source="single", actor=actor, start=start, accepts_until=now + dt.timedelta(seconds=window_s)
    )


def _lock_open_campaign(connection: Connection, feed_id: int, start: StatedStart | None) -> int | None:
    values = {
        "feed": feed_id,
        "stated": start is not None,
        # Of a time by each recipient's clock the release may be now, which is another moment for each request.
        "moment": start.moment if start is not None and start.local is None else None,
        "local": None if start is None else start.local,
    }
    found = connection.scalar(text(queries.LOCK_OPEN_CAMPAIGN), values)
    return None if found is None else int(found)
