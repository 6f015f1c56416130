"""Tell those who may act of requests for approval and of alerts, once each"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("approval", "alert"):
        op.add_column(table, sa.Column("told_at", sa.DateTime(timezone=True)))
        # What was there before is known to who looks; nobody gets an email about it now.
        op.execute(f"update {table} set told_at = now()")
    op.create_table(
        "notice",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), primary_key=True),
        sa.Column("person_id", sa.Integer(), sa.ForeignKey("person.id"), nullable=False),
        sa.Column("approval_id", sa.Integer(), sa.ForeignKey("approval.id")),
        sa.Column("alert_id", sa.Integer(), sa.ForeignKey("alert.id")),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True)),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
    )
    op.create_index("uq_notice_approval", "notice", ["approval_id", "person_id"], unique=True)
    op.create_index("uq_notice_alert", "notice", ["alert_id", "person_id"], unique=True)
    op.create_index("ix_notice_person", "notice", ["person_id"])
    op.create_index("ix_notice_waiting", "notice", ["id"], postgresql_where=sa.text("sent_at is null"))
