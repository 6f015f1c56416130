"""The address book: names, further addresses, attributes, tags, notes, history, groups, merges."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_NOW = sa.func.now()


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True)


def _team() -> sa.Column[int]:
    return sa.Column("team_id", sa.Integer(), sa.ForeignKey("team.id"), nullable=False)


def _contact(name: str = "contact_id", *, key: bool = False) -> sa.Column[int]:
    target = sa.ForeignKey("contact.id", ondelete="CASCADE")
    return sa.Column(name, sa.BigInteger(), target, nullable=False, primary_key=key)


def _text(name: str, *, default: str | None = None, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=default, nullable=null)


def _time(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, _TIME, server_default=None if null else _NOW, nullable=null)


def upgrade() -> None:
    _contacts()
    _of_contacts()
    _groups()
    _merges()


def _contacts() -> None:
    for column in (
        _text("name", null=True),
        _text("phone_2", null=True),
        _text("source", default=""),
        sa.Column("sources", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("address_hashes", ARRAY(sa.LargeBinary()), server_default=sa.text("'{}'::bytea[]"), nullable=False),
        sa.Column("search", ARRAY(sa.Integer()), server_default=sa.text("'{}'::integer[]"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        _time("created_at"),
        _time("removed_at", null=True),
    ):
        op.add_column("contact", column)
    op.create_index("ix_contact_search", "contact", ["search"], postgresql_using="gin")
    op.create_index("ix_contact_addresses", "contact", ["address_hashes"], postgresql_using="gin")
    op.create_index("ix_contact_team", "contact", ["team_id", "id"], postgresql_where=sa.text("removed_at is null"))


def _of_contacts() -> None:
    op.create_table(
        "contact_address",
        _id(),
        _contact(),
        _text("kind"),
        sa.Column("position", sa.Integer(), nullable=False),
        _text("address"),
        _text("label", default=""),
        _text("source", default=""),
        sa.UniqueConstraint("contact_id", "kind", "address"),
    )
    op.create_table(
        "contact_attribute",
        sa.Column("id", sa.Integer(), sa.Identity(), primary_key=True),
        _team(),
        _text("name"),
        _text("type"),
        _text("label", default=""),
        _time("created_at"),
        _text("created_by"),
        sa.UniqueConstraint("team_id", "name"),
    )
    op.create_table("contact_tag", _contact(key=True), sa.Column("tag", sa.Text(), primary_key=True))
    op.create_index("ix_contact_tag_tag", "contact_tag", ["tag", "contact_id"])
    op.create_table(
        "contact_note",
        _id(),
        _contact(),
        _text("text"),
        _time("created_at"),
        _text("created_by"),
        _time("removed_at", null=True),
    )
    op.create_index("ix_contact_note_contact_id", "contact_note", ["contact_id"])
    op.create_table(
        "contact_change",
        _id(),
        _contact(),
        _time("changed_at"),
        _text("changed_by"),
        _text("source"),
        _text("action"),
        sa.Column("changes", JSONB(), nullable=False),
    )
    op.create_index("ix_contact_change_contact", "contact_change", ["contact_id", "id"])


def _groups() -> None:
    op.create_table(
        "contact_group",
        sa.Column("id", sa.Integer(), sa.Identity(), primary_key=True),
        _team(),
        _text("name"),
        _text("description", default=""),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        _time("created_at"),
        _time("changed_at"),
        _text("changed_by"),
        _time("removed_at", null=True),
    )
    op.create_index(
        "uq_contact_group_name",
        "contact_group",
        ["team_id", sa.text("lower(name)")],
        unique=True,
        postgresql_where=sa.text("removed_at is null"),
    )
    group = sa.ForeignKey("contact_group.id", ondelete="CASCADE")
    op.create_table(
        "contact_group_member",
        sa.Column("group_id", sa.Integer(), group, primary_key=True),
        _contact(key=True),
        _time("added_at"),
        _text("added_by"),
    )
    op.create_index("ix_contact_group_member_contact", "contact_group_member", ["contact_id"])


def _merges() -> None:
    op.create_table(
        "contact_merge",
        _id(),
        _team(),
        _contact("kept_id"),
        _contact("other_id"),
        sa.Column("before", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        _time("decided_at"),
        _text("decided_by"),
        _time("merged_at", null=True),
        _time("undone_at", null=True),
        _text("undone_by", null=True),
    )
    op.create_index("ix_contact_merge_kept_id", "contact_merge", ["kept_id"])
    op.create_index("ix_contact_merge_other_id", "contact_merge", ["other_id"])
    op.create_index("ix_contact_merge_team", "contact_merge", ["team_id", "id"])
