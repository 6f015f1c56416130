"""The rows of a delivery report, counted: rows that went alike become one row with how many they were.

What is kept of each day (:mod:`nightmail.reports.day_sums`), what a command counts from the lake, and what analysts' frames
count are these sums: figures are made from nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from nightmail.lake.schemas import MONEY, UTC_TIME
from nightmail.reports.outcomes import TAKEN, counted_rows, outcomes_of, reasons_of, words

WITHIN_S = {"within_10s": 10, "within_1min": 60, "within_10min": 600, "within_1h": 3600}
"""Columns of messages whose final status came within so many seconds of their hand-off."""
NUMBERS = ("rows", "messages", "segments", "opened", "clicked", "answered", "timed", *WITHIN_S)
"""The whole numbers that are counted: report rows; those that are messages, not contacts held before; segments of what a carrier
took; messages opened, clicked and answered; those whose final status has a time, and how soon it came."""
ALIKE = ("channel", "country", "outcome", "reason", "currency")
"""What rows of one sum have in common, beside whose they are."""
OF_WHOM = ("campaign", "team", "feed", "channel", "country")
NEEDED = (
    *(*OF_WHOM, "message_id", "state", "reason", "status", "error_code"),
    *("handed_off_at", "status_at", "opened", "clicked", "replied", "segments", "cost", "currency"),
)
"""The columns of a delivery report that are counted."""


def judged(table: pa.Table) -> pa.Table:
    """The rows of a delivery report that count, with ``outcome``, ``reason``, ``hour`` and the numbers of each (0 or 1).

    A column ``day`` is kept, where there is one.
    """
    table = counted_rows(table.select([*NEEDED, *(["day"] if "day" in table.column_names else [])]))
    outcome = outcomes_of(table)
    taken = pc.is_in(outcome, value_set=words(TAKEN))
    final = pc.is_in(outcome, value_set=words(("delivered", "undelivered")))
    # A carrier's clock may be behind ours: what came before its hand-off came at once.
    handed_off, status_at = (table[name].cast(UTC_TIME).cast(pa.int64()) for name in ("handed_off_at", "status_at"))
    took = pc.subtract(status_at, handed_off)
    timed = pc.and_(final, pc.is_valid(took))
    columns = {
        **{name: table[name] for name in ("day", *OF_WHOM) if name in table.column_names},
        "outcome": outcome,
        "reason": reasons_of(table, outcome),
        "currency": pc.if_else(taken, table["currency"], pa.scalar(None, pa.string())),
        "hour": pc.hour(table["handed_off_at"]).cast(pa.int16()),
        "cost": pc.if_else(taken, table["cost"], pa.scalar(None, table.schema.field("cost").type)),
        "rows": pa.chunked_array([pa.repeat(pa.scalar(1, pa.int64()), table.num_rows)]),
        "messages": _ones(pc.is_valid(table["message_id"])),
        "segments": pc.if_else(taken, pc.fill_null(table["segments"], 0), 0).cast(pa.int64()),
        "opened": _ones(table["opened"]),
        "clicked": _ones(table["clicked"]),
        "answered": _ones(table["replied"]),
        "timed": _ones(timed),
        **{name: _ones(pc.and_(timed, pc.less_equal(took, seconds * 1_000_000))) for name, seconds in WITHIN_S.items()},
    }
    return pa.table(columns)


def summed(rows: pa.Table, by: Sequence[str]) -> pa.Table:
    """Judged rows, or sums of them, added up by the columns ``by``: with the columns of :data:`NUMBERS` and ``cost``.

    A sum of costs is null where no row has one.
    """
    adding = [(name, "sum") for name in (*NUMBERS, "cost")]
    found = rows.group_by(list(by)).aggregate(adding)
    columns = {name: found[name] for name in by}
    columns |= {name: found[f"{name}_sum"] for name in NUMBERS}
    columns["cost"] = found["cost_sum"].cast(pa.decimal128(38, MONEY.scale))
    return pa.table(columns)


def _ones(mask: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(mask, False).cast(pa.int64())
