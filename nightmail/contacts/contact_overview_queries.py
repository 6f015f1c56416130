"""The statement of what stands around a contact."""

from __future__ import annotations

OVERVIEW = """
    select
        array(select g.tag from contact_tag g where g.contact_id = :id order by lower(g.tag)) as tags,
        (select coalesce(jsonb_agg(jsonb_build_object('kind', a.kind, 'address', a.address) order by a.position, a.id), '[]')
            from contact_address a where a.contact_id = :id) as further,
        (select coalesce(jsonb_agg(to_jsonb(n) order by n.id desc), '[]')
            from (select id, text, created_at, created_by from contact_note
                where contact_id = :id and removed_at is null order by id desc limit 50) n) as notes,
        (select coalesce(jsonb_agg(jsonb_build_object('id', g.id, 'name', g.name) order by lower(g.name)), '[]')
            from contact_group_member m join contact_group g on g.id = m.group_id
            where m.contact_id = :id and g.removed_at is null) as groups,
        (select coalesce(jsonb_agg(to_jsonb(k) order by lower(k.name)), '[]') from (
            select distinct on (a.name) a.name, a.type, a.label from contact_attribute a
            join team o on o.id = a.team_id join team t on t.id = :team_id
            where o.id = t.id or starts_with(t.path, o.path || '.') order by a.name, length(o.path) desc limit 200) k) as attributes,
        (select to_jsonb(p) from preference p where p.contact_id = :contact_id limit 1) as preference
"""
