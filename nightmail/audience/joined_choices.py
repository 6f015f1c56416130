"""What one contact chose with several teams, as one choice: a refusal of any of them holds, for the rest what comes first does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def joined_choices(preferences: pa.Table) -> pa.Table:
    """The preferences with one row for each contact. Of several rows the first is that of the nearest team."""
    ids = preferences["contact_id"]
    counts = pc.value_counts(ids)
    if len(counts) == preferences.num_rows:
        return preferences
    twice = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    several = pc.is_in(ids, value_set=twice)
    by_contact: dict[str, list[dict[str, Any]]] = {}
    for row in preferences.filter(several).to_pylist():
        by_contact.setdefault(row["contact_id"], []).append(row)
    joined = pa.Table.from_pylist([_joined(rows) for rows in by_contact.values()], schema=preferences.schema)
    return pa.concat_tables([preferences.filter(pc.invert(several)), joined])


def _joined(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found = {name: _first(rows, name) for name in ("contact_id", "channels", "time_zone", "language")}
    quiet: Mapping[str, Any] = next((row for row in rows if row["quiet_from"] is not None), {})
    chosen = [set(row["categories_in"]) for row in rows if row["categories_in"] is not None]
    refused = [set(row["categories_out"]) for row in rows if row["categories_out"] is not None]
    return {
        **found,
        "categories_in": sorted(set.intersection(*chosen)) if chosen else None,
        "categories_out": sorted(set.union(*refused)) if refused else None,
        "quiet_from": quiet.get("quiet_from"),
        "quiet_until": quiet.get("quiet_until"),
        "statements": [each for row in rows for each in row["statements"] or ()],
        "paused_until": max((row["paused_until"] for row in rows if row["paused_until"] is not None), default=None),
    }


def _first(rows: Sequence[Mapping[str, Any]], name: str) -> Any:
    return next((row[name] for row in rows if row[name] is not None), None)
