"""Let a receipt and its message take less of the disk, and find a campaign's messages by what receipts said

The key of an event was kept as the carrier's own text of some fifty characters, in each row and again in the primary key;
its hash tells repetitions apart as well. Messages were found by the carrier's id through an index of the whole text, which
takes three times the room of an index of its hash. ``ix_receipt_status`` has what is said of few messages as a rule: what
is said of nearly all is found by reading the ledger in its order. Receipts are written again: half a minute for a million.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "alter table receipt alter column event_key type bytea "
        "using substring(sha256(convert_to(event_key, 'UTF8')) for 16)"
    )
    op.drop_index("ix_message_carrier_message", "message")
    op.create_index(
        "ix_message_carrier_message",
        "message",
        [sa.text("hashtextextended(carrier_message_id, 0)")],
        postgresql_where=sa.text("carrier_message_id is not null"),
    )
    op.create_index(
        "ix_receipt_status",
        "receipt",
        ["campaign_id", "status", "message_key"],
        postgresql_where=sa.text("status not in ('queued', 'sent', 'ringing', 'delivered', 'answered')"),
    )
