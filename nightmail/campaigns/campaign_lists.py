"""Campaigns as somebody may see them: listed with filters, and one by its key.

What a person may see is joined in the statement, by the topmost teams at which they hold a permission; nothing is filtered
afterwards.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, text

from nightmail.access.decisions import allowed
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.campaigns.campaign_rows import CampaignRow, campaign_of_row, find_campaign
from nightmail.campaigns.queries import CAMPAIGNS, FEEDS_WITH_CAMPAIGNS
from nightmail.errors import UsageError
from nightmail.organisation.queries import AT_OR_BELOW, TEAMS_AT_OR_BELOW
from nightmail.store.states import CampaignState

EXPORT_PAGE = 500
"""Campaigns that an export reads at once."""


class CampaignOrder(StrEnum):
    """In which order campaigns are listed."""

    NEWEST = "newest"
    OLDEST = "oldest"
    CHANGED = "changed"
    """Those first whose state changed last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignFilter:
    """Which campaigns are meant; what is ``None`` or empty does not matter.

    ``teams`` are the topmost teams that somebody may see (:func:`nightmail.access.decisions.teams_with`). ``channel`` is one that
    a campaign uses; of one whose file is not read yet that is not known, unless its feed says it. ``since`` and ``until``
    bound when it was made; ``search`` is a part of its key or of its feed's name.
    """

    teams: tuple[str, ...]
    team: str | None = None
    feed: str | None = None
    states: tuple[CampaignState, ...] = ()
    channel: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    search: str | None = None


@dataclass(frozen=True, slots=True)
class CampaignPlace:
    """Where a list goes on: after this campaign."""

    id: int
    changed_at: dt.datetime

    @classmethod
    def of(cls, row: CampaignRow) -> CampaignPlace:
        """The place of a campaign."""
        return cls(row.id, row.state_changed_at)


_ORDERS = {
    CampaignOrder.NEWEST: ("c.id desc", "c.id < :after_id"),
    CampaignOrder.OLDEST: ("c.id", "c.id > :after_id"),
    CampaignOrder.CHANGED: (
        "c.state_changed_at desc, c.id desc",
        "(c.state_changed_at, c.id) < (:after_at, :after_id)",
    ),
}


def find_campaigns(
    connection: Connection,
    wanted: CampaignFilter,
    *,
    order: CampaignOrder = CampaignOrder.NEWEST,
    after: CampaignPlace | None = None,
    limit: int = 50,
) -> list[CampaignRow]:
    """A page of the campaigns that are meant."""
    conditions, values = _conditions(wanted)
    by, following = _ORDERS[order]
    if after is not None:
        conditions.append(following)
        values |= {"after_id": after.id, "after_at": after.changed_at}
    statement = f"{CAMPAIGNS} where {' and '.join(conditions)} order by {by} limit :limit"
    return [campaign_of_row(row) for row in connection.execute(text(statement), values | {"limit": min(limit, 1000)})]


def every_campaign(
    connection: Connection, wanted: CampaignFilter, *, order: CampaignOrder = CampaignOrder.NEWEST
) -> Iterator[CampaignRow]:
    """Every campaign that is meant, read page by page, so that memory does not grow with their number."""
    after: CampaignPlace | None = None
    while rows := find_campaigns(connection, wanted, order=order, after=after, limit=EXPORT_PAGE):
        yield from rows
        after = CampaignPlace.of(rows[-1])


def visible_campaign(connection: Connection, principal: Principal, key: str) -> CampaignRow:
    """The campaign of a key, for who may see it. Raises :class:`UsageError` (``campaign_unknown``) for everybody else too."""
    found = find_campaign(connection, key)
    if found is None or not allowed(principal, Permission.CAMPAIGN_SEE, found.team).yes:
        raise UsageError("campaign_unknown", campaign=key)
    return found


def feeds_with_campaigns(connection: Connection, teams: tuple[str, ...], limit: int = 200) -> list[str]:
    """The names of active feeds of teams and of those below, sorted: what a list of campaigns can be filtered by."""
    return list(connection.scalars(text(FEEDS_WITH_CAMPAIGNS), {"teams": list(teams), "limit": limit}))


def _conditions(wanted: CampaignFilter) -> tuple[list[str], dict[str, Any]]:
    made = [f"c.team_id in ({TEAMS_AT_OR_BELOW})"]
    values: dict[str, Any] = {"teams": list(wanted.teams)}

    def add(condition: str, **of: Any) -> None:
        made.append(condition)
        values.update(of)

    if wanted.team is not None:
        add(AT_OR_BELOW.format(lower="t.path", upper=":team"), team=wanted.team)
    if wanted.feed is not None:
        add("f.name = :feed", feed=wanted.feed)
    if wanted.states:
        add("c.state = any(:states)", states=[str(state) for state in wanted.states])
    if wanted.channel is not None:
        used = "coalesce(c.counts -> 'units', c.counts #> '{settings_used,channels_used}', c.settings -> 'channels')"
        add(f"jsonb_exists({used}, :channel)", channel=wanted.channel)
    if wanted.since is not None:
        add("c.created_at >= :since", since=wanted.since)
    if wanted.until is not None:
        add("c.created_at < :until", until=wanted.until)
    if wanted.search is not None:
        add("(strpos(c.key, :search) > 0 or strpos(lower(f.name), :search) > 0)", search=wanted.search.lower())
    return made, values
