"""The queries of this room."""

from __future__ import annotations

# The monthly partitions of the tables, with the table that each belongs to.
MONTHS = """
    select p.relname as parent, c.relname as name
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    join pg_class p on p.oid = i.inhparent
    where p.relname = any(:tables) and c.relkind = 'r'
    order by c.relname
"""

# Whether something of a month is still to be sent or settled. One condition for each partial index of the ledger.
IS_MONTH_OPEN = """
    select exists (
            select from campaign where ledger_month = :month and state not in ('finished', 'cancelled', 'stopped'))
        or exists (select from message where ledger_month = :month and state = 'queued')
        or exists (select from message where ledger_month = :month and state = 'standby')
        or exists (select from message where ledger_month = :month and state in ('handing_over', 'in_doubt'))
"""

# Whether a month of the audit log has entries that are not sealed yet: what goes must be in the chain.
IS_AUDIT_UNSEALED = """
    select (select count(*) from audit where month = :month)
        <> (select coalesce(sum(entries), 0) from audit_seal where month = :month)
"""

# Campaigns whose addresses and texts are older than their team keeps them, and whose month is still there.
ENDED_CAMPAIGNS = """
    select c.id, c.ledger_month
    from campaign c join team t on t.id = c.team_id
    where c.ledger_month is not null
      and c.state in ('finished', 'cancelled', 'stopped')
      and c.state_changed_at < cast(:today as date) - make_interval(days => t.retention_days)
      and to_regclass('message_content_' || to_char(c.ledger_month, 'YYYY_MM')) is not null
"""

# Delete the next addresses and texts of a campaign, as many as one transaction takes.
DELETE_CONTENTS = """
    delete from message_content
    where ledger_month = :month and message_key = any(array(
        select message_key from message_content
        where ledger_month = :month and message_key between :first and :last
        order by message_key
        limit :chunk))
"""
