"""Let parts of an organisation be retired, and say which file a part came from

A part that the organisation file no longer names is retired by ``nightmail provision --prune``: it gets no new work, and its
rows stay for what refers to them. What was not made by a file is not retired with it, so each part says which one names it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# Until now only a file made feeds, senders and keys; of webhooks it is not known, as programs make some.
_OWNED = "update {table} p set provisioned_by = split_part(t.path, '.', 1) from team t where t.id = p.team_id"

# What belongs to all teams came from the file of the one organisation that there is, or it is not known from which.
_SHARED = """
update {table} p set provisioned_by = (select min(path) from team where path not like '%.%')
where {not_the_sandbox} and p.provisioned_by is null
    and (select count(*) from team where path not like '%.%') = 1
"""

_END_SANDBOX = """
update carrier_account s set active = false, retired_at = now()
where s.active and coalesce(s.settings ->> 'sandbox', '') = 'true' and exists (
    select from carrier_account a
    where a.active and a.channel = s.channel and coalesce(a.settings ->> 'sandbox', '') <> 'true')
"""


def upgrade() -> None:
    for table in ("carrier_account", "sender"):
        op.add_column(table, sa.Column("retired_at", sa.TIMESTAMP(timezone=True)))
    for table in ("sftp_server", "carrier_account", "sender", "feed", "api_key", "webhook"):
        op.add_column(table, sa.Column("provisioned_by", sa.Text()))
    for table in ("carrier_account", "sender", "feed", "api_key"):
        op.execute(_OWNED.format(table=table))
    op.execute(_SHARED.format(table="carrier_account", not_the_sandbox="coalesce(p.settings ->> 'sandbox', '') <> 'true'"))
    op.execute(_SHARED.format(table="sftp_server", not_the_sandbox="p.name <> 'sandbox'"))
    # Its secrets are known to everybody: it counts no longer where a real account carries the channel.
    op.execute(_END_SANDBOX)
