"""Keep sends that somebody prepares at the desk, and until when a send can be undone before it begins"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("campaign", sa.Column("held_until", moment))
    op.create_table(
        "send_draft",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("team_id", sa.Integer(), sa.ForeignKey("team.id"), nullable=False),
        sa.Column("template_version_id", sa.Integer(), sa.ForeignKey("template_version.id"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.BigInteger()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text()),
        sa.Column("size", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sha256", sa.Text(), server_default="", nullable=False),
        sa.Column("start_at", moment),
        sa.Column("local_start", sa.DateTime(timezone=False)),
        sa.Column("shown", JSONB()),
        sa.Column("shown_hash", sa.Text()),
        sa.Column("shown_at", moment),
        sa.Column("trials", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("campaign_id", sa.Integer(), sa.ForeignKey("campaign.id", ondelete="CASCADE")),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", moment, server_default=sa.func.now(), nullable=False),
        sa.Column("expires_at", moment, nullable=False),
    )
    op.create_index("ix_send_draft_expires", "send_draft", ["expires_at"])
    op.create_index("ix_send_draft_campaign", "send_draft", ["campaign_id"])
