"""Teams are told of events: calls to their webhooks, signed, and tried until they are taken or given up.

The database writes an event's calls in the transaction in which the event happens (migration 0002), so that none is
missed and none is told of something that was rolled back. Here calls are claimed, signed, and their outcome stored; who
posts them is :mod:`portal.webhook_calls`.

The signature is that of Standard Webhooks: ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``, which is
``v1,`` and the base64 of an HMAC-SHA256 over ``id.timestamp.body``. A call may come more than once: its id stays the same.
"""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.errors import UsageError
from nightmail.settings import read_secret
from nightmail.store.states import CampaignState

EVENTS: Mapping[str, str] = {
    **{f"campaign.{state}": f"a campaign is now {state.replace('_', ' ')}" for state in CampaignState},
    "message.receipts": "carriers told what became of messages, many at a time",
    "reply.received": "a recipient answered",
}
"""Every event that a webhook may ask for, and when it happens."""

TEST_EVENT = "webhook.test"
PAUSES_S = (10, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200)
"""Seconds between one try and the next; after the last, a little over a day in all, the call is given up."""
LEASE_S = 120
"""Seconds for which a claimed call is nobody else's."""
KEPT_DAYS = 7
"""Days for which calls that ended are kept, to be looked at."""

_DERIVED = "derived:"
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class WebhookRow:
    """A team's webhook."""

    id: int
    team_id: int
    team: str
    url: str
    events: list[str]
    active: bool
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class DueCall:
    """A call that was claimed and is to be made."""

    id: int
    webhook_id: int
    url: str
    event: str
    attempts: int
    """Tries, this one included."""
    secret: str = field(repr=False)
    body: dict[str, Any] = field(repr=False)

    def content(self) -> bytes:
        """The body as it is posted."""
        return json.dumps(
            {"type": self.event, "id": call_name(self.id), **self.body}, ensure_ascii=False, sort_keys=True
        ).encode()


def call_name(call_id: int) -> str:
    """The id of a call, the same each time that it is tried."""
    return f"call_{call_id}"


def refuse_unknown_events(events: Sequence[str]) -> None:
    """Raise :class:`UsageError` (``event_unknown``) when an event does not exist."""
    unknown = [event for event in events if event not in EVENTS]
    if unknown or not events:
        raise UsageError(
            "event_unknown",
            f"There is no event {', '.join(unknown) or '(none given)'}.",
            f"Use some of: {', '.join(EVENTS)}.",
        )


def create_webhook(
    connection: Connection, *, team_id: int, url: str, events: Sequence[str], key: bytes
) -> tuple[WebhookRow, str]:
    """Register an address; gives the webhook and its secret, which is not stored: it follows from the deployment's key."""
    refuse_unknown_events(events)
    reference = f"{_DERIVED}{secrets.token_hex(16)}"
    number = connection.scalar(
        text("insert into webhook (team_id, url, events, secret) values (:team, :url, :events, :secret) returning id"),
        {"team": team_id, "url": url, "events": sorted(set(events)), "secret": reference},
    )
    assert number is not None
    return webhooks_of(connection, ids=[int(number)])[0], shown_secret(signing_key(reference, key))


def webhooks_of(
    connection: Connection,
    *,
    team_path: str | None = None,
    ids: Iterable[int] | None = None,
    before_id: int | None = None,
    limit: int = 100,
) -> list[WebhookRow]:
    """Active webhooks of a team and the teams below it, newest first."""
    rows = connection.execute(
        text(
            "select w.id, w.team_id, t.path as team, w.url, w.events, w.active, w.created_at from webhook w "
            "join team t on t.id = w.team_id where w.active "
            "and (cast(:team as text) is null or t.path = :team or starts_with(t.path, :team || '.')) "
            "and (cast(:ids as integer[]) is null or w.id = any(:ids)) "
            "and (cast(:before as integer) is null or w.id < :before) order by w.id desc limit :limit"
        ),
        {"team": team_path, "ids": None if ids is None else list(ids), "before": before_id, "limit": limit},
    )
    return [WebhookRow(**row._mapping) for row in rows]


def end_webhook(connection: Connection, webhook_id: int) -> None:
    """Stop telling an address; calls that wait are given up."""
    connection.execute(text("update webhook set active = false where id = :id"), {"id": webhook_id})
    connection.execute(
        text(
            "update webhook_call set given_up_at = now() "
            "where webhook_id = :id and delivered_at is null and given_up_at is null"
        ),
        {"id": webhook_id},
    )


def tell_test(connection: Connection, webhook: WebhookRow) -> int:
    """Make a call that says nothing but that it is a test; its number."""
    body = {"happened_at": dt.datetime.now(dt.UTC).isoformat(), "team": webhook.team, "data": {"test": True}}
    number = connection.scalar(
        text(
            "insert into webhook_call (webhook_id, event, body) values (:id, :event, cast(:body as jsonb)) returning id"
        ),
        {"id": webhook.id, "event": TEST_EVENT, "body": json.dumps(body)},
    )
    assert number is not None
    return int(number)


def signing_key(reference: str, key: bytes) -> bytes:
    """The bytes that sign a webhook's calls: derived from the deployment's key, or a secret by reference."""
    if reference.startswith(_DERIVED):
        return hmac.digest(key, f"nightmail webhook {reference}".encode(), "sha256")[:_SECRET_BYTES]
    secret = read_secret(reference) if reference.startswith(("env:", "file:")) else reference
    if secret.startswith("whsec_"):
        return base64.b64decode(secret.removeprefix("whsec_"))
    return secret.encode()


def shown_secret(signing: bytes) -> str:
    """A signing key as its owner gets it."""
    return f"whsec_{base64.b64encode(signing).decode()}"


def signed_headers(call: DueCall, content: bytes, key: bytes, now: dt.datetime) -> dict[str, str]:
    """The headers that prove a call."""
    name, timestamp = call_name(call.id), str(int(now.timestamp()))
    signed = f"{name}.{timestamp}.".encode() + content
    digest = hmac.digest(signing_key(call.secret, key), signed, "sha256")
    return {
        "webhook-id": name,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def claim_calls(engine: Engine, limit: int) -> list[DueCall]:
    """Take due calls for oneself. A claim ends by itself, so that a crash only delays a call."""
    with engine.begin() as connection:
        rows = connection.execute(
            text(
                "with due as (select id from webhook_call where delivered_at is null and given_up_at is null "
                "and due_at <= now() order by due_at limit :limit for update skip locked) "
                "update webhook_call c set attempts = attempts + 1, due_at = now() + make_interval(secs => :lease) "
                "from due, webhook w where c.id = due.id and w.id = c.webhook_id "
                "returning c.id, c.webhook_id, w.url, c.event, c.attempts, w.secret, c.body"
            ),
            {"limit": limit, "lease": LEASE_S},
        ).all()
    return [DueCall(**row._mapping) for row in rows]


def record_taken(engine: Engine, call: DueCall, status: int) -> None:
    """The address took the call."""
    with engine.begin() as connection:
        connection.execute(
            text("update webhook_call set delivered_at = now(), last_status = :status where id = :id"),
            {"id": call.id, "status": status},
        )


def record_failed(engine: Engine, call: DueCall, status: int | None, *, gone: bool = False) -> None:
    """The address did not take the call: it is put off, or given up and an alert is raised.

    ``gone`` is an address that said it is there no more (410): it is not called again.
    """
    from nightmail.campaigns.alerts import raise_alert

    with engine.begin() as connection:
        if gone:
            end_webhook(connection, call.webhook_id)
        elif call.attempts <= len(PAUSES_S):
            connection.execute(
                text(
                    "update webhook_call set last_status = :status, due_at = now() + make_interval(secs => :pause) "
                    "where id = :id"
                ),
                {"id": call.id, "status": status, "pause": PAUSES_S[call.attempts - 1]},
            )
            return
        connection.execute(
            text("update webhook_call set last_status = :status, given_up_at = now() where id = :id"),
            {"id": call.id, "status": status},
        )
        team_id = connection.scalar(text("select team_id from webhook where id = :id"), {"id": call.webhook_id})
        said = "says that it is gone" if gone else "took no call for a day"
        raise_alert(
            connection,
            reason="webhook_given_up",
            subject=f"webhook:{call.webhook_id}",
            message=f"The webhook {call.webhook_id} {said}; its events are lost to it.",
            team_id=team_id,
        )


def forget_ended_calls(engine: Engine) -> None:
    """Delete calls that ended some days ago."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "delete from webhook_call where coalesce(delivered_at, given_up_at) < now() - make_interval(days => :days)"
            ),
            {"days": KEPT_DAYS},
        )
