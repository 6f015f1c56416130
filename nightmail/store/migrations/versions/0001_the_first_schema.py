"""The first schema"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('attempt',
    sa.Column('ledger_month', sa.Date(), nullable=False),
    sa.Column('message_key', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('number', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('sender_run_id', sa.BigInteger(), nullable=False),
    sa.Column('carrier_account_id', sa.Integer(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('outcome', sa.Text(), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('carrier_message_id', sa.Text(), nullable=True),
    sa.Column('error_code', sa.Text(), nullable=True),
    sa.Column('error_class', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('ledger_month', 'message_key', 'number', name=op.f('pk_attempt')),
    postgresql_partition_by='RANGE (ledger_month)'
    )
    op.create_table('audit',
    sa.Column('month', sa.Date(), nullable=False),
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('actor', sa.Text(), nullable=False),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('object', sa.Text(), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=True),
    sa.Column('detail', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.PrimaryKeyConstraint('month', 'id', name=op.f('pk_audit')),
    postgresql_partition_by='RANGE (month)'
    )
    op.create_index('ix_audit_at', 'audit', ['at'], unique=False)
    op.create_table('deployment',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('epoch', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint('id = 1', name=op.f('ck_deployment_one_row')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_deployment'))
    )
    op.create_table('message',
    sa.Column('ledger_month', sa.Date(), nullable=False),
    sa.Column('message_key', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('campaign_id', sa.Integer(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('channel', sa.Text(), nullable=False),
    sa.Column('step', sa.SmallInteger(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('contact_id', sa.Text(), nullable=False),
    sa.Column('address_hash', sa.Text(), nullable=False),
    sa.Column('country', sa.Text(), nullable=True),
    sa.Column('language', sa.Text(), nullable=True),
    sa.Column('time_zone', sa.Text(), nullable=True),
    sa.Column('segments', sa.Integer(), nullable=False),
    sa.Column('cost', sa.Numeric(precision=14, scale=6), nullable=True),
    sa.Column('currency', sa.Text(), nullable=True),
    sa.Column('attempts', sa.SmallInteger(), server_default='0', nullable=False),
    sa.Column('sender_run_id', sa.BigInteger(), nullable=True),
    sa.Column('carrier_account_id', sa.Integer(), nullable=True),
    sa.Column('carrier_message_id', sa.Text(), nullable=True),
    sa.Column('error_code', sa.Text(), nullable=True),
    sa.Column('epoch', sa.Integer(), server_default='1', nullable=False),
    sa.Column('planned_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('handed_off_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('changed_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('delivery', sa.Text(), nullable=True),
    sa.Column('delivery_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('delivery_error', sa.Text(), nullable=True),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('clicked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('replied_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('duration_s', sa.Integer(), nullable=True),
    sa.PrimaryKeyConstraint('ledger_month', 'message_key', name=op.f('pk_message')),
    postgresql_partition_by='RANGE (ledger_month)'
    )
    op.create_index('ix_message_address', 'message', ['address_hash', 'handed_off_at'], unique=False, postgresql_where=sa.text('handed_off_at is not null'))
    op.create_index('ix_message_campaign_state', 'message', ['campaign_id', 'state'], unique=False)
    op.create_index('ix_message_carrier_message', 'message', ['carrier_message_id'], unique=False, postgresql_where=sa.text('carrier_message_id is not null'))
    op.create_index('ix_message_decided', 'message', ['changed_at'], unique=False, postgresql_where=sa.text("handed_off_at is null and state in ('failed', 'held', 'cancelled', 'expired', 'not_needed')"))
    op.create_index('ix_message_due', 'message', ['campaign_id', 'channel', 'due_at'], unique=False, postgresql_where=sa.text("state = 'queued'"))
    op.create_index('ix_message_handed_off', 'message', ['handed_off_at'], unique=False, postgresql_where=sa.text('handed_off_at is not null'))
    op.create_index('ix_message_open', 'message', ['sender_run_id', 'campaign_id'], unique=False, postgresql_where=sa.text("state in ('handing_over', 'in_doubt')"))
    op.create_index('ix_message_standby', 'message', ['campaign_id', 'due_at'], unique=False, postgresql_where=sa.text("state = 'standby'"))
    op.create_table('message_content',
    sa.Column('ledger_month', sa.Date(), nullable=False),
    sa.Column('message_key', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=True),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('html', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('ledger_month', 'message_key', name=op.f('pk_message_content')),
    postgresql_partition_by='RANGE (ledger_month)'
    )
    op.create_table('price',
    sa.Column('id', sa.Integer(), sa.Identity(always=False), nullable=False),
    sa.Column('carrier', sa.Text(), nullable=False),
    sa.Column('channel', sa.Text(), nullable=False),
    sa.Column('country', sa.Text(), nullable=True),
    sa.Column('amount', sa.Numeric(precision=14, scale=6), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('effective_from', sa.Date(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_price')),
    sa.UniqueConstraint('carrier', 'channel', 'country', 'effective_from', name=op.f('uq_price_carrier'), postgresql_nulls_not_distinct=True)
    )
    op.create_table('receipt',
    sa.Column('received_month', sa.Date(), nullable=False),
    sa.Column('event_key', sa.Text(), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('occurred_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('carrier', sa.Text(), nullable=False),
    sa.Column('channel', sa.Text(), nullable=False),
    sa.Column('carrier_message_id', sa.Text(), nullable=True),
    sa.Column('ledger_month', sa.Date(), nullable=True),
    sa.Column('message_key', sa.BigInteger(), nullable=True),
    sa.Column('campaign_id', sa.Integer(), nullable=True),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('error_code', sa.Text(), nullable=True),
    sa.Column('duration_s', sa.Integer(), nullable=True),
    sa.PrimaryKeyConstraint('received_month', 'event_key', name=op.f('pk_receipt')),
    postgresql_partition_by='RANGE (received_month)'
    )
    op.create_index('ix_receipt_message', 'receipt', ['message_key'], unique=False)
    op.create_index('ix_receipt_received', 'receipt', ['received_at'], unique=False)
    op.create_table('sender_run',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('dagster_run_id', sa.Text(), nullable=True),
    sa.Column('host', sa.Text(), nullable=False),
    sa.Column('process_id', sa.Integer(), nullable=False),
    sa.Column('epoch', sa.Integer(), server_default='1', nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('handed_off', sa.Integer(), server_default='0', nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sender_run'))
    )
    op.create_table('sftp_server',
    sa.Column('id', sa.Integer(), sa.Identity(always=False), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('host', sa.Text(), nullable=False),
    sa.Column('port', sa.Integer(), server_default='22', nullable=False),
    sa.Column('username', sa.Text(), nullable=False),
    sa.Column('password_secret', sa.Text(), nullable=True),
    sa.Column('private_key_secret', sa.Text(), nullable=True),
    sa.Column('host_key', sa.Text(), nullable=False),
    sa.Column('root', sa.Text(), server_default='/', nullable=False),
    sa.Column('active', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sftp_server')),
    sa.UniqueConstraint('name', name=op.f('uq_sftp_server_name'))
    )
    op.create_table('state_transition',
    sa.Column('machine', sa.Text(), nullable=False),
    sa.Column('from_state', sa.Text(), nullable=False),
    sa.Column('to_state', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('machine', 'from_state', 'to_state', name=op.f('pk_state_transition'))
    )
    op.create_table('team',
    sa.Column('id', sa.Integer(), sa.Identity(always=False), nullable=False),
    sa.Column('parent_id', sa.Integer(), nullable=True),
    sa.Column('path', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('region', sa.Text(), server_default='eu', nullable=False),
    sa.Column('country', sa.Text(), nullable=True),
    sa.Column('time_zone', sa.Text(), server_default='UTC', nullable=False),
    sa.Column('currency', sa.Text(), server_default='EUR', nullable=False),
    sa.Column('retention_days', sa.Integer(), server_default='90', nullable=False),
    sa.Column('settings', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("path ~ '^[a-z0-9_]+(\\.[a-z0-9_]+)*$'", name=op.f('ck_team_path_form')),
    sa.ForeignKeyConstraint(['parent_id'], ['team.id'], name=op.f('fk_team_parent_id_team')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_team')),
    sa.UniqueConstraint('path', name=op.f('uq_team_path'))
    )
    op.create_index(op.f('ix_team_parent_id'), 'team', ['parent_id'], unique=False)
    op.create_table('api_key',
    sa.Column('id', sa.Integer(), sa.Identity(always=False), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('prefix', sa.Text(), nullable=False),
    sa.Column('key_hash', sa.LargeBinary(), nullable=False),
    sa.Column('scopes', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_api_key_team_id_team')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_key')),
    sa.UniqueConstraint('prefix', name=op.f('uq_api_key_prefix'))
    )
    op.create_index(op.f('ix_api_key_team_id'), 'api_key', ['team_id'], unique=False)
    op.create_table('carrier_account',
    sa.Column('id', sa.Integer(), sa.Identity(always=False), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=True),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('carrier', sa.Text(), nullable=False),
    sa.Column('channel', sa.Text(), nullable=False),
    sa.Column('region', sa.Text(), server_default='eu', nullable=False),
    sa.Column('priority', sa.SmallInteger(), server_default='0', nullable=False),
    sa.Column('settings', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('secret', sa.Text(), nullable=True),
    sa.Column('webhook_secret', sa.Text(), nullable=True),
    sa.Column('active', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_carrier_account_team_id_team')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_carrier_account')),
    sa.UniqueConstraint('name', name=op.f('uq_carrier_account_name'))
    )
    op.create_index(op.f('ix_carrier_account_team_id'), 'carrier_account', ['team_id'], unique=False)
    op.create_table('category',
    sa.Column('id', sa.Integer(), sa.Identity(always=False), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=True),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('needs_consent', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('urgent', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('resend_if_absent', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.CheckConstraint("kind in ('service', 'marketing')", name=op.f('ck_category_kind')),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_category_team_id_team')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_category')),
    sa.UniqueConstraint('team_id', 'name', name=op.f('uq_category_team_id'), postgresql_nulls_not_distinct=True)
    )
    op.create_index(op.f('ix_category_team_id'), 'category', ['team_id'], unique=False)
    op.create_table('consent',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=False),
    sa.Column('contact_id', sa.Text(), nullable=False),
    sa.Column('category', sa.Text(), nullable=False),
    sa.Column('channel', sa.Text(), nullable=True),
    sa.Column('captured_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('captured_how', sa.Text(), nullable=False),
    sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_consent_team_id_team')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_consent'))
    )
    op.create_index('ix_consent_team_contact', 'consent', ['team_id', 'contact_id'], unique=False)
    op.create_table('contact',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=False),
    sa.Column('contact_id', sa.Text(), nullable=False),
    sa.Column('external_id', sa.Text(), nullable=False),
    sa.Column('phone', sa.Text(), nullable=True),
    sa.Column('landline', sa.Text(), nullable=True),
    sa.Column('email', sa.Text(), nullable=True),
    sa.Column('language', sa.Text(), nullable=True),
    sa.Column('time_zone', sa.Text(), nullable=True),
    sa.Column('country', sa.Text(), nullable=True),
    sa.Column('birth_date', sa.Date(), nullable=True),
    sa.Column('attributes', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_contact_team_id_team')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_contact')),
    sa.UniqueConstraint('team_id', 'external_id', name=op.f('uq_contact_team_id'))
    )
    op.create_index(op.f('ix_contact_contact_id'), 'contact', ['contact_id'], unique=False)
    op.create_table('idempotency_key',
    sa.Column('team_id', sa.Integer(), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('request_hash', sa.LargeBinary(), nullable=False),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('response', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_idempotency_key_team_id_team')),
    sa.PrimaryKeyConstraint('team_id', 'key', name=op.f('pk_idempotency_key'))
    )
    op.create_table('preference',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=False),
    sa.Column('contact_id', sa.Text(), nullable=False),
    sa.Column('channels', postgresql.ARRAY(sa.Text()), nullable=True),
    sa.Column('categories_in', postgresql.ARRAY(sa.Text()), nullable=True),
    sa.Column('categories_out', postgresql.ARRAY(sa.Text()), nullable=True),
    sa.Column('quiet_from', sa.Text(), nullable=True),
    sa.Column('quiet_until', sa.Text(), nullable=True),
    sa.Column('time_zone', sa.Text(), nullable=True),
    sa.Column('language', sa.Text(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_preference_team_id_team')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_preference')),
    sa.UniqueConstraint('team_id', 'contact_id', name=op.f('uq_preference_team_id'))
    )
    op.create_table('reply',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('event_key', sa.Text(), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=True),
    sa.Column('channel', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('address', sa.Text(), nullable=True),
    sa.Column('address_hash', sa.Text(), nullable=False),
    sa.Column('text', sa.Text(), nullable=True),
    sa.Column('ledger_month', sa.Date(), nullable=True),
    sa.Column('message_key', sa.BigInteger(), nullable=True),
    sa.Column('campaign_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_reply_team_id_team')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reply')),
    sa.UniqueConstraint('event_key', name=op.f('uq_reply_event_key'))
    )
    op.create_index(op.f('ix_reply_message_key'), 'reply', ['message_key'], unique=False)
    op.create_index('ix_reply_received', 'reply', ['received_at'], unique=False)
    op.create_index(op.f('ix_reply_team_id'), 'reply', ['team_id'], unique=False)
    op.create_table('suppression',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=True),
    sa.Column('channel', sa.Text(), nullable=False),
    sa.Column('address_hash', sa.Text(), nullable=False),
    sa.Column('category', sa.Text(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('message_id', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('lifted_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_suppression_team_id_team')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_suppression'))
    )
    op.create_index('ix_suppression_created', 'suppression', ['created_at'], unique=False)
    op.create_index('ix_suppression_address', 'suppression', ['address_hash', 'channel'], unique=False, postgresql_where=sa.text('lifted_at is null'))
    op.create_index('uq_suppression_active', 'suppression', ['team_id', 'channel', 'address_hash', 'category'], unique=True, postgresql_where=sa.text('lifted_at is null'), postgresql_nulls_not_distinct=True)
    op.create_table('webhook',
    sa.Column('id', sa.Integer(), sa.Identity(always=False), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('events', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('secret', sa.Text(), nullable=False),
    sa.Column('active', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_webhook_team_id_team')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook'))
    )
    op.create_index(op.f('ix_webhook_team_id'), 'webhook', ['team_id'], unique=False)
    op.create_table('pace',
    sa.Column('carrier_account_id', sa.Integer(), nullable=False),
    sa.Column('sender', sa.Text(), nullable=False),
    sa.Column('channel', sa.Text(), nullable=False),
    sa.Column('rate_per_s', sa.Float(), nullable=False),
    sa.Column('ceiling_per_s', sa.Float(), nullable=False),
    sa.Column('tokens', sa.Float(), nullable=False),
    sa.Column('filled_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('blocked_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('slowed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['carrier_account_id'], ['carrier_account.id'], name=op.f('fk_pace_carrier_account_id_carrier_account')),
    sa.PrimaryKeyConstraint('carrier_account_id', 'sender', 'channel', name=op.f('pk_pace'))
    )
    op.create_table('sender',
    sa.Column('id', sa.Integer(), sa.Identity(always=False), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=False),
    sa.Column('channel', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('display_name', sa.Text(), nullable=True),
    sa.Column('reply_to', sa.Text(), nullable=True),
    sa.Column('carrier_account_id', sa.Integer(), nullable=False),
    sa.Column('settings', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.ForeignKeyConstraint(['carrier_account_id'], ['carrier_account.id'], name=op.f('fk_sender_carrier_account_id_carrier_account')),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_sender_team_id_team')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sender')),
    sa.UniqueConstraint('team_id', 'channel', 'name', name=op.f('uq_sender_team_id'))
    )
    op.create_index(op.f('ix_sender_team_id'), 'sender', ['team_id'], unique=False)
    op.create_table('suspension',
    sa.Column('id', sa.Integer(), sa.Identity(always=False), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=True),
    sa.Column('channel', sa.Text(), nullable=False),
    sa.Column('carrier_account_id', sa.Integer(), nullable=True),
    sa.Column('sender', sa.Text(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('by', sa.Text(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('lifted_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['carrier_account_id'], ['carrier_account.id'], name=op.f('fk_suspension_carrier_account_id_carrier_account')),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_suspension_team_id_team')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_suspension'))
    )
    op.create_table('template',
    sa.Column('id', sa.Integer(), sa.Identity(always=False), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('category_id', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['category_id'], ['category.id'], name=op.f('fk_template_category_id_category')),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_template_team_id_team')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_template')),
    sa.UniqueConstraint('team_id', 'name', name=op.f('uq_template_team_id'))
    )
    op.create_index(op.f('ix_template_team_id'), 'template', ['team_id'], unique=False)
    op.create_table('webhook_call',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('webhook_id', sa.Integer(), nullable=False),
    sa.Column('event', sa.Text(), nullable=False),
    sa.Column('body', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('attempts', sa.SmallInteger(), server_default='0', nullable=False),
    sa.Column('delivered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('given_up_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_status', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['webhook_id'], ['webhook.id'], name=op.f('fk_webhook_call_webhook_id_webhook')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook_call'))
    )
    op.create_index('ix_webhook_call_due', 'webhook_call', ['due_at'], unique=False, postgresql_where=sa.text('delivered_at is null and given_up_at is null'))
    op.create_index(op.f('ix_webhook_call_webhook_id'), 'webhook_call', ['webhook_id'], unique=False)
    op.create_table('feed',
    sa.Column('id', sa.Integer(), sa.Identity(always=False), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('template_id', sa.Integer(), nullable=False),
    sa.Column('sftp_server_id', sa.Integer(), nullable=True),
    sa.Column('folder', sa.Text(), nullable=True),
    sa.Column('default_country', sa.Text(), nullable=True),
    sa.Column('settings', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('schedule', sa.Text(), nullable=True),
    sa.Column('active', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['sftp_server_id'], ['sftp_server.id'], name=op.f('fk_feed_sftp_server_id_sftp_server')),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_feed_team_id_team')),
    sa.ForeignKeyConstraint(['template_id'], ['template.id'], name=op.f('fk_feed_template_id_template')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_feed')),
    sa.UniqueConstraint('sftp_server_id', 'folder', name=op.f('uq_feed_sftp_server_id')),
    sa.UniqueConstraint('team_id', 'name', name=op.f('uq_feed_team_id'))
    )
    op.create_index(op.f('ix_feed_team_id'), 'feed', ['team_id'], unique=False)
    op.create_table('template_version',
    sa.Column('id', sa.Integer(), sa.Identity(always=False), nullable=False),
    sa.Column('template_id', sa.Integer(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('content', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['template_id'], ['template.id'], name=op.f('fk_template_version_template_id_template')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_template_version')),
    sa.UniqueConstraint('template_id', 'version', name=op.f('uq_template_version_template_id'))
    )
    op.create_index(op.f('ix_template_version_template_id'), 'template_version', ['template_id'], unique=False)
    op.create_table('campaign',
    sa.Column('id', sa.Integer(), sa.Identity(always=False), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('token', sa.Text(), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=False),
    sa.Column('feed_id', sa.Integer(), nullable=True),
    sa.Column('template_version_id', sa.Integer(), nullable=False),
    sa.Column('category_id', sa.Integer(), nullable=False),
    sa.Column('state', sa.Text(), server_default='received', nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('priority', sa.SmallInteger(), server_default='5', nullable=False),
    sa.Column('settings', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('counts', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('problem', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('scheduled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('cut_off_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('accepts_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('prepare_attempts', sa.SmallInteger(), server_default='0', nullable=False),
    sa.Column('run_id', sa.Text(), nullable=True),
    sa.Column('ledger_month', sa.Date(), nullable=True),
    sa.Column('loaded_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('first_hand_off_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('sends_written_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ledger_changed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('state_changed_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['category_id'], ['category.id'], name=op.f('fk_campaign_category_id_category')),
    sa.ForeignKeyConstraint(['feed_id'], ['feed.id'], name=op.f('fk_campaign_feed_id_feed')),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_campaign_team_id_team')),
    sa.ForeignKeyConstraint(['template_version_id'], ['template_version.id'], name=op.f('fk_campaign_template_version_id_template_version')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_campaign')),
    sa.UniqueConstraint('key', name=op.f('uq_campaign_key')),
    sa.UniqueConstraint('token', name=op.f('uq_campaign_token'))
    )
    op.create_index('ix_campaign_feed_created', 'campaign', ['feed_id', 'created_at'], unique=False)
    op.create_index('ix_campaign_state', 'campaign', ['state', 'scheduled_at'], unique=False)
    op.create_index('ix_campaign_team_created', 'campaign', ['team_id', 'created_at'], unique=False)
    op.create_table('alert',
    sa.Column('id', sa.Integer(), sa.Identity(always=False), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('last_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('times', sa.Integer(), server_default='1', nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('message', sa.Text(), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=True),
    sa.Column('campaign_id', sa.Integer(), nullable=True),
    sa.Column('resolved_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['campaign_id'], ['campaign.id'], name=op.f('fk_alert_campaign_id_campaign')),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_alert_team_id_team')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alert'))
    )
    op.create_index('uq_alert_open', 'alert', ['reason', 'subject'], unique=True, postgresql_where=sa.text('resolved_at is null'))
    op.create_table('received_file',
    sa.Column('id', sa.Integer(), sa.Identity(always=False), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=False),
    sa.Column('feed_id', sa.Integer(), nullable=True),
    sa.Column('campaign_id', sa.Integer(), nullable=True),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('sftp_server_id', sa.Integer(), nullable=True),
    sa.Column('path', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('modified_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('sha256', sa.Text(), nullable=True),
    sa.Column('stored_path', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), server_default='taken', nullable=False),
    sa.Column('problem', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('received_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('archived_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['campaign_id'], ['campaign.id'], name=op.f('fk_received_file_campaign_id_campaign')),
    sa.ForeignKeyConstraint(['feed_id'], ['feed.id'], name=op.f('fk_received_file_feed_id_feed')),
    sa.ForeignKeyConstraint(['sftp_server_id'], ['sftp_server.id'], name=op.f('fk_received_file_sftp_server_id_sftp_server')),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_received_file_team_id_team')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_received_file'))
    )
    op.create_index(op.f('ix_received_file_campaign_id'), 'received_file', ['campaign_id'], unique=False)
    op.create_index('ix_received_file_content', 'received_file', ['feed_id', 'sha256'], unique=False)
    op.create_index('uq_received_file_seen', 'received_file', ['sftp_server_id', 'path', 'size', 'modified_at'], unique=True, postgresql_where=sa.text("source = 'sftp'"))
    op.create_table('single_message',
    sa.Column('campaign_id', sa.Integer(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('row', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['campaign_id'], ['campaign.id'], name=op.f('fk_single_message_campaign_id_campaign')),
    sa.PrimaryKeyConstraint('campaign_id', 'line', name=op.f('pk_single_message'))
    )
    # Changes of state go only where state_transition allows; the trigger stamps the time of the change.
    for table, stamp in (("campaign", "state_changed_at"), ("message", "changed_at")):
        op.execute(f"""
            create function check_{table}_state() returns trigger language plpgsql as $$
            begin
                if not exists (
                    select from state_transition
                    where machine = '{table}' and from_state = old.state and to_state = new.state
                ) then
                    raise exception '{table} may not go from % to %', old.state, new.state
                        using errcode = 'check_violation';
                end if;
                new.{stamp} := now();
                return new;
            end $$
        """)
        op.execute(f"""
            create trigger {table}_state before update of state on {table}
            for each row when (old.state is distinct from new.state) execute function check_{table}_state()
        """)
    # The pace of a carrier over all processes: a token bucket that holds a quarter of a second, so that a grant is
    # never a burst that the carrier would notice. The database's clock counts, and a jump backwards costs one filling.
    op.execute("""
        create function take_pace(account integer, of_sender text, of_channel text, ceiling float8, wanted float8)
        returns table (granted float8, wait_s float8, current_rate float8) language plpgsql as $$
        declare
            p pace%rowtype;
            elapsed float8;
        begin
            insert into pace (carrier_account_id, sender, channel, rate_per_s, ceiling_per_s, tokens)
            values (account, of_sender, of_channel, ceiling, ceiling, greatest(1, ceiling / 4)) on conflict do nothing;
            select * into p from pace
            where carrier_account_id = account and sender = of_sender and channel = of_channel for update;
            if p.ceiling_per_s <> ceiling then
                p.rate_per_s := case when p.rate_per_s >= p.ceiling_per_s then ceiling
                                     else least(p.rate_per_s, ceiling) end;
                p.ceiling_per_s := ceiling;
            end if;
            elapsed := greatest(0, extract(epoch from clock_timestamp() - p.filled_at));
            if p.rate_per_s < ceiling and coalesce(p.slowed_at < clock_timestamp() - interval '2 s', true) then
                p.rate_per_s := least(ceiling, p.rate_per_s * (1 + 0.1 * least(elapsed, 5)));
            end if;
            p.tokens := least(greatest(1, p.rate_per_s / 4), p.tokens + elapsed * p.rate_per_s);
            current_rate := p.rate_per_s;
            if p.blocked_until > clock_timestamp() then
                granted := 0;
                wait_s := least(3600, extract(epoch from p.blocked_until - clock_timestamp()));
                p.tokens := least(p.tokens, 1);
            elsif p.tokens < 1 then
                granted := 0;
                wait_s := (1 - p.tokens) / p.rate_per_s;
            else
                granted := least(wanted, floor(p.tokens));
                wait_s := 0;
            end if;
            update pace set rate_per_s = p.rate_per_s, ceiling_per_s = p.ceiling_per_s, tokens = p.tokens - granted,
                filled_at = clock_timestamp()
            where carrier_account_id = account and sender = of_sender and channel = of_channel;
            return next;
        end $$
    """)
