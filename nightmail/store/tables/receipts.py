"""What comes back: receipts of carriers and replies of recipients."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    UniqueConstraint,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from nightmail.store.tables.base import NOW, Base


class Receipt(Base):
    """What a carrier said later, as it arrived. ``event_key``, a hash, tells repeated deliveries of one event apart."""

    __tablename__ = "receipt"
    received_month: Mapped[dt.date] = mapped_column(primary_key=True)
    event_key: Mapped[bytes] = mapped_column(primary_key=True)
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
        Index(
            "ix_receipt_status",
            "campaign_id",
            "status",
            "message_key",
            postgresql_where=sql("status not in ('queued', 'sent', 'ringing', 'delivered', 'answered')"),
        ),
        {"postgresql_partition_by": "RANGE (received_month)"},
    )


class Reply(Base):
    """What a recipient said, tied to the message it answers where that is known.

    ``sent_to`` is our number or mailbox and ``using_teams`` the ids of the teams that send from it. ``media`` lists links,
    each with type and size. A reply of kind ``probable_stop`` waits for a person's ``decision``.
    """

    __tablename__ = "reply"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    event_key: Mapped[str] = mapped_column(unique=True)
    received_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"), index=True)
    channel: Mapped[str]
    kind: Mapped[str]
    address: Mapped[str | None]
    address_hash: Mapped[bytes]
    text: Mapped[str | None]
    ledger_month: Mapped[dt.date | None]
    message_key: Mapped[int | None] = mapped_column(BigInteger, index=True)
    campaign_id: Mapped[int | None]
    sent_to: Mapped[str | None]
    media: Mapped[list[Any]] = mapped_column(JSONB, server_default=sql("'[]'::jsonb"))
    using_teams: Mapped[list[Any] | None] = mapped_column(JSONB)
    decision: Mapped[str | None]
    decided_by: Mapped[str | None]
    decided_at: Mapped[dt.datetime | None]
    __table_args__ = (
        Index("ix_reply_address", "address_hash", "id"),
        Index("ix_reply_received", "received_at"),
        Index("ix_reply_campaign", "campaign_id", "id"),
        Index("ix_reply_team_received", "team_id", "received_at"),
        Index("ix_reply_kind", "kind", "received_at"),
        Index("ix_reply_undecided", "id", postgresql_where=sql("kind = 'probable_stop' and decided_at is null")),
    )


class Mailbox(Base):
    """How far a carrier account's mailbox was read.

    ``last_uid`` is the last number that was dealt with, of those that hold while the server says ``uid_validity``; ``since`` the
    day of arrival from which messages are read; ``failing_uid`` a message over which the connection broke, ``failures`` times.
    """

    __tablename__ = "mailbox"
    carrier_account_id: Mapped[int] = mapped_column(ForeignKey("carrier_account.id"), primary_key=True)
    uid_validity: Mapped[int | None] = mapped_column(BigInteger)
    last_uid: Mapped[int] = mapped_column(BigInteger, server_default="0")
    since: Mapped[dt.date | None]
    looked_at: Mapped[dt.datetime | None]
    leased_until: Mapped[dt.datetime | None]
    failing_uid: Mapped[int | None] = mapped_column(BigInteger)
    failures: Mapped[int] = mapped_column(SmallInteger, server_default="0")


class MailAside(Base):
    """A message of a mailbox that could not be read; it is left to a person."""

    __tablename__ = "mail_aside"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    carrier_account_id: Mapped[int] = mapped_column(ForeignKey("carrier_account.id"))
    uid_validity: Mapped[int] = mapped_column(BigInteger)
    uid: Mapped[int] = mapped_column(BigInteger)
    problem: Mapped[str]
    put_aside_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    __table_args__ = (UniqueConstraint("carrier_account_id", "uid_validity", "uid"),)
