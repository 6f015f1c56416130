"""Segments, distribution lists, and the lists that campaigns were made of"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_NOW = sa.text("now()")


def upgrade() -> None:
    for table, own in (("segment", [sa.Column("rule", JSONB(), nullable=False)]), ("distribution_list", [])):
        op.create_table(
            table,
            sa.Column("id", sa.Integer(), sa.Identity(), primary_key=True),
            sa.Column("team_id", sa.Integer(), sa.ForeignKey("team.id"), nullable=False),
            sa.Column("name", sa.Text(), nullable=False),
            sa.Column("description", sa.Text(), nullable=False, server_default=""),
            *own,
            sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
            sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=_NOW),
            sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False, server_default=_NOW),
            sa.Column("changed_by", sa.Text(), nullable=False),
            sa.Column("removed_at", sa.DateTime(timezone=True)),
        )
        op.create_index(
            f"uq_{table}_name",
            table,
            ["team_id", sa.text("lower(name)")],
            unique=True,
            postgresql_where=sa.text("removed_at is null"),
        )
    op.create_table(
        "list_entry",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("list_id", sa.Integer(), sa.ForeignKey("distribution_list.id"), nullable=False),
        sa.Column("excluded", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("target_id", sa.BigInteger(), nullable=False),
    )
    op.create_index("uq_list_entry_target", "list_entry", ["list_id", "kind", "target_id", "excluded"], unique=True)
    op.create_index("ix_list_entry_target", "list_entry", ["kind", "target_id"])
    op.create_table(
        "campaign_list",
        sa.Column("campaign_id", sa.Integer(), sa.ForeignKey("campaign.id"), primary_key=True, autoincrement=False),
        sa.Column("team_id", sa.Integer(), sa.ForeignKey("team.id"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("definition", JSONB(), nullable=False),
        sa.Column("contacts", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("stored_path", sa.Text(), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=False, server_default=_NOW),
    )
    op.create_index("ix_campaign_list_content", "campaign_list", ["team_id", "sha256"])
