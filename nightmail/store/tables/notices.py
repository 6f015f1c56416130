"""What people are told by email because they may act on it."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from nightmail.store.tables.base import NOW, Base


class Notice(Base):
    """A request for approval, or an alert, that a person is told of. ``claimed_at`` is when a portal last took it to send it,
    ``sent_at`` when a carrier took the email."""

    __tablename__ = "notice"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    approval_id: Mapped[int | None] = mapped_column(ForeignKey("approval.id"))
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alert.id"))
    at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    claimed_at: Mapped[dt.datetime | None]
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    sent_at: Mapped[dt.datetime | None]
    __table_args__ = (
        Index("uq_notice_approval", "approval_id", "person_id", unique=True),
        Index("uq_notice_alert", "alert_id", "person_id", unique=True),
        Index("ix_notice_person", "person_id"),
        Index("ix_notice_waiting", "id", postgresql_where=text("sent_at is null")),
    )
