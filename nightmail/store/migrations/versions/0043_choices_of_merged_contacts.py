"""Keep with statements of merged contacts under whose id they were made, so that a merge can be taken back"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("preference_statement", "consent"):
        op.add_column(table, sa.Column("of_contact", sa.Text()))
