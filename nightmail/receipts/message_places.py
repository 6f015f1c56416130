"""Where the messages that receipts and replies are about stand in the ledger."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from nightmail.message_ids import parse_message_id
from nightmail.receipts.queries import LATEST_TO_ADDRESS, MESSAGES_OF_CARRIER_IDS

_T = TypeVar("_T")
_ROLLED_BACK = ("40P01", "40001")
"""SQLSTATE of a deadlock and of a serialization failure: PostgreSQL's documentation, appendix A."""
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands in the ledger."""

    month: dt.date
    key: int
    campaign_id: int


def retried(work: Callable[[], _T]) -> _T:
    """Do ``work`` again where the database rolled it back for another transaction; at most five times in all."""
    for attempt in range(1, _TRIES):
        try:
            return work()
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in _ROLLED_BACK:
                raise
            time.sleep(0.05 * attempt)
    return work()


def places_by_id(connection: Connection, message_ids: Iterable[str | None]) -> dict[str, Place]:
    """Where messages stand, by their ids; ids that are malformed or of an unknown campaign are left out."""
    parsed = {}
    for message_id in message_ids:
        if message_id is not None and message_id not in parsed:
            try:
                parsed[message_id] = parse_message_id(message_id)
            except ValueError:
                continue
    if not parsed:
        return {}
    campaigns = {
        row.token: row
        for row in connection.execute(
            text(
                "select id, token, ledger_month from campaign where token = any(:tokens) and ledger_month is not null"
            ),
            {"tokens": list({each.token for each in parsed.values()})},
        )
    }
    found = {}
    for message_id, each in parsed.items():
        campaign = campaigns.get(each.token)
        if campaign is not None:
            found[message_id] = Place(campaign.ledger_month, each.key(campaign.id), campaign.id)
    return found


def places_by_carrier(connection: Connection, carrier_ids: Iterable[str | None]) -> dict[str, Place]:
    """Where messages stand, by the carrier's own ids; ids that name no message, or several, are left out."""
    wanted = list({each for each in carrier_ids if each})
    if not wanted:
        return {}
    rows = connection.execute(text(MESSAGES_OF_CARRIER_IDS), {"ids": wanted})
    return {row.carrier_message_id: Place(row.month, int(row.key), int(row.campaign_id)) for row in rows}


def latest_place(connection: Connection, address_hash: str, channel: str) -> Place | None:
    """Where the latest message stands that was handed off to an address on a channel; ``None`` without one."""
    row = connection.execute(text(LATEST_TO_ADDRESS), {"hash": address_hash, "channel": channel}).first()
    return None if row is None else Place(row.month, int(row.key), int(row.campaign_id))
