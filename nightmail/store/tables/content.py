"""What is sent and by which order: categories, templates and their versions, feeds, prices."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from nightmail.store.tables.base import NOW, Base, integer_key


class Category(Base):
    """A kind of message. ``kind`` is ``service`` or ``marketing``; a team of null is one for all."""

    __tablename__ = "category"
    id: Mapped[int] = integer_key()
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
    id: Mapped[int] = integer_key()
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), index=True)
    name: Mapped[str]
    category_id: Mapped[int] = mapped_column(ForeignKey("category.id"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    file_hash: Mapped[bytes | None]
    """SHA-256 of the content that an organisation file brought in last: tells a changed file from an unchanged one."""
    __table_args__ = (UniqueConstraint("team_id", "name"),)


class TemplateVersion(Base):
    """One version: ``content`` is the template file's structure as JSON. Never changed once made."""

    __tablename__ = "template_version"
    id: Mapped[int] = integer_key()
    template_id: Mapped[int] = mapped_column(ForeignKey("template.id"), index=True)
    version: Mapped[int]
    content: Mapped[dict[str, Any]]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    created_by: Mapped[str | None]
    """Who made it, as the audit log names them."""
    restores: Mapped[int | None]
    """The number of the earlier version that it takes again, with the same content."""
    __table_args__ = (UniqueConstraint("template_id", "version"),)


class Feed(Base):
    """A standing order: folder or API name, template, mapping, schedule. ``settings`` is the feed's contract and policy."""

    __tablename__ = "feed"
    id: Mapped[int] = integer_key()
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), index=True)
    name: Mapped[str]
    template_id: Mapped[int | None] = mapped_column(ForeignKey("template.id"))
    """Null for a feed that sends nothing: its files go into the address book."""
    sftp_server_id: Mapped[int | None] = mapped_column(ForeignKey("sftp_server.id"))
    folder: Mapped[str | None]
    default_country: Mapped[str | None]
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    schedule: Mapped[str | None]
    schedule_set_at: Mapped[dt.datetime | None]
    """Since when this schedule holds; null: since the feed was made."""
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    provisioned_by: Mapped[str | None]
    __table_args__ = (UniqueConstraint("team_id", "name"), UniqueConstraint("sftp_server_id", "folder"))


class Price(Base):
    """What a carrier charges for one unit (SMS segment, email, minute of call) to a country, from a day on."""

    __tablename__ = "price"
    id: Mapped[int] = integer_key()
    carrier: Mapped[str]
    channel: Mapped[str] = mapped_column(ForeignKey("channel.name"))
    country: Mapped[str | None]
    amount: Mapped[Decimal]
    currency: Mapped[str]
    effective_from: Mapped[dt.date]
    provisioned_by: Mapped[str | None]
    __table_args__ = (
        UniqueConstraint("carrier", "channel", "country", "effective_from", postgresql_nulls_not_distinct=True),
    )
