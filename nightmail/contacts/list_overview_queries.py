"""The statements of segments and lists over teams: by name, and one by its number."""

from __future__ import annotations

from nightmail.contacts.list_queries import ENTRIES_OF
from nightmail.organisation.queries import AT_OR_BELOW, TEAMS_AT_OR_BELOW

_SEGMENT = """
    select s.id, s.team_id, t.path as team, s.name, s.description, s.rule, s.version, s.changed_at, s.changed_by
    from segment s join team t on t.id = s.team_id
"""
_LIST = """
    select s.id, s.team_id, t.path as team, s.name, s.description, s.version, s.changed_at, s.changed_by,
        {more}
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
_CHANGED_BY_NAME = """
    (select p.name from person p where p.id = cast(substring(s.changed_by from '^person:([0-9]{1,9})$') as integer))
        as changed_by_name,
"""
_ENTRIES = f"""
    (select coalesce(jsonb_agg(to_jsonb(e) order by e.id), '[]') from ({ENTRIES_OF.format(list="s.id")}) e) as entries,
"""  # noqa: S608 - the part is a constant

# One list with who changed it last, and its first entries.
LIST = f"{_LIST.format(more=_CHANGED_BY_NAME + _ENTRIES)} where s.id = :id and s.removed_at is null"
LISTS = f"{_LIST.format(more='')} where s.team_id in ({TEAMS_AT_OR_BELOW}) and {_WANTED}"

# Lists and segments that somebody may send to: of the teams that may send a template, and those that the sending team is shared.
SOURCES = f"""
    select s.kind, s.id, t.path as team, s.name, s.description,
        s.team_id in ({TEAMS_AT_OR_BELOW}) and {AT_OR_BELOW.format(lower="t.path", upper="cast(:upper as text)")} as sends_itself
    from (
        select 'list' as kind, id, team_id, name, description from distribution_list where removed_at is null
        union all
        select 'segment', id, team_id, name, description from segment where removed_at is null
    ) s
    join team t on t.id = s.team_id
    where s.team_id in ({TEAMS_AT_OR_BELOW}) and {AT_OR_BELOW.format(lower="t.path", upper="cast(:upper as text)")}
        or t.path = :sender
        or starts_with(cast(:sender as text), t.path || '.') and t.settings ->> 'shares_contacts' = 'true'
    order by s.kind, lower(s.name), s.id limit :limit
"""  # noqa: S608 - the parts are constants
