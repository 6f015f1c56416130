"""Imports of contact files into the address book, with what each found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    op.create_table(
        "contact_import",
        sa.Column("id", sa.Integer(), sa.Identity(), primary_key=True),
        sa.Column("team_id", sa.Integer(), sa.ForeignKey("team.id"), nullable=False),
        sa.Column("feed_id", sa.Integer(), sa.ForeignKey("feed.id")),
        sa.Column("received_file_id", sa.Integer(), sa.ForeignKey("received_file.id")),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("stored_path", sa.Text()),
        sa.Column("settings", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("state", sa.Text(), server_default="received", nullable=False),
        sa.Column("counts", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("samples", JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("waits_for", JSONB()),
        sa.Column("problem", JSONB()),
        sa.Column("created_at", time, server_default=sa.func.now(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("applied_at", time),
        sa.Column("applied_by", sa.Text()),
        sa.Column("undone_at", time),
        sa.Column("undone_by", sa.Text()),
        sa.Column("undone", JSONB()),
    )
    op.create_index("ix_contact_import_team", "contact_import", ["team_id", "id"])
    op.create_index("ix_contact_import_feed_id", "contact_import", ["feed_id"])
    op.create_index("ix_contact_import_received_file_id", "contact_import", ["received_file_id"])
    received = sa.text("state = 'received'")
    op.create_index("ix_contact_import_received", "contact_import", ["id"], postgresql_where=received)
    number = sa.ForeignKey("contact_import.id")
    contact = sa.ForeignKey("contact.id", ondelete="CASCADE")
    op.create_table(
        "contact_import_row",
        sa.Column("import_id", sa.Integer(), number, primary_key=True),
        sa.Column("contact", sa.BigInteger(), contact, primary_key=True),
        sa.Column("change", sa.SmallInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("before", JSONB(), nullable=False),
    )
    op.create_index("ix_contact_import_row_contact", "contact_import_row", ["contact"])
