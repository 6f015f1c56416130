"""The statements of this room."""

from __future__ import annotations

from nightmail.message_ids import first_key_in_sql
from nightmail.organisation.queries import (
    AT_OR_BELOW,
    COVERS_DEPLOYMENT,
    SUSPENSIONS_OF_WAY,
    TEAMS_AT_OR_BELOW,
    USABLE_ACCOUNTS,
)

# --- Campaigns ---

_CAMPAIGN_COLUMNS = """
    c.id, c.key, c.token, c.team_id, t.path as team, c.feed_id, f.name as feed, c.template_version_id, c.category_id,
    g.name as category, coalesce((c.settings ->> 'needs_consent')::boolean, g.needs_consent) as needs_consent,
    g.resend_if_absent, c.state, c.source, c.priority,
    c.settings, c.counts, c.problem, c.scheduled_at, c.local_start, c.held_until, c.schedule_time, c.cut_off_at, c.accepts_until, c.prepare_attempts, c.run_id,
    c.ledger_month, c.loaded_at, c.first_hand_off_at, c.finished_at, c.sends_written_at, c.ledger_changed_at,
    c.created_at, c.state_changed_at
"""

# The columns of CampaignRow; a where clause follows, over the campaign c, its team t, category g and feed f.
CAMPAIGNS = f"""
select {_CAMPAIGN_COLUMNS}
from campaign c join team t on t.id = c.team_id join category g on g.id = c.category_id
left join feed f on f.id = c.feed_id
"""  # noqa: S608 - the part is a constant

# The names of active feeds of teams and of those below them.
FEEDS_WITH_CAMPAIGNS = f"""
select distinct name from feed where active and team_id in ({TEAMS_AT_OR_BELOW}) order by name limit :limit
"""  # noqa: S608 - the part is a constant

# A campaign that continues another waits until it is known whom that one has.
CAMPAIGNS_TO_PREPARE = f"""
{CAMPAIGNS}
where c.state = 'received' and (c.accepts_until is null or c.accepts_until <= now())
    and not exists (select from campaign e where e.id = c.continues_id and e.state in ('received', 'checking'))
order by c.priority, c.id limit :limit
"""

# Ended campaigns do not wait for the interval: their last state is what people look at.
SENDS_TO_WRITE = f"""
{CAMPAIGNS}
where c.loaded_at is not null and c.ledger_changed_at > coalesce(c.sends_written_at, '-infinity')
    and (c.sends_written_at is null or c.state in ('finished', 'cancelled')
        or c.sends_written_at < now() - make_interval(secs => :interval))
order by c.ledger_changed_at limit :limit
"""

# What a new campaign's key and priority are made of.
OWNER_OF_NEW_CAMPAIGN = """
select t.path as team, t.region, f.name as feed, g.urgent, now() as now
from team t join category g on g.id = :category left join feed f on f.id = :feed
where t.id = :team
"""

# No row when the key or the token is taken: another is tried.
INSERT_CAMPAIGN = """
insert into campaign (key, token, team_id, feed_id, template_version_id, category_id, source, priority,
    settings, scheduled_at, local_start, start_stated, schedule_time, cut_off_at, accepts_until)
values (:key, :token, :team, :feed, :version, :category, :source, :priority,
    cast(:settings as jsonb), :scheduled, :local_start, :start_stated, :schedule_time, :cut_off, :accepts)
on conflict do nothing returning id
"""

# The problem of a stopped campaign stays when it is stopped again; any other state has the problem that it is given.
SET_STATE = """
update campaign set state = :to, ledger_changed_at = now(),
    problem = coalesce(cast(:problem as jsonb), case when :to = 'stopped' then problem end),
    finished_at = case when :to in ('finished', 'cancelled') then now() end
where id = :id
"""

# ``began_at`` is when the first message should have gone. A start by each recipient's clock is released for those who are
# farthest east, though nobody may be there.
SCHEDULED_AND_DUE = """
select c.id, coalesce(first_due.due_at, greatest(c.scheduled_at, c.held_until)) as began_at
from campaign c left join lateral (
    select min(m.due_at) as due_at from channel ch cross join lateral (
        select m.due_at from message m where m.ledger_month = c.ledger_month and m.campaign_id = c.id
            and m.channel = ch.name and m.state = 'queued' order by m.due_at limit 1) m
    where c.local_start is not null
) first_due on true
where c.state = 'scheduled' and coalesce(c.scheduled_at, now()) <= now() and coalesce(c.held_until, now()) <= now()
order by c.priority, c.id limit 1000 for update of c skip locked
"""

# The rows of a feed's last campaigns but corrections, which are short by nature: what is usual for the feed.
ROWS_OF_EARLIER = """
select (counts ->> 'rows')::bigint from campaign
where feed_id = :feed and id < :id and loaded_at is not null
    and not coalesce((counts ->> 'corrections')::boolean, false) and counts ? 'rows'
order by id desc limit :history
"""

# --- Messages of a campaign ---

COUNT_UNSENT = """
select coalesce(sum(messages) filter (where state in ('queued', 'standby')), 0)::bigint as waiting,
    coalesce(sum(messages) filter (where state = 'handing_over'), 0)::bigint as under_way
from campaign_tally where campaign_id = :id
"""

# The month of a campaign's ledger, and the last of its message keys, between which chunks are counted out.
LEDGER_OF_CAMPAIGN = """
select c.ledger_month as month, (
    select max(message_key) from message m
    where m.ledger_month = c.ledger_month and m.message_key between :first and :last) as last_key
from campaign c where c.id = :id
"""

# Rows that a sender holds are passed over: the sender decides about them.
END_UNSENT = """
with chosen as materialized (
    select message_key from message where ledger_month = :month and message_key between :first and :last
    and state in ('queued', 'standby') for update skip locked
)
update message m set state = :state, reason = :reason from chosen s
where m.ledger_month = :month and m.message_key = s.message_key
"""

# Messages that are due at a campaign's start.
BRING_FORWARD = """
update message set due_at = :moment
where ledger_month = :month and message_key between :first and :last and state = 'queued' and due_at = :before
"""

MESSAGE_COUNTS = """
select state, sum(messages)::bigint as messages from campaign_tally where campaign_id = :id
group by state having sum(messages) <> 0
"""

# The ways of a campaign's channels, each with the suspensions that stop it: of the channels that are given, else of those with
# messages that wait. With what the nearest team that states it does when a channel is suspended.
WAYS_OF_CHANNELS = f"""
select ch.name as channel, w.settings -> 'when_suspended' as when_suspended, usable.stopped_by
from campaign c join team t on t.id = c.team_id cross join channel ch
left join lateral (
    select n.settings from team n
    where n.settings ->> 'when_suspended' is not null and {AT_OR_BELOW.format(lower="t.path", upper="n.path")}
    order by length(n.path) desc limit 1) w on true
cross join lateral (
    select array(select s.id from {SUSPENSIONS_OF_WAY}) as stopped_by
    from {USABLE_ACCOUNTS} and a.channel = ch.name) usable
where c.id = :id and case when cast(:channels as text[]) is null then coalesce((
        select true from message m where m.ledger_month = c.ledger_month and m.campaign_id = c.id
        and m.channel = ch.name and m.state = 'queued' order by m.due_at limit 1), false)
    else ch.name = any(cast(:channels as text[])) end
order by ch.name
"""  # noqa: S608 - the parts are constants

MAKER_OF_CAMPAIGN = "select actor from audit where object = :key and action = 'campaign.created' order by id limit 1"

# --- Suspensions ---

_SUSPENSION_COLUMNS = 'id, channel, team_id, carrier_account_id, sender, reason, "by", since'

# A suspension in force of exactly this channel, team, account and sender.
FIND_SUSPENSION = f"""
select {_SUSPENSION_COLUMNS} from suspension
where lifted_at is null and channel = :channel and team_id is not distinct from :team
    and carrier_account_id is not distinct from :account and sender is not distinct from :sender
"""  # noqa: S608 - the part is a constant

INSERT_SUSPENSION = f"""
insert into suspension (channel, team_id, carrier_account_id, sender, reason, "by")
values (:channel, :team, :account, :sender, :reason, :by) returning {_SUSPENSION_COLUMNS}
"""  # noqa: S608 - the part is a constant

LIFT_SUSPENSION = """
update suspension set lifted_at = now(), lifted_by = :by, lifted_why = :why
where id = :id and lifted_at is null returning channel, team_id
"""

SUSPENSIONS = """
select s.id, s.channel, s.team_id, s.carrier_account_id, s.sender, s.reason, s.by, s.since,
    t.path as team, a.name as carrier_account
from suspension s left join team t on t.id = s.team_id left join carrier_account a on a.id = s.carrier_account_id
where s.lifted_at is null order by s.since limit 1000
"""

# Queued messages of a channel, of a team and the teams below it.
MESSAGES_WAITING = """
select coalesce(sum((select sum(messages) from campaign_tally n
    where n.campaign_id = c.id and n.state = 'queued' and n.channel = :channel)), 0)::bigint
from campaign c join team t on t.id = c.team_id left join team o on o.id = :team
where c.state in ('sending', 'scheduled', 'paused')
    and (o.id is null or t.path = o.path or starts_with(t.path, o.path || '.'))
"""

# --- Alerts ---

# The columns of AlertRow; a where clause follows.
ALERTS = """
select a.id, a.reason, a.subject, a.message, a.at as since, a.last_at, a.times, t.path as team, c.key as campaign,
    a.resolved_at as closed_at, a.closed_by, a.closed_why
from alert a left join team t on t.id = a.team_id left join campaign c on c.id = a.campaign_id
"""

# Those of the teams that somebody sees, and those of no team where they see these too.
_ALERT_SEEN = f"(a.team_id in ({TEAMS_AT_OR_BELOW}) or a.team_id is null and :and_of_all)"

VISIBLE_ALERTS = f"{ALERTS} where a.id = any(cast(:ids as bigint[])) and {_ALERT_SEEN} order by a.id"

LIST_ALERTS = f"""
{ALERTS}
where (:closed or a.resolved_at is null) and (:opened or a.resolved_at is not null)
    and (cast(:before as bigint) is null or a.id < :before) and {_ALERT_SEEN}
    and (cast(:team as text) is null or {AT_OR_BELOW.format(lower="t.path", upper="cast(:team as text)")}
        or :and_of_all and t.id is null)
    and (cast(:reason as text) is null or a.reason = :reason)
order by a.id desc limit :limit
"""

COUNT_OPEN_ALERTS = f"""
select count(*) from (
    select from alert a where a.resolved_at is null
        and (a.team_id in ({TEAMS_AT_OR_BELOW}) or a.team_id is null and {COVERS_DEPLOYMENT})
    limit :limit) open
"""  # noqa: S608 - the part is a constant

CLOSE_ALERT = """
update alert set resolved_at = now(), closed_by = :by, closed_why = :why
where id = :id and resolved_at is null returning reason, team_id
"""

RAISE_ALERT = """
insert into alert (reason, subject, message, team_id, campaign_id)
values (:reason, :subject, :message, :team, :campaign)
on conflict (reason, subject) where resolved_at is null
do update set times = alert.times + 1, last_at = now(), message = excluded.message
where :again or alert.message <> excluded.message
"""

# Of open alerts only, of which there are few: each asks the indexes of its campaign and reads no messages.
END_SETTLED_ALERTS = """
update alert a set resolved_at = now() from campaign c
where a.resolved_at is null and c.id = a.campaign_id and (
    a.reason = 'cut_off_at_risk' and c.state in ('finished', 'cancelled', 'stopped')
    or a.reason in ('start_long_past', 'schedule_before_restore')
        and c.state not in ('checking', 'awaiting_approval')
    or a.reason = 'refused_alike' and c.state <> 'paused'
    or a.reason = 'in_doubt' and (select true from message m where m.ledger_month = c.ledger_month
        and m.campaign_id = c.id and m.state = 'in_doubt' order by m.campaign_id, m.state limit 1) is null)
"""

# Teams and channels with due messages that no carrier account may take, with one campaign of each as an example.
WITHOUT_A_ROUTE = f"""
select distinct on (t.id, ch.name) t.id as team_id, t.path as team, ch.name as channel, c.id as campaign_id
from campaign c join team t on t.id = c.team_id cross join channel ch
where c.state = 'sending' and c.ledger_month is not null and (c.cut_off_at is null or c.cut_off_at > now())
and not exists (select from {USABLE_ACCOUNTS} and a.channel = ch.name)
and (select true from message m where m.ledger_month = c.ledger_month and m.campaign_id = c.id
    and m.channel = ch.name and m.state = 'queued' and m.due_at <= now() order by m.due_at limit 1)
order by t.id, ch.name, c.id
"""  # noqa: S608 - the part is a constant

# What an approval is bound to, of all messages of a campaign's ledger. A row as text keeps its columns apart.
BOUND_MESSAGES = """
select count(*) as messages, count(distinct m.contact_id) as contacts, coalesce(sum(m.segments), 0) as segments,
    encode(sha256(coalesce(string_agg(sha256(convert_to(
        row(m.message_key, m.channel, m.step, m.language, c.subject, c.body, c.html)::text, 'UTF8')),
        ''::bytea order by m.message_key), ''::bytea)), 'hex') as content,
    encode(sha256(coalesce(string_agg(sha256(convert_to(
        row(m.message_key, m.channel, m.step, m.contact_id, encode(m.address_hash, 'hex'), m.country, c.address)::text, 'UTF8')),
        ''::bytea order by m.message_key), ''::bytea)), 'hex') as audience
from message m left join message_content c on c.ledger_month = m.ledger_month and c.message_key = m.message_key
where m.ledger_month = :month and m.message_key between :first and :last
"""

BOUND_COSTS = """
select currency, coalesce(sum(cost), 0) as amount from message
where ledger_month = :month and message_key between :first and :last group by currency order by currency
"""

# Who is behind a campaign: its own entries, its messages', its template version's and, for a year, its feed's and its lists'.
AUTHORS = """
with c as (
    select c.*, t.path as team, f.name as feed, ft.path as feed_team, tv.version, tt.path || '/' || tp.name as template
    from campaign c join team t on t.id = c.team_id
    left join feed f on f.id = c.feed_id left join team ft on ft.id = f.team_id
    join template_version tv on tv.id = c.template_version_id
    join template tp on tp.id = tv.template_id join team tt on tt.id = tp.team_id
    where c.id = any(:ids)
)
select c.id as campaign, a.actor from c join audit a on a.object = c.key
where a.action in ('campaign.created', 'campaign.changed')
union
select s.campaign_id, s.asked_by from single_message s where s.campaign_id = any(:ids) and s.asked_by is not null
union
select c.id, a.actor from c join audit a on a.object = c.template
where a.action = 'template.stored' and (a.detail ->> 'version')::int = c.version
union
select c.id, a.actor from c
join audit a on a.object in (c.feed_team || '/' || c.feed, 'feed ' || c.feed_team || '/' || c.feed)
where (starts_with(a.action, 'feed.') or starts_with(a.action, 'provision.')) and a.at > c.created_at - interval '1 year' and a.at <= c.created_at
union
select c.id, a.actor from c join campaign_list s on s.campaign_id = c.id
cross join lateral (
    select 'list ' || (each ->> 'id') as object from jsonb_array_elements(s.definition -> 'lists') each
    union all select 'segment ' || (each ->> 'id') from jsonb_array_elements(s.definition -> 'segments') each) held
join audit a on a.object = held.object
where (starts_with(a.action, 'list.') or starts_with(a.action, 'segment.'))
  and a.at > c.created_at - interval '1 year' and a.at <= c.created_at
"""

MAKERS_OF_KEYS = (
    "select 'key:' || id as key, created_by as maker from api_key where id = any(:keys) and created_by <> ''"
)

# --- What a campaign's messages add up to ---

_TALLY_KEY = "campaign_id, channel, step, country, state, reason, delivery, currency"
_TALLY_SUMS = "messages, segments, priced, cost, opened, clicked, replied, call_seconds"
_COUNTED = f"""
select campaign_id, channel, step, country, state, reason, delivery,
    case when cost_charged is null then currency else cost_charged_currency end as currency,
    count(*) as messages, sum(segments) as segments, count(coalesce(cost_charged, cost)) as priced,
    coalesce(sum(coalesce(cost_charged, cost)), 0) as cost, count(opened_at) as opened, count(clicked_at) as clicked,
    count(replied_at) as replied, coalesce(sum(duration_s), 0) as call_seconds
from (select id, ledger_month from campaign where id = any(cast(:ids as int[]))) c
    join message m on m.ledger_month = c.ledger_month
        and m.message_key >= {first_key_in_sql("c.id")} and m.message_key < {first_key_in_sql("c.id + 1")}
group by 1, 2, 3, 4, 5, 6, 7, 8
"""  # noqa: S608 - the parts are constants
_KEPT = f"""
select {_TALLY_KEY}, {", ".join(f"sum({name}) as {name}" for name in _TALLY_SUMS.split(", "))}
from campaign_tally where campaign_id = any(cast(:ids as int[]))
group by {_TALLY_KEY} having {" or ".join(f"sum({name}) <> 0" for name in _TALLY_SUMS.split(", "))}
"""  # noqa: S608 - the parts are constants

# Of one statement, and so of one moment: what is changed beside it is in both or in neither.
TALLY_DIFFERENCES = f"""
with counted as materialized ({_COUNTED}), kept as materialized ({_KEPT}),
    different as (
        (select * from counted except select * from kept) union all (select * from kept except select * from counted))
select c.id as campaign_id, c.key as campaign,
    coalesce((select sum(messages) from counted n where n.campaign_id = c.id), 0)::bigint as messages,
    coalesce((select sum(messages) from kept k where k.campaign_id = c.id), 0)::bigint as counted
from campaign c where c.id in (select campaign_id from different)
order by c.id
"""  # noqa: S608

# Those whose month has not been taken by retention.
CAMPAIGNS_WITH_LEDGER = """
select id from campaign
where id > :after and ledger_month is not null and to_regclass('message_' || to_char(ledger_month, 'YYYY_MM')) is not null
order by id limit :limit
"""

# Messages are read on meanwhile; who would change them waits.
KEEP_OUT_CHANGES = "lock table message in share row exclusive mode"

CLEAR_TALLY = "delete from campaign_tally where campaign_id = :id"

COUNT_AGAIN = f"""
insert into campaign_tally ({_TALLY_KEY}, {_TALLY_SUMS}) {_COUNTED.replace("any(cast(:ids as int[]))", ":id")}
"""

# --- Budgets ---

# In the order of the teams: two that wait for each other would be a deadlock.
LOCK_BUDGETS = """
select pg_advisory_xact_lock(hashtext('nightmail.budget'), team) from (
    select distinct unnest(cast(:teams as int[])) as team order by team) as teams
"""

# The estimates of campaigns that start in a month of UTC and were let go, of a team and those below it.
SPENT_IN_MONTH = f"""
select cost.key as currency, sum(cast(cost.value as numeric)) as amount
from campaign c
join team t on t.id = c.team_id
cross join lateral (
    select * from jsonb_each_text(coalesce(c.counts #> '{{stages,messages,costs}}', '{{}}'))
    union all select * from jsonb_each_text(coalesce(c.counts #> '{{stages,messages,standby_costs}}', '{{}}'))
) as cost
where {AT_OR_BELOW.format(lower="t.path", upper="cast(:team as text)")}
  and c.id is distinct from cast(:campaign as integer)
  and date_trunc('month', coalesce(c.scheduled_at, c.loaded_at, c.created_at) at time zone 'UTC')
    = date_trunc('month', cast(:month as timestamptz) at time zone 'UTC')
  and (c.first_hand_off_at is not null or c.state not in ('cancelled', 'stopped'))
  and (coalesce(cast(c.counts ->> 'counts_for_budget' as boolean), false)
    or c.loaded_at is not null and not (
        c.state = 'awaiting_approval' and coalesce(c.counts #>> '{{waits_for_approval,reason}}', '') = any(:over)))
group by cost.key
"""  # noqa: S608 - the part is a constant
