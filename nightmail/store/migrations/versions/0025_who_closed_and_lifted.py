"""Keep who closed an alert or lifted a suspension or suppression, and why; indexes of what waits for people"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

COLUMNS = {
    "alert": ("closed_by", "closed_why"),
    "suspension": ("lifted_by", "lifted_why"),
    "suppression": ("why", "lifted_by", "lifted_why"),
}
IN_FORCE = sa.text("lifted_at is null")


def upgrade() -> None:
    for table, names in COLUMNS.items():
        for name in names:
            op.add_column(table, sa.Column(name, sa.Text()))
    op.create_index("ix_alert_open", "alert", ["id"], postgresql_where=sa.text("resolved_at is null"))
    op.create_index("ix_suppression_team", "suppression", ["team_id", "created_at"], postgresql_where=IN_FORCE)
    op.create_index("ix_suppression_reason", "suppression", ["reason", "created_at"], postgresql_where=IN_FORCE)
    op.create_index("ix_reply_team_received", "reply", ["team_id", "received_at"])
    op.create_index("ix_reply_kind", "reply", ["kind", "received_at"])
    op.create_index("ix_message_in_doubt", "message", ["message_key"], postgresql_where=sa.text("state = 'in_doubt'"))
