"""Keep the sums of each day's delivery report, so that any range of days is read at once"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_MEASURES = (
    *("rows", "messages", "segments", "opened", "clicked", "answered"),
    *("timed", "within_10s", "within_1min", "within_10min", "within_1h"),
)


def upgrade() -> None:
    op.create_table(
        "report_day",
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
    )
    for table in ("report_by_campaign", "report_by_feed"):
        of_campaign = [sa.Column("campaign_id", sa.Integer(), nullable=False)] if table == "report_by_campaign" else []
        op.create_table(
            table,
            *_key(),
            sa.Column("team_id", sa.Integer(), nullable=False),
            sa.Column("feed_id", sa.Integer()),
            *(sa.Column(name, sa.Text()) for name in ("channel", "country", "reason", "currency")),
            sa.Column("outcome", sa.Text(), nullable=False),
            *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _MEASURES),
            sa.Column("cost", sa.Numeric(14, 6)),
            *of_campaign,
        )
    op.create_table(
        "report_by_hour",
        *_key(),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("feed_id", sa.Integer()),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("hour", sa.SmallInteger()),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "report_count",
        *_key(),
        *(sa.Column(name, sa.Integer()) for name in ("team_id", "feed_id", "campaign_id")),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_report_by_campaign_campaign_day", "report_by_campaign", ["campaign_id", "day"])
    op.create_index("ix_report_by_campaign_day", "report_by_campaign", ["day"])
    for table in ("report_by_feed", "report_by_hour", "report_count"):
        op.create_index(f"ix_{table}_day_team", table, ["day", "team_id"])
    for table in ("report_by_hour", "report_count"):
        op.create_index(f"ix_{table}_campaign_day", table, ["campaign_id", "day"])


def _key() -> tuple[sa.Column[int], sa.Column[object]]:
    """The number of a row, and its day."""
    return (
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), primary_key=True),
        sa.Column("day", sa.Date(), sa.ForeignKey("report_day.day", ondelete="CASCADE"), nullable=False),
    )
