"""What contacts are found by stands beside them: an import writes the contacts first, and the index that costs more after them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "contact_search",
        sa.Column("contact_id", sa.BigInteger(), sa.ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("keys", ARRAY(sa.Integer()), nullable=False),
    )
    op.create_index("ix_contact_search_keys", "contact_search", ["keys"], postgresql_using="gin")
    op.execute("insert into contact_search (contact_id, team_id, keys) select id, team_id, search from contact")
    op.drop_index("ix_contact_search", "contact")
    op.drop_column("contact", "search")
