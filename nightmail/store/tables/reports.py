"""The sums that reports are read from: written with each day's delivery report, from the same rows.

They name no person and outlive what they were counted from. A day's sums are replaced as a whole.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from nightmail.store.tables.base import Base


class ReportDay(Base):
    """A UTC day whose delivery report was counted: when, and of how many rows."""

    __tablename__ = "report_day"
    day: Mapped[dt.date] = mapped_column(primary_key=True)
    written_at: Mapped[dt.datetime]
    rows: Mapped[int] = mapped_column(BigInteger)


class _Sums:
    """The columns of rows that went alike, counted; segments and cost are those of what a carrier took."""

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    day: Mapped[dt.date] = mapped_column(ForeignKey("report_day.day", ondelete="CASCADE"))
    team_id: Mapped[int]
    feed_id: Mapped[int | None]
    channel: Mapped[str | None]
    country: Mapped[str | None]
    outcome: Mapped[str]
    reason: Mapped[str | None]
    currency: Mapped[str | None]
    rows: Mapped[int] = mapped_column(BigInteger)
    messages: Mapped[int] = mapped_column(BigInteger)
    segments: Mapped[int] = mapped_column(BigInteger)
    cost: Mapped[Decimal | None]
    opened: Mapped[int] = mapped_column(BigInteger)
    clicked: Mapped[int] = mapped_column(BigInteger)
    answered: Mapped[int] = mapped_column(BigInteger)
    timed: Mapped[int] = mapped_column(BigInteger)
    within_10s: Mapped[int] = mapped_column(BigInteger)
    within_1min: Mapped[int] = mapped_column(BigInteger)
    within_10min: Mapped[int] = mapped_column(BigInteger)
    within_1h: Mapped[int] = mapped_column(BigInteger)


class ReportByCampaign(_Sums, Base):
    """The rows of one campaign on a day, counted."""

    __tablename__ = "report_by_campaign"
    campaign_id: Mapped[int]
    __table_args__ = (
        Index("ix_report_by_campaign_campaign_day", "campaign_id", "day"),
        Index("ix_report_by_campaign_day", "day"),
    )


class ReportByFeed(_Sums, Base):
    """The same of all campaigns of a feed, or of a team without one: what ranges of days are read from."""

    __tablename__ = "report_by_feed"
    __table_args__ = (Index("ix_report_by_feed_day_team", "day", "team_id"),)


class ReportByHour(Base):
    """The rows of one campaign by the UTC hour of hand-off, 0 to 23; null for what was never handed off."""

    __tablename__ = "report_by_hour"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    day: Mapped[dt.date] = mapped_column(ForeignKey("report_day.day", ondelete="CASCADE"))
    team_id: Mapped[int]
    feed_id: Mapped[int | None]
    campaign_id: Mapped[int]
    hour: Mapped[int | None] = mapped_column(SmallInteger)
    outcome: Mapped[str]
    rows: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (
        Index("ix_report_by_hour_day_team", "day", "team_id"),
        Index("ix_report_by_hour_campaign_day", "campaign_id", "day"),
    )


class ReportCount(Base):
    """What happened on a day beside messages: ``what`` is one of :data:`nightmail.reports.day_sums.COUNTED`."""

    __tablename__ = "report_count"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    day: Mapped[dt.date] = mapped_column(ForeignKey("report_day.day", ondelete="CASCADE"))
    team_id: Mapped[int | None]
    feed_id: Mapped[int | None]
    campaign_id: Mapped[int | None]
    what: Mapped[str]
    number: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (
        Index("ix_report_count_day_team", "day", "team_id"),
        Index("ix_report_count_campaign_day", "campaign_id", "day"),
    )
