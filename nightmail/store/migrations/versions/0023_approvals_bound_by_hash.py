"""Bind an approval to the exact campaign, and know who made it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "approval",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), primary_key=True),
        sa.Column("campaign_id", sa.Integer(), sa.ForeignKey("campaign.id"), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("because", postgresql.JSONB(), nullable=False),
        sa.Column("four_eyes", sa.Boolean(), nullable=False),
        sa.Column("bound", postgresql.JSONB(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text()),
        sa.Column("approved_for", sa.Integer(), sa.ForeignKey("person.id")),
        sa.Column("approved_at", sa.DateTime(timezone=True)),
        sa.Column("same_person", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("void_at", sa.DateTime(timezone=True)),
        sa.Column("void_because", sa.Text()),
    )
    op.create_index("ix_approval_campaign_id", "approval", ["campaign_id"])
    op.create_index(
        "uq_approval_standing", "approval", ["campaign_id"], unique=True, postgresql_where=sa.text("void_at is null")
    )
    op.create_index(
        "ix_approval_waiting",
        "approval",
        ["asked_at"],
        postgresql_where=sa.text("void_at is null and approved_at is null"),
    )
    # Who asked for a message of a window that many programs share; unknown of those of before.
    op.add_column("single_message", sa.Column("asked_by", sa.Text()))
