"""Keep whether a webhook may be told what recipients wrote; those that there are go on being told"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("webhook", sa.Column("personal", sa.Boolean(), server_default=sa.text("true"), nullable=False))
    op.execute("""
        create or replace function tell_reply() returns trigger language plpgsql as $$
        begin
            insert into webhook_call (webhook_id, event, body)
            select h.id, 'reply.received', jsonb_build_object(
                'happened_at', new.received_at, 'team', t.path,
                'data', jsonb_build_object('reply', new.id, 'channel', new.channel, 'kind', new.kind,
                    'text', case when h.personal then new.text end,
                    'campaign', c.key, 'message', message_id_of(new.message_key, c.token)))
            from team t join webhooks_for(new.team_id, 'reply.received') w on true join webhook h on h.id = w
            left join campaign c on c.id = new.campaign_id
            where t.id = new.team_id;
            return null;
        end $$
    """)
