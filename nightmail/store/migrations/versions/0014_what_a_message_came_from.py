"""Keep what each message came from, whatever becomes of the sender that it went under"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sent_from",
        sa.Column("id", sa.Integer(), sa.Identity(), primary_key=True),
        sa.Column("carrier_account_id", sa.Integer(), sa.ForeignKey("carrier_account.id"), nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("reply_to", sa.Text(), server_default="", nullable=False),
        sa.UniqueConstraint("carrier_account_id", "address", "reply_to"),
    )
    # Columns without a default: no row is written. Of earlier messages it is derived from the senders of today.
    op.add_column("message", sa.Column("sent_from_id", sa.Integer()))
    op.add_column("attempt", sa.Column("sent_from_id", sa.Integer()))
