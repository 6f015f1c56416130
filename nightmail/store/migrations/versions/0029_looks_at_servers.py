"""Keep when each SFTP server was last looked at, and find the newest attempts and webhook calls by an index"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("looked_at", "failed_at"):
        op.add_column("sftp_server", sa.Column(column, sa.DateTime(timezone=True)))
    op.add_column("sftp_server", sa.Column("failure", sa.Text()))
    op.create_index("ix_attempt_account", "attempt", ["carrier_account_id", "started_at"])
    op.create_index("ix_webhook_call_newest", "webhook_call", ["webhook_id", "id"])
    op.drop_index("ix_webhook_call_webhook_id", "webhook_call")
