"""Campaigns that wait to be prepared: small ones, which a preparer takes in groups, and those that get a run of their own.

A run of its own costs a small campaign more than its preparation does. A preparer takes half of what waits, so that the
other one, or a more urgent campaign, finds room; and campaigns of one priority at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, Engine, text

from nightmail.campaigns.campaign_rows import CampaignRow, campaign_of_row
from nightmail.campaigns.transitions import begin_preparing
from nightmail.preparation import queries

SMALL_ROWS = 20_000
"""A campaign of more rows is large: it gets a run of its own, or the end of a group."""
SMALL_BYTES = 2_000_000
"""Uploads of more bytes get a run of their own; their rows are not known before they are read."""
GROUP_AT_MOST = 20
_LIMITS = {"rows": SMALL_ROWS, "bytes": SMALL_BYTES}


def waiting_for_preparers(connection: Connection, sources: Collection[str] | None = None) -> int:
    """The number of small campaigns that a preparer could take now, of these sources or of all; two groups at the most."""
    return len(_priorities(connection, sources))


def _priorities(connection: Connection, sources: Collection[str] | None = None) -> list[int]:
    values = {**_LIMITS, "limit": 2 * GROUP_AT_MOST, "sources": None if sources is None else sorted(sources)}
    return list(connection.scalars(text(queries.PRIORITIES_FOR_PREPARERS), values))


def take_group(engine: Engine, run_id: str) -> list[CampaignRow]:
    """Take waiting campaigns for a preparer, the run ``run_id``: they are ``checking`` then, and no other run's. Maybe none."""
    with engine.connect() as connection:
        if not (priorities := _priorities(connection)):
            return []
    first = priorities[0]
    most = min(GROUP_AT_MOST, (priorities.count(first) + 1) // 2)
    with engine.begin() as connection:
        ids = connection.scalars(text(queries.TAKE_FOR_PREPARER), {**_LIMITS, "priority": first, "limit": most}).all()
        return [begin_preparing(connection, campaign, run_id) for campaign in ids]


def left_to_preparers(connection: Connection, campaigns: Iterable[CampaignRow]) -> frozenset[int]:
    """The ids of those campaigns that a preparer takes when it has room: nobody asks for a run of their own."""
    values = {**_LIMITS, "ids": [campaign.id for campaign in campaigns]}
    return frozenset(connection.scalars(text(queries.LEFT_TO_PREPARERS), values))


def campaigns_for_own_runs(connection: Connection, sources: Collection[str], limit: int) -> list[CampaignRow]:
    """Received campaigns of these sources that get a run of their own, the most urgent and oldest first."""
    values = {**_LIMITS, "sources": sorted(sources), "limit": limit}
    return [campaign_of_row(row) for row in connection.execute(text(queries.FOR_OWN_RUNS), values)]


def still_with_run(connection: Connection, campaigns: Iterable[int], run_id: str) -> dict[int, CampaignRow]:
    """The campaigns, by id, that a run has taken and that nobody has stopped, cancelled or taken from it since."""
    rows = connection.execute(text(queries.STILL_WITH_RUN), {"ids": list(campaigns), "run": run_id})
    return {row.id: campaign_of_row(row) for row in rows}
