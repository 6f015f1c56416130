"""A request that is repeated with its idempotency key is done once and answered alike.

The key, what the request did and its answer are one transaction: a request that failed leaves no trace of its key, and
of two at the same moment the second waits for the first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated, Any

from fastapi import Header, Response
from sqlalchemy import Connection, Engine, text

from nightmail.access.api_keys import Program
from portal.problems import RequestError

KEPT_DAYS = 7
"""Days after which a key may be used again."""

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Any text that you make up for this request, such as a UUID. Sent again with the same key, the "
        f"request is not done twice and is answered alike for {KEPT_DAYS} days.",
        examples=["5f1c8a52-9d3e-4f0b-8c57-2f6b5f3f8f11"],
    ),
]


@dataclass(frozen=True)
class Answer:
    """What a request that may be repeated is answered."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    def response(self, *, repeated: bool = False) -> Response:
        """The answer as a response; ``repeated`` says that it is one from before."""
        headers = {**self.headers, **({"Idempotency-Replayed": "true"} if repeated else {})}
        content = json.dumps(self.body, ensure_ascii=False, default=str).encode()
        return Response(content, self.status, headers, self.content_type)


def request_hash(*parts: str | bytes) -> bytes:
    """What tells one request from another: a hash over its parts."""
    digest = sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.digest()


def answer_once(
    engine: Engine, program: Program, key: str | None, fingerprint: bytes, work: Callable[[Connection], Answer]
) -> tuple[Answer, bool]:
    """Do ``work`` in a transaction, unless the key's request was done before; the answer, and whether it is one from before.

    Raises :class:`RequestError` (``idempotency_key_reused``) when the key came with another request.
    """
    with engine.begin() as connection:
        if key is None:
            return work(connection), False
        values = {"team": program.team_id, "key": key, "hash": fingerprint, "days": KEPT_DAYS}
        mine = connection.scalar(
            text(
                "insert into idempotency_key as i (team_id, key, request_hash) values (:team, :key, :hash) "
                "on conflict (team_id, key) do update set request_hash = excluded.request_hash, status = null, "
                "response = null, created_at = now() where i.created_at < now() - make_interval(days => :days) "
                "returning true"
            ),
            values,
        )
        if not mine:
            earlier = connection.execute(
                text("select request_hash, status, response from idempotency_key where team_id = :team and key = :key"),
                values,
            ).one()
            if bytes(earlier.request_hash) != fingerprint:
                raise RequestError("idempotency_key_reused")
            if earlier.status is None:
                raise RequestError("idempotency_in_progress", headers={"Retry-After": "2"})
            return Answer(int(earlier.status), **earlier.response), True
        answer = work(connection)
        stored = {"body": answer.body, "headers": answer.headers, "content_type": answer.content_type}
        connection.execute(
            text(
                "update idempotency_key set status = :status, response = cast(:response as jsonb) "
                "where team_id = :team and key = :key"
            ),
            {**values, "status": answer.status, "response": json.dumps(stored, default=str)},
        )
        return answer, False


def forget_old_keys(engine: Engine) -> None:
    """Delete keys whose days are over."""
    with engine.begin() as connection:
        connection.execute(
            text("delete from idempotency_key where created_at < now() - make_interval(days => :days)"),
            {"days": KEPT_DAYS},
        )
