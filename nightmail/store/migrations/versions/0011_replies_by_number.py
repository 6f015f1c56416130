"""Keep which number or mailbox a reply was sent to, what came with it, and what a person decided about it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reply", sa.Column("sent_to", sa.Text()))
    op.add_column("reply", sa.Column("media", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False))
    op.add_column("reply", sa.Column("using_teams", postgresql.JSONB()))
    op.add_column("reply", sa.Column("decision", sa.Text()))
    op.add_column("reply", sa.Column("decided_by", sa.Text()))
    op.add_column("reply", sa.Column("decided_at", sa.DateTime(timezone=True)))
    op.create_index(
        "ix_reply_undecided", "reply", ["id"], postgresql_where=sa.text("kind = 'probable_stop' and decided_at is null")
    )
