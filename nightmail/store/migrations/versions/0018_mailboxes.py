"""Keep how far mailboxes were read, and which messages of theirs could not be"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mailbox",
        sa.Column("carrier_account_id", sa.Integer(), sa.ForeignKey("carrier_account.id"), primary_key=True),
        sa.Column("uid_validity", sa.BigInteger()),
        sa.Column("last_uid", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("since", sa.Date()),
        sa.Column("looked_at", sa.DateTime(timezone=True)),
        sa.Column("leased_until", sa.DateTime(timezone=True)),
        sa.Column("failing_uid", sa.BigInteger()),
        sa.Column("failures", sa.SmallInteger(), nullable=False, server_default="0"),
    )
    op.create_table(
        "mail_aside",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("carrier_account_id", sa.Integer(), sa.ForeignKey("carrier_account.id"), nullable=False),
        sa.Column("uid_validity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("put_aside_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.UniqueConstraint("carrier_account_id", "uid_validity", "uid"),
    )
