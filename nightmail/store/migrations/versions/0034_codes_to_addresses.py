"""Keep the codes that prove to a recipient's page that an address is theirs"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "address_code",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("team_id", sa.Integer(), sa.ForeignKey("team.id"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("created_at", moment, server_default=sa.func.now(), nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("outcome", sa.Text()),
        sa.Column("used_at", moment),
        sa.Column("proof_hash", sa.LargeBinary()),
        sa.Column("proof_until", moment),
    )
    op.create_index("ix_address_code_address", "address_code", ["address_hash", "created_at"])
    op.create_index("ix_address_code_team", "address_code", ["team_id", "created_at"])
