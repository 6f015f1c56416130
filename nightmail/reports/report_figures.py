"""The figures of a report: what the portal's page, its file, the exports and `nightmail report` show.

They are made of sums (:mod:`nightmail.reports.report_sums`), be those kept of each day in the database, or counted from a
delivery report's rows:

>>> figures = report_figures(TableFile("delivery_report.parquet").read())
>>> figures.outcomes["delivered"], figures.delivered_share
(901, 0.949...)
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa

from nightmail.reports.outcomes import BAD, FINAL, OUTCOMES, TAKEN
from nightmail.reports.report_sums import NUMBERS, judged, summed

CAMPAIGNS_SHOWN = 50
"""Campaigns of a report that have a line of their own."""
UNKNOWN = "unknown"
"""The name of what has none: a row without a channel, of no country."""


class PartRows(NamedTuple):
    """Rows with one outcome within one part of a report: a day, a channel, a reason."""

    part: str
    name: str | None
    outcome: str
    rows: int


class ReasonCount(NamedTuple):
    """Rows with one outcome for one reason, or for one error code of a carrier."""

    outcome: str
    reason: str
    rows: int


@dataclass(frozen=True)
class Breakdown:
    """The rows of one day, channel, country, campaign, feed or hour, by outcome."""

    name: str
    outcomes: dict[str, int]

    @property
    def total(self) -> int:
        """The number of all its rows."""
        return sum(self.outcomes.values())

    @property
    def sent(self) -> int:
        """The number of messages that a carrier took."""
        return sum(self.outcomes[name] for name in TAKEN)

    @property
    def delivered_share(self) -> float | None:
        """The share delivered of those whose outcome is final; ``None`` while there is none."""
        final = sum(self.outcomes.get(name, 0) for name in FINAL)
        return self.outcomes.get("delivered", 0) / final if final else None


@dataclass(frozen=True)
class Totals:
    """What was counted over all rows."""

    outcomes: dict[str, int]
    """Rows by :data:`OUTCOMES`."""
    numbers: dict[str, int]
    """By :data:`nightmail.reports.report_sums.NUMBERS`."""
    costs: dict[str, Decimal]
    """By currency; ``""`` for amounts whose currency is not known."""
    counts: dict[str, int] = field(default_factory=dict)
    """By :data:`nightmail.reports.day_sums.COUNTED`; empty where only a delivery report was read."""

    @property
    def rows(self) -> int:
        """The number of all rows: messages, and contacts that were held before there was one."""
        return self.numbers["rows"]

    @property
    def sent(self) -> int:
        """The number of messages that a carrier took."""
        return sum(self.outcomes[name] for name in TAKEN)

    @property
    def delivered_share(self) -> float | None:
        """The share delivered of those whose outcome is final; ``None`` while there is none."""
        return Breakdown("", self.outcomes).delivered_share


@dataclass(frozen=True)
class ReportFigures:
    """The figures of one report."""

    totals: Totals
    days: tuple[Breakdown, ...]
    """In their order; names are ISO dates. Days without rows are left out."""
    hours: tuple[Breakdown, ...]
    """The 24 UTC hours of hand-off; none where nothing was handed off."""
    channels: tuple[Breakdown, ...]
    countries: tuple[Breakdown, ...]
    feeds: tuple[Breakdown, ...]
    """Named ``team/feed``, or by the team alone. Like the others with most rows first."""
    campaigns: tuple[Breakdown, ...]
    campaign_count: int
    """How many campaigns there are; ``campaigns`` has those of most rows."""
    reasons: tuple[ReasonCount, ...]
    """Most first."""
    written_at: dt.datetime | None = None
    """When the newest of the days was counted; ``None`` for rows that were counted just now."""

    @property
    def rows(self) -> int:
        """The number of all rows."""
        return self.totals.rows

    @property
    def outcomes(self) -> dict[str, int]:
        """Rows by :data:`OUTCOMES`."""
        return self.totals.outcomes

    @property
    def costs(self) -> dict[str, Decimal]:
        """Costs by currency."""
        return self.totals.costs

    @property
    def sent(self) -> int:
        """The number of messages that a carrier took."""
        return self.totals.sent

    @property
    def segments(self) -> int:
        """The segments of what a carrier took."""
        return self.totals.numbers["segments"]

    @property
    def delivered_share(self) -> float | None:
        """The share delivered of those whose outcome is final; ``None`` while there is none."""
        return self.totals.delivered_share

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values; money as text."""
        parts = {"day": self.days, "hour": self.hours, "channel": self.channels, "country": self.countries}
        parts |= {"feed": self.feeds, "campaign": self.campaigns}
        return {
            **self.totals.numbers,
            **self.outcomes,
            **self.totals.counts,
            "sent": self.sent,
            "delivered_share": self.delivered_share,
            "costs": {currency: str(amount) for currency, amount in self.costs.items()},
            **{f"by_{name}": {part.name: part.outcomes for part in found} for name, found in parts.items()},
            "campaigns": self.campaign_count,
            "reasons": [{"outcome": outcome, "reason": reason, "rows": rows} for outcome, reason, rows in self.reasons],
            "written_at": self.written_at.isoformat() if self.written_at else None,
        }


def report_figures(table: pa.Table) -> ReportFigures:
    """The figures of a delivery report's rows (one or more days, or a part of them); by day where there is a column ``day``."""
    rows = judged(table)
    found: list[PartRows] = []
    for part in ("day", "hour", "channel", "country", "campaign", "reason"):
        if part in rows.column_names:
            sums = summed(rows, [part, "outcome"])
            columns = (sums[name].to_pylist() for name in (part, "outcome", "rows"))
            found += [
                PartRows(part, None if name is None else str(name), *more) for name, *more in zip(*columns, strict=True)
            ]
    sums = summed(rows, ["team", "feed", "outcome"])
    columns = (sums[name].to_pylist() for name in ("team", "feed", "outcome", "rows"))
    found += [
        PartRows("feed", feed_name(team, feed), outcome, count)
        for team, feed, outcome, count in zip(*columns, strict=True)
    ]
    outcomes = dict.fromkeys(OUTCOMES, 0)
    whole = summed(rows, ["outcome", "currency"]).to_pylist()
    costs: dict[str, Decimal] = {}
    for each in whole:
        outcomes[each["outcome"]] += each["rows"]
        if each["cost"] is not None:
            currency = each["currency"] or ""
            costs[currency] = costs.get(currency, Decimal(0)) + each["cost"]
    numbers = {name: sum(each[name] for each in whole) for name in NUMBERS}
    return figures_of(found, Totals(outcomes, numbers, dict(sorted(costs.items()))))


def figures_of(
    parts: Iterable[PartRows],
    totals: Totals,
    *,
    campaign_count: int | None = None,
    written_at: dt.datetime | None = None,
) -> ReportFigures:
    """The figures that sums amount to: ``parts`` are the rows of each day, hour, channel, country, feed, campaign and reason."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for part, name, outcome, rows in parts:
        of_part = found.setdefault(part, {})
        of_part.setdefault(UNKNOWN if name is None else name, dict.fromkeys(OUTCOMES, 0))[outcome] += rows
    campaigns = _largest_first(found.get("campaign", {}))
    hours = {name: counts for name, counts in found.get("hour", {}).items() if name != UNKNOWN}
    reasons = [
        ReasonCount(outcome, name, rows)
        for name, counts in found.get("reason", {}).items()
        for outcome, rows in counts.items()
        if rows and outcome in BAD
    ]
    nothing = dict.fromkeys(OUTCOMES, 0)
    return ReportFigures(
        totals=totals,
        days=tuple(Breakdown(name, counts) for name, counts in sorted(found.get("day", {}).items())),
        hours=tuple(Breakdown(str(hour), hours.get(str(hour), nothing)) for hour in range(24)) if hours else (),
        channels=_largest_first(found.get("channel", {})),
        countries=_largest_first(found.get("country", {})),
        feeds=_largest_first(found.get("feed", {})),
        campaigns=campaigns[:CAMPAIGNS_SHOWN],
        campaign_count=len(campaigns) if campaign_count is None else campaign_count,
        reasons=tuple(sorted(reasons, key=lambda count: (-count.rows, count.outcome, count.reason))),
        written_at=written_at,
    )


def feed_name(team: str, feed: str | None) -> str:
    """A feed as it is called, ``acme.billing/invoices``; for what has no feed its team."""
    return team if feed is None else f"{team}/{feed}"


def _largest_first(parts: Mapping[str, dict[str, int]]) -> tuple[Breakdown, ...]:
    found = (Breakdown(name, counts) for name, counts in parts.items())
    return tuple(sorted(found, key=lambda part: (-part.total, part.name)))
