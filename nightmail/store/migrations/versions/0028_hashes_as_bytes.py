"""Keep hashes of addresses as their 16 bytes

They were 32 hexadecimal digits of text, twice as long in each row and each index. The tables' rows are written again, with
their indexes: some minutes for ten million messages, in which nothing else can be done with them.
"""

from __future__ import annotations

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("message", "suppression", "reply"):
        op.execute(f"alter table {table} alter column address_hash type bytea using decode(left(address_hash, 32), 'hex')")
