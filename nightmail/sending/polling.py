"""Receipts and replies asked for, where carriers cannot reach us: every message without a final receipt, a page at a time."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from nightmail.errors import NightmailError
from nightmail.message_ids import from_key
from nightmail.sending.carrier import NOT_REACHED, REACHED, Pending
from nightmail.sending.receipts import take_receipts, take_replies
from nightmail.sending.routes import CarrierAccountRow, CarrierFactory, carrier_accounts

_log = logging.getLogger("nightmail.sending")

ASKED_AGAIN_FOR = dt.timedelta(days=3)
"""A message without a final receipt is asked about for so long."""
REPLIES_SINCE = dt.timedelta(minutes=30)
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Polled:
    """What one round of asking brought."""

    receipts: int
    replies: int


def poll_carriers(engine: Engine, carriers: CarrierFactory, *, hash_key: bytes, limit: int = PAGE) -> Polled:
    """Ask every active account about its messages without a final receipt, and for replies.

    A carrier that cannot be asked is left for the next round; the others are asked all the same.
    """
    receipts = replies = 0
    with engine.connect() as connection:
        accounts = carrier_accounts(connection)
    for account in accounts:
        try:
            taken, answered = _poll_account(engine, carriers, account, hash_key, limit)
        except NightmailError as error:
            _log.warning("the carrier account %s cannot be asked for receipts: %s", account.name, error.message)
            continue
        receipts += taken
        replies += answered
    return Polled(receipts, replies)


def _poll_account(
    engine: Engine, carriers: CarrierFactory, account: CarrierAccountRow, hash_key: bytes, limit: int
) -> tuple[int, int]:
    with engine.connect() as connection:
        waiting = pending_messages(connection, account.id, limit)
        ever = connection.scalar(
            text("select max(handed_off_at) from message where carrier_account_id = :id"), {"id": account.id}
        )
    if ever is None:
        return 0, 0
    carrier = carriers(account)
    try:
        found = carrier.poll(waiting) if waiting else []
        since = dt.datetime.now(dt.UTC) - REPLIES_SINCE
        said = carrier.poll_replies(since)
    finally:
        carrier.close()
    receipts = take_receipts(engine, found, hash_key=hash_key).taken if found else 0
    replies = take_replies(engine, said, hash_key=hash_key).taken if said else 0
    return receipts, replies


def pending_messages(connection: Connection, account_id: int, limit: int = PAGE) -> list[Pending]:
    """Messages that an account took and that have no final receipt, the oldest first."""
    rows = connection.execute(
        text(
            "select m.message_key, c.token, m.carrier_message_id, m.handed_off_at from message m "
            "join campaign c on c.id = m.campaign_id where m.carrier_account_id = :account and m.state = 'accepted' "
            "and m.handed_off_at > :since and m.carrier_message_id is not null "
            "and (m.delivery is null or m.delivery <> all(:final)) order by m.handed_off_at limit :limit"
        ),
        {
            "account": account_id,
            "since": dt.datetime.now(dt.UTC) - ASKED_AGAIN_FOR,
            "final": [str(status) for status in REACHED | NOT_REACHED],
            "limit": limit,
        },
    )
    return [
        Pending(str(from_key(row.message_key, row.token)), row.carrier_message_id, row.handed_off_at) for row in rows
    ]
