"""The people who are written to: contacts, what they chose, what they consented to, what must not be used."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from nightmail.store.tables.base import NOW, Base


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

    Each reason has a row of its own, so that a bounce that is lifted leaves what the person asked for. ``why`` and ``lifted_why``
    are what somebody said who made or lifted it by hand.
    """

    __tablename__ = "suppression"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    channel: Mapped[str]
    address_hash: Mapped[bytes]
    category: Mapped[str | None]
    reason: Mapped[str]
    source: Mapped[str]
    message_id: Mapped[str | None]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    lifted_at: Mapped[dt.datetime | None]
    why: Mapped[str | None]
    lifted_by: Mapped[str | None]
    lifted_why: Mapped[str | None]
    __table_args__ = (
        Index("ix_suppression_address", "address_hash", "channel", postgresql_where=text("lifted_at is null")),
        Index("ix_suppression_created", "created_at"),
        Index("ix_suppression_history", "address_hash"),
        Index("ix_suppression_team", "team_id", "created_at", postgresql_where=text("lifted_at is null")),
        Index("ix_suppression_reason", "reason", "created_at", postgresql_where=text("lifted_at is null")),
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
