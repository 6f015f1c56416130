"""The counts that a campaign carries, and its messages counted by state."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.campaigns.queries import MESSAGE_COUNTS


def record_counts(connection: Connection, campaign_id: int, counts: Mapping[str, Any]) -> None:
    """Merge ``counts`` (rows, rejects, duplicates, contacts, planned, held, messages, ...) into the campaign's."""
    connection.execute(
        text("update campaign set counts = counts || cast(:counts as jsonb) where id = :id"),
        {"id": campaign_id, "counts": json.dumps(dict(counts), default=str)},
    )


def message_counts(connection: Connection, campaign_id: int) -> dict[str, int]:
    """Messages of a campaign by state; their sum is the number of messages planned. Empty without a ledger.

    Kept with each change of a message, and still there when retention has taken the ledger's month.
    """
    rows = connection.execute(text(MESSAGE_COUNTS), {"id": campaign_id})
    return {row.state: row.messages for row in rows}


def mark_ledgers_changed(engine: Engine, campaigns: Iterable[int]) -> None:
    """Note that the ledgers of campaigns changed, so that ``sends`` is written again.

    In a transaction after the change's own: a run that wrote ``sends`` without the change began before this time.
    """
    with engine.begin() as connection:
        connection.execute(
            text("update campaign set ledger_changed_at = now() where id = any(:ids)"), {"ids": sorted(set(campaigns))}
        )
