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

# The ids are ordered beside the hashes: of words that many have the first hundreds are found without the others.
_FOUND = """
    select c.id from contact_search s join contact c on c.id = s.contact_id
    where s.team_id = :team_id and s.keys @> cast(:hashes as integer[]) and c.removed_at is null {which}
        and (cast(:before as bigint) is null or s.contact_id < :before)
    order by s.contact_id desc limit :limit
"""


def contacts_statement(*, tagged: bool, grouped: bool) -> str:
    """The statement of a page of contacts, by what it is narrowed."""
    chosen = _CONTACTS.format(which=_which(tagged, grouped))
    return f"{_CONTACT.replace('from contact c', f'from ({chosen}) c')} order by c.id desc"


def search_statement(*, tagged: bool, grouped: bool) -> str:
    """The statement of the contacts of one team that have all of some hashes, by what they are narrowed."""
    return f"{_CONTACT} where c.id in ({_FOUND.format(which=_which(tagged, grouped))}) order by c.id desc"


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
