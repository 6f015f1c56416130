"""What receipts change in the ledger: the message's status, and a doubt or a retry that a receipt settles.

Receipts of one message come late, twice and out of order: the one with the highest rank is the message's status
(:data:`nightmail.carriers.protocol.STATUS_RANK`). A receipt also proves that the carrier has the message, which settles
it when it was in doubt, and keeps it from being sent again when it was queued for another attempt.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from sqlalchemy import Connection, text

from nightmail.carriers.protocol import NOT_REACHED, REACHED, Receipt
from nightmail.receipts.message_places import Place
from nightmail.receipts.queries import (
    ACCEPT_ATTEMPTS,
    ACCEPT_PROVEN,
    LOCK_MESSAGES,
    RETRIES_AS_OPEN,
    STORE_RECEIPTS,
    WAKE_STANDBY,
)
from nightmail.store.array_literals import array_literal

_LOCK_MESSAGES, _STORE_RECEIPTS = text(LOCK_MESSAGES), text(STORE_RECEIPTS)
_DECIDED = REACHED | NOT_REACHED


@dataclass(slots=True)
class LockedMessages:
    """The messages of some receipts, as they are while the caller's transaction lasts."""

    unsettled: set[Place] = field(default_factory=set)
    """In doubt, or waiting for another attempt."""
    foreign: set[Place] = field(default_factory=set)
    """Handed off over none of the accounts that the receipts are proved to come from."""
    has_standby: bool = False
    """Whether any message of their campaigns stands by for another channel's."""


def lock_messages(connection: Connection, claimed: Iterable[tuple[Place, frozenset[int] | None]]) -> LockedMessages:
    """Lock messages for receipts that are proved to come from the accounts beside each; ``None`` is from any."""
    groups: dict[tuple[dt.date, tuple[int, ...], bool], dict[int, Place]] = {}
    for place, accounts in claimed:
        groups.setdefault((place.month, tuple(sorted(accounts or ())), accounts is None), {})[place.key] = place
    locked = LockedMessages()
    for (month, proved, of_any), places in sorted(groups.items(), key=lambda group: group[0]):
        values = {
            "month": month,
            "keys": array_literal(places),
            "campaigns": array_literal({place.campaign_id for place in places.values()}),
            "accounts": None if of_any else array_literal(proved),
        }
        for key, unsettled, is_foreign, has_standby in connection.execute(_LOCK_MESSAGES, values):
            if unsettled:
                locked.unsettled.add(places[key])
            if is_foreign:
                locked.foreign.add(places[key])
            locked.has_standby = locked.has_standby or has_standby
    return locked


def store_receipts(
    connection: Connection, receipts: Sequence[Receipt], places: Mapping[str, Place], locked: LockedMessages
) -> list[Receipt]:
    """Store receipts that are not known yet and apply them to their messages, which are ``locked``; return them."""
    new: set[str] = set()
    for month, group in _once_each(receipts, places):
        hashes = {event_hash(receipt.event_key): receipt.event_key for receipt in group}
        new.update(hashes[stored] for stored in _store(connection, month, group, list(hashes), places))
    by_month: dict[dt.date, list[Receipt]] = {}
    for receipt in receipts:
        place = places.get(receipt.event_key)
        if place is not None and receipt.event_key in new:
            by_month.setdefault(place.month, []).append(receipt)
    for month, group in sorted(by_month.items(), key=lambda each: each[0]):
        # Nearly every receipt is of a message that is accepted already, in a campaign of one channel.
        unsettled = {places[r.event_key].key for r in group if places[r.event_key] in locked.unsettled}
        if unsettled:
            _settle_proven(connection, month, sorted(unsettled))
        # Good news and bad news both decide what becomes of the next channel's message.
        decided = {places[r.event_key].key for r in group if r.status in _DECIDED} if locked.has_standby else ()
        if decided:
            connection.execute(text(WAKE_STANDBY), {"month": month, "keys": sorted(decided)})
    return [receipt for receipt in receipts if receipt.event_key in new]


def _once_each(receipts: Sequence[Receipt], places: Mapping[str, Place]) -> list[tuple[dt.date | None, list[Receipt]]]:
    """Receipts in groups of one month of the ledger in which no message occurs twice, a message's own in their order.

    Those without a message are in one of the groups.
    """
    groups: dict[tuple[int, dt.date], list[Receipt]] = {}
    times: dict[Place, int] = {}
    without: list[Receipt] = []
    for receipt in receipts:
        place = places.get(receipt.event_key)
        if place is None:
            without.append(receipt)
            continue
        earlier = times.get(place, 0)
        times[place] = earlier + 1
        groups.setdefault((earlier, place.month), []).append(receipt)
    listed: list[tuple[dt.date | None, list[Receipt]]] = [(at[1], groups[at]) for at in sorted(groups)]
    if without and listed:
        listed[0][1].extend(without)
    elif without:
        listed.append((None, without))
    return listed


def _store(
    connection: Connection,
    month: dt.date | None,
    receipts: Sequence[Receipt],
    hashes: Sequence[bytes],
    places: Mapping[str, Place],
) -> Iterable[bytes]:
    at = [places.get(receipt.event_key) for receipt in receipts]
    values = {
        "month": month,
        "keys": array_literal(hashes),
        "occurred": array_literal([receipt.occurred_at for receipt in receipts]),
        "carriers": array_literal([receipt.carrier for receipt in receipts]),
        "channels": array_literal([receipt.channel for receipt in receipts]),
        "carrier_ids": array_literal([receipt.carrier_message_id for receipt in receipts]),
        "message_keys": array_literal([place.key if place else None for place in at]),
        "campaigns": array_literal([place.campaign_id if place else None for place in at]),
        "statuses": array_literal([receipt.status for receipt in receipts]),
        "codes": array_literal([receipt.error_code for receipt in receipts]),
        "durations": array_literal([receipt.duration_s for receipt in receipts]),
        "costs": array_literal([receipt.cost for receipt in receipts]),
        "currencies": array_literal([receipt.currency for receipt in receipts]),
    }
    return connection.scalars(_STORE_RECEIPTS, values)


def event_hash(event_key: str) -> bytes:
    """What tells an event from others where receipts are stored."""
    return sha256(event_key.encode()).digest()[:16]


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
