"""Receipts and replies asked for, where carriers cannot reach us: every message without a final receipt, a page at a time.

Each round asks about the next page, and begins anew after the last one: there are messages of which a carrier never says
more than that it sent them, and they must not keep others from being asked about. Replies are asked for from a while
before the round before, so that none is missed while nobody asked.
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
from nightmail.organisation.carrier_accounts import CarrierAccountRow, CarrierFactory, carrier_accounts
from nightmail.receipts.receipts import take_receipts, take_replies

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
        accounts = carrier_accounts(connection)
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
        now = connection.scalars(text("select now()")).one()
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
    receipts = take_receipts(engine, found, hash_key=hash_key).taken if found else 0
    replies = take_replies(engine, said, hash_key=hash_key).taken if said else 0
    after = [waiting[-1][1].handed_off_at.isoformat(), waiting[-1][0]] if len(waiting) == limit else None
    return receipts, replies, {"after": after, "replies_asked_at": now.isoformat()}


def database_ahead(connection: Connection) -> dt.timedelta:
    """How far the database's clock is ahead of this machine's: adapters know the carrier's against this machine's only."""
    theirs: dt.datetime = connection.scalars(text("select clock_timestamp()")).one()
    return theirs - dt.datetime.now(dt.UTC)


def pending_messages(
    connection: Connection, account_id: int, limit: int = PAGE, after: list[Any] | None = None
) -> list[tuple[int, Pending]]:
    """Messages, with their keys, that an account took and that have no final receipt, the oldest first.

    ``after`` is the hand-off (ISO) and the key of the message that the page before ended with: many messages share a
    moment.
    """
    since = connection.scalars(text("select now()")).one() - ASKED_AGAIN_FOR
    at, key = (dt.datetime.fromisoformat(after[0]), after[1]) if after else (since, 0)
    rows = connection.execute(
        text(
            "select m.message_key, c.token, m.carrier_message_id, m.handed_off_at from message m "
            "join campaign c on c.id = m.campaign_id where m.carrier_account_id = :account and m.state = 'accepted' "
            "and m.handed_off_at > :since and (m.handed_off_at, m.message_key) > (:at, :key) "
            "and m.carrier_message_id is not null and (m.delivery is null or m.delivery <> all(:final)) "
            "order by m.handed_off_at, m.message_key limit :limit"
        ),
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
