"""What became of each row of a delivery report, in one word, and why: the one place that says so.

>>> outcomes = outcomes_of(table)
>>> reasons_of(table, outcomes)
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from nightmail.carriers.protocol import NOT_REACHED, REACHED

OUTCOMES = ("delivered", "under_way", "undelivered", "failed", "in_doubt", "held", "not_sent")
"""What became of each row: reached; taken by the carrier and not final yet; taken and not reached; refused at hand-off; in
doubt, as nobody knows whether the carrier took it; held for a reason; cancelled or expired. Standby messages that were not
needed, and what is still queued, are not rows of a day's report."""
TAKEN = ("delivered", "under_way", "undelivered")
"""Outcomes of what a carrier took: only these cost anything."""
FINAL = ("delivered", "undelivered", "failed")
"""Outcomes that nothing is expected to change; what was not sent at all is not among them."""
BAD = ("undelivered", "failed", "in_doubt", "held", "not_sent")
"""Outcomes with a reason."""


def counted_rows(table: pa.Table) -> pa.Table:
    """The rows of a delivery report that count: all but the fallbacks that were not needed."""
    return table.filter(pc.not_equal(table["state"], "not_needed"))


def outcomes_of(table: pa.Table) -> pa.ChunkedArray:
    """The outcome of each row of a delivery report, one of :data:`OUTCOMES`."""
    state, status = table["state"], table["status"]
    reached = pc.is_in(status, value_set=words(REACHED))
    missed = pc.is_in(status, value_set=words(NOT_REACHED))
    taken = pc.if_else(reached, "delivered", pc.if_else(missed, "undelivered", "under_way"))
    other: pa.ChunkedArray = pc.if_else(
        pc.is_in(state, value_set=words(("failed", "in_doubt", "held"))), state, "not_sent"
    )
    return pc.if_else(pc.equal(state, "accepted"), taken, other)


def reasons_of(table: pa.Table, outcomes: pa.ChunkedArray) -> pa.ChunkedArray:
    """Why each row did not arrive: our reason's code, else the carrier's code or word; null for what arrived or is under way."""
    # What the carrier said of an undelivered message is its reason.
    why = pc.coalesce(table["reason"], table["error_code"], table["status"], table["state"])
    return pc.if_else(pc.is_in(outcomes, value_set=words(BAD)), why, pa.scalar(None, pa.string()))


def words(names: Iterable[str]) -> pa.Array:
    """Names as a column."""
    return pa.array([str(name) for name in names], pa.string())
