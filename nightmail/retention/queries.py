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

# Imports whose file, or what they found, is older than their team keeps it; none with which the background goes on. One that a command
# took and did not look at was left behind by it.
EXPIRED_IMPORTS = """
    select i.id, i.stored_path
    from contact_import i join team t on t.id = i.team_id
    where i.forgotten_at is null and i.state not in ('applying', 'undoing') and (i.state <> 'received' or i.source = 'command')
      and i.created_at < coalesce(cast(:today as date), (now() at time zone 'UTC')::date) - make_interval(days => t.retention_days)
    order by i.id limit :limit
    for update of i skip locked
"""

FORGET_IMPORT_ROWS = "delete from contact_import_row where import_id = any(:ids)"
FORGET_IMPORT_FILES = """
    update received_file set stored_path = null
    where id in (select received_file_id from contact_import where id = any(:ids))
"""
FORGET_IMPORTS = """
    update contact_import
    set forgotten_at = now(), stored_path = null, samples = '[]'::jsonb, waits_for = null,
        state = case when state in ('checked', 'received') then 'discarded' else state end
    where id = any(:ids)
"""

# The files of lists and segments that campaigns were made of, of campaigns that ended longer ago than their team keeps them.
EXPIRED_LISTS = """
    select l.campaign_id, l.stored_path
    from campaign_list l join campaign c on c.id = l.campaign_id join team t on t.id = l.team_id
    where l.stored_path is not null and c.state in ('finished', 'cancelled', 'stopped')
      and c.state_changed_at
        < coalesce(cast(:today as date), (now() at time zone 'UTC')::date) - make_interval(days => t.retention_days)
    order by l.campaign_id limit :limit
    for update of l skip locked
"""

FORGET_LISTS = "update campaign_list set stored_path = null where campaign_id = any(:ids)"
