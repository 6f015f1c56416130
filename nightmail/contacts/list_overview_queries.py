"""The statements of segments and lists over teams: by name, and one by its number."""

from __future__ import annotations

from nightmail.organisation.queries import TEAMS_AT_OR_BELOW

_SEGMENT = """
    select s.id, s.team_id, t.path as team, s.name, s.description, s.rule, s.version, s.changed_at, s.changed_by
    from segment s join team t on t.id = s.team_id
"""
_LIST = """
    select s.id, s.team_id, t.path as team, s.name, s.description, s.version, s.changed_at, s.changed_by,
        (select count(*) from list_entry e where e.list_id = s.id and not e.excluded) as included,
        (select count(*) from list_entry e where e.list_id = s.id and e.excluded) as excluded
    from distribution_list s join team t on t.id = s.team_id
"""
_WANTED = """
    s.removed_at is null
        and (cast(:team as text) is null or t.path = :team or starts_with(t.path, :team || '.'))
        and (cast(:words as text) is null or strpos(lower(s.name), lower(:words)) > 0)
        and (lower(s.name), s.id) > (:after_name, :after_id)
    order by lower(s.name), s.id limit :limit
"""

SEGMENT = f"{_SEGMENT} where s.id = :id and s.removed_at is null"
SEGMENTS = f"{_SEGMENT} where s.team_id in ({TEAMS_AT_OR_BELOW}) and {_WANTED}"
LIST = f"{_LIST} where s.id = :id and s.removed_at is null"
LISTS = f"{_LIST} where s.team_id in ({TEAMS_AT_OR_BELOW}) and {_WANTED}"
