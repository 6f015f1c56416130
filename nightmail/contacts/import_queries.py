"""The statements of imports. Those with names in braces take SQL that the product wrote, never input."""

from __future__ import annotations

from nightmail.organisation.queries import TEAMS_AT_OR_BELOW

# A team's contacts as the planning compares them. ``only`` narrows it to those that a small file may be of.
BOOK = """
    select c.id, c.version, c.contact_id, c.removed_at is not null as removed{columns}
    from contact c
    where c.team_id = %(team)s {only}
    order by c.id
"""
ONLY_MEANT = "and (c.contact_id = any(%(keys)s) or c.address_hashes && cast(%(hashes)s as bytea[]))"

KNOWN_CONTACTS = "select count(*) from contact where team_id = :team and removed_at is null"

# Imports of a team, one at a time.
LOCK = "select pg_advisory_xact_lock(hashtext(:name))"

STAGE = """
    create temporary table import_stage (
        contact bigint primary key, version integer, change smallint, old_hashes bytea[], new_hashes bytea[], attributes jsonb{columns}
    ) on commit drop
"""

# What the import finds, kept for the way back. Rows that somebody changed since the plan was made are not there.
KEEP_BEFORE = """
    insert into contact_import_row (import_id, contact, change, version, before)
    select :import, c.id, s.change, c.version + 1, to_jsonb(c) - 'id' - 'team_id' - 'contact_id' - 'created_at'{lists}
    from import_stage s join contact c on c.id = s.contact and c.version = s.version
    order by c.id
"""

_HASHES = """
    array(select h from unnest(c.address_hashes) h where h <> all(s.old_hashes) union select h from unnest(s.new_hashes) h)
"""

CHANGE_STAGED = f"""
    update contact c
    set {{assignments}} attributes = (c.attributes - cast(:stated as text[])) || s.attributes, address_hashes = {_HASHES},
        sources = c.sources || cast(:sources as jsonb), version = c.version + 1, updated_at = now()
    from import_stage s
    where s.contact = c.id and s.version = c.version and s.change = {{change}}
"""  # noqa: S608 - the part is a constant

# Somebody who was removed and comes again has what the file says, and nothing from before.
RESTORE_STAGED = """
    update contact c
    set {assignments} attributes = s.attributes, address_hashes = s.new_hashes, source = :source, sources = '{{}}'::jsonb,
        removed_at = null, version = c.version + 1, updated_at = now()
    from import_stage s
    where s.contact = c.id and s.version = c.version and s.change = {change}
"""

REMOVE_STAGED = """
    update contact c
    set removed_at = now(), version = c.version + 1, updated_at = now()
    from import_stage s
    where s.contact = c.id and s.version = c.version and s.change = {change}
"""

# The history of each contact that was there, from what was found and what is there now.
WRITE_HISTORY = """
    insert into contact_change (contact_id, changed_by, source, action, changes)
    select c.id, :by, :source, case r.change when {removed} then 'removed' when {restored} then 'restored' else 'changed' end,
        coalesce((
            select jsonb_object_agg(f.name, jsonb_build_array(b.value -> f.name, n.value -> f.name))
            from unnest(cast(:fields as text[])) f(name)
            where b.value -> f.name is distinct from n.value -> f.name), '{{}}'::jsonb)
    from contact_import_row r
    join contact c on c.id = r.contact
    cross join lateral (select jsonb_strip_nulls((r.before -> 'attributes') || (r.before - 'attributes'))) b(value)
    cross join lateral (select jsonb_strip_nulls(c.attributes || (to_jsonb(c) - 'attributes')) {lists}) n(value)
    where r.import_id = :import
"""

# Whose hashes are of other values now.
FORGET_SEARCH = """
    delete from contact_search s using contact_import_row r where r.import_id = :import and s.contact_id = r.contact
"""

# What the way back gives back: the values of contacts that nobody has changed since.
GIVE_BACK = """
    update contact c
    set {assignments}, version = c.version + 1, updated_at = now()
    from contact_import_row r cross join lateral jsonb_populate_record(null::contact, r.before) b
    where r.import_id = :import and r.change <> 0 and r.contact = c.id and c.version = r.version
"""

_GIVEN_BACK = """
    from contact_import_row r join contact c on c.id = r.contact and c.version = r.version + 1
    where r.import_id = :import and r.change <> 0
"""

# Who is again as an earlier import left them can be taken back by that one too.
FOLLOW_BACK = f"""
    update contact_import_row e set version = g.version
    from (select c.id, c.version, cast(r.before ->> 'version' as integer) as left_at {_GIVEN_BACK}) g
    where e.contact = g.id and e.import_id <> :import and e.version = g.left_at
"""  # noqa: S608 - the part is a constant

# The same for whom an earlier import made: such a contact has no row, as long as nothing was done to it.
MADE_AGAIN = f"""
    insert into contact_import_row (import_id, contact, change, version, before)
    select i.id, g.id, 0, g.version, '{{}}'::jsonb
    from (select c.id, c.version, c.source, r.before ->> 'version' as left_at {_GIVEN_BACK}) g
    join contact_import i on g.source = 'import:' || i.id
    where g.left_at = '1'
    on conflict do nothing
"""  # noqa: S608

_AS_MADE = """
    (c.version = 1 or exists (
        select from contact_import_row r
        where r.import_id = :import and r.contact = c.id and r.change = 0 and r.version = c.version))
"""

REMOVE_MADE = f"""
    update contact c set removed_at = now(), version = version + 1, updated_at = now()
    where c.team_id = :team and c.source = :source and c.removed_at is null and {_AS_MADE}
"""  # noqa: S608

HISTORY_OF_WAY_BACK = f"""
    insert into contact_change (contact_id, changed_by, source, action, changes)
    select c.id, :by, :source, 'undone', '{{}}'::jsonb {_GIVEN_BACK}
"""

CHANGED_SINCE = f"""
    select (select count(*) from contact_import_row r join contact c on c.id = r.contact
            where r.import_id = :import and r.change <> 0 and c.version <> r.version)
        + (select count(*) from contact c where c.team_id = :team and c.source = :source and not {_AS_MADE}
            and not exists (select from contact_import_row r where r.import_id = :import and r.contact = c.id and r.change <> 0))
"""  # noqa: S608

ADD_IMPORT = """
    insert into contact_import (
        team_id, feed_id, received_file_id, source, kind, mode, name, size, sha256, stored_path, settings, created_by)
    values (:team, :feed, :file, :source, :kind, :mode, :name, :size, :sha256, :path, cast(:settings as jsonb), :by)
    returning id
"""

IMPORTS = """
    select i.id, i.team_id, t.path as team, i.feed_id, f.name as feed, i.received_file_id, i.source, i.kind, i.mode, i.name, i.size,
        i.sha256,
        i.stored_path, i.settings, i.state, i.counts, i.samples, i.waits_for, i.problem, i.created_at, i.created_by, i.applied_at,
        i.applied_by, i.undone_at, i.undone_by, i.undone, i.progress, i.ordered_by, i.although, i.forgotten_at
    from contact_import i join team t on t.id = i.team_id left join feed f on f.id = i.feed_id
    where {which}
"""
ONE_IMPORT = IMPORTS.format(which="i.id = :id")
ONE_IMPORT_LOCKED = f"{ONE_IMPORT} for update of i"

SET_CHECKED = """
    update contact_import
    set state = :state, counts = cast(:counts as jsonb), samples = cast(:samples as jsonb), waits_for = cast(:waits as jsonb),
        problem = cast(:problem as jsonb), progress = null
    where id = :id
"""

SET_APPLIED = """
    update contact_import
    set state = 'applied', counts = counts || cast(:counts as jsonb), applied_at = now(), applied_by = :by, waits_for = null,
        progress = null
    where id = :id
"""

SET_UNDONE = """
    update contact_import set state = 'undone', undone = cast(:counts as jsonb), undone_at = now(), undone_by = :by where id = :id
"""

SET_DISCARDED = "update contact_import set state = 'discarded', samples = '[]'::jsonb, waits_for = null where id = :id"

IMPORTS_OF_TEAMS = (
    IMPORTS.format(which=f"i.team_id in ({TEAMS_AT_OR_BELOW}) and (cast(:before as integer) is null or i.id < :before)")
    + "order by i.id desc limit :limit"
)

# Contacts that are not found by search yet: an import writes them first.
NOT_SEARCHABLE = """
    select c.id, c.name, c.external_id, c.phone, c.phone_2, c.landline, c.email,
        (select string_agg(a.address, ' ') from contact_address a where a.contact_id = c.id) as further
    from contact c left join contact_search s on s.contact_id = c.id
    where c.team_id = %(team)s and c.id > %(after)s and (s.contact_id is null or s.keys = '{}')
    order by c.id limit %(limit)s
"""

FORGET_EMPTY_SEARCH = """
    delete from contact_search s using contact c where s.contact_id = c.id and c.team_id = :team and s.keys = '{}'
"""
