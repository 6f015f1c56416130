"""The audit log: its entries, the seals that chain them, and the months that retention took."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import BigInteger, Boolean, Date, Identity, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from nightmail.store.tables.base import NOW, Base


class Audit(Base):
    """Who did what, when, from where: every change, send, login, export and look at a person's data.

    ``before`` and ``after`` are what a change found and left; no column holds a secret or personal data of recipients.
    ``epoch`` and ``transaction`` are the database's own, and say which seal an entry belongs to.
    """

    __tablename__ = "audit"
    month: Mapped[dt.date] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    actor: Mapped[str]
    action: Mapped[str]
    object: Mapped[str]
    team_id: Mapped[int | None]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    origin: Mapped[str | None]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    epoch: Mapped[int] = mapped_column(Integer, server_default=text("deployment_epoch()"))
    transaction: Mapped[int] = mapped_column(BigInteger, server_default=text("pg_current_xact_id()::text::bigint"))
    __table_args__ = (
        Index("ix_audit_at", "at"),
        Index("ix_audit_transaction", "epoch", "transaction"),
        Index("ix_audit_actor", "actor", "at"),
        Index("ix_audit_action", "action", "at"),
        Index("ix_audit_team", "team_id", "at"),
        Index("ix_audit_object", "object", "at"),
        {"postgresql_partition_by": "RANGE (month)"},
    )


class AuditSeal(Base):
    """One batch of entries of a month, sealed: all that were committed by transactions of the range, and no other.

    ``digest`` is that of the entries. ``hash`` is keyed with the deployment's secret key, and covers this row and the seal
    before it: whoever may change every table, but has not the key, can make no other chain that holds.
    """

    __tablename__ = "audit_seal"
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    month: Mapped[dt.date] = mapped_column(Date)
    epoch: Mapped[int]
    from_transaction: Mapped[int] = mapped_column(BigInteger)
    to_transaction: Mapped[int] = mapped_column(BigInteger)
    entries: Mapped[int]
    first_id: Mapped[int] = mapped_column(BigInteger)
    last_id: Mapped[int] = mapped_column(BigInteger)
    sealed_at: Mapped[dt.datetime]
    digest: Mapped[bytes]
    hash: Mapped[bytes]
    __table_args__ = (Index("ix_audit_seal_month", "month", "number"),)


class AuditMonthGone(Base):
    """A month of entries that retention deleted, or detached for an archive; its seals stay in the chain."""

    __tablename__ = "audit_month_gone"
    month: Mapped[dt.date] = mapped_column(Date, primary_key=True)
    entries: Mapped[int] = mapped_column(BigInteger)
    last_seal: Mapped[int] = mapped_column(BigInteger)
    gone_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    kept_aside: Mapped[bool] = mapped_column(Boolean)
