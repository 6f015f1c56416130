"""Campaigns, the files and single messages that they are made of, and the allowed changes of state."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from nightmail.store.tables.base import NOW, Base, integer_key


class StateTransition(Base):
    """The allowed changes of state; ``machine`` is ``campaign`` or ``message``."""

    __tablename__ = "state_transition"
    machine: Mapped[str] = mapped_column(primary_key=True)
    from_state: Mapped[str] = mapped_column(primary_key=True)
    to_state: Mapped[str] = mapped_column(primary_key=True)


class Campaign(Base):
    """One send of one template to one audience. ``settings`` is the feed's, as it was when the campaign was made."""

    __tablename__ = "campaign"
    id: Mapped[int] = integer_key()
    key: Mapped[str] = mapped_column(unique=True)
    token: Mapped[str] = mapped_column(unique=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    feed_id: Mapped[int | None] = mapped_column(ForeignKey("feed.id"))
    continues_id: Mapped[int | None] = mapped_column(ForeignKey("campaign.id"))
    """The campaign of the same file as it was when it was taken: whom that one has is not sent to again."""
    template_version_id: Mapped[int] = mapped_column(ForeignKey("template_version.id"))
    category_id: Mapped[int] = mapped_column(ForeignKey("category.id"))
    state: Mapped[str] = mapped_column(server_default="received")
    source: Mapped[str]
    priority: Mapped[int] = mapped_column(SmallInteger, server_default="5")
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    counts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    problem: Mapped[dict[str, Any] | None]
    scheduled_at: Mapped[dt.datetime | None]
    """When it is released. With ``local_start`` that is when that time comes first anywhere."""
    local_start: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=False))
    """A wall-clock time, without a zone: each recipient is sent to when it comes in their own."""
    start_stated: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether a person or a program stated the start, rather than the feed."""
    held_until: Mapped[dt.datetime | None]
    """Until when it can be taken back before anything of it is handed off, as its team's ``hold_back_s`` has it."""
    schedule_time: Mapped[dt.datetime | None]
    """The time of its feed's schedule that made it."""
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
    id: Mapped[int] = integer_key()
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
    archived_path: Mapped[str | None]
    archived_size: Mapped[int | None] = mapped_column(BigInteger)
    archived_modified_at: Mapped[dt.datetime | None]
    received_by: Mapped[str | None]
    """Who brought it, as the audit log names them."""
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("received_file.id"), index=True)
    """The file whose rejected rows this one holds, corrected."""
    __table_args__ = (
        Index("ix_received_file_team", "team_id", "id", postgresql_where=text("state <> 'answer'")),
        Index("ix_received_file_feed", "feed_id", "id", postgresql_where=text("state <> 'answer'")),
        Index(
            "ix_received_file_archived",
            "sftp_server_id",
            "archived_at",
            postgresql_where=text("source = 'sftp' and archived_path is not null"),
        ),
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


class ReportDropped(Base):
    """A day's delivery report that lies on an SFTP server: ``scope`` is a team, or a team and a feed."""

    __tablename__ = "report_drop"
    sftp_server_id: Mapped[int] = mapped_column(ForeignKey("sftp_server.id"), primary_key=True)
    folder: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[dt.date] = mapped_column(primary_key=True)
    dropped_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)


class SingleMessage(Base):
    """One recipient of an open campaign, as the API or the portal took it; ``line`` is its place in the campaign."""

    __tablename__ = "single_message"
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    line: Mapped[int] = mapped_column(Integer, primary_key=True)
    row: Mapped[dict[str, Any]]
    asked_by: Mapped[str | None]
    """Who asked for it, as the audit log names them."""
    received_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)


class SendDraft(Base):
    """A send that somebody prepares at the desk: with what, to whom, when, and what they were shown of it."""

    __tablename__ = "send_draft"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    template_version_id: Mapped[int] = mapped_column(ForeignKey("template_version.id"))
    source: Mapped[str]
    """``file``, ``paste``, ``list`` or ``segment``."""
    source_id: Mapped[int | None] = mapped_column(BigInteger)
    """The list or segment."""
    name: Mapped[str]
    path: Mapped[str | None]
    """Where the file lies, of a file or pasted rows."""
    size: Mapped[int] = mapped_column(BigInteger, server_default="0")
    sha256: Mapped[str] = mapped_column(server_default="")
    """Of the file, or of the contacts as they were when they were shown."""
    start_at: Mapped[dt.datetime | None]
    local_start: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=False))
    shown: Mapped[dict[str, Any] | None]
    shown_hash: Mapped[str | None]
    shown_at: Mapped[dt.datetime | None]
    trials: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """Test messages that were sent of it."""
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"))
    created_by: Mapped[str]
    """Whose it is, as the audit log names them; nobody else sees it."""
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    expires_at: Mapped[dt.datetime]
    __table_args__ = (
        Index("ix_send_draft_expires", "expires_at"),
        Index("ix_send_draft_campaign", "campaign_id"),
    )
