"""What operation needs: the deployment, rates, suspensions, alerts, repeated requests, webhooks."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from nightmail.store.tables.base import NOW, Base, integer_key


class Deployment(Base):
    """One row: this deployment. ``epoch`` counts up at each restore from a backup, and when a server took over that may lack the
    last of it, and fences earlier intents."""

    __tablename__ = "deployment"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    epoch: Mapped[int] = mapped_column(Integer, server_default="1")
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    restored_at: Mapped[dt.datetime | None]
    """When it was last restored from a backup."""
    key_fingerprint: Mapped[str | None]
    """Of the secret key, which every process has to have; stated by the first one."""
    timeline: Mapped[int | None]
    """PostgreSQL's: another one shows that a standby, or a recovered backup, took over."""
    timeline_at: Mapped[dt.datetime | None]
    """When it last changed."""
    synchronous: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether a standby has all that was committed up to ``server_seen_at``."""
    server_seen_at: Mapped[dt.datetime | None]
    unsynchronised_at: Mapped[dt.datetime | None]
    """When commits ceased to wait for the standby, while it is waited what comes of it."""
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)


class Pace(Base):
    """What a carrier's rate allows now, over all processes: a token bucket per account (sender empty) and per sender of it."""

    __tablename__ = "pace"
    carrier_account_id: Mapped[int] = mapped_column(ForeignKey("carrier_account.id"), primary_key=True)
    sender: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    rate_per_s: Mapped[float]
    ceiling_per_s: Mapped[float]
    tokens: Mapped[float]
    filled_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    blocked_until: Mapped[dt.datetime | None]
    slowed_at: Mapped[dt.datetime | None]


class Failover(Base):
    """How an account answers that had doubtful answers lately, and how many of a hundred messages it gives to the next one.

    ``answers`` are counts by second of the stated time, or since the last step (:mod:`nightmail.sending.failovers`).
    """

    __tablename__ = "failover"
    carrier_account_id: Mapped[int] = mapped_column(ForeignKey("carrier_account.id"), primary_key=True)
    moved_percent: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    answers: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    since: Mapped[dt.datetime | None]
    stepped_at: Mapped[dt.datetime | None]
    probed_at: Mapped[dt.datetime | None]
    probes_failed: Mapped[int] = mapped_column(SmallInteger, server_default="0")


class Suspension(Base):
    """A channel that is not used for a while, for a team or for all (team null), by a person or by carrier errors.

    With ``carrier_account_id`` only that account of the channel, with ``sender`` only that sender of it.
    """

    __tablename__ = "suspension"
    id: Mapped[int] = integer_key()
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    channel: Mapped[str] = mapped_column(ForeignKey("channel.name"))
    carrier_account_id: Mapped[int | None] = mapped_column(ForeignKey("carrier_account.id"))
    sender: Mapped[str | None]
    reason: Mapped[str]
    by: Mapped[str]
    since: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    lifted_at: Mapped[dt.datetime | None]
    lifted_by: Mapped[str | None]
    lifted_why: Mapped[str | None]


class Alert(Base):
    """Something that a person must look at; ``subject`` groups repeats of one matter.

    ``told_at`` is when it was decided who is told of it. ``closed_by`` is who closed it; null where it ended with its cause.
    """

    __tablename__ = "alert"
    id: Mapped[int] = integer_key()
    at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    last_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    times: Mapped[int] = mapped_column(Integer, server_default="1")
    reason: Mapped[str]
    subject: Mapped[str]
    message: Mapped[str]
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaign.id"))
    resolved_at: Mapped[dt.datetime | None]
    told_at: Mapped[dt.datetime | None]
    closed_by: Mapped[str | None]
    closed_why: Mapped[str | None]
    __table_args__ = (
        Index("ix_alert_open", "id", postgresql_where=text("resolved_at is null")),
        Index("uq_alert_open", "reason", "subject", unique=True, postgresql_where=text("resolved_at is null")),
    )


class IdempotencyKey(Base):
    """A request that a program may repeat: the same key and body get the same answer, another body is refused."""

    __tablename__ = "idempotency_key"
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes]
    status: Mapped[int | None]
    response: Mapped[dict[str, Any] | None]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)


class Webhook(Base):
    """A team's address that is called when something happens; ``secret`` signs the calls.

    ``personal``: whether it may be told what recipients wrote.
    """

    __tablename__ = "webhook"
    id: Mapped[int] = integer_key()
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), index=True)
    url: Mapped[str]
    events: Mapped[list[str]]
    secret: Mapped[str]
    personal: Mapped[bool] = mapped_column(server_default=text("true"))
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    provisioned_by: Mapped[str | None]


class WebhookCall(Base):
    """One event for one webhook: tried until it is taken, with growing pauses, for a bounded time."""

    __tablename__ = "webhook_call"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhook.id"))
    event: Mapped[str]
    body: Mapped[dict[str, Any]]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    due_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    delivered_at: Mapped[dt.datetime | None]
    given_up_at: Mapped[dt.datetime | None]
    last_status: Mapped[int | None]
    __table_args__ = (
        Index("ix_webhook_call_newest", "webhook_id", "id"),
        Index("ix_webhook_call_due", "due_at", postgresql_where=text("delivered_at is null and given_up_at is null")),
    )
