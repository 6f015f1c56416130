"""The messages of a campaign that were not handed off: how many they are, and giving them up."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from nightmail.campaigns.counts import mark_ledgers_changed
from nightmail.campaigns.queries import COUNT_UNSENT, END_UNSENT, LEDGER_OF_CAMPAIGN
from nightmail.message_ids import campaign_keys, line_keys
from nightmail.store.states import MessageState

LINES_AT_ONCE = 20_000
"""Lines of the contact file whose messages are given up in one transaction."""


@dataclass(frozen=True, slots=True)
class Unsent:
    """Messages of a campaign that no carrier has."""

    waiting: int
    under_way: int
    """Messages whose hand-off has begun."""


def count_unsent(connection: Connection, campaign_id: int) -> Unsent:
    """Count the messages of a campaign that no carrier has."""
    row = connection.execute(text(COUNT_UNSENT), {"id": campaign_id}).one()
    return Unsent(int(row.waiting), int(row.under_way))


def end_unsent(engine: Engine, campaign_id: int, state: MessageState, reason: str) -> int:
    """Give up the messages that a campaign has not handed off, in chunks of lines; returns how many.

    Messages that a sender holds at this moment are passed over; they are given up by the next call if they come back.
    """
    first, last = campaign_keys(campaign_id)
    with engine.connect() as connection:
        ledger = connection.execute(text(LEDGER_OF_CAMPAIGN), {"id": campaign_id, "first": first, "last": last}).one()
    step = line_keys(campaign_id, LINES_AT_ONCE)[0] - first
    total = 0
    for start in range(first, (ledger.last_key or 0) + 1, step):
        values = {
            "month": ledger.month,
            "first": start,
            "last": start + step - 1,
            "state": str(state),
            "reason": reason,
        }
        with engine.begin() as connection:
            total += connection.execute(text(END_UNSENT), values).rowcount
    if total:
        mark_ledgers_changed(engine, [campaign_id])
    return total
