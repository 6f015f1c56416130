"""What comes back: receipts of carriers and replies of recipients."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
)
from sqlalchemy.orm import Mapped, mapped_column

from nightmail.store.tables.base import NOW, Base


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
