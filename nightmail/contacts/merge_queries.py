"""The statements of merges of contacts."""

from __future__ import annotations

from nightmail.organisation.queries import TEAMS_AT_OR_BELOW

# Pairs of which somebody said something, and contacts that share an address.
DECIDED_AND_SHARED = """
    select true as decided, array[kept_id, other_id] as contacts from contact_merge
    where team_id = :team and undone_at is null
    union all
    (select false, array_agg(distinct c.id) from contact c, unnest(c.address_hashes) as a(hash)
    where c.team_id = :team and c.removed_at is null
    group by a.hash having count(distinct c.id) between 2 and 10 limit :limit)
"""

# What the newest contacts with a name are compared by.
NAMES = """
    select c.id, c.name, c.birth_date, array_remove(array[c.phone, c.phone_2, c.landline, c.email], null)
        || coalesce((select array_agg(a.address) from contact_address a where a.contact_id = c.id), '{}') as addresses
    from contact c where c.team_id = :team and c.removed_at is null and c.name is not null
    order by c.id desc limit cast(:limit as bigint)
"""

JOIN_GROUPS = """
    insert into contact_group_member (group_id, contact_id, added_by)
    select group_id, :kept, :by from contact_group_member where contact_id = :other
    on conflict do nothing returning group_id
"""

LEAVE_GROUPS = "delete from contact_group_member where contact_id = :id and group_id = any(cast(:groups as integer[]))"
MOVE_NOTES = "update contact_note set contact_id = :kept where contact_id = :other returning id"
NOTES_BACK = "update contact_note set contact_id = :other where id = any(cast(:notes as bigint[]))"
ADD_TAGS = "insert into contact_tag (contact_id, tag) select :id, unnest(cast(:tags as text[])) on conflict do nothing"
DROP_TAGS = "delete from contact_tag where contact_id = :id and tag = any(cast(:tags as text[]))"

KEEP_MERGE = """
    insert into contact_merge (team_id, kept_id, other_id, before, decided_by, merged_at)
    values (:team, :kept, :other, cast(:before as jsonb), :by, case when :merged then now() end) returning id
"""

FOLLOW_VERSION = """
    update contact_merge set before = jsonb_set(before, '{kept_version}', to_jsonb(cast(:version as integer)))
    where kept_id = :id and merged_at is not null and undone_at is null
        and cast(before ->> 'kept_version' as integer) = cast(:was as integer)
"""

_MERGE = """
    select m.id, m.team_id, t.path as team, m.kept_id, m.other_id, m.before, m.decided_at, m.decided_by, m.merged_at, m.undone_at,
        m.undone_by
    from contact_merge m join team t on t.id = m.team_id
"""
MERGE = f"{_MERGE} where m.id = :id"
MERGES = f"{_MERGE} where m.team_id in ({TEAMS_AT_OR_BELOW}) order by m.id desc limit :limit"
