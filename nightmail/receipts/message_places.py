"""Where the messages that receipts and replies are about stand in the ledger."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from nightmail.message_ids import campaign_keys, is_message_id, token_and_key
from nightmail.privacy import AddressHash
from nightmail.receipts.queries import (
    CAMPAIGNS_OF_TOKENS,
    FOREIGN_MESSAGES,
    LATEST_OF_SENDER_TO_ADDRESS,
    LATEST_TO_ADDRESS,
    MESSAGES_OF_CARRIER_IDS,
)

_T = TypeVar("_T")
_CAMPAIGNS_OF_TOKENS = text(CAMPAIGNS_OF_TOKENS)
_ROLLED_BACK = ("40P01", "40001")
"""SQLSTATE of a deadlock and of a serialization failure: PostgreSQL's documentation, appendix A."""
_TRIES = 5


class Place(NamedTuple):
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
    named = {each: token_and_key(each) for each in set(message_ids) if each is not None and is_message_id(each)}
    if not named:
        return {}
    tokens = list({token for token, _ in named.values()})
    campaigns = {row.token: row for row in connection.execute(_CAMPAIGNS_OF_TOKENS, {"tokens": tokens})}
    found = {}
    for message_id, (token, key) in named.items():
        campaign = campaigns.get(token)
        if campaign is not None:
            found[message_id] = Place(campaign.ledger_month, campaign_keys(campaign.id)[0] | key, campaign.id)
    return found


def places_by_carrier(connection: Connection, carrier_ids: Iterable[str | None]) -> dict[str, Place]:
    """Where messages stand, by the carrier's own ids; ids that name no message, or several, are left out."""
    wanted = list({each for each in carrier_ids if each})
    if not wanted:
        return {}
    rows = connection.execute(text(MESSAGES_OF_CARRIER_IDS), {"ids": wanted})
    return {row.carrier_message_id: Place(row.month, int(row.key), int(row.campaign_id)) for row in rows}


def foreign_places(connection: Connection, claimed: Iterable[tuple[Place, frozenset[int] | None]]) -> set[Place]:
    """The places of messages that were not handed off over any of the accounts that are said to have taken them.

    A message that is not handed off yet, as far as is known here (a restored database), belongs to every account that its
    team may use.
    """
    groups: dict[tuple[dt.date, frozenset[int]], dict[int, Place]] = {}
    for place, accounts in claimed:
        if accounts is not None:
            groups.setdefault((place.month, accounts), {})[place.key] = place
    foreign: set[Place] = set()
    for (month, accounts), places in groups.items():
        values = {"month": month, "keys": list(places), "accounts": sorted(accounts)}
        foreign |= {places[key] for key in connection.scalars(text(FOREIGN_MESSAGES), values)}
    return foreign


def latest_place(
    connection: Connection, address_hash: AddressHash, channel: str, accounts: frozenset[int] | None = None
) -> Place | None:
    """Where the latest message to an address on a channel stands, over any of ``accounts``; ``None`` without one."""
    values = {"hash": address_hash, "channel": channel, "accounts": _listed(accounts)}
    row = connection.execute(text(LATEST_TO_ADDRESS), values).first()
    return None if row is None else Place(row.month, int(row.key), int(row.campaign_id))


def latest_place_of_sender(
    connection: Connection,
    address_hash: AddressHash,
    channel: str,
    senders: Iterable[str],
    accounts: frozenset[int] | None = None,
) -> Place | None:
    """Where the latest message to an address stands that came from any of ``senders``; ``None`` without one."""
    values = {
        "hash": address_hash,
        "channel": channel,
        "senders": [each.lower() for each in senders],
        "accounts": _listed(accounts),
    }
    row = connection.execute(text(LATEST_OF_SENDER_TO_ADDRESS), values).first()
    return None if row is None else Place(row.month, int(row.key), int(row.campaign_id))


def _listed(accounts: frozenset[int] | None) -> list[int] | None:
    return None if accounts is None else sorted(accounts)
