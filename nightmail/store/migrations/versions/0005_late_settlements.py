"""Messages settled after their hand-off: found by an index that hardly anything is in

Reports ask every few seconds what changed. A message that was in doubt and proves to be accepted is reported on the day
of its hand-off, which may have been written already. Nearly every message changes last in the moment of its hand-off, so
that this index costs the others nothing.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_message_settled_late",
        "message",
        ["changed_at"],
        postgresql_where=sa.text("changed_at > handed_off_at"),
    )
