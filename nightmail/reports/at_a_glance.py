"""How things stand, for who looks after them: what is sent now, what waits, what is wrong, and the last days.

Everything is of the campaigns, accounts and servers that somebody may see; what is of others is neither shown nor counted.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, text

from nightmail.campaigns.campaign_lists import CampaignFilter, find_campaigns
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.suspensions import SuspensionRow
from nightmail.carriers.protocol import NOT_REACHED, REACHED
from nightmail.organisation.teams import is_at_or_below
from nightmail.reports import glance_queries as queries
from nightmail.reports.progress import CampaignProgress
from nightmail.store.states import CampaignState

SHOWN = 8
"""Campaigns under way that are shown one by one."""
DAYS = 7
_UNDER_WAY = (CampaignState.SENDING, CampaignState.PAUSED, CampaignState.SCHEDULED, CampaignState.AWAITING_APPROVAL)


@dataclass(frozen=True, slots=True)
class CampaignNow:
    """A campaign under way: how far it is, how fast it goes, what it cost so far by currency."""

    row: CampaignRow
    progress: CampaignProgress
    pace: float
    """Messages a second, over the last ten seconds."""
    costs: tuple[tuple[str, Decimal], ...]


@dataclass(frozen=True, slots=True)
class AccountHealth:
    """A carrier account that is in use."""

    id: int
    name: str
    channel: str
    carrier: str
    team: str | None
    """Whose it is; ``None``: for all."""
    moved_percent: int
    """How many of a hundred of its messages other accounts take, since it answers badly."""
    failing_since: dt.datetime | None
    used_at: dt.datetime | None
    blocked_until: dt.datetime | None
    """It asked to be left alone until then."""


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """An SFTP server: since when it does not answer, and when a file was last taken from it."""

    name: str
    failing_since: dt.datetime | None
    message: str | None
    seen_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class DayFigures:
    """A UTC day: rows of its delivery report by outcome (:data:`nightmail.reports.outcomes.OUTCOMES`), and replies."""

    day: dt.date
    outcomes: Mapping[str, int]
    replies: int


@dataclass(frozen=True, slots=True)
class Glance:
    """How things stand."""

    now: tuple[CampaignNow, ...]
    """The campaigns under way that matter first: sending ones, then paused, scheduled and waiting ones."""
    states: Mapping[str, int]
    """Campaigns that are not over by state, and those ``stopped`` within a day."""
    late: int
    """Campaigns under way that end after their cut-off."""
    in_doubt: int
    """Messages in doubt of campaigns that are or were lately under way; at most a thousand of each are counted."""
    suspensions: tuple[SuspensionRow, ...]
    days: tuple[DayFigures, ...]
    accounts: tuple[AccountHealth, ...] = ()
    servers: tuple[ServerHealth, ...] = ()

    @property
    def failing_accounts(self) -> tuple[AccountHealth, ...]:
        """Those whose messages other accounts take, since they answer badly."""
        return tuple(each for each in self.accounts if each.moved_percent)

    @property
    def pace(self) -> float:
        """Messages a second of all that is shown."""
        return sum(each.pace for each in self.now)

    @property
    def waiting(self) -> int:
        """Messages that wait in the campaigns that are being sent."""
        return sum(each.progress.unsettled for each in self.now if each.row.state is CampaignState.SENDING)


def at_a_glance(connection: Connection, teams: Sequence[str], *, feed_teams: Sequence[str] = ()) -> Glance:
    """How things stand for who may see the campaigns of ``teams`` (topmost paths) and of those below, by three statements.

    ``feed_teams`` are those whose feeds they may see: servers are shown on which these are dropped.
    """
    campaigns = _campaigns(connection, teams)
    figures = _figures(connection, teams, campaigns)
    ways = connection.execute(
        text(queries.WAYS), {"teams": list(teams), "feed_teams": list(feed_teams), "prefix": SERVER_SUBJECT}
    ).all()
    suspensions = (_suspension(row) for row in ways if row.what == "suspension")
    today = next(day for _name, day in figures["today", None] if day is not None)
    return Glance(
        now=tuple(_campaign_now(row, figures) for row in campaigns),
        states={name: int(number) for (name, _day), number in figures["state", None].items()},
        late=int(sum(figures["late", None].values())),
        in_doubt=int(sum(figures["in_doubt", None].values())),
        suspensions=tuple(each for each in suspensions if _concerns(each, teams)),
        days=tuple(_day(today - dt.timedelta(days=back), figures) for back in range(DAYS - 1, -1, -1)),
        accounts=tuple(_account(row) for row in ways if row.what == "account"),
        servers=tuple(
            ServerHealth(name=row.name, failing_since=row.since, message=row.reason, seen_at=row.used_at)
            for row in ways
            if row.what == "server"
        ),
    )


SERVER_SUBJECT = "sftp:"
"""How the subjects of alerts about servers begin; the server's name follows."""
_PACE_SECONDS = 10
_PACE_MOST = 100_000
"""Messages that are counted for the pace at most: a faster one is shown as that."""
_Figures = dict[tuple[str, int | None], dict[tuple[str, dt.date | None], Decimal]]
"""Numbers by what they count and the campaign, each by its name and day."""


def _campaigns(connection: Connection, teams: Sequence[str]) -> list[CampaignRow]:
    wanted = CampaignFilter(teams=tuple(teams), states=_UNDER_WAY)
    rows = find_campaigns(connection, wanted, limit=200)
    return sorted(rows, key=lambda row: (_UNDER_WAY.index(row.state), row.priority, row.id))[:SHOWN]


def _figures(connection: Connection, teams: Sequence[str], campaigns: Sequence[CampaignRow]) -> _Figures:
    values = {
        "teams": list(teams),
        "days": DAYS,
        "loaded": [row.id for row in campaigns if row.loaded_at is not None],
        "sending": [row.id for row in campaigns if row.state is CampaignState.SENDING],
        "ends": sorted(str(status) for status in REACHED | NOT_REACHED),
        "seconds": _PACE_SECONDS,
        "most": _PACE_MOST,
    }
    found: _Figures = defaultdict(dict)
    for row in connection.execute(text(queries.NUMBERS), values):
        found[row.what, row.campaign_id][row.name, row.day] = row.number
    return found


def _campaign_now(row: CampaignRow, figures: _Figures) -> CampaignNow:
    states = {name: int(number) for (name, _day), number in figures["progress", row.id].items()}
    ended = {name: int(number) for (name, _day), number in figures["ended", row.id].items()}
    not_arrived = sum(number for name, number in ended.items() if name in NOT_REACHED)
    progress = CampaignProgress(states, sum(ended.values()) - not_arrived, not_arrived)
    costs = tuple((currency, cost) for (currency, _day), cost in figures["cost", row.id].items())
    return CampaignNow(row, progress, int(sum(figures["pace", row.id].values())) / _PACE_SECONDS, costs)


def _day(day: dt.date, figures: _Figures) -> DayFigures:
    outcomes = {name: int(number) for (name, of), number in figures["day", None].items() if of == day}
    return DayFigures(day, outcomes, int(figures["replies", None].get(("", day), 0)))


def _account(row: Row[Any]) -> AccountHealth:
    return AccountHealth(
        id=row.id,
        name=row.name,
        channel=row.channel,
        carrier=row.carrier,
        team=row.team,
        moved_percent=row.moved_percent,
        failing_since=row.since,
        used_at=row.used_at,
        blocked_until=row.blocked_until,
    )


def _suspension(row: Row[Any]) -> SuspensionRow:
    return SuspensionRow(
        id=row.id,
        channel=row.channel,
        team_id=row.team_id,
        carrier_account_id=row.carrier_account_id,
        sender=row.sender,
        reason=row.reason,
        by=row.by,
        since=row.since,
        team=row.team,
        carrier_account=row.name,
    )


def _concerns(suspension: SuspensionRow, teams: Sequence[str]) -> bool:
    """Whether a suspension holds messages of ``teams``: one for all, for a team above them, for one of them or below."""
    team = suspension.team
    if team is None or "" in teams:
        return True
    return any(is_at_or_below(team, each) or is_at_or_below(each, team) for each in teams)
