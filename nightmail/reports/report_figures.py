"""The figures of a delivery report: what the page shows and `nightmail report` prints, computed by columns.

>>> figures = report_figures(TableFile("delivery_report.parquet").read())
>>> figures.outcomes["delivered"], figures.delivered_share
(901, 0.949...)
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from nightmail.carriers.protocol import NOT_REACHED, REACHED

OUTCOMES = ("delivered", "under_way", "undelivered", "failed", "held", "not_sent")
"""What became of each row: reached; taken by the carrier and not final yet; taken and not reached; refused at hand-off;
held for a reason; cancelled, expired or in doubt. Standby messages that were not needed, and what is still queued, are
not rows of a day's report."""

_BINS_S = (1, 5, 10, 30, 60, 300, 600, 1800, 3600)
_BINS_AT_MOST = 48
_NEEDED = (
    "campaign",
    "team",
    "feed",
    "template",
    "channel",
    "country",
    "language",
    "state",
    "reason",
    "status",
    "error_code",
    "carrier",
    "handed_off_at",
    "status_at",
    "opened",
    "clicked",
    "replied",
    "segments",
    "cost",
    "currency",
)


class ReasonCount(NamedTuple):
    """Rows with one outcome for one reason, or for one error code of a carrier."""

    outcome: str
    reason: str
    rows: int


@dataclass(frozen=True)
class Breakdown:
    """The rows of one channel, country, campaign or language, by outcome."""

    name: str
    outcomes: dict[str, int]

    @property
    def total(self) -> int:
        """The number of all its rows."""
        return sum(self.outcomes.values())

    @property
    def delivered_share(self) -> float | None:
        """The share delivered of those whose outcome is final; ``None`` while there is none."""
        final = sum(self.outcomes.get(name, 0) for name in ("delivered", "undelivered", "failed"))
        return self.outcomes.get("delivered", 0) / final if final else None


@dataclass(frozen=True)
class ReportFigures:
    """The figures of one report that the page and `nightmail report` show."""

    rows: int
    outcomes: dict[str, int]
    """Rows by :data:`OUTCOMES`."""
    channels: tuple[Breakdown, ...]
    countries: tuple[Breakdown, ...]
    campaigns: tuple[Breakdown, ...]
    languages: tuple[Breakdown, ...]
    teams: tuple[str, ...]
    reasons: tuple[ReasonCount, ...]
    """Most first."""
    costs: dict[str, Decimal]
    segments: int
    opened: int
    clicked: int
    replied: int
    bin_s: int
    timeline: tuple[tuple[dt.datetime, dict[str, int]], ...]
    """Rows handed off in each interval of ``bin_s`` seconds, by outcome."""
    first: dt.datetime | None
    last: dt.datetime | None
    seconds_to_status: tuple[float, float] | None = field(default=None)
    """The median and the 95th percentile of the seconds from hand-off to the final status."""

    @property
    def sent(self) -> int:
        """The number of messages that a carrier took."""
        return sum(self.outcomes[name] for name in ("delivered", "under_way", "undelivered"))

    @property
    def delivered_share(self) -> float | None:
        """The share delivered of those whose outcome is final; ``None`` while there is none."""
        return Breakdown("", self.outcomes).delivered_share

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values; money as text."""
        return {
            "rows": self.rows,
            **self.outcomes,
            "sent": self.sent,
            "delivered_share": self.delivered_share,
            "segments": self.segments,
            "opened": self.opened,
            "clicked": self.clicked,
            "replied": self.replied,
            "costs": {currency: str(amount) for currency, amount in self.costs.items()},
            "by_channel": {part.name: part.outcomes for part in self.channels},
            "by_country": {part.name: part.outcomes for part in self.countries},
            "by_campaign": {part.name: part.outcomes for part in self.campaigns},
            "by_language": {part.name: part.outcomes for part in self.languages},
            "reasons": [{"outcome": outcome, "reason": reason, "rows": rows} for outcome, reason, rows in self.reasons],
            "seconds_to_status": list(self.seconds_to_status) if self.seconds_to_status else None,
        }


def report_figures(table: pa.Table) -> ReportFigures:
    """The figures of a delivery report's rows (one or more days, or a part of them)."""
    table = table.select([name for name in _NEEDED if name in table.column_names])
    table = table.filter(pc.invert(pc.is_in(table["state"], value_set=pa.array(["not_needed"]))))
    outcome = _outcomes(table)
    table = table.append_column("outcome", outcome)
    timeline, bin_s, first, last = _timeline(table)
    return ReportFigures(
        rows=table.num_rows,
        outcomes=_counts(outcome),
        channels=_breakdown(table, "channel"),
        countries=_breakdown(table, "country"),
        campaigns=_breakdown(table, "campaign"),
        languages=_breakdown(table, "language"),
        teams=tuple(sorted(pc.unique(table["team"].drop_null()).to_pylist())),
        reasons=_reasons(table),
        costs=_costs(table),
        segments=int(pc.sum(table.filter(pc.equal(table["state"], "accepted"))["segments"]).as_py() or 0),
        opened=_true(table["opened"]),
        clicked=_true(table["clicked"]),
        replied=_true(table["replied"]),
        bin_s=bin_s,
        timeline=timeline,
        first=first,
        last=last,
        seconds_to_status=_seconds_to_status(table),
    )


def _set(names: Iterable[str]) -> pa.Array:
    return pa.array([str(name) for name in names], pa.string())


def _outcomes(table: pa.Table) -> pa.ChunkedArray:
    state, status = table["state"], table["status"]
    accepted = pc.equal(state, "accepted")
    reached = pc.is_in(status, value_set=_set(REACHED))
    missed = pc.is_in(status, value_set=_set(NOT_REACHED))
    taken = pc.if_else(reached, "delivered", pc.if_else(missed, "undelivered", "under_way"))
    other = pc.if_else(pc.equal(state, "failed"), "failed", pc.if_else(pc.equal(state, "held"), "held", "not_sent"))
    return pc.if_else(accepted, taken, other)


def _counts(outcome: pa.ChunkedArray) -> dict[str, int]:
    found = {entry["values"].as_py(): entry["counts"].as_py() for entry in pc.value_counts(outcome)}
    return {name: int(found.get(name, 0)) for name in OUTCOMES}


def _breakdown(table: pa.Table, column: str) -> tuple[Breakdown, ...]:
    grouped = table.group_by([column, "outcome"]).aggregate([([], "count_all")])
    parts: dict[str, dict[str, int]] = {}
    for name, outcome, count in zip(
        grouped[column].to_pylist(), grouped["outcome"].to_pylist(), grouped["count_all"].to_pylist(), strict=True
    ):
        parts.setdefault(name or "unknown", dict.fromkeys(OUTCOMES, 0))[outcome] += count
    return tuple(
        sorted((Breakdown(name, counts) for name, counts in parts.items()), key=lambda part: (-part.total, part.name))
    )


def _reasons(table: pa.Table) -> tuple[ReasonCount, ...]:
    bad = table.filter(pc.is_in(table["outcome"], value_set=_set(("undelivered", "failed", "held", "not_sent"))))
    # What the carrier said of an undelivered message is its reason.
    reason = pc.coalesce(bad["reason"], bad["error_code"], bad["status"], bad["state"])
    grouped = bad.append_column("why", reason).group_by(["outcome", "why"]).aggregate([([], "count_all")])
    columns = (grouped[name].to_pylist() for name in ("outcome", "why", "count_all"))
    counts = [ReasonCount(*values) for values in zip(*columns, strict=True)]
    return tuple(sorted(counts, key=lambda count: (-count.rows, count.outcome, count.reason)))


def _costs(table: pa.Table) -> dict[str, Decimal]:
    sent = table.filter(pc.and_(pc.equal(table["state"], "accepted"), pc.is_valid(table["cost"])))
    grouped = sent.group_by("currency").aggregate([("cost", "sum")])
    pairs = zip(grouped["currency"].to_pylist(), grouped["cost_sum"].to_pylist(), strict=True)
    return {currency or "": amount for currency, amount in sorted(pairs, key=lambda pair: pair[0] or "")}


def _true(column: pa.ChunkedArray) -> int:
    return int(pc.sum(column.cast(pa.int64())).as_py() or 0)


def _timeline(
    table: pa.Table,
) -> tuple[tuple[tuple[dt.datetime, dict[str, int]], ...], int, dt.datetime | None, dt.datetime | None]:
    handed = table.filter(pc.is_valid(table["handed_off_at"]))
    if handed.num_rows == 0:
        return (), _BINS_S[-1], None, None
    ends = pc.min_max(handed["handed_off_at"])
    first, last = ends["min"].as_py(), ends["max"].as_py()
    span = (last - first).total_seconds()
    bin_s = next((size for size in _BINS_S if span / size <= _BINS_AT_MOST - 1), _BINS_S[-1])
    seconds = pc.divide(handed["handed_off_at"].cast(pa.int64()), 1_000_000 * bin_s)
    grouped = handed.append_column("bin", seconds).group_by(["bin", "outcome"]).aggregate([([], "count_all")])
    counts: dict[int, dict[str, int]] = {}
    for number, outcome, count in zip(
        grouped["bin"].to_pylist(), grouped["outcome"].to_pylist(), grouped["count_all"].to_pylist(), strict=True
    ):
        counts.setdefault(number, dict.fromkeys(OUTCOMES, 0))[outcome] += count
    bins = range(min(counts), max(counts) + 1)
    timeline = tuple(
        (dt.datetime.fromtimestamp(number * bin_s, dt.UTC), counts.get(number, dict.fromkeys(OUTCOMES, 0)))
        for number in bins
    )
    return timeline, bin_s, first, last


def _seconds_to_status(table: pa.Table) -> tuple[float, float] | None:
    final = table.filter(
        pc.and_(
            pc.is_in(table["outcome"], value_set=_set(("delivered", "undelivered"))),
            pc.and_(pc.is_valid(table["status_at"]), pc.is_valid(table["handed_off_at"])),
        )
    )
    if final.num_rows == 0:
        return None
    took = pc.subtract(final["status_at"].cast(pa.int64()), final["handed_off_at"].cast(pa.int64()))
    quantiles = pc.quantile(pc.divide(took.cast(pa.float64()), 1e6), q=[0.5, 0.95])
    return max(0.0, float(quantiles[0].as_py())), max(0.0, float(quantiles[1].as_py()))
