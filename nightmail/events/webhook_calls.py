"""Calls to teams' webhooks: claimed, signed, retried with growing pauses, given up after a day.

The database writes an event's calls in the transaction in which the event happens (migration 0002): none is missed, and
none reports something that was rolled back. Here calls are claimed and their outcome is stored;
:mod:`portal.webhook_calls` posts them. A call may come more than once: its id stays the same.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.campaigns.alerts import raise_alert
from nightmail.events import queries
from nightmail.events.signatures import signed_headers, signing_key
from nightmail.events.webhooks import WebhookRow, end_webhook
from nightmail.reasons import sentence

TEST_EVENT = "webhook.test"
PAUSES_S = (10, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200)
"""Seconds between one attempt and the next. After the last, a little over a day in all, the call is given up."""
LEASE_S = 120
"""Seconds for which a claimed call is not given to another process."""
KEPT_DAYS = 7
"""Days for which calls that ended are kept, to be looked at."""


@dataclass(frozen=True, slots=True)
class DueCall:
    """A call that was claimed and is to be made."""

    id: int
    webhook_id: int
    url: str
    event: str
    attempts: int
    """Attempts, this one included."""
    secret: str = field(repr=False)
    body: dict[str, Any] = field(repr=False)

    def content(self) -> bytes:
        """Return the body as it is posted."""
        return json.dumps(
            {"type": self.event, "id": call_name(self.id), **self.body}, ensure_ascii=False, sort_keys=True
        ).encode()

    def headers(self, content: bytes, key: bytes, now: dt.datetime) -> dict[str, str]:
        """Return the headers that prove the call; ``key`` is the deployment's own."""
        return signed_headers(call_name(self.id), content, signing_key(self.secret, key), now)


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call as its webhook's owner sees it."""

    id: int
    event: str
    created_at: dt.datetime
    attempts: int
    delivered_at: dt.datetime | None
    given_up_at: dt.datetime | None
    due_at: dt.datetime
    last_status: int | None
    """The HTTP status of the last attempt; ``None`` when there was no answer."""

    @property
    def next_attempt_at(self) -> dt.datetime | None:
        """When the call is tried next; ``None`` when it was taken or given up."""
        return self.due_at if self.delivered_at is None and self.given_up_at is None else None


def call_name(call_id: int) -> str:
    """Return the name of a call: the header ``webhook-id``, the same at each attempt."""
    return f"call_{call_id}"


def create_test_call(connection: Connection, webhook: WebhookRow) -> int:
    """Make a call that says nothing but that it is a test; return its number."""
    body = {"happened_at": dt.datetime.now(dt.UTC).isoformat(), "team": webhook.team, "data": {"test": True}}
    number = connection.scalar(
        text(
            "insert into webhook_call (webhook_id, event, body) values (:id, :event, cast(:body as jsonb)) returning id"
        ),
        {"id": webhook.id, "event": TEST_EVENT, "body": json.dumps(body)},
    )
    assert number is not None
    return int(number)


def calls_of(
    connection: Connection, webhook_id: int, *, before_id: int | None = None, limit: int = 100
) -> list[CallRow]:
    """Return a webhook's calls of the last :data:`KEPT_DAYS` days, newest first, by pages of ``limit``."""
    rows = connection.execute(text(queries.CALLS), {"webhook": webhook_id, "before": before_id, "limit": limit})
    return [CallRow(**row._mapping) for row in rows]


def claim_calls(engine: Engine, limit: int) -> list[DueCall]:
    """Claim due calls for this process, for :data:`LEASE_S` seconds: a crash only delays them."""
    with engine.begin() as connection:
        rows = connection.execute(text(queries.CLAIM_CALLS), {"limit": limit, "lease": LEASE_S}).all()
    return [DueCall(**row._mapping) for row in rows]


def record_delivered(engine: Engine, call: DueCall, status: int) -> None:
    """Store that the address took the call."""
    with engine.begin() as connection:
        connection.execute(
            text("update webhook_call set delivered_at = now(), last_status = :status where id = :id"),
            {"id": call.id, "status": status},
        )


def record_failed(engine: Engine, call: DueCall, status: int | None, *, gone: bool = False) -> None:
    """Store that the address did not take the call: it is retried later, or given up and an alert is raised.

    ``gone`` is an address that answered 410 (RFC 9110, 15.5.11): its webhook is ended.
    """
    with engine.begin() as connection:
        if gone:
            end_webhook(connection, call.webhook_id)
        elif call.attempts <= len(PAUSES_S):
            _retry_later(connection, call, status)
            return
        connection.execute(
            text("update webhook_call set last_status = :status, given_up_at = now() where id = :id"),
            {"id": call.id, "status": status},
        )
        team_id = connection.scalar(text("select team_id from webhook where id = :id"), {"id": call.webhook_id})
        problem = "its address says that it is gone" if gone else "it took no call for a day"
        raise_alert(
            connection,
            reason="webhook_given_up",
            subject=f"webhook:{call.webhook_id}",
            message=sentence("webhook_given_up", webhook=call.webhook_id, problem=problem),
            team_id=team_id,
        )


def _retry_later(connection: Connection, call: DueCall, status: int | None) -> None:
    connection.execute(
        text(
            "update webhook_call set last_status = :status, due_at = now() + make_interval(secs => :pause) "
            "where id = :id"
        ),
        {"id": call.id, "status": status, "pause": PAUSES_S[call.attempts - 1]},
    )


def delete_ended_calls(engine: Engine) -> None:
    """Delete calls that ended more than :data:`KEPT_DAYS` days ago."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "delete from webhook_call where coalesce(delivered_at, given_up_at) < now() - make_interval(days => :days)"
            ),
            {"days": KEPT_DAYS},
        )
