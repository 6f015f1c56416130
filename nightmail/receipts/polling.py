"""Polling carriers for receipts and replies, where they cannot reach the portal: message by message, a page at a time.

Each round asks about the next page of messages without a final receipt, and starts over after the last one: of some
messages a carrier never says more than that it sent them, and they must not keep others from being asked about. Replies
are asked for from a while before the previous round, so that none is missed in between.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.carriers.protocol import NOT_REACHED, REACHED, Pending
from nightmail.errors import NightmailError
from nightmail.message_ids import from_key
from nightmail.organisation.carrier_accounts import CarrierAccountRow, CarrierFactory, reporting_accounts
from nightmail.receipts.incoming_receipts import take_receipts
from nightmail.receipts.queries import PENDING_MESSAGES
from nightmail.receipts.replies import take_replies
from nightmail.store.clock import database_ahead, database_time

_log = logging.getLogger("nightmail.sending")

ASKED_AGAIN_FOR = dt.timedelta(days=3)
"""A message without a final receipt is asked about for so long."""
REPLIES_BEFORE = dt.timedelta(minutes=30)
"""Replies are asked for from so long before the last round: carriers' records come late."""
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Polled:
    """What one round of asking brought."""

    receipts: int
    replies: int
    cursor: str
    """Where the next round goes on, for :func:`poll_carriers`."""


def poll_carriers(
    engine: Engine, carriers: CarrierFactory, *, hash_key: bytes, cursor: str | None = None, limit: int = PAGE
) -> Polled:
    """Ask every active account about its next messages without a final receipt, and for replies.

    A carrier that cannot be asked is left for the next round; the others are asked all the same.
    """
    receipts = replies = 0
    before: dict[str, Any] = json.loads(cursor) if cursor else {}
    places: dict[str, Any] = {}
    with engine.connect() as connection:
        accounts = reporting_accounts(connection)
    for account in accounts:
        name = str(account.id)
        try:
            taken, answered, places[name] = _poll_account(
                engine, carriers, account, hash_key, limit, before.get(name) or {}
            )
        except NightmailError as error:
            _log.warning("the carrier account %s cannot be asked for receipts: %s", account.name, error.message)
            places[name] = before.get(name)
            continue
        receipts += taken
        replies += answered
    return Polled(receipts, replies, json.dumps(places))


def _poll_account(
    engine: Engine,
    carriers: CarrierFactory,
    account: CarrierAccountRow,
    hash_key: bytes,
    limit: int,
    place: dict[str, Any],
) -> tuple[int, int, dict[str, Any]]:
    with engine.connect() as connection:
        now = database_time(connection)
        ahead = database_ahead(connection)
        waiting = pending_messages(connection, account.id, limit, place.get("after"))
        ever = connection.scalar(
            text("select max(handed_off_at) from message where carrier_account_id = :id"), {"id": account.id}
        )
    if ever is None:
        return 0, 0, place
    carrier = carriers(account)
    try:
        found = carrier.poll([replace(m, handed_off_at=m.handed_off_at - ahead) for _, m in waiting]) if waiting else []
        asked = place.get("replies_asked_at")
        since = dt.datetime.fromisoformat(asked) - REPLIES_BEFORE if asked else now - ASKED_AGAIN_FOR
        said = carrier.poll_replies(since - ahead)
    finally:
        carrier.close()
    its_own = frozenset({account.id})
    found = [replace(receipt, accounts=its_own) for receipt in found]
    said = [replace(reply, accounts=its_own) for reply in said]
    receipts = take_receipts(engine, found, hash_key=hash_key).taken if found else 0
    replies = take_replies(engine, said, hash_key=hash_key).taken if said else 0
    after = [waiting[-1][1].handed_off_at.isoformat(), waiting[-1][0]] if len(waiting) == limit else None
    return receipts, replies, {"after": after, "replies_asked_at": now.isoformat()}


def pending_messages(
    connection: Connection, account_id: int, limit: int = PAGE, after: list[Any] | None = None
) -> list[tuple[int, Pending]]:
    """Messages, with their keys, that an account took and that have no final receipt, the oldest first.

    ``after`` is the hand-off (ISO) and the key of the message that the page before ended with: many messages share a
    moment.
    """
    since = database_time(connection) - ASKED_AGAIN_FOR
    at, key = (dt.datetime.fromisoformat(after[0]), after[1]) if after else (since, 0)
    rows = connection.execute(
        text(PENDING_MESSAGES),
        {
            "account": account_id,
            "since": since,
            "at": at,
            "key": key,
            "final": [str(status) for status in REACHED | NOT_REACHED],
            "limit": limit,
        },
    )
    return [
        (
            row.message_key,
            Pending(str(from_key(row.message_key, row.token)), row.carrier_message_id, row.handed_off_at),
        )
        for row in rows
    ]
