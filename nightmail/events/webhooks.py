"""Teams' webhooks: addresses that are called when something happens."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.errors import UsageError
from nightmail.events import queries
from nightmail.events.signatures import new_secret_reference, shown_secret, signing_key
from nightmail.store.states import CampaignState

EVENTS: Mapping[str, str] = {
    **{f"campaign.{state}": f"a campaign is now {state.replace('_', ' ')}" for state in CampaignState},
    "message.receipts": "carriers said what became of messages, many at a time",
    "reply.received": "a recipient answered",
}
"""Every event that a webhook may ask for, and when it happens."""

MAXIMUM_WEBHOOKS = 20
"""Active webhooks of one team."""


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


def refuse_unknown_events(events: Sequence[str]) -> None:
    """Raise :class:`UsageError` (``event_unknown``) when there is none, or one that does not exist."""
    unknown = [event for event in events if event not in EVENTS]
    if unknown or not events:
        raise UsageError("event_unknown", value=", ".join(unknown) or "(none given)", known=", ".join(EVENTS))


def create_webhook(
    connection: Connection, *, team_id: int, url: str, events: Sequence[str], key: bytes, personal: bool = True
) -> tuple[WebhookRow, str]:
    """Register an address; return the webhook, and its secret, which is shown this once and not stored.

    ``key`` is the deployment's own, from which the secret is derived. Without ``personal`` it is not told what recipients wrote. Raises :class:`UsageError` (``event_unknown``).
    """
    refuse_unknown_events(events)
    reference = new_secret_reference()
    number = connection.scalar(
        text(
            "insert into webhook (team_id, url, events, secret, personal) "
            "values (:team, :url, :events, :secret, :personal) returning id"
        ),
        {"team": team_id, "url": url, "events": sorted(set(events)), "secret": reference, "personal": personal},
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
    """Return active webhooks of a team and the teams below it, newest first, by pages of ``limit``."""
    rows = connection.execute(
        text(queries.WEBHOOKS),
        {"team": team_path, "ids": None if ids is None else list(ids), "before": before_id, "limit": limit},
    )
    return [WebhookRow(**row._mapping) for row in rows]


def count_webhooks(connection: Connection, team_id: int) -> int:
    """Return the number of a team's own active webhooks; none is added by others until the transaction ends."""
    connection.execute(text("select pg_advisory_xact_lock(hashtext(:team))"), {"team": f"nightmail.webhooks.{team_id}"})
    return int(
        connection.scalar(text("select count(*) from webhook where active and team_id = :team"), {"team": team_id}) or 0
    )


def end_webhook(connection: Connection, webhook_id: int) -> None:
    """Call an address no more; calls that wait for it are given up."""
    connection.execute(text("update webhook set active = false where id = :id"), {"id": webhook_id})
    connection.execute(
        text(
            "update webhook_call set given_up_at = now() "
            "where webhook_id = :id and delivered_at is null and given_up_at is null"
        ),
        {"id": webhook_id},
    )
