"""Keep the fingerprint of the secret key with the deployment

Machines that share a database must have one secret key: with another one, opt-outs would not be found. The first process that
works with the database states its key's fingerprint; whoever comes with another key does not start.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

# The working role only reads the deployment's row: it may state a fingerprint where there is none, and never change one.
_KEEP_KEY = """
    create function keep_key(fingerprint text) returns text
    language plpgsql security definer set search_path = public, pg_temp as $$
    declare
        kept text;
    begin
        select key_fingerprint into kept from deployment;
        if kept is null then
            update deployment set key_fingerprint = fingerprint where key_fingerprint is null;
            select key_fingerprint into kept from deployment;
        end if;
        return kept;
    end $$
"""


def upgrade() -> None:
    op.add_column("deployment", sa.Column("key_fingerprint", sa.Text()))
    op.execute(_KEEP_KEY)
