"""The ledger: messages, their contents, the attempts to hand them off, and the senders that do it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    Identity,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from nightmail.store.tables.base import NOW, Base


class Message(Base):
    """The ledger: one row per message. ``message_key`` is :func:`nightmail.message_ids.MessageId.key`.

    State ``handing_over`` is the intent: it is committed, with the sender's run, before the request is written.
    ``due_at`` is when the message may be handed off (quiet hours, schedule, back-off); for a standby message it is when
    it takes over at the latest. ``cost`` is the estimate by the price list, ``cost_charged`` what the carrier said that it
    charges. ``carrier_account_id`` and ``sent_from_id`` are written with each intent: the account and the row of
    ``sent_from`` of its last hand-off. ``delivery`` is the best status that receipts gave. Keys of one contact's messages are
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
    address_hash: Mapped[bytes]
    country: Mapped[str | None]
    language: Mapped[str | None]
    time_zone: Mapped[str | None]
    segments: Mapped[int] = mapped_column(Integer)
    cost: Mapped[Decimal | None]
    currency: Mapped[str | None]
    cost_charged: Mapped[Decimal | None]
    cost_charged_currency: Mapped[str | None]
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
    sent_from_id: Mapped[int | None]
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
        Index("ix_message_in_doubt", "message_key", postgresql_where=text("state = 'in_doubt'")),
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
            "ix_message_carrier_message",
            text("hashtextextended(carrier_message_id, 0)"),
            postgresql_where=text("carrier_message_id is not null"),
        ),
        {"postgresql_partition_by": "RANGE (ledger_month)"},
    )


class MessageRecipient(Base):
    """Finds every message of an address or contact; written once for each message, by the ledger's own trigger.

    A key is the first half of a hash, by the database's functions ``address_key`` and ``contact_key``: who looks here
    compares the whole with the message itself (:func:`nightmail.store.recipient_keys.messages_of`). An index of the ledger
    would get an entry for each change that a message goes through.
    """

    __tablename__ = "message_recipient"
    ledger_month: Mapped[dt.date] = mapped_column()
    message_key: Mapped[int] = mapped_column(BigInteger)
    address_key: Mapped[int] = mapped_column(BigInteger)
    contact_key: Mapped[int] = mapped_column(BigInteger)
    __mapper_args__ = {"primary_key": [ledger_month, message_key]}  # noqa: RUF012 - as the mapper reads it
    __table_args__ = (
        Index("ix_message_recipient_address_key", "address_key"),
        Index("ix_message_recipient_contact_key", "contact_key"),
        {"postgresql_partition_by": "RANGE (ledger_month)"},
    )


class CampaignTally(Base):
    """What the messages of a campaign add up to: the sum of its rows is exact in every transaction that sees them.

    The ledger's triggers add a row of differences for each statement and kind of message. Nobody waits for another one, as
    no row is ever changed; a part of the statements folds a campaign's rows into one for each kind. ``currency`` is that of
    ``cost``: what the carrier charged, else what the price list says; ``priced`` counts the messages that have any. Rows
    stay when retention takes a month of the ledger.
    """

    __tablename__ = "campaign_tally"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    campaign_id: Mapped[int]
    channel: Mapped[str]
    step: Mapped[int] = mapped_column(SmallInteger)
    state: Mapped[str]
    country: Mapped[str | None]
    reason: Mapped[str | None]
    delivery: Mapped[str | None]
    currency: Mapped[str | None]
    messages: Mapped[int] = mapped_column(BigInteger)
    segments: Mapped[int] = mapped_column(BigInteger)
    priced: Mapped[int] = mapped_column(BigInteger)
    opened: Mapped[int] = mapped_column(BigInteger)
    clicked: Mapped[int] = mapped_column(BigInteger)
    replied: Mapped[int] = mapped_column(BigInteger)
    call_seconds: Mapped[int] = mapped_column(BigInteger)
    cost: Mapped[Decimal] = mapped_column(Numeric(20, 6))
    __table_args__ = (Index("ix_campaign_tally_campaign_id", "campaign_id"),)


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
    accepted at once has no row here: the message's own row says by which run, over which account, when and as which attempt.
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
    sent_from_id: Mapped[int | None]
    __table_args__ = (
        Index("ix_attempt_account", "carrier_account_id", "started_at"),
        {"postgresql_partition_by": "RANGE (ledger_month)"},
    )
