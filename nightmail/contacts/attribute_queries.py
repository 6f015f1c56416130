"""The statements of attributes: the further values that a team keeps of its contacts."""

from __future__ import annotations

_ATTRIBUTE = """
    select a.id, a.team_id, t.path as team, a.name, a.type, a.label, a.created_at, a.created_by
    from contact_attribute a join team t on t.id = a.team_id
"""
ATTRIBUTE = f"{_ATTRIBUTE} where a.id = :id"
ATTRIBUTES = f"""{_ATTRIBUTE}
    where t.path = :team or starts_with(cast(:team as text), t.path || '.')
    order by length(t.path), lower(a.name) limit 200
"""

# The contacts of a team and of those below it that have a value.
_OF_TEAM = "(t.path = :team or starts_with(t.path, cast(:team as text) || '.'))"
HAS_VALUES = f"""
    select exists (select from contact c join team t on t.id = c.team_id
        where {_OF_TEAM} and jsonb_exists(c.attributes, :name))
"""  # noqa: S608 - the part is a constant
USED_BY = f"""
    select s.name from segment s join team t on t.id = s.team_id
    where {_OF_TEAM} and s.removed_at is null
        and jsonb_path_exists(s.rule, '$.** ? (@.on == "attribute" && @.name == $name)', jsonb_build_object('name', cast(:name as text)))
    order by s.id limit 1
"""  # noqa: S608
SAME_NAME = f"""
    select exists (select from contact_attribute a join team t on t.id = a.team_id
        where lower(a.name) = lower(:name) and a.id <> :id
            and ({_OF_TEAM} or starts_with(cast(:team as text), t.path || '.')))
"""  # noqa: S608

# Each contact's history keeps the value that goes, which is read beside the change.
CLEAR_VALUES = f"""
    with cleared as (
        update contact c set attributes = c.attributes - cast(:name as text), version = c.version + 1, updated_at = now()
        from contact b, team t
        where b.id = c.id and t.id = c.team_id and {_OF_TEAM} and jsonb_exists(c.attributes, :name)
        returning c.id, b.attributes -> cast(:name as text) as value
    )
    insert into contact_change (contact_id, changed_by, source, action, changes)
    select id, :by, 'attribute', 'changed', jsonb_build_object(cast(:name as text), jsonb_build_array(value, null)) from cleared
"""  # noqa: S608
