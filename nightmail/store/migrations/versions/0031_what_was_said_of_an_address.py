"""Find all that was ever said of an address: its replies, and its suppressions that were lifted too."""

from __future__ import annotations

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_reply_address", "reply", ["address_hash", "id"])
    op.create_index("ix_suppression_history", "suppression", ["address_hash"])
