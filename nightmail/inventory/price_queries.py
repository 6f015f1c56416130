"""The queries about prices, categories and teams' settings. ``:organisations`` are the tops of the teams that are seen."""

from __future__ import annotations

from nightmail.organisation.queries import TEAMS_AT_OR_BELOW

TEAMS_SEEN = TEAMS_AT_OR_BELOW.replace(":teams", ":seen")

# A price belongs to no team: it is seen by who sees prices in the organisation whose file named it, and with the deployment as a
# whole; one that no file named, where there is one organisation alone.
PRICE_IS_SEEN = """
    ('' = any(cast(:organisations as text[])) or p.provisioned_by = any(cast(:organisations as text[]))
        or p.provisioned_by is null and (select count(*) from team where parent_id is null) = 1)
"""

# Each price, with whether it holds today: of its carrier, channel and country the one that began last.
_PRICES = f"""
    select p.id, p.carrier, p.channel, p.country, p.amount, p.currency, p.effective_from, p.provisioned_by,
        case when p.effective_from > current_date then 'coming'
            when exists (select from price later
                where later.carrier = p.carrier and later.channel = p.channel
                    and later.country is not distinct from p.country
                    and later.effective_from > p.effective_from and later.effective_from <= current_date) then 'past'
            else 'now' end as holds
    from price p
    where {PRICE_IS_SEEN}
        and (cast(:carrier as text) is null or p.carrier = :carrier)
        and (cast(:channel as text) is null or p.channel = :channel)
        and (cast(:country as text) is null or p.country is not distinct from nullif(:country, '*'))
"""  # noqa: S608

# A page of the prices that are seen, by carrier, channel, country (the price for all others first) and the newest first.
PRICES = f"""
    select * from ({_PRICES}) priced
    where (:all or holds <> 'past')
        and (cast(:after as text) is null
            or (carrier || ' ' || channel || ' ' || coalesce(country, '') || ' ' || to_char(99999999
                - to_char(effective_from, 'YYYYMMDD')::integer, 'FM00000000')) > :after)
    order by carrier || ' ' || channel || ' ' || coalesce(country, '') || ' ' || to_char(99999999
        - to_char(effective_from, 'YYYYMMDD')::integer, 'FM00000000')
    limit :limit
"""  # noqa: S608

# What each carrier has prices for today: whether for all countries, and for which ones of their own.
PRICED_COUNTRIES = f"""
    select p.carrier, p.channel, bool_or(p.country is null) as for_all,
        coalesce(array_agg(distinct p.country) filter (where p.country is not null), '{{}}') as countries,
        array_agg(distinct p.currency) as currencies, min(p.effective_from) as since, max(p.effective_from) as changed
    from price p
    where {PRICE_IS_SEEN} and p.effective_from <= current_date
    group by p.carrier, p.channel
    order by p.carrier, p.channel
    limit 200
"""  # noqa: S608

# The carriers and channels of the active accounts of the sight.
PRICES_NEEDED = """
    select distinct a.carrier, a.channel
    from carrier_account a left join team t on t.id = a.team_id
    where a.active and exists (select from unnest(cast(:organisations as text[])) as top_team(path)
        where top_team.path = '' or coalesce(t.path, a.provisioned_by) = top_team.path
            or starts_with(coalesce(t.path, a.provisioned_by), top_team.path || '.'))
    order by a.carrier, a.channel
    limit 200
"""

# The categories of the teams that are seen, and those for all teams; with the templates of these teams that name each.
CATEGORIES = f"""
    select g.id, g.name, t.path as team, g.kind, g.needs_consent, g.urgent, g.resend_if_absent,
        (select count(*) from template p where p.category_id = g.id and p.team_id in ({TEAMS_SEEN})) as templates
    from category g left join team t on t.id = g.team_id
    where (g.team_id is null or g.team_id in ({TEAMS_SEEN}))
        and (cast(:kind as text) is null or g.kind = :kind)
        and (cast(:after_name as text) is null or (g.name, g.id) > (:after_name, :after_id))
    order by g.name, g.id
    limit :limit
"""  # noqa: S608

_TEAM_COLUMNS = """
    t.id, t.path, t.name, t.region, t.country, t.time_zone, t.currency, t.retention_days, t.settings
"""

# A page of the teams that are seen, by path; ``:stating`` leaves those that state settings of their own.
TEAMS = f"""
    select {_TEAM_COLUMNS}
    from team t
    where t.id in ({TEAMS_SEEN}) and (not :stating or t.settings <> '{{}}'::jsonb)
        and (cast(:after as text) is null or t.path > :after)
    order by t.path
    limit :limit
"""  # noqa: S608

# A team with those above it, the topmost first.
TEAM_WITH_UPPER = f"""
    select {_TEAM_COLUMNS}
    from team t
    where t.path = any(cast(:paths as text[]))
    order by length(t.path)
"""  # noqa: S608
