"""Keep the channels in a table, in place of lists of their names in statements

Every upgrade adds the channels that the code has beyond these (nightmail/store/upgrade.py). Small tables refer to it; the
ledger, receipts and suppressions do not, since each of their many rows would pay for the look-up.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_REFERRING = ("carrier_account", "sender", "price", "suspension")


def upgrade() -> None:
    op.create_table(
        "channel",
        sa.Column("code", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_channel")),
        sa.UniqueConstraint("name", name=op.f("uq_channel_name")),
    )
    op.execute("insert into channel (code, name) values (0, 'sms'), (1, 'email'), (2, 'voice'), (3, 'chat')")
    for table in _REFERRING:
        op.create_foreign_key(op.f(f"fk_{table}_channel_channel"), table, "channel", ["channel"], ["name"])
    op.execute("""
        create or replace function message_id_of(message_key bigint, token text) returns text language sql stable as $$
            select token || '-' || ((message_key >> 7) & 2147483647) || '-'
                || (select name from channel where code = (message_key >> 4) & 7) || '-' || (message_key & 15)
        $$
    """)
