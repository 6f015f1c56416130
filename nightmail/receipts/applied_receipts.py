"""What receipts change in the ledger: the message's status, and a doubt or a retry that a receipt settles.

Receipts of one message come late, twice and out of order: the one with the highest rank is the message's status
(:data:`nightmail.carriers.protocol.STATUS_RANK`). A receipt also proves that the carrier has the message, which settles
it when it was in doubt, and keeps it from being sent again when it was queued for another attempt.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightmail.carriers.protocol import NOT_REACHED, REACHED, STATUS_RANK, Receipt, ReceiptStatus
from nightmail.receipts.message_places import Place
from nightmail.receipts.queries import (
    ACCEPT_ATTEMPTS,
    ACCEPT_PROVEN,
    APPLY_RECEIPTS,
    LOCK_MESSAGES,
    RETRIES_AS_OPEN,
    WAKE_STANDBY,
)
from nightmail.store.clock import database_time


@dataclass(slots=True)
class _Best:
    """What the new receipts of one message add up to."""

    place: Place
    rank: int
    receipt: Receipt
    carrier_message_id: str | None = None
    opened_at: dt.datetime | None = None
    clicked_at: dt.datetime | None = None
    duration_s: int | None = None
    cost: Any = None
    currency: str | None = None


def apply_receipts(connection: Connection, attached: Sequence[tuple[Receipt, Place]]) -> None:
    """Apply receipts that are new to their messages."""
    best: dict[tuple[dt.date, int], _Best] = {}
    now = database_time(connection)
    for receipt, place in attached:
        rank = STATUS_RANK[receipt.status]
        entry = best.get((place.month, place.key))
        if entry is None:
            entry = best[place.month, place.key] = _Best(place, rank, receipt)
        elif rank > entry.rank:
            entry.rank, entry.receipt = rank, receipt
        moment = receipt.occurred_at or now
        if receipt.status in (ReceiptStatus.OPENED, ReceiptStatus.CLICKED):
            entry.opened_at = min(moment, entry.opened_at or moment)
        if receipt.status is ReceiptStatus.CLICKED:
            entry.clicked_at = min(moment, entry.clicked_at or moment)
        entry.carrier_message_id = entry.carrier_message_id or receipt.carrier_message_id
        entry.duration_s = receipt.duration_s if receipt.duration_s is not None else entry.duration_s
        if receipt.cost is not None:
            entry.cost, entry.currency = receipt.cost, receipt.currency
    by_month: dict[dt.date, list[_Best]] = {}
    for (month, _), entry in sorted(best.items(), key=lambda item: item[0]):
        by_month.setdefault(month, []).append(entry)
    for month, group in by_month.items():
        _apply_month(connection, month, group, now)


def _apply_month(connection: Connection, month: dt.date, group: Sequence[_Best], now: dt.datetime) -> None:
    keys = [entry.place.key for entry in group]
    values = {
        "month": month,
        "keys": keys,
        "ranks": [entry.rank for entry in group],
        "statuses": [str(entry.receipt.status) for entry in group],
        "times": [entry.receipt.occurred_at or now for entry in group],
        "codes": [entry.receipt.error_code for entry in group],
        "carrier_ids": [entry.carrier_message_id for entry in group],
        "opened": [entry.opened_at for entry in group],
        "clicked": [entry.clicked_at for entry in group],
        "durations": [entry.duration_s for entry in group],
        "costs": [entry.cost for entry in group],
        "currencies": [entry.currency for entry in group],
    }
    found = connection.execute(text(LOCK_MESSAGES), {"month": month, "keys": keys}).all()
    connection.execute(text(APPLY_RECEIPTS), values)
    # Nearly every receipt is of a message that is accepted already, in a campaign of one channel.
    unsettled = [int(row.message_key) for row in found if row.unsettled]
    if unsettled:
        _settle_proven(connection, month, unsettled)
    # Good news and bad news both decide what becomes of the next channel's message.
    decided = [e.place.key for e in group if e.receipt.status in REACHED or e.receipt.status in NOT_REACHED]
    if decided and _has_standby(connection, {int(row.campaign_id) for row in found}):
        connection.execute(text(WAKE_STANDBY), {"month": month, "keys": decided})


def _has_standby(connection: Connection, campaigns: set[int]) -> bool:
    """Whether any message of these campaigns stands by for another channel's: one look into a small index."""
    return bool(
        connection.scalar(
            text("select exists (select from message where campaign_id = any(:campaigns) and state = 'standby')"),
            {"campaigns": sorted(campaigns)},
        )
    )


def _settle_proven(connection: Connection, month: dt.date, keys: Sequence[int]) -> None:
    """Accept messages that the carrier has: those in doubt, and those that wait for another attempt."""
    waiting = connection.scalars(text(RETRIES_AS_OPEN), {"month": month, "keys": list(keys)}).all()
    changed = connection.execute(
        text(ACCEPT_PROVEN), {"month": month, "keys": list(keys), "waiting": list(waiting)}
    ).all()
    if changed:
        connection.execute(
            text(ACCEPT_ATTEMPTS),
            {
                "month": month,
                "keys": [row.message_key for row in changed],
                "numbers": [row.attempts for row in changed],
                "ids": [row.carrier_message_id for row in changed],
            },
        )
        for campaign_id in sorted({row.campaign_id for row in changed}):
            connection.execute(
                text("update campaign set ledger_changed_at = now() where id = :id"), {"id": campaign_id}
            )
