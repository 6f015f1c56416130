"""The room's SQL. A team's path names it from the top (``acme.billing``): ``acme`` is above it, ``acme.billing.north`` below."""

from __future__ import annotations

AT_OR_BELOW = "({lower} = {upper} or starts_with({lower}, {upper} || '.'))"
"""Whether the team at path ``lower`` is the one at ``upper`` or below it; to be filled with SQL expressions."""

# The teams at or below some paths, to be used as `team_id in (...)`; the empty path stands for all teams.
TEAMS_AT_OR_BELOW = """
    select t.id from team t join unnest(cast(:teams as text[])) as upper_team(path)
        on upper_team.path = '' or t.path = upper_team.path or starts_with(t.path, upper_team.path || '.')
"""

# Whether some paths cover the deployment as a whole: all teams, or the one team at the top.
COVERS_DEPLOYMENT = """
    ('' = any(cast(:teams as text[])) or (select case when count(*) = 1 then min(path) end
        from (select path from team where strpos(path, '.') = 0 limit 2) tops) = any(cast(:teams as text[])))
"""

# The category that a team means by a name: its own, else that of the nearest team above it, else the one for all.
FIND_CATEGORY = f"""
    select g.id, g.name, g.kind, g.needs_consent, g.urgent
    from category g left join team t on t.id = g.team_id
    where g.name = :name and (g.team_id is null or {AT_OR_BELOW.format(lower="cast(:team as text)", upper="t.path")})
    order by length(t.path) desc nulls last
    limit 1
"""  # noqa: S608

# The names of the categories of a team, of those above it and of those below it; of all teams without one.
CATEGORY_NAMES = f"""
    select distinct g.name
    from category g left join team t on t.id = g.team_id
    where cast(:team as text) is null or t.id is null
        or {AT_OR_BELOW.format(lower="cast(:team as text)", upper="t.path")}
        or {AT_OR_BELOW.format(lower="t.path", upper="cast(:team as text)")}
    order by g.name
    limit 500
"""  # noqa: S608

# What a team's settings state under a name: its own, else those of the nearest team above it that states it.
STATED_ABOVE = f"""
    select t.settings -> :name
    from team t
    where {AT_OR_BELOW.format(lower="cast(:team as text)", upper="t.path")} and t.settings ->> :name is not null
    order by length(t.path) desc
    limit 1
"""  # noqa: S608

# What a team and each above it forbid their campaigns.
AUDIENCE_RULES_ABOVE = f"""
    select t.id, t.path, t.settings -> 'audience' as audience
    from team t
    where {AT_OR_BELOW.format(lower="cast(:team as text)", upper="t.path")} and t.settings ->> 'audience' is not null
    order by length(t.path)
"""  # noqa: S608

# What a team and each above it demand of approvals.
FOUR_EYES_ABOVE = f"""
    select t.path, t.settings -> 'four_eyes' as four_eyes
    from team t
    where {AT_OR_BELOW.format(lower="cast(:team as text)", upper="t.path")} and t.settings ->> 'four_eyes' is not null
    order by length(t.path)
"""  # noqa: S608

# The active feeds with the names of their team, template and category; further conditions follow.
FEEDS = """
    select f.id, f.name, f.team_id, t.path as team, t.country as team_country, t.time_zone, f.template_id,
        p.name as template, p.category_id, g.name as category, f.sftp_server_id, f.folder, f.default_country, f.settings,
        f.schedule
    from feed f join team t on t.id = f.team_id left join template p on p.id = f.template_id
        left join category g on g.id = p.category_id
    where f.active
"""

# How feeds are called: team.path/name.
FEED_NAMES = f"""
    select t.path || '/' || f.name
    from feed f join team t on t.id = f.team_id
    where f.active and (cast(:team as text) is null or {AT_OR_BELOW.format(lower="t.path", upper="cast(:team as text)")})
    order by 1
    limit 20
"""  # noqa: S608

# A page of the active feeds of a team and of those below it, each with the newest version of its template.
FEEDS_AT_OR_BELOW = f"""
    select f.id, v.id as template_version
    from feed f join team t on t.id = f.team_id
        left join lateral (
            select id from template_version where template_id = f.template_id order by version desc limit 1
        ) v on true
    where f.active and {AT_OR_BELOW.format(lower="t.path", upper="cast(:team as text)")} and f.id > :after
    order by f.id
    limit :limit
"""  # noqa: S608

NEWEST_CONTENT = """
    select v.content
    from template p join team t on t.id = p.team_id join template_version v on v.template_id = p.id
    where p.name = :name and (cast(:team as text) is null or t.path = :team)
    order by v.id desc
    limit 1
"""

CONTENTS_IN_USE = """
    select distinct on (v.template_id) v.content
    from template_version v join feed f on f.template_id = v.template_id
    where f.active
    order by v.template_id, v.version desc
"""

# The senders of teams, the one of the name that is wanted first, then those of the nearest team; ``teams`` is in that order.
SENDERS_OF_TEAMS = """
    select name, address, display_name, reply_to, carrier_account_id, settings
    from sender
    where team_id = any(:teams) and channel = :channel and retired_at is null
    order by (name is not distinct from :wanted) desc, array_position(cast(:teams as integer[]), team_id), id
"""

ACCOUNTS_WITH_SENDER = """
    select distinct channel, carrier_account_id from sender where team_id = any(:teams) and retired_at is null
"""

FIND_SENT_FROM = """
    select id from sent_from where carrier_account_id = :account and address = :address and reply_to = :reply_to
"""
INSERT_SENT_FROM = """
    insert into sent_from (carrier_account_id, address, reply_to) values (:account, :address, :reply_to)
    on conflict do nothing
"""

# Whether an account a is the sandbox's.
IS_SANDBOX = "coalesce(a.settings ->> 'sandbox', '') = 'true'"

# Whether an account a counts: the sandbox's only beside no real one of its channel, since everybody knows its secrets.
STILL_COUNTS = f"""
    not ({IS_SANDBOX} and exists (
        select from carrier_account other
        where other.active and other.channel = a.channel and coalesce(other.settings ->> 'sandbox', '') <> 'true'))
"""

# The accounts a of a campaign c of a team t as ``routes_of_team`` finds them, with own for the sender: part of statements
# over many campaigns.
USABLE_ACCOUNTS = f"""
carrier_account a left join team o on o.id = a.team_id left join lateral (
    select n.address from sender n join team nt on nt.id = n.team_id
    where n.carrier_account_id = a.id and n.channel = a.channel and n.retired_at is null
    and (t.path = nt.path or starts_with(t.path, nt.path || '.'))
    order by (n.name is not distinct from c.settings #>> array['senders', a.channel]) desc, length(nt.path) desc, n.id
    limit 1
) own on true
where a.active and {STILL_COUNTS} and (o.id is null or t.path = o.path or starts_with(t.path, o.path || '.'))
and (own.address is not null or coalesce(a.settings ->> 'sender', '') <> '' and not exists (
    select from sender n join team nt on nt.id = n.team_id
    where n.channel = a.channel and n.retired_at is null and (t.path = nt.path or starts_with(t.path, nt.path || '.'))))
"""  # noqa: S608 - the part is a constant

# The suspensions s that stop such an account for the team: what follows "select ... from" in those statements.
SUSPENSIONS_OF_WAY = """
suspension s left join team st on st.id = s.team_id
where s.lifted_at is null and s.channel = a.channel
and (st.id is null or t.path = st.path or starts_with(t.path, st.path || '.'))
and (s.carrier_account_id is null or s.carrier_account_id = a.id)
and (s.sender is null or s.sender = own.address)
"""

# Teams t that have no sender of a channel, nor has any team above them: they send from what an account a states. A team
# that has such a sender below it counts only once it has sent: what is suppressed for it is for those below as well.
_WITHOUT_A_SENDER = f"""
    not exists (
        select from sender n join team nt on nt.id = n.team_id
        where n.channel = a.channel and n.retired_at is null and {AT_OR_BELOW.format(lower="t.path", upper="nt.path")})
    and (exists (select from campaign c where c.team_id = t.id) or not exists (
        select from sender n join team nt on nt.id = n.team_id
        where n.channel = a.channel and n.retired_at is null and starts_with(nt.path, t.path || '.')))
"""  # noqa: S608
_MAY_USE_ACCOUNT = f"(o.id is null or {AT_OR_BELOW.format(lower='t.path', upper='o.path')})"

# The teams that send from any of some addresses on a channel, over some accounts or any.
TEAMS_OF_SENDER = f"""
    select t.id, t.path
    from sender n join team t on t.id = n.team_id
    where n.channel = :channel and (lower(n.address) = any(:addresses) or lower(n.reply_to) = any(:addresses))
        and (cast(:accounts as integer[]) is null or n.carrier_account_id = any(:accounts))
    union
    select t.id, t.path
    from carrier_account a left join team o on o.id = a.team_id join team t on {_MAY_USE_ACCOUNT}
    where a.channel = :channel and (a.active or a.retired_at is not null) and lower(a.settings ->> 'sender') = any(:addresses)
        and (cast(:accounts as integer[]) is null or a.id = any(:accounts))
        and {_WITHOUT_A_SENDER}
"""  # noqa: S608

# The teams that send on a channel over any of some accounts.
TEAMS_OF_ACCOUNTS = f"""
    select t.id, t.path
    from sender n join team t on t.id = n.team_id
    where n.channel = :channel and n.carrier_account_id = any(:accounts)
    union
    select t.id, t.path
    from carrier_account a left join team o on o.id = a.team_id join team t on {_MAY_USE_ACCOUNT}
    where a.id = any(:accounts) and a.channel = :channel and coalesce(a.settings ->> 'sender', '') <> ''
        and {_WITHOUT_A_SENDER}
    union
    select o.id, o.path
    from carrier_account a join team o on o.id = a.team_id
    where a.id = any(:accounts) and a.channel = :channel and not exists (
        select from sender n where n.carrier_account_id = a.id)
"""  # noqa: S608

SANDBOX_ACCOUNTS = f"""
    select a.id, a.name, a.channel, a.active and {STILL_COUNTS} as on
    from carrier_account a
    where {IS_SANDBOX}
    order by a.name
"""  # noqa: S608

REAL_ACCOUNT_EXISTS = f"select exists (select from carrier_account a where a.active and not {IS_SANDBOX})"  # noqa: S608

_ACCOUNT_COLUMNS = (
    "a.id, a.team_id, a.name, a.carrier, a.channel, a.region, a.priority, a.settings, a.secret, a.webhook_secret"
)

ACTIVE_ACCOUNTS = f"""
    select {_ACCOUNT_COLUMNS}
    from carrier_account a
    where a.active and {STILL_COUNTS} and (cast(:channel as text) is null or a.channel = :channel)
    order by a.priority, a.id
"""  # noqa: S608

REPORTING_ACCOUNTS = f"""
    select {_ACCOUNT_COLUMNS}
    from carrier_account a
    where a.active and {STILL_COUNTS} or not {IS_SANDBOX} and a.retired_at > now() - cast(:reports_for as interval)
    order by a.priority, a.id
"""  # noqa: S608

_TEAM_IN_TREE = """
    select t.id, t.path, t.name, t.region, t.country, t.time_zone, t.currency, t.retention_days, t.created_at,
        (select count(*) from team b where b.parent_id = t.id) as below,
        (select count(*) from feed f where f.team_id = t.id and f.active) as feeds
    from team t
"""

TEAM_IN_TREE = f"{_TEAM_IN_TREE} where t.path = :path"

# The empty path stands for all teams: then those without one above.
TEAMS_OF_PATHS = f"""
    {_TEAM_IN_TREE}
    where (t.path = any(:seen) or ('' = any(:seen) and t.parent_id is null)) and t.path > :after
    order by t.path
    limit :limit
"""

TEAMS_NAMED = f"""
    {_TEAM_IN_TREE}
    where (strpos(lower(t.name), :wanted) > 0 or strpos(t.path, :wanted) > 0) and t.id in ({TEAMS_AT_OR_BELOW})
    order by t.path
    limit :limit
"""

TEAMS_BELOW = f"{_TEAM_IN_TREE} where t.parent_id = any(:parents) and t.path > :after order by t.path limit :limit"

# The newest version of the template of a name that is a team's own, or the nearest team's above.
NEWEST_VERSION_NAMED = """
    select v.id from template p join team t on t.id = p.team_id join template_version v on v.template_id = p.id
    where p.name = :name and (t.path = :team or starts_with(:team, t.path || '.'))
    order by length(t.path) desc, v.version desc limit 1
"""

TEMPLATE_NAMES = """
    select distinct p.name from template p join team t on t.id = p.team_id
    where t.path = :team or starts_with(:team, t.path || '.') order by 1 limit 20
"""
