"""Segments and distribution lists, and what a campaign was made of that has one of them as its source."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from nightmail.store.tables.base import NOW, Base, integer_key


class Segment(Base):
    """The contacts of a team that meet a rule (:mod:`nightmail.contacts.segment_rules`), whenever it is looked at."""

    __tablename__ = "segment"
    id: Mapped[int] = integer_key()
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    rule: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    changed_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    changed_by: Mapped[str]
    removed_at: Mapped[dt.datetime | None]


class DistributionList(Base):
    """Whom a team writes to under one name: its entries, including and excluding."""

    __tablename__ = "distribution_list"
    id: Mapped[int] = integer_key()
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    changed_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    changed_by: Mapped[str]
    removed_at: Mapped[dt.datetime | None]


for _table in (Segment, DistributionList):
    # Two names that differ in capitals only would be taken for each other.
    Index(
        f"uq_{_table.__tablename__}_name",
        _table.team_id,
        func.lower(_table.name),
        unique=True,
        postgresql_where=text("removed_at is null"),
    )


class ListEntry(Base):
    """One entry of a list: the ``contact``, ``group``, ``segment`` or ``list`` of ``target_id``, included or excluded."""

    __tablename__ = "list_entry"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("distribution_list.id"))
    excluded: Mapped[bool] = mapped_column(server_default=text("false"))
    kind: Mapped[str]
    target_id: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (
        Index("uq_list_entry_target", "list_id", "kind", "target_id", "excluded", unique=True),
        Index("ix_list_entry_target", "kind", "target_id"),
    )


class CampaignList(Base):
    """What a campaign's audience was made of: the list or segment as it was then, and the file of its contacts.

    ``definition`` holds rules and names, no personal data; the contacts stand in the file, whose hash is ``sha256``.
    """

    __tablename__ = "campaign_list"
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    kind: Mapped[str]
    source_id: Mapped[int]
    name: Mapped[str]
    version: Mapped[int]
    definition: Mapped[dict[str, Any]]
    contacts: Mapped[int]
    sha256: Mapped[str]
    stored_path: Mapped[str | None]
    """Null once the file is deleted, after the team's days."""
    resolved_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    __table_args__ = (Index("ix_campaign_list_content", "team_id", "sha256"),)
