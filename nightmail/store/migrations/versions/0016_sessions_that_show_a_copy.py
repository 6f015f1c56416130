"""Sessions know their tokens' family, so that one that was rotated away shows a copy; providers may link by email"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("person_session", sa.Column("family_hash", sa.LargeBinary()))
    # No login was possible before: a row that is there all the same has a family of its own, which no token has.
    op.execute("update person_session set family_hash = token_hash")
    op.alter_column("person_session", "family_hash", nullable=False)
    op.create_unique_constraint(op.f("uq_person_session_family_hash"), "person_session", ["family_hash"])
    op.add_column("person_session", sa.Column("token_seen_at", sa.DateTime(timezone=True)))
    op.add_column("person_session", sa.Column("rotation_due", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("person_session", sa.Column("recent_s", sa.Integer(), server_default="600", nullable=False))
    op.add_column("identity_provider", sa.Column("link_by_email", sa.Boolean(), server_default=sa.text("false"), nullable=False))
