"""Add people, roles, grants, logins and identity providers; the scopes of API keys become permissions, with the same rights"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_PERMISSIONS_OF_SCOPE = {
    "files:write": ("file.upload",),
    "messages:write": ("campaign.send",),
    "campaigns:read": ("campaign.see", "message.see", "feed.see"),
    "campaigns:write": ("campaign.approve", "campaign.control"),
    "doubts:write": ("doubt.decide",),
    "rejects:read": ("file.see", "personal.see"),
    "reports:read": ("report.see",),
    "replies:read": ("reply.see", "personal.see"),
    "channels:write": ("channel.suspend",),
    "suppressions:read": ("suppression.see",),
    "suppressions:write": ("suppression.edit",),
    "alerts:read": ("alert.see",),
    "alerts:write": ("alert.close",),
    "webhooks:write": ("webhook.edit", "personal.see"),
}


def upgrade() -> None:
    _people()
    _roles()
    _logins()
    _keys()


def _keys() -> None:
    op.add_column("api_key", sa.Column("permissions", postgresql.ARRAY(sa.Text())))
    pairs = ", ".join(f"('{scope}', '{p}')" for scope, permissions in _PERMISSIONS_OF_SCOPE.items() for p in permissions)
    op.execute(f"""
        update api_key k set permissions = array(
            select distinct m.permission from (values {pairs}) as m(scope, permission)
            where m.scope = any(k.scopes) order by m.permission)
    """)  # noqa: S608
    op.alter_column("api_key", "permissions", nullable=False)
    op.drop_column("api_key", "scopes")
    op.add_column("api_key", sa.Column("created_by", sa.Text(), server_default="", nullable=False))
    networks = sa.Column("allowed_networks", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=False)
    op.add_column("api_key", networks)
    op.add_column("api_key", sa.Column("replaced_by", sa.Integer(), nullable=True))
    op.create_foreign_key(op.f("fk_api_key_replaced_by_api_key"), "api_key", "api_key", ["replaced_by"], ["id"])


def _people() -> None:
    op.create_table('person',
    sa.Column('id', sa.Integer(), sa.Identity(always=False), nullable=False),
    sa.Column('email', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('language', sa.Text(), server_default='en', nullable=False),
    sa.Column('time_zone', sa.Text(), server_default='UTC', nullable=False),
    sa.Column('state', sa.Text(), server_default='invited', nullable=False),
    sa.Column('age_attested_by', sa.Text(), nullable=True),
    sa.Column('age_attested_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('age_country', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('created_by', sa.Text(), nullable=False),
    sa.Column('password_hash', sa.Text(), nullable=True),
    sa.Column('password_changed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('totp_secret', sa.LargeBinary(), nullable=True),
    sa.Column('totp_confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('totp_last_step', sa.BigInteger(), nullable=True),
    sa.Column('last_login_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('deputy_id', sa.Integer(), nullable=True),
    sa.Column('deputy_until', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state in ('invited', 'active', 'disabled')", name=op.f('ck_person_state')),
    sa.CheckConstraint('email = lower(email)', name=op.f('ck_person_email_lower')),
    sa.ForeignKeyConstraint(['deputy_id'], ['person.id'], name=op.f('fk_person_deputy_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_person')),
    sa.UniqueConstraint('email', name=op.f('uq_person_email'))
    )
    op.create_table('passkey',
    sa.Column('id', sa.Integer(), sa.Identity(always=False), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('credential_id', sa.LargeBinary(), nullable=False),
    sa.Column('public_key', sa.LargeBinary(), nullable=False),
    sa.Column('sign_count', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('transports', postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_passkey_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_passkey')),
    sa.UniqueConstraint('credential_id', name=op.f('uq_passkey_credential_id'))
    )
    op.create_index(op.f('ix_passkey_person_id'), 'passkey', ['person_id'], unique=False)
    op.create_table('recovery_code',
    sa.Column('id', sa.Integer(), sa.Identity(always=False), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('code_hash', sa.LargeBinary(), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_recovery_code_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_recovery_code'))
    )
    op.create_index(op.f('ix_recovery_code_person_id'), 'recovery_code', ['person_id'], unique=False)


def _roles() -> None:
    op.create_table('identity_provider',
    sa.Column('id', sa.Integer(), sa.Identity(always=False), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('issuer', sa.Text(), nullable=False),
    sa.Column('client_id', sa.Text(), nullable=False),
    sa.Column('client_secret', sa.Text(), nullable=True),
    sa.Column('group_claim', sa.Text(), server_default='groups', nullable=False),
    sa.Column('scopes', postgresql.ARRAY(sa.Text()), server_default=sa.text("'{openid,email,profile}'::text[]"), nullable=False),
    sa.Column('active', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('mappings', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_identity_provider')),
    sa.UniqueConstraint('name', name=op.f('uq_identity_provider_name'))
    )
    op.create_table('person_identity',
    sa.Column('provider_id', sa.Integer(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_person_identity_person_id_person')),
    sa.ForeignKeyConstraint(['provider_id'], ['identity_provider.id'], name=op.f('fk_person_identity_provider_id_identity_provider')),
    sa.PrimaryKeyConstraint('provider_id', 'subject', name=op.f('pk_person_identity'))
    )
    op.create_index(op.f('ix_person_identity_person_id'), 'person_identity', ['person_id'], unique=False)
    op.create_table('role',
    sa.Column('id', sa.Integer(), sa.Identity(always=False), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=True),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), server_default='', nullable=False),
    sa.Column('permissions', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('ready_made', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_role_team_id_team')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_role')),
    sa.UniqueConstraint('team_id', 'name', name=op.f('uq_role_team_id'), postgresql_nulls_not_distinct=True)
    )
    op.create_index(op.f('ix_role_team_id'), 'role', ['team_id'], unique=False)
    op.create_table('role_grant',
    sa.Column('id', sa.Integer(), sa.Identity(always=False), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('role_id', sa.Integer(), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=True),
    sa.Column('granted_by', sa.Text(), nullable=False),
    sa.Column('granted_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('origin', sa.Text(), server_default='person', nullable=False),
    sa.Column('provider_id', sa.Integer(), nullable=True),
    sa.CheckConstraint("origin in ('person', 'file', 'provider')", name=op.f('ck_role_grant_origin')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_role_grant_person_id_person')),
    sa.ForeignKeyConstraint(['provider_id'], ['identity_provider.id'], name=op.f('fk_role_grant_provider_id_identity_provider')),
    sa.ForeignKeyConstraint(['role_id'], ['role.id'], name=op.f('fk_role_grant_role_id_role')),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_role_grant_team_id_team')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_role_grant')),
    sa.UniqueConstraint('person_id', 'role_id', 'team_id', name=op.f('uq_role_grant_person_id'), postgresql_nulls_not_distinct=True)
    )
    op.create_index(op.f('ix_role_grant_role_id'), 'role_grant', ['role_id'], unique=False)
    op.create_index(op.f('ix_role_grant_team_id'), 'role_grant', ['team_id'], unique=False)

def _logins() -> None:
    op.create_table('person_session',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('last_seen_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('rotated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('previous_token_hash', sa.LargeBinary(), nullable=True),
    sa.Column('idle_until', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('authenticated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('factors', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('address', sa.Text(), nullable=True),
    sa.Column('user_agent', sa.Text(), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_by', sa.Text(), nullable=True),
    sa.Column('csrf_secret', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_person_session_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_person_session')),
    sa.UniqueConstraint('previous_token_hash', name=op.f('uq_person_session_previous_token_hash')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_person_session_token_hash'))
    )
    op.create_index(op.f('ix_person_session_person_id'), 'person_session', ['person_id'], unique=False)
    op.create_table('access_link',
    sa.Column('id', sa.Integer(), sa.Identity(always=False), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('purpose', sa.Text(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=True),
    sa.Column('created_by', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("purpose in ('invitation', 'password', 'first_administrator', 'demonstration')", name=op.f('ck_access_link_purpose')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_access_link_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_access_link')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_access_link_token_hash'))
    )
    op.create_index(op.f('ix_access_link_person_id'), 'access_link', ['person_id'], unique=False)
    op.create_table('login_throttle',
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('failures', sa.Integer(), server_default='0', nullable=False),
    sa.Column('window_started_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('blocked_until', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('subject', name=op.f('pk_login_throttle'))
    )
    op.create_index(op.f('ix_login_throttle_window_started_at'), 'login_throttle', ['window_started_at'], unique=False)
    op.create_table('pending_login',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=True),
    sa.Column('payload', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_pending_login_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pending_login')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_pending_login_token_hash'))
    )
    op.create_index(op.f('ix_pending_login_expires_at'), 'pending_login', ['expires_at'], unique=False)
    op.create_index(op.f('ix_pending_login_person_id'), 'pending_login', ['person_id'], unique=False)

