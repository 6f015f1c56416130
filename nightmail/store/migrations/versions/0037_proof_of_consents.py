"""Keep with each consent how it can be proved and until when it holds, and with preferences who stated what and when"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def _team() -> sa.Column[int]:
    return sa.Column("team_id", sa.Integer(), sa.ForeignKey("team.id"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "consent_text",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        _team(),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("language", sa.Text()),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, server_default=sa.func.now(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.UniqueConstraint("team_id", "name", "version"),
    )
    for column in ("source", "proof", "recorded_by", "withdrawn_how", "withdrawn_by"):
        op.add_column("consent", sa.Column(column, sa.Text()))
    op.add_column("consent", sa.Column("text_id", sa.BigInteger(), sa.ForeignKey("consent_text.id")))
    op.add_column("consent", sa.Column("expires_at", _TIME))
    op.add_column("consent", sa.Column("recorded_at", _TIME, server_default=sa.func.now(), nullable=False))
    op.create_index("ix_consent_contact", "consent", ["contact_id", "category"])
    op.create_index(
        "ix_consent_withdrawn", "consent", ["team_id", "category"], postgresql_where=sa.text("withdrawn_at is not null")
    )
    for column in ("paused_until", "stated_at"):
        op.add_column("preference", sa.Column(column, _TIME))
    for column in ("source", "set_by"):
        op.add_column("preference", sa.Column(column, sa.Text()))
    op.create_table(
        "preference_statement",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        _team(),
        sa.Column("contact_id", sa.Text(), nullable=False),
        sa.Column("stated_at", _TIME, nullable=False),
        sa.Column("changes", JSONB(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("recorded_at", _TIME, server_default=sa.func.now(), nullable=False),
    )
    op.create_index("ix_preference_statement_contact", "preference_statement", ["contact_id", "stated_at"])
    op.execute("""
        insert into preference_statement (team_id, contact_id, stated_at, changes, source, set_by)
        select team_id, contact_id, updated_at, jsonb_strip_nulls(jsonb_build_object(
            'channels', to_jsonb(channels), 'topics_in', to_jsonb(categories_in), 'topics_out', to_jsonb(categories_out),
            'quiet_from', quiet_from, 'quiet_until', quiet_until, 'time_zone', time_zone, 'language', language)),
            'earlier', 'upgrade'
        from preference
    """)
    op.execute("update preference set stated_at = updated_at, source = 'earlier', set_by = 'upgrade'")
