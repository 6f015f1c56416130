"""Repeated requests: one that comes again with its idempotency key is done once and answered alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated, Any

from fastapi import Header, Response
from sqlalchemy import Connection, Engine

from nightmail.access.api_keys import Program
from nightmail.access.idempotency import KEPT_DAYS, StoredAnswer, claim_key, store_answer

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
    """A hash over the parts of a request, by which a repetition is recognised."""
    digest = sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.digest()


def answer_once(
    engine: Engine, program: Program, key: str | None, fingerprint: bytes, work: Callable[[Connection], Answer]
) -> tuple[Answer, bool]:
    """Do ``work`` in a transaction, unless the key's request was done before; the answer, and whether it is one from before.

    Raises what :func:`nightmail.access.idempotency.claim_key` does.
    """
    with engine.begin() as connection:
        if key is None:
            return work(connection), False
        earlier = claim_key(connection, program.team_id, key, fingerprint)
        if earlier is not None:
            return Answer(earlier.status, **earlier.response), True
        answer = work(connection)
        response = {"body": answer.body, "headers": answer.headers, "content_type": answer.content_type}
        store_answer(connection, program.team_id, key, StoredAnswer(answer.status, response))
        return answer, False
