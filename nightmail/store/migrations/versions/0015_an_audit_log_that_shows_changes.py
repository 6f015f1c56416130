"""Seal the audit log in batches, and let the owner's functions keep its months"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Constants first: no row is written again. Entries of before are of epoch 1 and transaction 0, and sealed as such.
    op.add_column("audit", sa.Column("origin", sa.Text()))
    op.add_column("audit", sa.Column("before", postgresql.JSONB()))
    op.add_column("audit", sa.Column("after", postgresql.JSONB()))
    op.add_column("audit", sa.Column("epoch", sa.Integer(), server_default="1", nullable=False))
    op.add_column("audit", sa.Column("transaction", sa.BigInteger(), server_default="0", nullable=False))
    op.execute(
        "create function deployment_epoch() returns integer language sql stable as "
        "$$ select coalesce((select epoch from public.deployment), 1) $$"
    )
    op.execute("alter table audit alter column epoch set default deployment_epoch()")
    op.execute("alter table audit alter column transaction set default pg_current_xact_id()::text::bigint")
    op.create_index("ix_audit_transaction", "audit", ["epoch", "transaction"])
    for name, column in (("actor", "actor"), ("action", "action"), ("team", "team_id"), ("object", "object")):
        op.create_index(f"ix_audit_{name}", "audit", [column, "at"])
    op.create_table(
        "audit_seal",
        sa.Column("number", sa.BigInteger(), autoincrement=False, primary_key=True),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("from_transaction", sa.BigInteger(), nullable=False),
        sa.Column("to_transaction", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
    )
    op.create_index("ix_audit_seal_month", "audit_seal", ["month", "number"])
    op.create_table(
        "audit_month_gone",
        sa.Column("month", sa.Date(), primary_key=True),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("last_seal", sa.BigInteger(), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("kept_aside", sa.Boolean(), nullable=False),
    )
    op.execute(_MAKE_MONTH)
    op.execute(_ANALYZE_MONTH)
    op.execute(_RETIRE_MONTH)


# What may write to a table may write to its new month, but for the audit log's, which is reached by its table alone.
_MAKE_MONTH = """
    create function make_month(parent text, month date, fill integer) returns void
    language plpgsql security definer set search_path = public, pg_temp as $$
    declare
        name text := parent || to_char(month, '_YYYY_MM');
        allowed text;
    begin
        if parent not in ('message', 'message_content', 'attempt', 'receipt', 'audit')
                or month <> date_trunc('month', month)::date then
            raise exception 'no month of a table: % %', parent, month using errcode = 'invalid_parameter_value';
        end if;
        if to_regclass(name) is not null then
            return;
        end if;
        perform pg_advisory_xact_lock(hashtext('nightmail.partitions'));
        execute format('create table if not exists %I partition of %I for values from (%L) to (%L)%s', name, parent,
            month, (month + interval '1 month')::date,
            case when fill is null then '' else format(' with (fillfactor = %s)', fill) end);
        for allowed in
            select a.grantee::regrole::text
            from pg_class c, aclexplode(c.relacl) a
            where c.oid = parent::regclass and a.privilege_type = 'DELETE' and a.grantee not in (0, c.relowner)
        loop
            execute format('grant select, insert, update, delete on %I to %s', name, allowed);
        end loop;
    end $$
"""

_ANALYZE_MONTH = """
    create function analyze_month(parent text, month date) returns void
    language plpgsql security definer set search_path = public, pg_temp as $$
    begin
        if parent not in ('message', 'message_content', 'attempt', 'receipt', 'audit') then
            raise exception 'no month of a table: % %', parent, month using errcode = 'invalid_parameter_value';
        end if;
        execute format('analyze (skip_locked) %I', parent || to_char(month, '_YYYY_MM'));
    end $$
"""

# A month of the audit log goes when it is old, and wholly sealed; that it went stays, and is an entry itself.
_RETIRE_MONTH = """
    create function retire_month(parent text, gone date, keep_aside boolean) returns void
    language plpgsql security definer set search_path = public, pg_temp as $$
    declare
        name text := parent || to_char(gone, '_YYYY_MM');
        held bigint;
        sealed bigint;
        newest bigint;
    begin
        if parent not in ('message', 'message_content', 'attempt', 'receipt', 'audit')
                or gone >= date_trunc('month', now() at time zone 'UTC')::date then
            raise exception 'no earlier month of a table: % %', parent, gone using errcode = 'invalid_parameter_value';
        end if;
        if parent = 'audit' then
            if gone >= date_trunc('month', now() at time zone 'UTC')::date - interval '6 months' then
                raise exception 'the audit log keeps six months' using errcode = 'invalid_parameter_value';
            end if;
            execute format('select count(*) from %I', name) into held;
            select coalesce(sum(s.entries), 0), coalesce(max(s.number), 0) into sealed, newest
            from audit_seal s where s.month = gone;
            if held <> sealed then
                raise exception 'audit %: % entries, % of them sealed', gone, held, sealed
                    using errcode = 'object_not_in_prerequisite_state';
            end if;
            insert into audit_month_gone (month, entries, last_seal, kept_aside) values (gone, held, newest, keep_aside);
            insert into audit (month, actor, action, object, detail)
            values (date_trunc('month', now() at time zone 'UTC')::date, 'retention', 'audit.month_deleted',
                to_char(gone, 'YYYY-MM'),
                jsonb_build_object('entries', held, 'last_seal', newest, 'kept_aside', keep_aside));
        end if;
        execute format('alter table %I detach partition %I', parent, name);
        if not keep_aside then
            execute format('drop table %I', name);
        end if;
    end $$
"""
