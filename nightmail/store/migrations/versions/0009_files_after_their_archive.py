"""Keep what a file was like in the archive, and which campaign continues another

A client that pauses in an upload goes on writing into the archived file. It is compared for a while, and what was missing
becomes a campaign that continues the first one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("received_file", sa.Column("archived_path", sa.Text()))
    op.add_column("received_file", sa.Column("archived_size", sa.BigInteger()))
    op.add_column("received_file", sa.Column("archived_modified_at", sa.DateTime(timezone=True)))
    # What was archived before counts as moved; without a size it is not compared.
    op.execute("update received_file set archived_path = '' where archived_at is not null")
    op.create_index(
        "ix_received_file_archived",
        "received_file",
        ["sftp_server_id", "archived_at"],
        postgresql_where=sa.text("source = 'sftp' and archived_path is not null"),
    )
    op.add_column("campaign", sa.Column("continues_id", sa.Integer(), sa.ForeignKey("campaign.id")))
