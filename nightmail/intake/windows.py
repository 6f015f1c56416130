"""Windows of single messages: what is taken from the API joins its feed's open campaign until the window closes."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from nightmail.intake.arrivals import create_feed_campaign
from nightmail.intake.feed_rows import FeedRow
from nightmail.sending.campaigns import CampaignRow, get_campaign, move
from nightmail.store.states import CampaignState


def join_window(
    connection: Connection, feed: FeedRow, rows: Sequence[Mapping[str, Any]], *, window_s: int, actor: str
) -> tuple[CampaignRow, list[int]]:
    """Add recipients to the feed's open campaign, which is made when there is none; gives it and their lines.

    Lines count from 1 without gaps: line *n* is the *n*-th recipient of the campaign. One transaction: the caller's. The
    window cannot close while it is under way, since the campaign's row is locked.
    """
    connection.execute(text("select pg_advisory_xact_lock(hashtext(:feed))"), {"feed": f"nightmail.window.{feed.id}"})
    found = connection.scalar(
        text(
            "select id from campaign where feed_id = :feed and source = 'single' and state = 'received' "
            "and accepts_until > clock_timestamp() order by id desc limit 1 for update"
        ),
        {"feed": feed.id},
    )
    if found is None:
        now = dt.datetime.now(dt.UTC)
        campaign = create_feed_campaign(
            connection, feed, source="single", actor=actor, accepts_until=now + dt.timedelta(seconds=window_s), now=now
        )
    else:
        campaign = get_campaign(connection, int(found))
    first = int(
        connection.scalar(
            text("select coalesce(max(line), 0) + 1 from single_message where campaign_id = :id"), {"id": campaign.id}
        )
        or 1
    )
    lines = list(range(first, first + len(rows)))
    connection.execute(
        text('insert into single_message (campaign_id, line, "row") values (:id, :line, cast(:row as jsonb))'),
        [
            {"id": campaign.id, "line": line, "row": json.dumps(dict(row), ensure_ascii=False)}
            for line, row in zip(lines, rows, strict=True)
        ],
    )
    return campaign, lines


def close_empty_windows(connection: Connection) -> list[str]:
    """Cancel windows that closed without a message; gives their keys."""
    empty = connection.execute(
        text(
            "select c.id, c.key from campaign c where c.source = 'single' and c.state = 'received' "
            "and c.accepts_until <= now() "
            "and not exists (select from single_message s where s.campaign_id = c.id) limit 100 for update skip locked"
        )
    ).all()
    for row in empty:
        move(connection, row.id, CampaignState.CANCELLED, actor="window")
    return [row.key for row in empty]
