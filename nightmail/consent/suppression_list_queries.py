"""The statements of lists of suppressions over many addresses."""

from __future__ import annotations

from nightmail.organisation.queries import AT_OR_BELOW, TEAMS_AT_OR_BELOW

_COLUMNS = """
    s.id, t.path as team, s.channel, s.category, s.reason, s.source, s.message_id, c.key as campaign,
    ct.path as campaign_team, s.created_at, s.address_hash, s.why
"""
_NAMES = """
    left join team t on t.id = s.team_id
    left join campaign c on c.token = split_part(s.message_id, '-', 1) left join team ct on ct.id = c.team_id
"""
_CHOSEN = """
    s.lifted_at is null
    and (cast(:channel as text) is null or s.channel = :channel)
    and (cast(:reason as text) is null or s.reason = :reason)
    and (cast(:hash as bytea) is null or s.address_hash = :hash)
    and (cast(:since as timestamptz) is null or s.created_at >= :since)
    and (cast(:until as timestamptz) is null or s.created_at < :until)
    and (cast(:at as timestamptz) is null or (s.created_at, s.id) < (:at, :after))
"""
_NEWEST_FIRST = "order by s.created_at desc, s.id desc limit :limit"

# Of all teams: the index by time is followed from the newest on.
LIST_OF_ALL = f"""
select {_COLUMNS}
from (select * from suppression s where {_CHOSEN} {_NEWEST_FIRST}) s {_NAMES}
order by s.created_at desc, s.id desc
"""  # noqa: S608 - the parts are constants

# Of some teams: the newest of each team by its own index, and of those for all; then the newest of these.
LIST_OF_TEAMS = f"""
select {_COLUMNS}
from (
    select n.* from (
        select o.id from team o where o.id in ({TEAMS_AT_OR_BELOW})
            and (cast(:team as text) is null or {AT_OR_BELOW.format(lower="o.path", upper="cast(:team as text)")})
        union
        select o.id from team o join unnest(cast(:teams as text[])) as own(path) on starts_with(own.path, o.path || '.')
        where cast(:team as text) is null
    ) u cross join lateral (select * from suppression s where s.team_id = u.id and {_CHOSEN} {_NEWEST_FIRST}) n
    union all
    (select * from suppression s where s.team_id is null and cast(:team as text) is null and {_CHOSEN} {_NEWEST_FIRST})
    order by created_at desc, id desc limit :limit
) s {_NAMES}
order by s.created_at desc, s.id desc
"""  # noqa: S608 - the parts are constants

# One that is in force, of the teams that somebody sees, of those above them, or for all.
SEEN_SUPPRESSION = f"""
select {_COLUMNS}
from suppression s {_NAMES}
where s.id = :id and s.lifted_at is null and (
    s.team_id is null or s.team_id in ({TEAMS_AT_OR_BELOW})
    or exists (select from unnest(cast(:teams as text[])) as own(path) where starts_with(own.path, t.path || '.')))
"""  # noqa: S608 - the parts are constants

# The same where it was lifted: by whom and why.
LIFTED_SUPPRESSION = f"""
select s.lifted_at, s.lifted_by, s.lifted_why
from suppression s left join team t on t.id = s.team_id
where s.id = :id and s.lifted_at is not null and (
    s.team_id is null or s.team_id in ({TEAMS_AT_OR_BELOW})
    or exists (select from unnest(cast(:teams as text[])) as own(path) where starts_with(own.path, t.path || '.')))
"""  # noqa: S608 - the parts are constants
