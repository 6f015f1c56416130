"""Keep which delivery reports were dropped on which SFTP server"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "report_drop",
        sa.Column("sftp_server_id", sa.Integer(), sa.ForeignKey("sftp_server.id"), primary_key=True),
        sa.Column("folder", sa.Text(), primary_key=True),
        sa.Column("scope", sa.Text(), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("dropped_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    )
