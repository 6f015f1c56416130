"""The statements of contacts, groups and merges."""

from __future__ import annotations

from nightmail.organisation.queries import TEAMS_AT_OR_BELOW

_CONTACT = """
    select c.id, c.team_id, t.path as team, c.contact_id, c.external_id, c.name, c.phone, c.phone_2, c.landline, c.email, c.language,
    c.time_zone, c.country, c.birth_date, c.attributes, c.source, c.version, c.created_at, c.updated_at, c.removed_at,
    coalesce(t.settings ->> 'shares_contacts' = 'true', false) as shared
    from contact c join team t on t.id = c.team_id
"""

CONTACT = f"{_CONTACT} where c.id = :id"
CONTACTS_BY_ID = f"{_CONTACT} where c.contact_id = any(:ids) and c.removed_at is null order by c.id limit :limit"
CONTACTS_BY_NUMBER = f"{_CONTACT} where c.id = any(:ids)"

# The teams whose contacts somebody sees: those at or below `teams`, and those above them that share theirs.
_SEEN_TEAMS = f"""
    {TEAMS_AT_OR_BELOW}
    union
    select o.id from team o join unnest(cast(:teams as text[])) as own(path) on starts_with(own.path, o.path || '.')
    where o.settings ->> 'shares_contacts' = 'true' and cast(:team as text) is null
"""  # noqa: S608 - the parts are constants
_AT_OR_BELOW = "(cast(:team as text) is null or t.path = :team or starts_with(t.path, :team || '.'))"
_TAGGED = "and c.id in (select g.contact_id from contact_tag g where g.tag = :tag)"
_IN_GROUP = "and c.id in (select m.contact_id from contact_group_member m where m.group_id = :group)"
_NEWEST_FIRST = "and (cast(:before as bigint) is null or c.id < :before) order by c.id desc limit :limit"

# The newest of each team by its own index, and then the newest of these.
_CONTACTS = f"""
    select c.* from (
        select n.* from (select t.id from team t where t.id in ({_SEEN_TEAMS}) and {_AT_OR_BELOW}) u
        cross join lateral (
            select c.* from contact c where c.team_id = u.id and c.removed_at is null {{which}} {_NEWEST_FIRST}) n
        order by n.id desc limit :limit
    ) c
"""  # noqa: S608 - the parts are constants

# The teams in which a search looks, each with its own hashes.
TEAMS_TO_SEARCH = f"""
    select t.id, t.path from team t where t.id in ({_SEEN_TEAMS}) and {_AT_OR_BELOW}
    and exists (select from contact c where c.team_id = t.id and c.removed_at is null) order by t.path limit 200
"""  # noqa: S608 - the parts are constants

_HAS = "s.team_id = :team_id and s.keys @> cast(:hashes as integer[])"
# Contacts are looked up one by one, newest first, until there are enough: the database would rather read them all in order.
_IS_THERE = """
    cross join lateral (select c.id from contact c where c.id = s.contact_id and c.removed_at is null {which} offset 0) c
    order by s.contact_id desc limit :limit
"""

# Among the newest contacts of all teams: a word that many have is found there, and costs no look at all who have it.
NEWEST = 20_000
_FOUND_NEWEST = f"""
    select c.id from (
        select s.contact_id from (
            select * from contact_search n where (cast(:before as bigint) is null or n.contact_id < :before)
            order by n.contact_id desc limit {NEWEST}
        ) s where {_HAS}
    ) s {_IS_THERE}
"""  # noqa: S608 - the parts are constants

# By the index, whatever the database believes of how the numbers of contacts and their names go together.
_FOUND = f"""
    with s as materialized (
        select s.contact_id from contact_search s
        where {_HAS} and (cast(:before as bigint) is null or s.contact_id < :before)
    )
    select c.id from s {_IS_THERE}
"""  # noqa: S608 - the parts are constants


def contacts_statement(*, tagged: bool, grouped: bool) -> str:
    """The statement of a page of contacts, by what it is narrowed."""
    chosen = _CONTACTS.format(which=_which(tagged, grouped))
    return f"{_CONTACT.replace('from contact c', f'from ({chosen}) c')} order by c.id desc"


def search_statement(*, newest: bool, tagged: bool, grouped: bool) -> str:
    """The statement of the contacts of one team that have all of some hashes, by what they are narrowed.

    With ``newest`` it looks among the newest contacts alone.
    """
    found = (_FOUND_NEWEST if newest else _FOUND).format(which=_which(tagged, grouped))
    return f"{_CONTACT} where c.id in ({found}) order by c.id desc"


def _which(tagged: bool, grouped: bool) -> str:
    return f"{_TAGGED if tagged else ''} {_IN_GROUP if grouped else ''}"


TAGS_OF = "select contact_id, tag from contact_tag where contact_id = any(:ids) order by contact_id, lower(tag)"
FURTHER_OF = (
    "select contact_id, kind, address from contact_address where contact_id = any(:ids) order by kind, position, id"
)

INSERT_CONTACT = """
    insert into contact (team_id, contact_id, external_id, name, phone, phone_2, landline, email, language, time_zone, country,
        birth_date, attributes, source, address_hashes)
    values (:team_id, :contact_id, :external_id, :name, :phone, :phone_2, :landline, :email, :language, :time_zone, :country,
        :birth_date, cast(:attributes as jsonb), :source, :address_hashes)
    on conflict do nothing returning id
"""

UPDATE_CONTACT = """
    update contact set name = :name, phone = :phone, phone_2 = :phone_2, landline = :landline, email = :email,
        language = :language, time_zone = :time_zone, country = :country, birth_date = :birth_date,
        attributes = cast(:attributes as jsonb), address_hashes = :address_hashes,
        sources = sources || cast(:sources as jsonb), version = version + 1, updated_at = now()
    where id = :id and version = :version returning version
"""

SET_KEYS = """
    insert into contact_search (contact_id, team_id, keys) values (:id, :team_id, :keys)
    on conflict (contact_id) do update set keys = excluded.keys
"""

SET_REMOVED = """
    update contact set removed_at = case when :removed then now() end, version = version + 1, updated_at = now()
    where id = :id and version = :version and (removed_at is null) = :removed returning version
"""

TOUCH = "update contact set version = version + 1, updated_at = now() where id = :id and version = :version returning version"

INSERT_CHANGE = """
    insert into contact_change (contact_id, changed_by, source, action, changes)
    values (:id, :by, :source, :action, cast(:changes as jsonb))
"""

CHANGES = """
    select id, changed_at, changed_by, source, action, changes from contact_change
    where contact_id = :id and (cast(:before as bigint) is null or id < :before) order by id desc limit :limit
"""

NOTES = """
    select id, text, created_at, created_by from contact_note
    where contact_id = :id and removed_at is null order by id desc limit 100
"""

GROUPS_OF = """
    select g.id, g.name from contact_group_member m join contact_group g on g.id = m.group_id
    where m.contact_id = :id and g.removed_at is null order by lower(g.name) limit 100
"""

ATTRIBUTES = """
    select a.name, a.type, a.label from contact_attribute a join team o on o.id = a.team_id join team t on t.id = :team_id
    where o.id = t.id or starts_with(t.path, o.path || '.')
    order by length(o.path), lower(a.name) limit 200
"""

_GROUP = """
    select g.id, g.team_id, t.path as team, g.name, g.description, g.version, g.changed_at, g.changed_by,
        (select count(*) from contact_group_member m join contact c on c.id = m.contact_id
            where m.group_id = g.id and c.removed_at is null) as members
    from contact_group g join team t on t.id = g.team_id
"""
GROUP = f"{_GROUP} where g.id = :id and g.removed_at is null"
GROUPS = f"""{_GROUP}
    where g.removed_at is null and g.team_id in ({TEAMS_AT_OR_BELOW})
        and (cast(:team as text) is null or t.path = :team or starts_with(t.path, :team || '.'))
        and (cast(:words as text) is null or strpos(lower(g.name), lower(:words)) > 0)
        and (lower(g.name), g.id) > (:after_name, :after_id)
    order by lower(g.name), g.id limit :limit
"""

MAKE_GROUP = """
    insert into contact_group (team_id, name, description, changed_by)
    values (:team_id, :name, :description, :by) on conflict do nothing returning id
"""

CHANGE_GROUP = """
    update contact_group set name = :name, description = :description, version = version + 1, changed_at = now(),
        changed_by = :by
    where id = :id and version = :version and removed_at is null returning version
"""

GROUP_NAME_TAKEN = """
    select exists (select from contact_group where team_id = :team_id and lower(name) = lower(:name) and id <> :id
        and removed_at is null)
"""

MEMBERS = f"""{_CONTACT} join contact_group_member m on m.contact_id = c.id
    where m.group_id = :group and c.removed_at is null and c.id > :after order by c.id limit :limit
"""

# Whom lines of external ids and addresses mean: of the group's team alone.
MEANT = """
    select c.id, c.external_id, c.address_hashes from contact c
    where c.team_id = :team_id and c.removed_at is null
        and (c.external_id = any(:ids) or c.address_hashes && cast(:hashes as bytea[]))
"""

ADD_MEMBERS = """
    insert into contact_group_member (group_id, contact_id, added_by)
    select :group, c.id, :by from contact c where c.id = any(:contacts) and c.team_id = :team_id
    on conflict do nothing returning contact_id
"""

REMOVE_MEMBERS = (
    "delete from contact_group_member where group_id = :group and contact_id = any(:contacts) returning contact_id"
)

# The names of all attributes of contacts at or below a team, those of teams above it too.
ATTRIBUTES_BELOW = """
    select distinct a.name from contact_attribute a join team o on o.id = a.team_id
    where o.path = :team or starts_with(o.path, :team || '.') or starts_with(:team, o.path || '.')
    order by a.name limit 500
"""

# The contacts at or below a team for a file; the driver binds its parameters, for it goes by COPY.
EXPORT = """
    select t.path as team, c.contact_id as nightmail_id, c.external_id, c.name, c.phone, c.phone_2, c.landline, c.email, c.language,
        c.time_zone, c.country, c.birth_date, c.source, c.created_at, c.updated_at,
        (select string_agg(g.tag, ', ' order by lower(g.tag)) from contact_tag g where g.contact_id = c.id) as tags,
        (select string_agg(a.address, ', ' order by a.position, a.id) from contact_address a
            where a.contact_id = c.id and a.kind = 'phone') as further_phones,
        (select string_agg(a.address, ', ' order by a.position, a.id) from contact_address a
            where a.contact_id = c.id and a.kind = 'landline') as further_landlines,
        (select string_agg(a.address, ', ' order by a.position, a.id) from contact_address a
            where a.contact_id = c.id and a.kind = 'email') as further_emails {attributes}
    from contact c join team t on t.id = c.team_id
    where c.removed_at is null
        and exists (select from unnest(%(teams)s::text[]) as u(path) where t.path = u.path or starts_with(t.path, u.path || '.'))
        and (%(tag)s::text is null
            or exists (select from contact_tag g where g.contact_id = c.id and g.tag = %(tag)s))
        and (%(group)s::bigint is null
            or exists (select from contact_group_member m where m.contact_id = c.id and m.group_id = %(group)s))
    order by c.id
"""
