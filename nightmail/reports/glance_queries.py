"""The statements of what stands at a glance: each bounded, none over the ledger's rows."""

from __future__ import annotations

from nightmail.campaigns.queries import COUNT_OPEN_ALERTS
from nightmail.conversations.reply_list_queries import COUNT_UNDECIDED
from nightmail.organisation.queries import TEAMS_AT_OR_BELOW
from nightmail.sending.doubt_queries import COUNT_CAMPAIGNS_IN_DOUBT

_SEEN = f"c.team_id in ({TEAMS_AT_OR_BELOW})"

# The numbers of a glance, each with what it counts: today's UTC date as a row of its own, campaigns in each state that is not over or was stopped within a day,
# those that end late, messages in doubt of campaigns that are or were lately under way (at most a thousand of each), rows of
# the delivery reports of some days by what became of them, and the replies that came.
NUMBERS = f"""
    select 'today' as what, '' as name, (now() at time zone 'UTC')::date as day, 0::numeric as number, null::int as campaign_id
    union all
    select 'state', c.state, null, count(*), null
    from campaign c
    where (c.state in ('received', 'checking', 'awaiting_approval', 'ready', 'scheduled', 'sending', 'paused')
        or c.state = 'stopped' and c.state_changed_at > now() - interval '24 hours') and {_SEEN}
    group by c.state
    union all
    select 'late', '', null, count(*), null
    from campaign c
    where c.state in ('scheduled', 'sending') and (c.counts ->> 'late')::boolean and {_SEEN}
    union all
    select 'in_doubt', '', null, coalesce(sum(d.found), 0), null
    from (
        select c.id, c.ledger_month from campaign c
        where c.ledger_month is not null and {_SEEN} and (c.state in ('sending', 'paused')
            or c.state in ('finished', 'cancelled') and c.state_changed_at > now() - interval '7 days')
        order by c.id desc limit 1000
    ) seen cross join lateral (
        select count(*) as found from (
            select from message m
            where m.ledger_month = seen.ledger_month and m.campaign_id = seen.id and m.state = 'in_doubt' limit 1000
        ) doubtful
    ) d
    union all
    select 'day', r.outcome, r.day, sum(r.rows), null
    from report_by_feed r
    where r.day > (now() at time zone 'UTC')::date - cast(:days as int) and r.team_id in ({TEAMS_AT_OR_BELOW})
    group by r.day, r.outcome
    union all
    select 'replies', '', r.day, sum(r.number), null
    from report_count r
    where r.day > (now() at time zone 'UTC')::date - cast(:days as int) and r.what = 'replies' and (r.team_id in ({TEAMS_AT_OR_BELOW})
        or r.team_id is null and '' = any(cast(:teams as text[])))
    group by r.day
    union all
    select 'progress', n.state, null, sum(n.messages), n.campaign_id
    from campaign_tally n
    where n.campaign_id = any(cast(:loaded as int[]))
    group by n.campaign_id, n.state having sum(n.messages) <> 0
    union all
    select 'ended', n.delivery, null, sum(n.messages), n.campaign_id
    from campaign_tally n
    where n.campaign_id = any(cast(:loaded as int[])) and n.state = 'accepted' and n.delivery = any(cast(:ends as text[]))
    group by n.campaign_id, n.delivery
    union all
    (select 'cost', n.currency, null, sum(n.cost), n.campaign_id
    from campaign_tally n
    where n.campaign_id = any(cast(:loaded as int[])) and n.state = 'accepted' and n.currency is not null
    group by n.campaign_id, n.currency having sum(n.priced) > 0
    order by n.campaign_id, n.currency)
    union all
    select 'pace', '', null, count(*), handed.campaign_id
    from (
        select m.campaign_id from message m
        where m.handed_off_at > now() - make_interval(secs => :seconds) and m.campaign_id = any(cast(:sending as int[])) limit :most
    ) handed
    group by handed.campaign_id
"""  # noqa: S608 - the part is a constant

# What messages go over, each kind of row under its name, in its order:
# - accounts that teams may use (those of all, their own, those of teams above them), with when their rate was last drawn on and
#   what they give away to others;
# - servers on which feeds of ``feed_teams`` are dropped, with the last file taken from each, and since when one does not answer;
# - suspensions in force.
WAYS = f"""
    (select 'account' as what, a.id, a.name, a.channel, a.carrier, u.path as team,
        coalesce(f.moved_percent, 0) as moved_percent, f.since,
        (select max(p.filled_at) from pace p where p.carrier_account_id = a.id) as used_at,
        (select max(p.blocked_until) from pace p where p.carrier_account_id = a.id and p.blocked_until > now()) as blocked_until,
        null::text as reason, null::int as team_id, null::int as carrier_account_id, null::text as sender, null::text as by,
        row_number() over (order by a.channel, a.priority desc, a.name) as place
    from carrier_account a left join failover f on f.carrier_account_id = a.id left join team u on u.id = a.team_id
    where a.active and (a.team_id is null or a.team_id in ({TEAMS_AT_OR_BELOW}) or exists (
        select from team own join team t on t.id = a.team_id
        where own.path = any(cast(:teams as text[])) and starts_with(own.path, t.path || '.')))
    order by place limit 100)
    union all
    (select 'server', s.id, s.name, null, null, null, null, a.since,
        (select max(r.archived_at) from received_file r
            where r.sftp_server_id = s.id and r.source = 'sftp' and r.archived_path is not null),
        null, a.message, null, null, null, null, row_number() over (order by s.name)
    from sftp_server s left join lateral (
        select at as since, message from alert where subject = :prefix || s.name and resolved_at is null order by id limit 1
    ) a on true
    where s.active and exists (select from feed where sftp_server_id = s.id and active and team_id in (
        {TEAMS_AT_OR_BELOW.replace(":teams", ":feed_teams")}))
    order by s.name limit 100)
    union all
    (select 'suspension', s.id, a.name, s.channel, null, t.path, null, s.since, null, null, s.reason, s.team_id,
        s.carrier_account_id, s.sender, s.by, row_number() over (order by s.since, s.id)
    from suspension s left join team t on t.id = s.team_id left join carrier_account a on a.id = s.carrier_account_id
    where s.lifted_at is null order by s.since, s.id limit 1000)
    order by what, place
"""  # noqa: S608 - the part is a constant

# Each count as its room asks for it, of teams of its own; and the first two teams that are below no other.
WAITING_COUNTS = f"""
select ({COUNT_OPEN_ALERTS.replace(":teams", ":alert_teams")}) as open_alerts,
    ({COUNT_CAMPAIGNS_IN_DOUBT.replace(":teams", ":doubt_teams").replace(":limit", ":campaigns")}) as campaigns_in_doubt,
    ({COUNT_UNDECIDED.replace(":teams", ":reply_teams")}) as undecided_replies,
    array(select path from team where strpos(path, '.') = 0 order by path limit 2) as tops
"""  # noqa: S608 - the parts are constants
