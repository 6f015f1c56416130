"""How things stand, for who looks after them: what is sent now, what waits, what is wrong, and the last days.

Everything is of the campaigns, accounts and servers that somebody may see; what is of others is neither shown nor counted.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_lists import CampaignFilter, find_campaigns
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.suspensions import SuspensionRow, list_suspensions
from nightmail.organisation.teams import is_at_or_below
from nightmail.reports import glance_queries as queries
from nightmail.reports.message_outcomes import pace_now
from nightmail.reports.progress import CampaignProgress, progress_of
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


def at_a_glance(
    connection: Connection, teams: Sequence[str], now: dt.datetime, *, feed_teams: Sequence[str] = ()
) -> Glance:
    """How things stand for who may see the campaigns of ``teams`` (topmost paths) and of those below, by at most eight statements.

    ``feed_teams`` are those whose feeds they may see: servers are shown on which these are dropped.
    """
    today = now.astimezone(dt.UTC).date()
    days = [today - dt.timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    values = {"teams": list(teams), "since": days[0]}
    numbers: dict[str, dict[tuple[str, dt.date | None], int]] = defaultdict(dict)
    for row in connection.execute(text(queries.NUMBERS), values):
        numbers[row.what][row.name, row.day] = int(row.number)
    states = {name: number for (name, _day), number in numbers["state"].items()}
    accounts = tuple(
        AccountHealth(**{name: row._mapping[name] for name in AccountHealth.__dataclass_fields__})
        for row in connection.execute(text(queries.ACCOUNTS), values)
    )
    return Glance(
        now=_now(connection, teams) if states else (),
        states=states,
        late=sum(numbers["late"].values()),
        in_doubt=sum(numbers["in_doubt"].values()),
        suspensions=tuple(each for each in list_suspensions(connection) if _concerns(each, teams)),
        days=tuple(
            DayFigures(
                day,
                {name: number for (name, of), number in numbers["day"].items() if of == day},
                numbers["replies"].get(("", day), 0),
            )
            for day in days
        ),
        accounts=accounts,
        servers=tuple(
            ServerHealth(**row._mapping)
            for row in connection.execute(text(queries.SERVERS), {"teams": list(feed_teams), "prefix": SERVER_SUBJECT})
        )
        if feed_teams
        else (),
    )


SERVER_SUBJECT = "sftp:"
"""How the subjects of alerts about servers begin; the server's name follows."""


def _now(connection: Connection, teams: Sequence[str]) -> tuple[CampaignNow, ...]:
    wanted = CampaignFilter(teams=tuple(teams), states=_UNDER_WAY)
    rows = find_campaigns(connection, wanted, limit=200)
    rows = sorted(rows, key=lambda row: (_UNDER_WAY.index(row.state), row.priority, row.id))[:SHOWN]
    loaded = [row.id for row in rows if row.loaded_at is not None]
    progress = progress_of(connection, loaded)
    costs = costs_of(connection, loaded)
    sending = [row.id for row in rows if row.state is CampaignState.SENDING]
    paces = pace_now(connection, sending) if sending else {}
    return tuple(
        CampaignNow(row, progress.get(row.id, CampaignProgress()), paces.get(row.id, 0.0), tuple(costs.get(row.id, ())))
        for row in rows
    )


def costs_of(connection: Connection, campaign_ids: Sequence[int]) -> dict[int, list[tuple[str, Decimal]]]:
    """What several campaigns' messages cost so far, by currency."""
    found: dict[int, list[tuple[str, Decimal]]] = defaultdict(list)
    for row in connection.execute(text(queries.COSTS_OF_MANY), {"ids": list(campaign_ids)}):
        found[row.campaign_id].append((row.currency, row.cost))
    return found


def _concerns(suspension: SuspensionRow, teams: Sequence[str]) -> bool:
    """Whether a suspension holds messages of ``teams``: one for all, for a team above them, for one of them or below."""
    team = suspension.team
    if team is None or "" in teams:
        return True
    return any(is_at_or_below(team, each) or is_at_or_below(each, team) for each in teams)
