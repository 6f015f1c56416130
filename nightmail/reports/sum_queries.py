"""The queries of the sums that are kept of each day's delivery report, and of reading them."""

from __future__ import annotations

from nightmail.consent.suppressions import IS_ASKED_FOR
from nightmail.organisation.queries import TEAMS_AT_OR_BELOW

_MEASURES = (
    *("rows", "messages", "segments", "cost", "opened", "clicked", "answered"),
    *("timed", "within_10s", "within_1min", "within_10min", "within_1h"),
)
_SUMMED = ", ".join(f"sum({name}) as {name}" for name in _MEASURES)
_NAMES = ", ".join(_MEASURES)
_ALIKE = "channel, country, outcome, reason, currency"

# The first statement of who writes a day: it locks the day until the end of the transaction.
BEGIN_DAY = """
    insert into report_day (day, written_at, rows) values (:day, :at, :rows)
    on conflict (day) do update set written_at = excluded.written_at, rows = excluded.rows
"""

CAMPAIGNS_BY_KEY = "select id, key, team_id, feed_id from campaign where key = any(:keys)"

SUM_BY_FEED = f"""
    insert into report_by_feed (day, team_id, feed_id, {_ALIKE}, {_NAMES})
    select day, team_id, feed_id, {_ALIKE}, {_SUMMED}
    from report_by_campaign
    where day = :day
    group by day, team_id, feed_id, {_ALIKE}
"""  # noqa: S608 - the parts are constants

# What happened on a day beside messages: the rows of files whose campaigns were prepared on it, opt-outs, replies.
COUNT_DAY = f"""
    insert into report_count (day, team_id, feed_id, campaign_id, what, number)
    select cast(:day as date), c.team_id, c.feed_id, c.id, v.what, v.number
    from campaign c cross join lateral (values
        ('file_rows', (c.counts ->> 'rows')::bigint), ('rejects', (c.counts ->> 'rejects')::bigint),
        ('duplicates', (c.counts ->> 'duplicates')::bigint), ('contacts', (c.counts ->> 'contacts')::bigint)
    ) v(what, number)
    where c.loaded_at >= :start and c.loaded_at < :end and v.number > 0
    union all
    select cast(:day as date), s.team_id, c.feed_id, c.id, 'opt_outs', count(*)
    from suppression s left join campaign c on c.token = split_part(s.message_id, '-', 1)
    where s.created_at >= :start and s.created_at < :end and {IS_ASKED_FOR}
    group by s.team_id, c.feed_id, c.id
    union all
    select cast(:day as date), r.team_id, c.feed_id, c.id, 'replies', count(*)
    from reply r left join campaign c on c.id = r.campaign_id
    where r.received_at >= :start and r.received_at < :end
    group by r.team_id, c.feed_id, c.id
"""  # noqa: S608 - the parts are constants

DAYS_WRITTEN = "select day from report_day where day = any(cast(:days as date[]))"

_TEAMS_IN_COPY = TEAMS_AT_OR_BELOW.replace(":teams", "%(teams)s")

# Whose sums are read: of the days, of the teams that may be seen, and of what is asked for.
_WANTED = f"""
    day between :since and :until
    and (team_id in ({TEAMS_AT_OR_BELOW}) or (team_id is null and '' = any(cast(:teams as text[]))))
    and (cast(:feed as integer) is null or feed_id = :feed)
"""
_OF_CAMPAIGN = "and (cast(:campaign as integer) is null or campaign_id = :campaign)"

# What is asked for, by channel, country, reason and currency, and as a whole. ``part`` says by which. First everything is added up
# once, which leaves few rows; only those are grouped in each of the ways. Read from the sums by campaign where one is asked for.
_PARTS = f"""
    with alike as materialized (
        select {_ALIKE}, {_SUMMED}
        from {{table}}
        where {_WANTED} {{further}}
        group by {_ALIKE}
    )
    select
        case
            when grouping(channel) = 0 then 'channel'
            when grouping(country) = 0 then 'country'
            when grouping(reason) = 0 then 'reason'
            when grouping(currency) = 0 then 'currency'
            else 'all'
        end as part,
        outcome, channel, country, reason, currency, {_SUMMED}
    from alike
    group by grouping sets ((channel, outcome), (country, outcome), (reason, outcome), (currency), (outcome))
"""  # noqa: S608 - the parts are constants
PARTS_BY_FEED = _PARTS.format(table="report_by_feed", further="")
PARTS_BY_CAMPAIGN = _PARTS.format(table="report_by_campaign", further=_OF_CAMPAIGN)

# The same by day, feed and hour of hand-off, and the campaigns of most rows with how many campaigns there are. The names of
# teams, feeds and campaigns come to the few rows that are left.
WHEN_AND_WHOSE = f"""
    with found as materialized (
        select
            case
                when grouping(day) = 0 then 'day'
                when grouping(hour) = 0 then 'hour'
                when grouping(team_id) = 0 then 'feed'
                else 'campaign'
            end as part,
            day, hour, team_id, feed_id, campaign_id, outcome, sum(rows) as rows
        from report_by_hour
        where {_WANTED} {_OF_CAMPAIGN}
        group by grouping sets ((day, outcome), (hour, outcome), (team_id, feed_id, outcome), (campaign_id, outcome))
    ), largest as (
        select campaign_id, count(*) over () as campaigns
        from found
        where part = 'campaign'
        group by campaign_id
        order by sum(rows) desc, campaign_id
        limit :campaigns
    )
    select s.part, s.outcome, s.rows, s.day, s.hour, t.path as team, f.name as feed, c.key as campaign, l.campaigns
    from found s left join team t on t.id = s.team_id left join feed f on f.id = s.feed_id
        left join largest l on l.campaign_id = s.campaign_id left join campaign c on c.id = l.campaign_id
    where s.part <> 'campaign' or l.campaign_id is not null
"""  # noqa: S608 - the parts are constants

# What was counted beside messages, on the days from ``begins`` and on those before; and when the last day was written.
COUNTS = f"""
    select what, day < :begins as is_before, sum(number) as number, null as written_at
    from report_count
    where {_WANTED} {_OF_CAMPAIGN}
    group by what, is_before
    union all
    select 'written', false, null, (select written_at from report_day where day <= :until order by day desc limit 1)
"""  # noqa: S608 - the parts are constants

# The figures of the days before, with which a period is compared.
_TOTALS = f"""
    select outcome, currency, {_SUMMED}
    from {{table}}
    where {_WANTED} {{further}}
    group by outcome, currency
"""  # noqa: S608 - the parts are constants
TOTALS_BY_FEED = _TOTALS.format(table="report_by_feed", further="")
TOTALS_BY_CAMPAIGN = _TOTALS.format(table="report_by_campaign", further=_OF_CAMPAIGN)

# The sums themselves, as analysts take them along. It goes by COPY: parameters are psycopg's.
SUM_ROWS = f"""
    select s.day as day, t.path as team, f.name as feed, c.key as campaign, s.channel as channel, s.country as country,
        s.outcome as outcome, s.reason as reason, s.currency as currency, {", ".join(f"s.{name} as {name}" for name in _MEASURES)}
    from report_by_campaign s join team t on t.id = s.team_id join campaign c on c.id = s.campaign_id
        left join feed f on f.id = s.feed_id
    where s.day between %(since)s and %(until)s
        and s.team_id in ({_TEAMS_IN_COPY})
        and (%(feed)s::integer is null or s.feed_id = %(feed)s)
        and (%(campaign)s::integer is null or s.campaign_id = %(campaign)s)
    order by s.day, t.path, f.name, c.id, s.id
"""  # noqa: S608 - the parts are constants

# What a filter names, if it is within the teams that may be seen.
FIND_NAMED = f"""
    select
        (select t.path from team t where t.path = :team and t.id in ({TEAMS_AT_OR_BELOW})) as team,
        (select f.id from feed f join team t on t.id = f.team_id
            where t.path || '/' || f.name = :feed and t.id in ({TEAMS_AT_OR_BELOW}) order by f.active desc, f.id limit 1) as feed,
        (select c.id from campaign c where c.key = :campaign and c.team_id in ({TEAMS_AT_OR_BELOW})) as campaign
"""  # noqa: S608 - the parts are constants
