"""Every table of the product's database, in the order: organisation, content, people, campaigns, ledger, operation.

Keys are integers. Times are ``timestamptz``. The ledger (``message``, ``message_content``, ``attempt``), ``receipt``
and ``audit`` are partitioned by month (:mod:`nightmail.store.partitions`). Allowed changes of state stand in
``state_transition`` and are enforced by triggers.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

MONEY = Numeric(14, 6)
NOW = func.now()


class Base(DeclarativeBase):
    """The base of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        str: Text,
        dt.datetime: DateTime(timezone=True),
        dt.date: Date,
        Decimal: MONEY,
        bytes: LargeBinary,
        bool: Boolean,
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
    }


def _key() -> Mapped[int]:
    return mapped_column(Integer, Identity(), primary_key=True)


# --- Organisation -----------------------------------------------------------------------------------------------------


class Deployment(Base):
    """One row: this deployment. ``epoch`` counts up at each restore from a backup and fences earlier intents."""

    __tablename__ = "deployment"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    epoch: Mapped[int] = mapped_column(Integer, server_default="1")
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)


class Team(Base):
    """A node of the organisation's tree. ``path`` reads like ``acme.billing``; a team sees what is under its path."""

    __tablename__ = "team"
    id: Mapped[int] = _key()
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"), index=True)
    path: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    region: Mapped[str] = mapped_column(server_default="eu")
    country: Mapped[str | None]
    time_zone: Mapped[str] = mapped_column(server_default="UTC")
    currency: Mapped[str] = mapped_column(server_default="EUR")
    retention_days: Mapped[int] = mapped_column(Integer, server_default="90")
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    __table_args__ = (CheckConstraint("path ~ '^[a-z0-9_]+(\\.[a-z0-9_]+)*$'", name="path_form"),)


class ApiKey(Base):
    """A program's key: ``prefix`` finds it, ``key_hash`` (SHA-256 of the whole key) proves it."""

    __tablename__ = "api_key"
    id: Mapped[int] = _key()
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), index=True)
    name: Mapped[str]
    prefix: Mapped[str] = mapped_column(unique=True)
    key_hash: Mapped[bytes]
    scopes: Mapped[list[str]]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    expires_at: Mapped[dt.datetime | None]
    revoked_at: Mapped[dt.datetime | None]
    last_used_at: Mapped[dt.datetime | None]


class SftpServer(Base):
    """A server on which teams drop files. ``secret`` is a reference (``env:NAME`` or ``file:PATH``)."""

    __tablename__ = "sftp_server"
    id: Mapped[int] = _key()
    name: Mapped[str] = mapped_column(unique=True)
    host: Mapped[str]
    port: Mapped[int] = mapped_column(Integer, server_default="22")
    username: Mapped[str]
    password_secret: Mapped[str | None]
    private_key_secret: Mapped[str | None]
    host_key: Mapped[str]
    root: Mapped[str] = mapped_column(server_default="/")
    active: Mapped[bool] = mapped_column(server_default=text("true"))


class CarrierAccount(Base):
    """An account at a carrier. ``settings`` holds base URL, account id and rates; secrets are references."""

    __tablename__ = "carrier_account"
    id: Mapped[int] = _key()
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"), index=True)
    name: Mapped[str] = mapped_column(unique=True)
    carrier: Mapped[str]
    channel: Mapped[str]
    region: Mapped[str] = mapped_column(server_default="eu")
    priority: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    secret: Mapped[str | None]
    webhook_secret: Mapped[str | None]
    active: Mapped[bool] = mapped_column(server_default=text("true"))


class Sender(Base):
    """What a message comes from: a phone number, sender id or mailbox, on one carrier account."""

    __tablename__ = "sender"
    id: Mapped[int] = _key()
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), index=True)
    channel: Mapped[str]
    name: Mapped[str]
    address: Mapped[str]
    display_name: Mapped[str | None]
    reply_to: Mapped[str | None]
    carrier_account_id: Mapped[int] = mapped_column(ForeignKey("carrier_account.id"))
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    __table_args__ = (UniqueConstraint("team_id", "channel", "name"),)


# --- Content ----------------------------------------------------------------------------------------------------------


class Category(Base):
    """A kind of message. ``kind`` is ``service`` or ``marketing``; a team of null is one for all."""

    __tablename__ = "category"
    id: Mapped[int] = _key()
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"), index=True)
    name: Mapped[str]
    kind: Mapped[str]
    needs_consent: Mapped[bool] = mapped_column(server_default=text("false"))
    urgent: Mapped[bool] = mapped_column(server_default=text("false"))
    resend_if_absent: Mapped[bool] = mapped_column(server_default=text("false"))
    __table_args__ = (
        UniqueConstraint("team_id", "name", postgresql_nulls_not_distinct=True),
        CheckConstraint("kind in ('service', 'marketing')", name="kind"),
    )


class Template(Base):
    """A template by name within a team; its bodies are in versions."""

    __tablename__ = "template"
    id: Mapped[int] = _key()
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), index=True)
    name: Mapped[str]
    category_id: Mapped[int] = mapped_column(ForeignKey("category.id"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    __table_args__ = (UniqueConstraint("team_id", "name"),)


class TemplateVersion(Base):
    """One version: ``content`` is the template file's structure as JSON. Never changed once made."""

    __tablename__ = "template_version"
    id: Mapped[int] = _key()
    template_id: Mapped[int] = mapped_column(ForeignKey("template.id"), index=True)
    version: Mapped[int]
    content: Mapped[dict[str, Any]]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    __table_args__ = (UniqueConstraint("template_id", "version"),)


class Feed(Base):
    """A standing order: folder or API name, template, mapping, schedule. ``settings`` is the feed's contract and policy."""

    __tablename__ = "feed"
    id: Mapped[int] = _key()
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), index=True)
    name: Mapped[str]
    template_id: Mapped[int] = mapped_column(ForeignKey("template.id"))
    sftp_server_id: Mapped[int | None] = mapped_column(ForeignKey("sftp_server.id"))
    folder: Mapped[str | None]
    default_country: Mapped[str | None]
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    schedule: Mapped[str | None]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    __table_args__ = (UniqueConstraint("team_id", "name"), UniqueConstraint("sftp_server_id", "folder"))


class Price(Base):
    """What a carrier charges for one unit (SMS segment, email, minute of call) to a country, from a day on."""

    __tablename__ = "price"
    id: Mapped[int] = _key()
    carrier: Mapped[str]
    channel: Mapped[str]
    country: Mapped[str | None]
    amount: Mapped[Decimal]
    currency: Mapped[str]
    effective_from: Mapped[dt.date]
    __table_args__ = (
        UniqueConstraint("carrier", "channel", "country", "effective_from", postgresql_nulls_not_distinct=True),
    )


# --- People -----------------------------------------------------------------------------------------------------------


class Contact(Base):
    """A person in a team's contact book. ``contact_id`` is the id that the lake uses."""

    __tablename__ = "contact"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    contact_id: Mapped[str] = mapped_column(index=True)
    external_id: Mapped[str]
    phone: Mapped[str | None]
    landline: Mapped[str | None]
    email: Mapped[str | None]
    language: Mapped[str | None]
    time_zone: Mapped[str | None]
    country: Mapped[str | None]
    birth_date: Mapped[dt.date | None]
    attributes: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    updated_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    __table_args__ = (UniqueConstraint("team_id", "external_id"),)


class Preference(Base):
    """What a contact chose within a team: channels in order, quiet hours in their own time, language."""

    __tablename__ = "preference"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    contact_id: Mapped[str]
    channels: Mapped[list[str] | None]
    categories_in: Mapped[list[str] | None]
    categories_out: Mapped[list[str] | None]
    quiet_from: Mapped[str | None]
    quiet_until: Mapped[str | None]
    time_zone: Mapped[str | None]
    language: Mapped[str | None]
    updated_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    __table_args__ = (UniqueConstraint("team_id", "contact_id"),)


class Consent(Base):
    """Who consented to what, when and how it was captured; ``withdrawn_at`` ends it."""

    __tablename__ = "consent"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    contact_id: Mapped[str]
    category: Mapped[str]
    channel: Mapped[str | None]
    captured_at: Mapped[dt.datetime]
    captured_how: Mapped[str]
    withdrawn_at: Mapped[dt.datetime | None]
    __table_args__ = (Index("ix_consent_team_contact", "team_id", "contact_id"),)


class Suppression(Base):
    """An address that must not be used, known by its keyed hash only. Team null: for all; category null: for all.

    Each reason has a row of its own, so that a bounce that is lifted leaves what the person asked for.
    """

    __tablename__ = "suppression"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    channel: Mapped[str]
    address_hash: Mapped[str]
    category: Mapped[str | None]
    reason: Mapped[str]
    source: Mapped[str]
    message_id: Mapped[str | None]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    lifted_at: Mapped[dt.datetime | None]
    __table_args__ = (
        Index("ix_suppression_address", "address_hash", "channel", postgresql_where=text("lifted_at is null")),
        Index("ix_suppression_created", "created_at"),
        Index(
            "uq_suppression_active",
            "team_id",
            "channel",
            "address_hash",
            "category",
            "reason",
            unique=True,
            postgresql_where=text("lifted_at is null"),
            postgresql_nulls_not_distinct=True,
        ),
    )


# --- Campaigns --------------------------------------------------------------------------------------------------------


class StateTransition(Base):
    """The allowed changes of state; ``machine`` is ``campaign`` or ``message``."""

    __tablename__ = "state_transition"
    machine: Mapped[str] = mapped_column(primary_key=True)
    from_state: Mapped[str] = mapped_column(primary_key=True)
    to_state: Mapped[str] = mapped_column(primary_key=True)


class Campaign(Base):
    """One send of one template to one audience. ``settings`` is the feed's, as it was when the campaign was made."""

    __tablename__ = "campaign"
    id: Mapped[int] = _key()
    key: Mapped[str] = mapped_column(unique=True)
    token: Mapped[str] = mapped_column(unique=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    feed_id: Mapped[int | None] = mapped_column(ForeignKey("feed.id"))
    template_version_id: Mapped[int] = mapped_column(ForeignKey("template_version.id"))
    category_id: Mapped[int] = mapped_column(ForeignKey("category.id"))
    state: Mapped[str] = mapped_column(server_default="received")
    source: Mapped[str]
    priority: Mapped[int] = mapped_column(SmallInteger, server_default="5")
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    counts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    problem: Mapped[dict[str, Any] | None]
    scheduled_at: Mapped[dt.datetime | None]
    cut_off_at: Mapped[dt.datetime | None]
    accepts_until: Mapped[dt.datetime | None]
    prepare_attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    run_id: Mapped[str | None]
    ledger_month: Mapped[dt.date | None]
    loaded_at: Mapped[dt.datetime | None]
    loaded_messages: Mapped[int | None]
    first_hand_off_at: Mapped[dt.datetime | None]
    finished_at: Mapped[dt.datetime | None]
    sends_written_at: Mapped[dt.datetime | None]
    ledger_changed_at: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    state_changed_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    __table_args__ = (
        Index("ix_campaign_state", "state", "scheduled_at"),
        Index("ix_campaign_team_created", "team_id", "created_at"),
        Index("ix_campaign_feed_created", "feed_id", "created_at"),
    )


class ReceivedFile(Base):
    """A contact file as it came: where from, what content, what became of it."""

    __tablename__ = "received_file"
    id: Mapped[int] = _key()
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    feed_id: Mapped[int | None] = mapped_column(ForeignKey("feed.id"))
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaign.id"), index=True)
    source: Mapped[str]
    sftp_server_id: Mapped[int | None] = mapped_column(ForeignKey("sftp_server.id"))
    path: Mapped[str]
    name: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    modified_at: Mapped[dt.datetime | None]
    sha256: Mapped[str | None]
    stored_path: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default="taken")
    problem: Mapped[dict[str, Any] | None]
    received_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    answered_at: Mapped[dt.datetime | None]
    archived_at: Mapped[dt.datetime | None]
    __table_args__ = (
        Index("ix_received_file_content", "feed_id", "sha256"),
        Index(
            "ix_received_file_unanswered",
            "sftp_server_id",
            "id",
            postgresql_where=text("source = 'sftp' and answered_at is null"),
        ),
        Index(
            "uq_received_file_seen",
            "sftp_server_id",
            "path",
            "size",
            "modified_at",
            unique=True,
            postgresql_where=text("source = 'sftp'"),
        ),
    )


class SingleMessage(Base):
    """One recipient of an open campaign, as the API or the portal took it; ``line`` is its place in the campaign."""

    __tablename__ = "single_message"
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    line: Mapped[int] = mapped_column(Integer, primary_key=True)
    row: Mapped[dict[str, Any]]
    received_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)


# --- The ledger -------------------------------------------------------------------------------------------------------


class Message(Base):
    """The ledger: one row per message. ``message_key`` is :func:`nightmail.message_ids.MessageId.key`.

    State ``handing_over`` is the intent: it is committed, with the sender's run, before the request is written.
    ``due_at`` is when the message may be handed off (quiet hours, schedule, back-off); for a standby message it is when
    it takes over at the latest. ``delivery`` is the best status that receipts gave. Keys of one contact's messages are
    neighbours, and those of a campaign lie between :func:`nightmail.message_ids.campaign_keys`, so that the primary key
    finds both. A receipt changes no indexed column, and finds room on its page (:data:`nightmail.store.partitions.FILL`).
    """

    __tablename__ = "message"
    ledger_month: Mapped[dt.date] = mapped_column(primary_key=True)
    message_key: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    campaign_id: Mapped[int]
    line: Mapped[int] = mapped_column(Integer)
    channel: Mapped[str]
    step: Mapped[int] = mapped_column(SmallInteger)
    state: Mapped[str]
    reason: Mapped[str | None]
    due_at: Mapped[dt.datetime]
    contact_id: Mapped[str]
    address_hash: Mapped[str]
    country: Mapped[str | None]
    language: Mapped[str | None]
    time_zone: Mapped[str | None]
    segments: Mapped[int] = mapped_column(Integer)
    cost: Mapped[Decimal | None]
    currency: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    sender_run_id: Mapped[int | None] = mapped_column(BigInteger)
    carrier_account_id: Mapped[int | None]
    carrier_message_id: Mapped[str | None]
    error_code: Mapped[str | None]
    epoch: Mapped[int] = mapped_column(Integer, server_default="1")
    planned_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    handed_off_at: Mapped[dt.datetime | None]
    changed_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    delivery: Mapped[str | None]
    delivery_at: Mapped[dt.datetime | None]
    delivery_error: Mapped[str | None]
    opened_at: Mapped[dt.datetime | None]
    clicked_at: Mapped[dt.datetime | None]
    replied_at: Mapped[dt.datetime | None]
    duration_s: Mapped[int | None]
    __table_args__ = (
        Index(
            "ix_message_not_accepted",
            "campaign_id",
            "state",
            postgresql_where=text("state not in ('handing_over', 'accepted')"),
        ),
        Index("ix_message_due", "campaign_id", "channel", "due_at", postgresql_where=text("state = 'queued'")),
        Index("ix_message_standby", "campaign_id", "due_at", postgresql_where=text("state = 'standby'")),
        Index(
            "ix_message_open",
            "sender_run_id",
            "campaign_id",
            postgresql_where=text("state in ('handing_over', 'in_doubt')"),
        ),
        Index("ix_message_handed_off", "handed_off_at", postgresql_where=text("handed_off_at is not null")),
        Index(
            "ix_message_decided",
            "changed_at",
            postgresql_where=text(
                "handed_off_at is null and state in ('failed', 'held', 'cancelled', 'expired', 'not_needed')"
            ),
        ),
        Index("ix_message_settled_late", "changed_at", postgresql_where=text("changed_at > handed_off_at")),
        Index(
            "ix_message_address",
            "address_hash",
            "handed_off_at",
            postgresql_where=text("handed_off_at is not null"),
        ),
        Index(
            "ix_message_carrier_message", "carrier_message_id", postgresql_where=text("carrier_message_id is not null")
        ),
        {"postgresql_partition_by": "RANGE (ledger_month)"},
    )


class MessageContent(Base):
    """What is handed off for a message; personal data, deleted by retention before the ledger's row."""

    __tablename__ = "message_content"
    ledger_month: Mapped[dt.date] = mapped_column(primary_key=True)
    message_key: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    address: Mapped[str]
    subject: Mapped[str | None]
    body: Mapped[str]
    html: Mapped[str | None]
    __table_args__ = ({"postgresql_partition_by": "RANGE (ledger_month)"},)


class SenderRun(Base):
    """A sender at work. It holds a session advisory lock on its id: a free lock on an unfinished row means it died."""

    __tablename__ = "sender_run"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    dagster_run_id: Mapped[str | None]
    host: Mapped[str]
    process_id: Mapped[int]
    epoch: Mapped[int] = mapped_column(Integer, server_default="1")
    started_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    finished_at: Mapped[dt.datetime | None]
    handed_off: Mapped[int] = mapped_column(Integer, server_default="0")


class Attempt(Base):
    """A hand-off of a message that the carrier did not plainly accept, and what came of it.

    Its intent was the message's state ``handing_over``. ``outcome`` is one of
    :class:`nightmail.carriers.protocol.Outcome`; an attempt in doubt changes to what it proved to be. A hand-off that was
    accepted at once is told by the message's own row and by nothing else: who, over which account, when, as which attempt.
    """

    __tablename__ = "attempt"
    ledger_month: Mapped[dt.date] = mapped_column(primary_key=True)
    message_key: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    sender_run_id: Mapped[int] = mapped_column(BigInteger)
    carrier_account_id: Mapped[int]
    started_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    outcome: Mapped[str]
    finished_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    carrier_message_id: Mapped[str | None]
    error_code: Mapped[str | None]
    error_class: Mapped[str | None]
    __table_args__ = ({"postgresql_partition_by": "RANGE (ledger_month)"},)


class Receipt(Base):
    """What a carrier said later, as it arrived. ``event_key`` tells repeated deliveries of one event apart."""

    __tablename__ = "receipt"
    received_month: Mapped[dt.date] = mapped_column(primary_key=True)
    event_key: Mapped[str] = mapped_column(primary_key=True)
    received_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    occurred_at: Mapped[dt.datetime | None]
    carrier: Mapped[str]
    channel: Mapped[str]
    carrier_message_id: Mapped[str | None]
    ledger_month: Mapped[dt.date | None]
    message_key: Mapped[int | None] = mapped_column(BigInteger)
    campaign_id: Mapped[int | None]
    status: Mapped[str]
    error_code: Mapped[str | None]
    duration_s: Mapped[int | None]
    __table_args__ = (
        Index("ix_receipt_received", "received_at"),
        Index("ix_receipt_message", "message_key"),
        {"postgresql_partition_by": "RANGE (received_month)"},
    )


class Reply(Base):
    """What a recipient said, tied to the message it answers where that is known."""

    __tablename__ = "reply"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    event_key: Mapped[str] = mapped_column(unique=True)
    received_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"), index=True)
    channel: Mapped[str]
    kind: Mapped[str]
    address: Mapped[str | None]
    address_hash: Mapped[str]
    text: Mapped[str | None]
    ledger_month: Mapped[dt.date | None]
    message_key: Mapped[int | None] = mapped_column(BigInteger, index=True)
    campaign_id: Mapped[int | None]
    __table_args__ = (Index("ix_reply_received", "received_at"), Index("ix_reply_campaign", "campaign_id", "id"))


# --- Operation --------------------------------------------------------------------------------------------------------


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


class Suspension(Base):
    """A channel that is not used for a while, for a team or for all (team null), by a person or by carrier errors.

    With ``carrier_account_id`` only that account of the channel, with ``sender`` only that sender of it.
    """

    __tablename__ = "suspension"
    id: Mapped[int] = _key()
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    channel: Mapped[str]
    carrier_account_id: Mapped[int | None] = mapped_column(ForeignKey("carrier_account.id"))
    sender: Mapped[str | None]
    reason: Mapped[str]
    by: Mapped[str]
    since: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    lifted_at: Mapped[dt.datetime | None]


class Alert(Base):
    """Something that a person must look at; ``subject`` groups repeats of one matter."""

    __tablename__ = "alert"
    id: Mapped[int] = _key()
    at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    last_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    times: Mapped[int] = mapped_column(Integer, server_default="1")
    reason: Mapped[str]
    subject: Mapped[str]
    message: Mapped[str]
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaign.id"))
    resolved_at: Mapped[dt.datetime | None]
    __table_args__ = (
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
    """A team's address that is told of events; ``secret`` signs the calls."""

    __tablename__ = "webhook"
    id: Mapped[int] = _key()
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), index=True)
    url: Mapped[str]
    events: Mapped[list[str]]
    secret: Mapped[str]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)


class WebhookCall(Base):
    """One event for one webhook: tried until it is taken, with growing pauses, for a bounded time."""

    __tablename__ = "webhook_call"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhook.id"), index=True)
    event: Mapped[str]
    body: Mapped[dict[str, Any]]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    due_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    delivered_at: Mapped[dt.datetime | None]
    given_up_at: Mapped[dt.datetime | None]
    last_status: Mapped[int | None]
    __table_args__ = (
        Index("ix_webhook_call_due", "due_at", postgresql_where=text("delivered_at is null and given_up_at is null")),
    )


class Audit(Base):
    """Who did what, when: every change and send. ``detail`` holds no personal data."""

    __tablename__ = "audit"
    month: Mapped[dt.date] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    actor: Mapped[str]
    action: Mapped[str]
    object: Mapped[str]
    team_id: Mapped[int | None]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    __table_args__ = (
        Index("ix_audit_at", "at"),
        {"postgresql_partition_by": "RANGE (month)"},
    )
