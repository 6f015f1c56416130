"""Ask for a consent and wait for its confirmation; find what contacts stated lately"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("consent", sa.Column("confirmed_at", _TIME))
    op.add_column("consent", sa.Column("ended_at", _TIME))
    op.create_index(
        "ix_consent_ended_lately", "consent", ["ended_at"], postgresql_where=sa.text("ended_at is not null")
    )
    op.create_index("ix_preference_statement_recorded", "preference_statement", ["recorded_at"])
    op.create_table(
        "consent_request",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("team_id", sa.Integer(), sa.ForeignKey("team.id"), nullable=False),
        sa.Column("contact_id", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text()),
        sa.Column("text_id", sa.BigInteger(), sa.ForeignKey("consent_text.id"), nullable=False),
        sa.Column("asked_at", _TIME, nullable=False),
        sa.Column("asked_how", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text()),
        sa.Column("proof", sa.Text()),
        sa.Column("consent_expires_at", _TIME),
        sa.Column("sent_on", sa.Text(), nullable=False),
        sa.Column("sent_from", sa.Text()),
        sa.Column("carrier_account_id", sa.Integer(), nullable=False),
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("masked", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("requested_at", _TIME, server_default=sa.func.now(), nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("outcome", sa.Text()),
        sa.Column("confirmed_at", _TIME),
        sa.Column("confirmed_how", sa.Text()),
        sa.Column("confirmed_from", sa.Text()),
        sa.Column("reply_id", sa.BigInteger()),
    )
    op.create_index("ix_consent_request_contact", "consent_request", ["contact_id", "category"])
    op.create_index("ix_consent_request_address", "consent_request", ["address_hash", "requested_at"])
    op.create_index("ix_consent_request_team", "consent_request", ["team_id", "requested_at"])
