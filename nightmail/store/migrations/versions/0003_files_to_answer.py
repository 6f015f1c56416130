"""Find the uploads that wait for their answer, and the campaigns that wait for a run, without reading all the others

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_received_file_unanswered",
        "received_file",
        ["sftp_server_id", "id"],
        postgresql_where=sa.text("source = 'sftp' and answered_at is null"),
    )
    op.execute("update received_file set answered_at = received_at where state = 'answer' and answered_at is null")


def downgrade() -> None:
    op.drop_index("ix_received_file_unanswered", table_name="received_file")
