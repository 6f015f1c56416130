"""Who brought a file and which file it corrects; whether a template's earlier version was taken again"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("received_file", sa.Column("received_by", sa.Text()))
    op.add_column("received_file", sa.Column("corrects_id", sa.Integer(), sa.ForeignKey("received_file.id")))
    op.create_index("ix_received_file_corrects_id", "received_file", ["corrects_id"])
    # Lists of files run from the newest on, of a team or of a feed; what was written as an answer is none of them.
    uploads = sa.text("state <> 'answer'")
    op.create_index("ix_received_file_team", "received_file", ["team_id", "id"], postgresql_where=uploads)
    op.create_index("ix_received_file_feed", "received_file", ["feed_id", "id"], postgresql_where=uploads)
    op.add_column("template", sa.Column("file_hash", sa.LargeBinary()))
    op.add_column("template_version", sa.Column("created_by", sa.Text()))
    op.add_column("template_version", sa.Column("restores", sa.Integer()))
