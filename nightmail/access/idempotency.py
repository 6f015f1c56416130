"""Idempotency keys: a request that a program repeats with its key is done once and answered alike.

The key, what the request did and its answer are one transaction: a request that failed leaves no trace of its key, and of two
at the same moment the second waits for the first. The header is ``Idempotency-Key`` (IETF draft-ietf-httpapi-idempotency-key-header).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.access.queries import CLAIM_KEY, DELETE_OLD_KEYS, EARLIER_ANSWER, STORE_ANSWER
from nightmail.errors import NightmailError

KEPT_DAYS = 7
"""Days after which a key may be used again."""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What a request was answered: the HTTP status, and the rest as JSON-ready values."""

    status: int
    response: Mapping[str, Any]


def claim_key(connection: Connection, team_id: int, key: str, request_hash: bytes) -> StoredAnswer | None:
    """Claim a team's key for a request; ``None`` when it is to be done now, else the answer of the request that had the key.

    Raises :class:`NightmailError` (``idempotency_key_reused``) when the key came with another request, and
    (``idempotency_in_progress``) while the first request has not ended.
    """
    values = {"team": team_id, "key": key, "hash": request_hash, "days": KEPT_DAYS}
    if connection.scalar(text(CLAIM_KEY), values):
        return None
    earlier = connection.execute(text(EARLIER_ANSWER), values).one()
    if bytes(earlier.request_hash) != request_hash:
        raise NightmailError("idempotency_key_reused")
    if earlier.status is None:
        raise NightmailError("idempotency_in_progress")
    return StoredAnswer(int(earlier.status), earlier.response)


def store_answer(connection: Connection, team_id: int, key: str, answer: StoredAnswer) -> None:
    """Keep the answer of the request that has claimed a key."""
    response = json.dumps(dict(answer.response), default=str)
    values = {"team": team_id, "key": key, "status": answer.status, "response": response}
    connection.execute(text(STORE_ANSWER), values)


def delete_old_keys(engine: Engine) -> None:
    """Delete keys that are older than :data:`KEPT_DAYS`."""
    with engine.begin() as connection:
        connection.execute(text(DELETE_OLD_KEYS), {"days": KEPT_DAYS})
