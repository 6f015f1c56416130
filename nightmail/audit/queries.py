"""The room's SQL. The statement that writes is in the driver's own form, as senders have a connection of the driver's."""

from __future__ import annotations

# An entry belongs to the month in which it is written: the table is partitioned by it.
INSERT_ENTRY = """
insert into audit (month, actor, action, object, team_id, detail, origin, before, after)
values (date_trunc('month', now() at time zone 'UTC')::date, %(actor)s, %(action)s, %(subject)s, %(team)s, %(detail)s::jsonb,
    %(origin)s, %(before)s::jsonb, %(after)s::jsonb)
"""

# The newest seal, and up to where can be sealed now: every transaction below ``horizon`` has ended.
SEALING_STATE = """
    select coalesce((select max(epoch) from deployment), 1) as epoch,
        pg_snapshot_xmin(pg_current_snapshot())::text::bigint as horizon,
        s.number, s.epoch as sealed_epoch, s.to_transaction, s.hash
    from (values (1)) as always(one)
    left join lateral (select * from audit_seal order by number desc limit 1) s on true
"""

# The months that have entries of a range of transactions.
MONTHS_TO_SEAL = """
    select distinct month from audit
    where epoch = :epoch and transaction >= :from_transaction and transaction < :to_transaction
    order by month
"""

# What a seal covers of entries, in the order in which it covers them. JSON as text, which is the same each time.
SEALED_COLUMNS = """
    month, id, at, actor, action, object, team_id, detail::text as detail, origin, before::text as before,
    after::text as after, epoch, transaction
"""
ENTRIES_TO_SEAL = f"""
    select {SEALED_COLUMNS} from audit
    where month = :month and epoch = :epoch and transaction >= :from_transaction and transaction < :to_transaction
    order by id
"""  # noqa: S608

INSERT_SEAL = """
    insert into audit_seal (number, month, epoch, from_transaction, to_transaction, entries, first_id, last_id, sealed_at,
        digest, hash)
    values (:number, :month, :epoch, :from_transaction, :to_transaction, :entries, :first_id, :last_id, :sealed_at,
        :digest, :hash)
"""

ENTRIES_OF_MONTH = f"select {SEALED_COLUMNS} from audit where month = :month order by id"  # noqa: S608

# Months that have entries, seals or a note that they went.
KNOWN_MONTHS = """
    select c.relname as partition, null::date as month from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'audit'::regclass
    union all
    select null, month from (select distinct month from audit_seal union select month from audit_month_gone) m
"""

# What is not sealed yet: how much, and for how long.
UNSEALED = """
    select count(*) as entries, coalesce(extract(epoch from now() - min(at)), 0)::float8 as oldest_s from audit a
    where (a.epoch, a.transaction) >= (
        select coalesce(max(s.epoch), 1), coalesce(max(s.to_transaction), 0) from (
            select epoch, to_transaction from audit_seal order by number desc limit 1) s)
"""

# The teams at or below some paths; the empty path stands for all.
TEAMS_OF = """
    select u.id from team u join unnest(cast(:teams as text[])) as upper_team(path)
        on upper_team.path = '' or u.path = upper_team.path or starts_with(u.path, upper_team.path || '.')
"""

# A page of entries, newest first. A month and an id say where an entry stands.
LIST_ENTRIES = """
    select a.month, a.id, a.at, a.actor, a.action, a.object, a.team_id, t.path as team, a.detail, a.origin, a.before, a.after
    from audit a left join team t on t.id = a.team_id
    where {conditions}
    order by a.month {order}, a.id {order}
    limit :limit
"""
