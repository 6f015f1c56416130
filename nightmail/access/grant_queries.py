"""Statements about roles and grants. A team without a row (null) is the deployment as a whole, with the empty path."""

from __future__ import annotations

from nightmail.organisation.queries import AT_OR_BELOW, TEAMS_AT_OR_BELOW

_ROLE = """
    select r.id, coalesce(t.path, '') as team, r.name, r.title, r.description, r.permissions, r.ready_made
    from role r left join team t on t.id = r.team_id
"""
_OF_TEAM = f"(r.team_id is null or {AT_OR_BELOW.format(lower='cast(:team as text)', upper='t.path')})"

READY_MADE_ROLES = "select name, title, description, permissions from role where team_id is null and ready_made"

KEEP_READY_MADE = """
    insert into role as r (team_id, name, title, description, permissions, ready_made)
    values (null, :name, :title, :description, :permissions, true)
    on conflict (team_id, name) do update
    set title = excluded.title, description = excluded.description, permissions = excluded.permissions, ready_made = true
"""

FIND_ROLE = f"{_ROLE} where r.name = :name and {_OF_TEAM} order by length(t.path) desc nulls last limit 1"

ROLE_BY_ID = f"{_ROLE} where r.id = :id"

ROLES_FOR_TEAM = f"{_ROLE} where {_OF_TEAM} order by not r.ready_made, r.id * r.ready_made::int, r.name limit :limit"

_AT_TEAMS = f"""
    (r.team_id is null or exists (
        select from unnest(cast(:teams as text[])) as seen(path)
        where seen.path = '' or {AT_OR_BELOW.format(lower="t.path", upper="seen.path")}
            or {AT_OR_BELOW.format(lower="seen.path", upper="t.path")}))
"""

# Those of teams above, at and below some.
ROLES_AT = f"""
    {_ROLE} where {_AT_TEAMS}
    order by not r.ready_made, r.id * r.ready_made::int, lower(r.title), r.id
    limit :limit
"""

# The same of the teams that somebody sees; with how many people have each, as far as these teams go.
ROLES_SEEN = f"""
    select r.id, coalesce(t.path, '') as team, r.name, r.title, r.description, r.permissions, r.ready_made,
        (select count(distinct g.person_id) from role_grant g
            where g.role_id = r.id and (g.expires_at is null or g.expires_at > now())
                and ('' = any(cast(:teams as text[])) or g.team_id in ({TEAMS_AT_OR_BELOW}))) as people
    from role r left join team t on t.id = r.team_id
    where {_AT_TEAMS}
    order by not r.ready_made, r.id * r.ready_made::int, lower(r.title), r.id
    limit :limit
"""  # noqa: S608

INSERT_ROLE = """
    insert into role (team_id, name, title, description, permissions)
    values (:team, :name, :title, :description, :permissions)
    on conflict do nothing
    returning id
"""

CHANGE_ROLE = """
    update role set title = coalesce(:title, title), description = coalesce(:description, description),
        permissions = :permissions
    where id = :id
"""

REMOVE_ROLE = """
    delete from role r where r.id = :id and not exists (select from role_grant g where g.role_id = r.id) returning r.id
"""

_GRANT = """
    select g.id, g.person_id, p.email, p.name, p.state, g.role_id, r.name as role, r.title, r.permissions, r.ready_made,
        coalesce(t.path, '') as team, g.granted_by, g.granted_at, g.expires_at, g.origin, i.name as provider
    from role_grant g join person p on p.id = g.person_id join role r on r.id = g.role_id
        left join team t on t.id = g.team_id left join identity_provider i on i.id = g.provider_id
"""

GRANT_BY_ID = f"{_GRANT} where g.id = :id"

GRANTS_OF_PERSON = f"{_GRANT} where g.person_id = :person order by team, r.name limit 1000"

GRANTS_AT = f"""
    {_GRANT} where g.origin = :origin and {AT_OR_BELOW.format(lower="t.path", upper="cast(:team as text)")} order by g.id
"""

# What a person holds, by whatever origin: a provider takes away only what it gave.
GRANTS_OF_PROVIDER = f"{_GRANT} where g.person_id = :person"

# Given by a person, it stays theirs when a file or a provider wants it too.
GIVE_GRANT = """
    insert into role_grant as g (person_id, role_id, team_id, granted_by, expires_at, origin, provider_id)
    values (:person, :role, :team, :by, :expires, :origin, :provider)
    on conflict (person_id, role_id, team_id) do update
    set granted_by = excluded.granted_by, granted_at = now(), expires_at = excluded.expires_at,
        origin = case when g.origin = 'person' then g.origin else excluded.origin end,
        provider_id = case when g.origin = 'person' then g.provider_id else excluded.provider_id end
    returning g.id
"""

DELETE_GRANT = "delete from role_grant where id = :id returning id"

# What this version says of ready-made roles holds, whatever is stored.
_HAS_PERMISSION = """
    (case when r.ready_made then r.name = any(:ready) else cast(:permission as text) = any(r.permissions) end)
"""

# Who has a role, as far as it was given at the teams that somebody sees.
GRANTS_OF_ROLE = f"""
    {_GRANT}
    where g.role_id = :role and (g.expires_at is null or g.expires_at > now())
        and ('' = any(cast(:teams as text[])) or g.team_id in ({TEAMS_AT_OR_BELOW}))
        and (lower(p.name), g.id) > (cast(:name as text), cast(:grant as int))
    order by lower(p.name), g.id
    limit :limit
"""

WHO_CAN = f"""
    {_GRANT}
    where p.state = 'active' and (g.expires_at is null or g.expires_at > now()) and {_HAS_PERMISSION}
        and (g.team_id is null or {AT_OR_BELOW.format(lower="cast(:team as text)", upper="t.path")})
        and (lower(p.name), g.id) > (cast(:name as text), cast(:grant as int))
    order by lower(p.name), g.id
    limit :limit
"""

# At the top, by people who are active, for good.
ADMINISTERED = f"""
    select distinct coalesce(t.path, '') as team
    from role_grant g join person p on p.id = g.person_id join role r on r.id = g.role_id
        left join team t on t.id = g.team_id
    where p.state = 'active' and g.expires_at is null and {_HAS_PERMISSION} and t.parent_id is null
"""  # noqa: S608
