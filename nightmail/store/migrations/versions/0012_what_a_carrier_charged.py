"""Keep what the carrier charged beside the estimate, which it overwrote"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Columns without a default: no row is written. What was charged before stays in ``cost``, where it was.
    op.add_column("message", sa.Column("cost_charged", sa.Numeric(14, 6)))
    op.add_column("message", sa.Column("cost_charged_currency", sa.Text()))
