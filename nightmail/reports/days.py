"""A day of the reports: the UTC day of arrival for receipts and replies, of first hand-off for delivery and usage.

What was never handed off is reported on the day of the decision.
"""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pyarrow.compute as pc


def bounds(day: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """Return the first moment of a UTC day, and that of the next one."""
    start = dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC)
    return start, start + dt.timedelta(days=1)


def count_values(counts: dict[str, int], column: pa.ChunkedArray) -> None:
    """Add to ``counts`` how often each value of ``column`` stands in it."""
    for entry in pc.value_counts(column):
        name = entry["values"].as_py()
        counts[name] = counts.get(name, 0) + entry["counts"].as_py()
