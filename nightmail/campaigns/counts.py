"""The counts that a campaign carries, and its messages counted by state."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.campaigns.queries import MESSAGE_COUNTS
from nightmail.message_ids import campaign_keys


def record_counts(connection: Connection, campaign_id: int, counts: Mapping[str, Any]) -> None:
    """Merge ``counts`` (rows, rejects, duplicates, contacts, planned, held, messages, ...) into the campaign's."""
    connection.execute(
        text("update campaign set counts = counts || cast(:counts as jsonb) where id = :id"),
        {"id": campaign_id, "counts": json.dumps(dict(counts), default=str)},
    )


def message_counts(connection: Connection, campaign_id: int) -> dict[str, int]:
    """Messages of a campaign by state; their sum is the number of messages planned. Empty without a ledger.

    Most messages are accepted, and those are not counted: they are what is left of all that were loaded.
    """
    first, last = campaign_keys(campaign_id)
    # A ledger that was just sent looks to the planner as it was loaded, wholly unaccepted: it would read the whole month.
    connection.execute(text("set local enable_seqscan = off"))
    rows = connection.execute(text(MESSAGE_COUNTS), {"id": campaign_id, "first": first, "last": last}).all()
    connection.execute(text("set local enable_seqscan to default"))
    counts = {row.state: int(row.found) for row in rows if row.found}
    if rows and (accepted := rows[0].loaded - sum(counts.values())):
        counts["accepted"] = accepted
    return counts


def mark_ledgers_changed(engine: Engine, campaigns: Iterable[int]) -> None:
    """Note that the ledgers of campaigns changed, so that ``sends`` is written again.

    In a transaction after the change's own: a run that wrote ``sends`` without the change began before this time.
    """
    with engine.begin() as connection:
        connection.execute(
            text("update campaign set ledger_changed_at = now() where id = any(:ids)"), {"ids": sorted(set(campaigns))}
        )
