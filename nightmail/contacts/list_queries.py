"""The queries of segments and distribution lists. Those that end in ``{condition}`` take the SQL that a rule or a list became."""

from __future__ import annotations

from nightmail.organisation.queries import AT_OR_BELOW, CATEGORY_NAMES

# The teams whose contacts, segments and lists a team uses: itself, and then those above it that share theirs, the nearest first.
VISIBLE_TEAMS = """
    select o.id from team t join team o on o.id = t.id
        or (starts_with(t.path, o.path || '.') and o.settings ->> 'shares_contacts' = 'true')
    where t.id = :team_id order by length(o.path) desc
"""

# The attributes that the contacts of teams may have: their own, and those that teams above gave all below them. Of two of one name
# that of the first team, and of the nearest above it, comes last, and so wins.
_ATTRIBUTES = """
    select a.name, a.type from team t
    join team o on o.id = t.id or starts_with(t.path, o.path || '.') join contact_attribute a on a.team_id = o.id
    where t.id = any({teams})
    order by array_position({teams}, t.id) desc, length(o.path), a.name limit 2000
"""

_GROUPS = """
    select g.name, g.id from contact_group g where g.team_id = any({teams}) and g.removed_at is null
    order by array_position({teams}, g.team_id) desc, g.id limit 10000
"""
GROUPS = _GROUPS.format(teams="cast(:teams as integer[])")

_CATEGORIES = CATEGORY_NAMES.replace("cast(:team as text)", "used.path")

# All that the rules of teams may name, in one look: the teams whose contacts each uses, attributes with their types, categories,
# groups; and the time that it is.
SCOPES = f"""
    with used as materialized (
        select own.id, own.path, own.country, own.time_zone, array({VISIBLE_TEAMS.replace(":team_id", "own.id")}) as teams
        from team own where own.path = any(cast(:paths as text[])))
    select used.*, now() as now, array({_CATEGORIES}) as categories,
        (select json_agg(json_build_array(f.name, f.type)) from ({_ATTRIBUTES.format(teams="used.teams")}) f) as attributes,
        (select json_agg(json_build_array(f.name, f.id)) from ({_GROUPS.format(teams="used.teams")}) f) as groups
    from used
"""  # noqa: S608 - the parts are constants

_LISTED = """
    select s.id, s.team_id, t.path as team, s.name, s.description, {own} s.version, s.changed_at, s.changed_by
    from {table} s join team t on t.id = s.team_id
    where s.removed_at is null and (cast(:teams as integer[]) is null or s.team_id = any(:teams)) and {which}
    order by lower(s.name), s.id limit :limit
"""
_ONE = "(cast(:id as integer) is null or s.id = :id) and (cast(:name as text) is null or lower(s.name) = lower(:name))"
_PAGE = "(lower(s.name), s.id) > (:after_name, :after_id)"
SEGMENT = _LISTED.format(own="s.rule,", table="segment", which=_ONE)
SEGMENTS = _LISTED.format(own="s.rule,", table="segment", which=_PAGE)
LIST = _LISTED.format(own="", table="distribution_list", which=_ONE)
LISTS = _LISTED.format(own="", table="distribution_list", which=_PAGE)

MAKE_SEGMENT = """
    insert into segment (team_id, name, description, rule, changed_by)
    values (:team, :name, :description, cast(:rule as jsonb), :by)
    on conflict do nothing returning id
"""

MAKE_LIST = """
    insert into distribution_list (team_id, name, description, changed_by)
    values (:team, :name, :description, :by)
    on conflict do nothing returning id
"""

CHANGE_SEGMENT = """
    update segment set name = :name, description = :description, rule = cast(:rule as jsonb), version = version + 1,
        changed_at = now(), changed_by = :by
    where id = :id and version = :version and removed_at is null returning version
"""

CHANGE_LIST = """
    update distribution_list set name = :name, description = :description, version = version + 1,
        changed_at = now(), changed_by = :by
    where id = :id and version = :version and removed_at is null returning version
"""

# The lists that hold a contact, a group, a segment or another list.
LISTS_THAT_HOLD = """
    select l.name from list_entry e join distribution_list l on l.id = e.list_id
    where e.kind = :kind and e.target_id = :target and l.removed_at is null
    order by lower(l.name) limit 20
"""

# The lists that hold a group, and the segments of its team and below whose rules name it.
USERS_OF_GROUP = f"""
    select l.name from list_entry e join distribution_list l on l.id = e.list_id
    where e.kind = 'group' and e.target_id = :id and l.removed_at is null
    union
    select s.name from segment s join team t on t.id = s.team_id join contact_group g on g.id = :id
        join team o on o.id = g.team_id
    where s.removed_at is null and {AT_OR_BELOW.format(lower="t.path", upper="o.path")} and jsonb_path_exists(
        s.rule, '$.** ? (@.on == "group" && @.name == $name)', jsonb_build_object('name', g.name))
    order by name limit 20
"""  # noqa: S608 - the part is a constant

# The entries of a list and of all lists in it, at whatever depth; those that name contacts are only counted.
ENTRIES_BELOW = """
    with recursive reached as (
        select cast(:id as bigint) as id
        union
        select e.target_id from list_entry e join reached r on e.list_id = r.id where e.kind = 'list'
    ), held as (
        select l.id as list_id, l.name, l.version, l.team_id, e.excluded, e.kind,
            case when e.kind <> 'contact' then e.target_id end as target_id, count(e.id) as entries
        from reached r
        join distribution_list l on l.id = r.id and l.removed_at is null
        left join list_entry e on e.list_id = l.id
        group by 1, 2, 3, 4, 5, 6, 7
        order by 1, 5, 6, 7
        limit 5000
    )
    select held.*, s.name as segment, s.version as segment_version, t.path as segment_team, s.rule
    from held
    left join segment s on held.kind = 'segment' and s.id = held.target_id and s.removed_at is null
    left join team t on t.id = s.team_id
    order by held.list_id, held.excluded, held.kind, held.target_id
"""

# The entries of a list, by what they name, after one of them.
ENTRIES_OF = """
    select e.id, e.excluded, e.kind, e.target_id,
        coalesce(s.name, l.name, g.name, c.external_id) as name, c.contact_id
    from list_entry e
    left join contact_group g on e.kind = 'group' and g.id = e.target_id and g.removed_at is null
    left join segment s on e.kind = 'segment' and s.id = e.target_id
    left join distribution_list l on e.kind = 'list' and l.id = e.target_id
    left join contact c on e.kind = 'contact' and c.id = e.target_id
    where e.list_id = {list} and e.id > :after order by e.id limit :limit
"""
DIRECT_ENTRIES = ENTRIES_OF.format(list=":id")

COUNT = "select count(*) from contact c where {scope} and {condition}"

SAMPLE = """
    select c.id, c.contact_id, c.external_id, c.phone, c.landline, c.email, c.country, c.language
    from contact c where {scope} and {condition} order by c.id limit {limit}
"""

# Of the transaction's statements that follow.
TIME_LIMIT = "select set_config('statement_timeout', :limit, true)"

# How many there are, in each row, and the first of them; without any, one row that has nobody.
COUNT_AND_SAMPLE = """
    select found.members, first.* from (select count(*) as members from contact c where {scope} and {condition}) found
    left join lateral (
        select c.id, c.contact_id, c.external_id, c.phone, c.landline, c.email, c.country, c.language
        from contact c where found.members > 0 and {scope} and {condition} order by c.id limit {limit}) first on true
    order by first.id
"""

ESTIMATE = "explain (format json) select from contact c where {scope} and {condition}"

MEMBERS = "select {columns} from contact c where {scope} and {condition} order by c.id"

LOCK = "select pg_advisory_xact_lock(hashtext('nightmail.lists'))"

# The contacts that a list's entries name, and of those who were found to be somebody else those others: who was kept out of a
# list stays out under the name that they have now.
CONTACTS_OF_ENTRIES = """(
    with recursive named as (
        select e.target_id as id from list_entry e
        where e.list_id = {list} and e.kind = 'contact' and e.excluded = {excluded}
        union
        select m.kept_id from named n join contact_merge m on m.other_id = n.id
        where m.merged_at is not null and m.undone_at is null
    )
    select id from named)"""

MEMBERS_OF_GROUPS = "select m.contact_id from contact_group_member m where m.group_id = {group}"

ADD_ENTRIES = """
    insert into list_entry (list_id, kind, target_id, excluded)
    select :list, e.kind, e.target, e.excluded
    from unnest(cast(:kinds as text[]), cast(:targets as bigint[]), cast(:excluded as boolean[])) as e(kind, target, excluded)
    on conflict do nothing
"""

CONTACTS_SEEN = "select c.id from contact c where c.id = any(:ids) and c.team_id = any(:teams) and {there}"
# What a team may put into a list: the groups, segments and other lists that it uses, of each kind the first by name.
ADDABLE = """
    select k.kind, k.id, k.name, t.path as team from (
        (select 'group' as kind, id, team_id, name from contact_group where removed_at is null and team_id in ({teams})
            order by lower(name), id limit :limit)
        union all
        (select 'segment', id, team_id, name from segment where removed_at is null and team_id in ({teams})
            order by lower(name), id limit :limit)
        union all
        (select 'list', id, team_id, name from distribution_list
            where removed_at is null and id <> :list and team_id in ({teams}) order by lower(name), id limit :limit)) k
    join team t on t.id = k.team_id
    order by k.kind, t.id <> :team_id, lower(k.name), k.id
""".format(teams=f"select v.id from ({VISIBLE_TEAMS}) v")  # noqa: S608 - the part is a constant

SEGMENTS_SEEN = "select s.id from segment s where s.id = any(:ids) and s.team_id = any(:teams) and s.removed_at is null"
LISTS_SEEN = (
    "select l.id from distribution_list l where l.id = any(:ids) and l.team_id = any(:teams) and l.removed_at is null"
)

# The lists above a list that no other list holds.
TOPMOST_LISTS = """
    with recursive above as (
        select e.list_id as id from list_entry e where e.kind = 'list' and e.target_id = :id
        union
        select e.list_id from list_entry e join above a on e.target_id = a.id where e.kind = 'list'
    )
    select a.id from above a
    where not exists (select from list_entry e where e.kind = 'list' and e.target_id = a.id)
    order by 1 limit 100
"""

CONTACTS_NAMED = (
    "select c.id from contact c where c.external_id = :name and c.team_id = any(:teams) and {there} limit 2"
)
