"""The latest of the statements that a preference comes to: the decisions of campaigns name it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("preference", sa.Column("statement_id", sa.BigInteger()))
    op.execute(
        """
        update preference p set statement_id = s.latest
        from (select team_id, contact_id, max(id) as latest from preference_statement group by team_id, contact_id) s
        where s.team_id = p.team_id and s.contact_id = p.contact_id
        """
    )

