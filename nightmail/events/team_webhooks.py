"""Teams' webhooks as people look after them: listed with how they are, registered, tested, ended, their secrets rotated.

Each change needs ``webhook.edit`` at the webhook's team and leaves its entry in the audit log.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import Connection, text

from nightmail.access.decisions import require, sees_personal
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.audit import write_entry
from nightmail.errors import UsageError
from nightmail.events import queries
from nightmail.events.signatures import new_secret_reference, shown_secret, signing_key
from nightmail.events.webhook_calls import create_test_call
from nightmail.events.webhooks import (
    MAXIMUM_WEBHOOKS,
    WebhookRow,
    count_webhooks,
    create_webhook,
    end_webhook,
    refuse_unknown_events,
)
from nightmail.organisation.teams import get_team


class WebhookState(StrEnum):
    """How a webhook is."""

    ENDED = "ended"
    FAILING = "failing"
    """Its address does not take the newest call, which is tried again."""
    GIVEN_UP = "given_up"
    """The newest call was given up."""
    UNUSED = "unused"
    """Nothing happened for a week that it asks for."""
    WELL = "well"


@dataclass(frozen=True, slots=True)
class TeamWebhook:
    """A team's webhook, with its newest call. ``secret`` is a reference."""

    id: int
    team_id: int
    team: str
    url: str
    events: list[str]
    secret: str = field(repr=False)
    personal: bool
    active: bool
    created_at: dt.datetime
    provisioned_by: str | None
    called_at: dt.datetime | None
    """When its newest call was made."""
    call_attempts: int | None
    call_delivered_at: dt.datetime | None
    call_given_up_at: dt.datetime | None
    call_status: int | None

    @property
    def state(self) -> WebhookState:
        """How it is, in a word."""
        if not self.active:
            return WebhookState.ENDED
        if self.called_at is None:
            return WebhookState.UNUSED
        if self.call_given_up_at is not None:
            return WebhookState.GIVEN_UP
        return WebhookState.FAILING if self.call_attempts and self.call_delivered_at is None else WebhookState.WELL

    @property
    def secret_reference(self) -> str | None:
        """Where its secret is, for one that an organisation file names; ``None`` where the product keeps it."""
        return self.secret if self.secret.startswith(("env:", "file:")) else None

    @property
    def row(self) -> WebhookRow:
        """The same as calls know it."""
        return WebhookRow(self.id, self.team_id, self.team, self.url, self.events, self.active, self.created_at)


def team_webhooks(
    connection: Connection,
    seen: Sequence[str],
    *,
    team: str | None = None,
    ended: bool = False,
    before_id: int | None = None,
    limit: int = 100,
) -> list[TeamWebhook]:
    """The webhooks of the teams at ``seen`` and below, newest first; with ``ended`` those too; of ``team`` and below."""
    values = {"teams": list(seen), "team": team, "ended": ended, "id": None, "before": before_id, "limit": limit}
    return [TeamWebhook(**row._mapping) for row in connection.execute(text(queries.TEAM_WEBHOOKS), values)]


def find_webhook(connection: Connection, seen: Sequence[str], webhook_id: int) -> TeamWebhook | None:
    """One webhook, ended or not; ``None`` where it is not there, or its team is not seen."""
    values = {"teams": list(seen), "team": None, "ended": True, "id": webhook_id, "before": None, "limit": 1}
    row = connection.execute(text(queries.TEAM_WEBHOOKS), values).first()
    return None if row is None else TeamWebhook(**row._mapping)


def register_webhook(
    connection: Connection, *, by: Principal, team: str, url: str, events: Sequence[str], key: bytes
) -> tuple[int, str]:
    """Register an address for a team; its number and its secret, which is shown this once.

    What recipients wrote is told to it only where ``by`` may see personal data of the team. ``key`` is the deployment's own.
    Raises :class:`UsageError` (``team_unknown``, ``event_unknown``, ``too_many_webhooks``) and ``not_permitted``.
    """
    require(by, Permission.WEBHOOK_EDIT, team)
    team_id = get_team(connection, team).id
    refuse_unknown_events(events)
    if count_webhooks(connection, team_id) >= MAXIMUM_WEBHOOKS:
        raise UsageError("too_many_webhooks", limit=MAXIMUM_WEBHOOKS)
    made, secret = create_webhook(
        connection, team_id=team_id, url=url, events=events, key=key, personal=sees_personal(by, team)
    )
    _record(connection, by, "webhook.registered", made.id, team_id, events=made.events)
    return made.id, secret


def call_for_a_test(connection: Connection, webhook: TeamWebhook, *, by: Principal) -> int:
    """Make a call that says nothing but that it is a test; its number. Raises ``webhook_ended`` and ``not_permitted``."""
    _require_open(webhook, by)
    _record(connection, by, "webhook.tested", webhook.id, webhook.team_id)
    return create_test_call(connection, webhook.row)


def end_team_webhook(connection: Connection, webhook: TeamWebhook, *, by: Principal) -> None:
    """Call an address no more; calls that wait are given up. Raises ``webhook_ended`` and ``not_permitted``."""
    _require_open(webhook, by)
    end_webhook(connection, webhook.id)
    _record(connection, by, "webhook.ended", webhook.id, webhook.team_id)


def rotate_secret(connection: Connection, webhook: TeamWebhook, *, by: Principal, key: bytes) -> str:
    """Put a new secret in the place of a webhook's, from the next call on; it is shown this once.

    What the address refuses until it knows the new one is tried again, for a day. Raises ``webhook_ended``,
    ``webhook_secret_elsewhere`` for one whose secret an organisation file names, and ``not_permitted``.
    """
    _require_open(webhook, by)
    if webhook.secret_reference is not None:
        raise UsageError("webhook_secret_elsewhere", reference=webhook.secret_reference)
    reference = new_secret_reference()
    connection.execute(
        text("update webhook set secret = :secret where id = :id"), {"secret": reference, "id": webhook.id}
    )
    _record(connection, by, "webhook.secret_rotated", webhook.id, webhook.team_id)
    return shown_secret(signing_key(reference, key))


def _require_open(webhook: TeamWebhook, by: Principal) -> None:
    require(by, Permission.WEBHOOK_EDIT, webhook.team)
    if not webhook.active:
        raise UsageError("webhook_ended", webhook=webhook.id)


def _record(
    connection: Connection, by: Principal, action: str, webhook_id: int, team_id: int, **detail: object
) -> None:
    write_entry(
        connection, actor=by.actor, action=action, subject=f"webhook:{webhook_id}", team_id=team_id, detail=detail
    )
