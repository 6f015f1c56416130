"""SQL of preferences: the statements, and what they come to."""

from __future__ import annotations

LOCK_TEAM = "select pg_advisory_xact_lock(hashtext('nightmail.preferences'), :team)"

ADD_STATEMENTS = """
    insert into preference_statement (team_id, contact_id, stated_at, changes, source, set_by, of_contact)
    select :team, n.contact, n.at, cast(n.changes as jsonb), :source, :by, n.of_contact
    from (select distinct * from unnest(cast(:contacts as text[]), cast(:ats as timestamptz[]), cast(:changes as text[]),
        cast(:of_contacts as text[])) as stated(contact, at, changes, of_contact)) n
    where not exists (
        select from preference_statement e
        where e.team_id = :team and e.contact_id = n.contact and e.stated_at = n.at and e.changes = cast(n.changes as jsonb)
            and e.of_contact is not distinct from n.of_contact)
    returning contact_id
"""

CONTACTS_THERE = "select contact_id from contact where team_id = :team and contact_id = any(cast(:ids as text[]))"

# The contacts of a team, by the keyed hashes of their addresses.
CONTACTS_OF_ADDRESSES = """
    select c.contact_id, h.hash
    from contact c cross join lateral unnest(c.address_hashes) h(hash)
    where c.team_id = :team and c.removed_at is null and c.address_hashes && cast(:hashes as bytea[])
      and h.hash = any(cast(:hashes as bytea[]))
"""

STATEMENTS = """
    select contact_id, stated_at, changes, source, set_by, recorded_at, id, of_contact
    from preference_statement
    where team_id = any(:teams) and contact_id = any(cast(:contacts as text[]))
    order by contact_id, stated_at, id
"""

STORE = """
    insert into preference (team_id, contact_id, channels, categories_in, categories_out, quiet_from, quiet_until, time_zone,
        language, paused_until, stated_at, source, set_by, statement_id,
        updated_at)
    values (:team, :contact, :channels, :topics_in, :topics_out, :quiet_from, :quiet_until, :time_zone, :language, :paused_until,
        :stated_at, :source, :set_by, :statement, now())
    on conflict (team_id, contact_id) do update set channels = excluded.channels, categories_in = excluded.categories_in,
        categories_out = excluded.categories_out, quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until,
        time_zone = excluded.time_zone, language = excluded.language, paused_until = excluded.paused_until,
        stated_at = excluded.stated_at, source = excluded.source, set_by = excluded.set_by,
        statement_id = excluded.statement_id, updated_at = now()
"""
