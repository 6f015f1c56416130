"""The queries of this room."""

from __future__ import annotations

from nightmail.organisation.queries import TEAMS_AT_OR_BELOW

STORE_TEMPLATE = """
    insert into template (team_id, name, category_id) values (:team, :name, :category)
    on conflict (team_id, name) do update set category_id = excluded.category_id
    returning id
"""

STORE_VERSION = """
    insert into template_version (template_id, version, content, created_by, restores)
    values (:id, :version, cast(:content as jsonb), :by, :restores)
    returning id
"""

NEWEST_VERSION = """
    select id, version, content, restores from template_version where template_id = :id order by version desc limit 1
"""

# A template, held until the transaction ends: two versions that come at once must not have one number.
TEMPLATE_TO_CHANGE = """
    select p.id, p.name, p.team_id, t.path as team, p.file_hash
    from template p join team t on t.id = p.team_id
    where p.id = :id
    for update of p
"""

# Templates of some teams and of those below them, and of those above where that is wanted, by their full names, each with the version in force and how many feeds send it.
TEMPLATES = f"""
    select p.id, t.path as team, p.team_id, p.name, g.name as category, g.kind, v.id as version_id, v.version,
        v.content, v.created_at, v.created_by, v.restores,
        (select count(*) from (select from feed f where f.template_id = p.id and f.active limit 100) found) as feeds
    from template p
    join team t on t.id = p.team_id
    join category g on g.id = p.category_id
    join lateral (
        select id, version, content, created_at, created_by, restores from template_version
        where template_id = p.id
        order by version desc
        limit 1
    ) v on true
    where (p.team_id in ({TEAMS_AT_OR_BELOW}) or :and_above and exists (
            select from unnest(cast(:teams as text[])) as lower_team(path) where starts_with(lower_team.path, t.path || '.')))
      and (cast(:id as integer) is null or p.id = :id)
      and (cast(:team as text) is null or t.path = :team or starts_with(t.path, :team || '.'))
      and (cast(:category as text) is null or g.name = :category)
      and (cast(:search as text) is null or strpos(lower(p.name || ' ' || g.name), :search) > 0)
      and (cast(:after_name as text) is null or (t.path || '/' || p.name, p.id) > (:after_name, :after_id))
    order by t.path || '/' || p.name, p.id
    limit :limit
"""  # noqa: S608 - the part is a constant

# The versions of a template, the newest first.
VERSIONS = """
    select id, version, created_at, created_by, restores
    from template_version
    where template_id = :id and (cast(:before as integer) is null or version < :before)
    order by version desc
    limit :limit
"""

VERSION_CONTENT = "select content from template_version where template_id = :id and version = :version"
