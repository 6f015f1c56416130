"""Take files of preferences, imports in the background, and feeds that send nothing; forget old files"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.alter_column("feed", "template_id", nullable=True)
    op.add_column("contact_import", sa.Column("kind", sa.Text(), server_default="contacts", nullable=False))
    op.add_column("contact_import", sa.Column("progress", JSONB()))
    op.add_column("contact_import", sa.Column("ordered_by", sa.Text()))
    op.add_column("contact_import", sa.Column("although", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("contact_import", sa.Column("forgotten_at", moment))
    op.drop_index("ix_contact_import_received", "contact_import")
    waiting = sa.text("state in ('received', 'checked', 'applying', 'undoing')")
    op.create_index("ix_contact_import_waiting", "contact_import", ["id"], postgresql_where=waiting)
    kept = sa.text("forgotten_at is null")
    op.create_index("ix_contact_import_kept", "contact_import", ["created_at"], postgresql_where=kept)
    op.alter_column("campaign_list", "stored_path", nullable=True)
