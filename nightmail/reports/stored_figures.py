"""The figures of any range of days, read from the sums that are kept of each: in time that does not grow with the ledger."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, text

from nightmail.access.decisions import teams_with
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.errors import UsageError
from nightmail.reports import sum_queries
from nightmail.reports.outcomes import OUTCOMES
from nightmail.reports.report_figures import CAMPAIGNS_SHOWN, PartRows, ReportFigures, Totals, feed_name, figures_of
from nightmail.reports.report_sums import NUMBERS

MOST_DAYS = 366
"""Days of one report."""
_FIRST_YEAR, _LAST_YEAR = 2000, 9000
"""What is outside has no days before or after it that the calendar knows."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is asked for: UTC days, both included, of what is seen by somebody, and of a team, feed or campaign."""

    since: dt.date
    until: dt.date
    teams: tuple[str, ...]
    """The topmost teams that may be seen, or the one that is asked for; ``""`` for all."""
    team: str | None = None
    feed: str | None = None
    campaign: str | None = None
    feed_id: int | None = None
    campaign_id: int | None = None

    @property
    def days(self) -> int:
        """How many days."""
        return (self.until - self.since).days + 1

    @property
    def before(self) -> Asked:
        """The same of as many days before."""
        length = dt.timedelta(days=self.days)
        return replace(self, since=self.since - length, until=self.until - length)

    def values(self) -> dict[str, Any]:
        """The values of the statements' parameters."""
        return {
            "since": self.since,
            "until": self.until,
            "teams": list(self.teams),
            "feed": self.feed_id,
            "campaign": self.campaign_id,
        }


def ask(
    connection: Connection,
    principal: Principal,
    since: dt.date,
    until: dt.date,
    *,
    team: str | None = None,
    feed: str | None = None,
    campaign: str | None = None,
    permission: Permission = Permission.REPORT_SEE,
) -> Asked:
    """What ``principal`` asks for, within the teams for which it holds ``permission``.

    ``team`` is a team's path and means those below it too; ``feed`` reads ``team/feed``; ``campaign`` is a key. Raises
    :class:`UsageError`: ``report_days_wrong`` for days in the wrong order or more than :data:`MOST_DAYS`; ``report_of_nothing``
    for what is not there and for what may not be seen, in the same words.
    """
    if until < since or (until - since).days >= MOST_DAYS or since.year < _FIRST_YEAR or until.year > _LAST_YEAR:
        raise UsageError("report_days_wrong", since=since.isoformat(), until=until.isoformat(), most=MOST_DAYS)
    teams = teams_with(principal, permission)
    if team is feed is campaign is None:
        return Asked(since, until, teams)
    found = connection.execute(
        text(sum_queries.FIND_NAMED), {"teams": list(teams), "team": team, "feed": feed, "campaign": campaign}
    ).one()
    for what, named, is_there in (
        ("team", team, found.team),
        ("feed", feed, found.feed),
        ("campaign", campaign, found.campaign),
    ):
        if named is not None and is_there is None:
            raise UsageError("report_of_nothing", facts={"what": what}, what=what, name=named)
    return Asked(since, until, (team,) if team else teams, team, feed, campaign, found.feed, found.campaign)


def read_figures(connection: Connection, asked: Asked) -> ReportFigures:
    """The figures of what is asked for, by three statements."""
    counts = _counts(connection, asked, asked.since)
    return _figures(connection, asked, counts)


def read_compared(connection: Connection, asked: Asked) -> tuple[ReportFigures, Totals]:
    """The figures of what is asked for, and what was counted over as many days before; by four statements."""
    counts = _counts(connection, replace(asked, since=asked.before.since), asked.since)
    return _figures(connection, asked, counts), _read_totals(connection, asked.before, counts.before)


def read_totals(connection: Connection, asked: Asked) -> Totals:
    """What was counted over all rows of what is asked for, by two statements."""
    return _read_totals(connection, asked, _counts(connection, asked, asked.since).now)


@dataclass(frozen=True)
class _Counts:
    """What was counted beside messages: on the days that are asked for and on those before."""

    now: dict[str, int]
    before: dict[str, int]
    written_at: dt.datetime | None


def _figures(connection: Connection, asked: Asked, counts: _Counts) -> ReportFigures:
    values = asked.values() | {"campaigns": CAMPAIGNS_SHOWN}
    by_campaign = asked.campaign_id is not None
    sums = connection.execute(text(sum_queries.PARTS_BY_CAMPAIGN if by_campaign else sum_queries.PARTS_BY_FEED), values)
    parts: list[PartRows] = []
    whole: list[Row[Any]] = []
    costs: list[Row[Any]] = []
    for row in sums:
        if row.part == "all":
            whole.append(row)
        elif row.part == "currency":
            costs.append(row)
        else:
            parts.append(PartRows(row.part, _name(row), row.outcome, int(row.rows)))
    campaigns = 0
    for row in connection.execute(text(sum_queries.WHEN_AND_WHOSE), values):
        campaigns = row.campaigns or campaigns
        if row.part != "hour" or row.hour is not None:
            parts.append(PartRows(row.part, _name(row), row.outcome, int(row.rows)))
    totals = _totals(whole, costs, counts.now)
    return figures_of(parts, totals, campaign_count=campaigns, written_at=counts.written_at)


def _read_totals(connection: Connection, asked: Asked, counts: dict[str, int]) -> Totals:
    statement = sum_queries.TOTALS_BY_FEED if asked.campaign_id is None else sum_queries.TOTALS_BY_CAMPAIGN
    rows = connection.execute(text(statement), asked.values()).all()
    return _totals(rows, rows, counts)


def _totals(whole: Iterable[Row[Any]], costs: Iterable[Row[Any]], counts: dict[str, int]) -> Totals:
    outcomes = dict.fromkeys(OUTCOMES, 0)
    numbers: Counter[str] = Counter(dict.fromkeys(NUMBERS, 0))
    for row in whole:
        outcomes[row.outcome] += int(row.rows)
        for name in NUMBERS:
            numbers[name] += int(row._mapping[name])
    amounts: dict[str, Decimal] = {}
    for row in costs:
        if row.cost is not None:
            amounts[row.currency or ""] = amounts.get(row.currency or "", Decimal(0)) + row.cost
    return Totals(outcomes, dict(numbers), dict(sorted(amounts.items())), counts)


def _counts(connection: Connection, asked: Asked, begins: dt.date) -> _Counts:
    rows = connection.execute(text(sum_queries.COUNTS), asked.values() | {"begins": begins}).all()
    counted = [row for row in rows if row.what != "written"]
    (written_at,) = (row.written_at for row in rows if row.what == "written")
    now, before = ({row.what: int(row.number) for row in counted if row.is_before is then} for then in (False, True))
    return _Counts(now, before, written_at)


def _name(row: Row[Any]) -> str | None:
    if row.part == "feed":
        return feed_name(row.team, row.feed)
    name = row._mapping[row.part]
    return None if name is None else str(name)
