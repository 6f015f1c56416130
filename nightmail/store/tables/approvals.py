"""What people approve: the exact campaign, bound by hashes."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from nightmail.store.tables.base import NOW, Base, integer_key


class Approval(Base):
    """A campaign that asks for approval, or has it: one row stands, earlier ones are void.

    ``bound`` is what is approved (template, content, audience, cost, times) and ``hash`` that of it. With ``four_eyes``
    whoever made, changed or asked for the campaign cannot approve it. ``approved_for`` is the person whose permission a
    deputy used; ``same_person`` says that the approver is one of those who made it, where that is allowed.
    ``told_at`` is when it was decided who is told of it.
    """

    __tablename__ = "approval"
    id: Mapped[int] = integer_key()
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), index=True)
    asked_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    because: Mapped[dict[str, Any]]
    four_eyes: Mapped[bool]
    bound: Mapped[dict[str, Any]]
    hash: Mapped[str]
    approved_by: Mapped[str | None]
    approved_for: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    approved_at: Mapped[dt.datetime | None]
    same_person: Mapped[bool] = mapped_column(server_default=text("false"))
    void_at: Mapped[dt.datetime | None]
    void_because: Mapped[str | None]
    told_at: Mapped[dt.datetime | None]
    __table_args__ = (
        Index("uq_approval_standing", "campaign_id", unique=True, postgresql_where=text("void_at is null")),
        Index("ix_approval_waiting", "asked_at", postgresql_where=text("void_at is null and approved_at is null")),
    )
