"""Suppressions of one address for different reasons stand side by side

With one row for all of them, a STOP after a hard bounce left no trace: lifting the bounce would have lifted the opt-out.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("uq_suppression_active", "suppression")
    op.create_index(
        "uq_suppression_active",
        "suppression",
        ["team_id", "channel", "address_hash", "category", "reason"],
        unique=True,
        postgresql_where=sa.text("lifted_at is null"),
        postgresql_nulls_not_distinct=True,
    )
