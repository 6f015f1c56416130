"""Making a campaign: its key, its token, its priority."""

from __future__ import annotations

import datetime as dt
import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from nightmail.audit import write_entry
from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.campaigns.queries import INSERT_CAMPAIGN, OWNER_OF_NEW_CAMPAIGN
from nightmail.campaigns.start_times import CampaignTimes
from nightmail.organisation.hosting_regions import refuse_region

ORDINARY_PRIORITY = 5
URGENT_PRIORITY = 0
AT_ONCE = CampaignTimes()
"""The times of a campaign that starts at once and is not cut off."""


def priority_of(*, urgent: bool) -> int:
    """The priority that the messages of a category have where a feed states none; smaller goes first."""
    return URGENT_PRIORITY if urgent else ORDINARY_PRIORITY


def create_campaign(
    connection: Connection,
    *,
    team_id: int,
    template_version_id: int,
    category_id: int,
    source: str,
    actor: str,
    feed_id: int | None = None,
    name: str | None = None,
    settings: Mapping[str, Any] | None = None,
    priority: int | None = None,
    times: CampaignTimes = AT_ONCE,
    start_stated: bool = False,
    schedule_time: dt.datetime | None = None,
    accepts_until: dt.datetime | None = None,
) -> CampaignRow:
    """Make a campaign in state ``received``, with an audit entry; sensors see it and prepare it.

    ``source`` is ``sftp``, ``api``, ``portal``, ``command`` or ``single`` (an open campaign of single messages, with
    ``accepts_until``). ``start_stated`` says that a person or a program stated the start, rather than the feed;
    ``schedule_time`` is the time of the feed's schedule that makes it. ``name`` goes into the key, by default the feed's name. A category that is urgent gives
    priority 0, any other 5; smaller goes first.

    >>> with engine.begin() as connection:
    ...     campaign = create_campaign(
    ...         connection, team_id=3, template_version_id=1, category_id=1, source="api", actor="api"
    ...     )
    >>> campaign.key
    '2026-11-23.acme.billing.7f3a9c'
    """
    owner = connection.execute(
        text(OWNER_OF_NEW_CAMPAIGN), {"team": team_id, "category": category_id, "feed": feed_id}
    ).one()
    refuse_region(owner.team, owner.region)
    if priority is None:
        priority = priority_of(urgent=owner.urgent)
    label = re.sub(r"[^a-z0-9_]+", "_", (name or owner.feed or "").lower()).strip("_")[:60]
    stem = owner.team if not label or owner.team.rsplit(".", 1)[-1] == label else f"{owner.team}.{label}"
    while True:
        token = f"c{secrets.token_hex(5)}"
        key = f"{owner.now.astimezone(dt.UTC):%Y-%m-%d}.{stem}.{token[1:7]}"
        number = connection.scalar(
            text(INSERT_CAMPAIGN),
            {
                "key": key,
                "token": token,
                "team": team_id,
                "feed": feed_id,
                "version": template_version_id,
                "category": category_id,
                "source": source,
                "priority": priority,
                "settings": json.dumps(dict(settings or {}), default=str),
                "scheduled": times.scheduled_at,
                "local_start": times.local_start,
                "start_stated": start_stated,
                "schedule_time": schedule_time,
                "cut_off": times.cut_off_at,
                "accepts": accepts_until,
            },
        )
        if number is not None:
            break
    write_entry(
        connection, actor=actor, action="campaign.created", subject=key, team_id=team_id, detail={"source": source}
    )
    return get_campaign(connection, int(number))
