"""Keep for all senders which accounts have failed over to the next one, and how far"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "failover",
        sa.Column("carrier_account_id", sa.Integer(), sa.ForeignKey("carrier_account.id"), primary_key=True),
        sa.Column("moved_percent", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("answers", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True)),
        sa.Column("stepped_at", sa.DateTime(timezone=True)),
        sa.Column("probed_at", sa.DateTime(timezone=True)),
        sa.Column("probes_failed", sa.SmallInteger(), server_default="0", nullable=False),
    )
