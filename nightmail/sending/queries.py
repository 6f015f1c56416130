"""The statements of this room on the ledger as a whole.

Those that a sender runs for every batch stand in :mod:`nightmail.sending.sender_queries`, in the driver's own form.
Many ask by ``limit`` and ``order`` what ``exists`` would ask: that keeps the planner to one look into an index.
"""

from __future__ import annotations

from nightmail.consent.suppressions import IS_ASKED_FOR
from nightmail.message_ids import same_line
from nightmail.organisation.queries import IS_SANDBOX, STILL_COUNTS, SUSPENSIONS_OF_WAY, USABLE_ACCOUNTS

# --- What senders have to do ---

# Campaigns with due messages and those messages, over the channels whose accounts are neither suspended nor left alone
# for longer than a sender would wait.
DUE_WORK = f"""
select count(*) filter (where n > 0) as campaigns, coalesce(sum(n), 0) as messages from (
    select (select count(*) from (
        select from message m where m.campaign_id = c.id and m.state = 'queued' and m.due_at <= now()
        and m.channel = any(usable.channels) limit :limit) due) as n
    from campaign c join team t on t.id = c.team_id cross join lateral (
        select array_agg(distinct a.channel) as channels from {USABLE_ACCOUNTS}
        and not exists (select from {SUSPENSIONS_OF_WAY})
        and not exists (
            select from pace p where p.carrier_account_id = a.id and p.blocked_until > now() + interval '30 s'
            and (p.sender = '' or p.sender = own.address))
    ) usable
    where c.state = 'sending' and (c.cut_off_at is null or c.cut_off_at > now())
) counted
"""  # noqa: S608 - the part is a constant

# --- Loading and writing out ---

LEDGER_LOADED = """
update campaign set ledger_month = :month, loaded_at = now(), loaded_messages = :messages, ledger_changed_at = now()
where id = :id
"""

# The columns of the table ``sends`` of the lake, in its order: COPY gives values without names. For psycopg.sql.
COPY_SENDS = """
copy (
    select {token} || '-' || m.line || '-' || m.channel || '-' || m.step, m.line, m.contact_id, m.channel, m.step,
           encode(m.address_hash, 'hex'), m.state, m.reason, a.carrier, a.name, nullif(x.address, ''), m.carrier_message_id, m.attempts,
           (extract(epoch from m.handed_off_at) * 1000000)::bigint, m.segments,
           coalesce(m.cost_charged, m.cost),
           case when m.cost_charged is null then m.currency else m.cost_charged_currency end
    from message m left join carrier_account a on a.id = m.carrier_account_id
        left join sent_from x on x.id = m.sent_from_id
    where m.ledger_month = {month} and m.message_key between {first} and {last}
    order by m.message_key
) to stdout (format csv)
"""

# --- Dead senders ---

# After a restart of the server, or when another one took over, senders that live need a moment to lock their runs again.
OPEN_SENDER_RUNS = """
select id from sender_run
where finished_at is null and pg_postmaster_start_time() < now() - make_interval(secs => :grace)
    and coalesce((select timeline_at from deployment) < now() - make_interval(secs => :grace), true)
order by id limit 1000
"""

# The open intents of a run are in doubt, each with its attempt; what stands by for them is looked at now. An attempt began
# with its intent: the carrier's records are looked up from then on, and a dead sender may be found much later.
PUT_INTENTS_IN_DOUBT = f"""
with intents as materialized (
    select ledger_month, message_key, changed_at as began_at from message
    where sender_run_id = :run and state = 'handing_over' for update
), doubtful as (
    update message m set state = 'in_doubt', reason = 'in_doubt'
    from intents i where m.ledger_month = i.ledger_month and m.message_key = i.message_key
    returning m.ledger_month, m.message_key, m.campaign_id, m.attempts, m.carrier_account_id, m.sent_from_id, i.began_at
), attempts as (
    insert into attempt (ledger_month, message_key, number, sender_run_id, carrier_account_id, sent_from_id, started_at,
        outcome, error_code, error_class)
    select ledger_month, message_key, attempts, :run, carrier_account_id, sent_from_id, began_at, 'in_doubt', 'sender',
        'in_doubt'
    from doubtful
    on conflict do nothing
), woken as (
    update message s set due_at = now() from doubtful d
    where s.ledger_month = d.ledger_month and s.state = 'standby' and {same_line("s.message_key", "d.message_key")}
)
select campaign_id from doubtful
"""  # noqa: S608 - the part is a function of constants

# --- Messages in doubt ---

# A receipt has come of the message: the carrier has it. Of one sender's run, or (null) of all.
ACCEPT_PROVEN = """
with proven as (
    update message m set state = 'accepted', reason = null, handed_off_at = coalesce(m.handed_off_at, m.changed_at)
    where m.state = 'in_doubt' and m.delivery is not null
        and (cast(:run as bigint) is null or m.sender_run_id = :run)
    returning m.ledger_month, m.message_key, m.campaign_id, m.attempts, m.carrier_message_id
), settled as (
    update attempt a set outcome = 'accepted', finished_at = now(), carrier_message_id = p.carrier_message_id
    from proven p
    where a.ledger_month = p.ledger_month and a.message_key = p.message_key and a.number = p.attempts
)
select campaign_id from proven
"""

OLD_DOUBTS = """
select campaign_id, count(*) as messages from message
where state = 'in_doubt' and changed_at < now() - make_interval(secs => :settle)
group by campaign_id limit 1000
"""

# Messages to look up at their carriers, with their texts. ``sparing`` takes all that are fresh, a fifth of those of the
# last ten minutes and one in a hundred of the older ones, so that many old ones do not keep a carrier busy.
DOUBTS_TO_LOOK_UP = """
select m.ledger_month as month, m.message_key as key, m.campaign_id,
    c.token || '-' || m.line || '-' || m.channel || '-' || m.step as message_id, m.channel,
    m.carrier_account_id as account_id, nullif(f.address, '') as sent_from, m.attempts, coalesce(a.started_at, m.changed_at) as since,
    extract(epoch from now() - m.changed_at)::float8 as age_s,
    g.resend_if_absent and c.state in ('sending', 'finished') and (c.cut_off_at is null or c.cut_off_at > now())
        and m.attempts < :most_attempts as resend_if_absent,
    x.address, x.subject, x.body, x.html, m.language
from message m join campaign c on c.id = m.campaign_id join category g on g.id = c.category_id
join message_content x on x.ledger_month = m.ledger_month and x.message_key = m.message_key
left join attempt a on a.ledger_month = m.ledger_month and a.message_key = m.message_key and a.number = m.attempts
left join sent_from f on f.id = m.sent_from_id
where m.state = 'in_doubt' and m.changed_at > :oldest and (not :sparing or random() < case
    when m.changed_at > now() - interval '1 minute' then 1
    when m.changed_at > now() - interval '10 minutes' then 0.2 else 0.01 end)
order by random() limit :limit
"""

# The carrier's records have the message. One that was settled or tried again meanwhile is left alone.
ACCEPT_FOUND = """
update message set state = 'accepted', reason = null, error_code = null, carrier_account_id = :account,
    carrier_message_id = coalesce(:carrier_id, carrier_message_id), handed_off_at = coalesce(handed_off_at, :since)
where ledger_month = :month and message_key = :key and state = 'in_doubt' and attempts = :number
"""

# What an account of the sandbox had, which is off: nobody can have got it.
FAIL_DOUBTS_OF_SANDBOX = f"""
update message m set state = 'failed', reason = 'sandbox_off', error_code = null
from carrier_account a
where m.state = 'in_doubt' and a.id = m.carrier_account_id and {IS_SANDBOX} and not (a.active and {STILL_COUNTS})
returning m.ledger_month as month, m.message_key as key, m.attempts, m.campaign_id
"""  # noqa: S608 - the parts are constants

SETTLE_ATTEMPT = """
update attempt set outcome = :outcome, finished_at = now(), carrier_message_id = coalesce(:carrier_id, carrier_message_id)
where ledger_month = :month and message_key = :key and number = :number
"""

# The channels that stand by for the contact of a message.
WAKE_STANDBY = f"""
update message set due_at = now()
where ledger_month = :month and state = 'standby' and {same_line("message_key", "cast(:key as bigint)")}
"""  # noqa: S608 - the part is a function of constants

QUEUE_DOUBT_AGAIN = """
update message set state = 'queued', reason = null, due_at = now(), epoch = (select epoch from deployment)
where ledger_month = :month and message_key = :key and state = 'in_doubt' returning attempts
"""

# ``state`` is accepted or failed.
SETTLE_DOUBT = """
update message set state = :state, reason = case when :state = 'failed' then 'in_doubt' end,
    handed_off_at = case when :state = 'accepted' then coalesce(handed_off_at, changed_at) else handed_off_at end
where ledger_month = :month and message_key = :key
"""

DOUBTS_OF_CAMPAIGN = """
select :token || '-' || line || '-' || channel || '-' || step from message
where campaign_id = :id and state = 'in_doubt' order by message_key limit :limit
"""

# --- After a restore ---

# Messages that came to be due in an earlier epoch: the database that was lost may have sent them.
FENCE_EARLIER_EPOCHS = """
with old as (
    select m.ledger_month, m.message_key from message m, deployment d
    where m.state = 'queued' and m.epoch < d.epoch limit :chunk for update of m skip locked
)
update message m set state = 'in_doubt', reason = 'restored_from_backup', epoch = d.epoch
from old o, deployment d where m.ledger_month = o.ledger_month and m.message_key = o.message_key
"""

# --- Ends of campaigns ---

_HAS_UNSENT = """(
    select true from message m where m.campaign_id = c.id and m.state in ('queued', 'standby')
    order by m.campaign_id, m.state limit 1)"""

# Cancelled campaigns whose messages were not all given up, as the command was cut off.
CANCELLING_CUT_OFF = f"""
select c.id from campaign c
where c.state = 'cancelled' and c.loaded_at is not null and c.state_changed_at > now() - interval '35 days'
    and {_HAS_UNSENT}
"""  # noqa: S608 - the part is a constant

PAST_CUT_OFF = f"""
select c.id from campaign c
where c.state in ('sending', 'paused', 'scheduled') and c.cut_off_at <= now() and c.loaded_at is not null
    and {_HAS_UNSENT}
"""  # noqa: S608 - the part is a constant

# Nothing is queued, standing by or under way, and nothing has come to be in doubt lately.
ALL_DECIDED = """
select c.id from campaign c
where c.loaded_at is not null and (c.state = 'sending' or c.state = 'paused' and c.cut_off_at <= now())
    and (select true from message m where m.campaign_id = c.id and m.state = 'queued'
        order by m.channel, m.due_at limit 1) is null
    and (select true from message m where m.campaign_id = c.id and m.state = 'standby'
        order by m.due_at limit 1) is null
    and (select true from message m where m.campaign_id = c.id and (m.state = 'handing_over'
        or m.state = 'in_doubt' and m.changed_at > now() - make_interval(secs => :settle)) limit 1) is null
limit 1000
"""

# --- Failover ---

LOCK_FAILOVER = """
insert into failover (carrier_account_id) values (:account)
on conflict (carrier_account_id) do update set carrier_account_id = excluded.carrier_account_id
returning moved_percent, answers, extract(epoch from since)::float8 as since,
    extract(epoch from stepped_at)::float8 as stepped_at, probes_failed,
    extract(epoch from clock_timestamp())::float8 as now
"""

SAVE_FAILOVER = """
update failover set moved_percent = :moved, answers = cast(:answers as jsonb), since = to_timestamp(:since),
    stepped_at = to_timestamp(:stepped), probes_failed = :failed
where carrier_account_id = :account
"""

# Whether a campaign that sends may use the account, and another one that is not suspended for it.
HAS_ANOTHER_WAY = f"""
select exists (
    select from campaign c join team t on t.id = c.team_id
    where c.state = 'sending'
        and exists (select from {USABLE_ACCOUNTS} and a.id = :account)
        and exists (select from {USABLE_ACCOUNTS} and a.channel = :channel and a.id <> :account
            and not exists (select from {SUSPENSIONS_OF_WAY})))
"""  # noqa: S608 - the parts are constants

FAILOVERS = f"""
select a.name as carrier_account, a.channel, o.path as team, f.moved_percent, f.since
from failover f join carrier_account a on a.id = f.carrier_account_id left join team o on o.id = a.team_id
where f.moved_percent > 0 and a.active and (cast(:campaign as integer) is null or exists (
    select from campaign c join team t on t.id = c.team_id
        cross join lateral (select a.id from {USABLE_ACCOUNTS}) usable
    where c.id = :campaign and usable.id = f.carrier_account_id))
order by a.name
"""  # noqa: S608 - the part is a constant

# --- Suspended channels ---

# Campaigns that wait beside a suspension and have messages on standby, few as suspensions are.
CAMPAIGNS_TO_FALL = """
select c.id from campaign c
where c.state = 'sending' and c.ledger_month is not null and (c.cut_off_at is null or c.cut_off_at > now())
    and exists (select from suspension where lifted_at is null)
    and exists (select from team where settings ->> 'when_suspended' is not null)
    and (select true from message m where m.campaign_id = c.id and m.state = 'standby' order by m.due_at limit 1)
order by c.id
"""

# Each channel for a campaign: whether it has accounts, whether one of them is not suspended, what stops them, and whether the
# nearest team that states it lets messages fall.
SUSPENDED_CHANNELS = f"""
select c.key, c.team_id, ch.name as channel, routes.has_account, coalesce(routes.usable, false) as usable,
    routes.stopped_by,
    coalesce(case jsonb_typeof(w.stated) when 'string' then w.stated #>> '{{}}' else w.stated ->> ch.name end = 'fall', false)
        as falls
from campaign c join team t on t.id = c.team_id cross join channel ch
    left join lateral (
        select n.settings -> 'when_suspended' as stated from team n
        where n.settings ->> 'when_suspended' is not null and (t.path = n.path or starts_with(t.path, n.path || '.'))
        order by length(n.path) desc limit 1) w on true
    cross join lateral (
        select count(*) > 0 as has_account, bool_or(each_one.stopped_by is null) as usable,
            json_agg(each_one.stopped_by) filter (where each_one.stopped_by is not null) as stopped_by
        from (
            select (select array_agg(s.id) from {SUSPENSIONS_OF_WAY}) as stopped_by
            from {USABLE_ACCOUNTS} and a.channel = ch.name) each_one
    ) routes
where c.id = :campaign and c.state = 'sending' and c.ledger_month is not null
    and (c.cut_off_at is null or c.cut_off_at > now())
order by ch.name
"""  # noqa: S608 - the parts are constants

# Due messages on the channels ``falling`` end, and the next channels of their contacts are looked at. The next channel is
# the first on standby that does not fall itself; it must not be ``unusable``, or the message would wait there instead.
FALL_TO_NEXT_CHANNEL = f"""
with chosen as materialized (
    select m.ledger_month, m.message_key
    from campaign c join message m on m.ledger_month = c.ledger_month and m.campaign_id = c.id and m.state = 'queued'
        and m.channel = any(:falling) and m.due_at <= now()
    where c.id = :campaign and m.delivery is null and m.epoch = (select epoch from deployment)
        and (select n.channel <> all(:unusable) from message n
            where n.ledger_month = m.ledger_month and {same_line("n.message_key", "m.message_key")}
                and n.state = 'standby' and n.step > m.step and n.channel <> all(:falling)
            order by n.step limit 1)
        and not exists (select from attempt x where x.ledger_month = m.ledger_month and x.message_key = m.message_key
            and x.error_class = 'in_doubt')
    limit :chunk for update of m skip locked
), fallen as (
    update message m set state = 'held', reason = 'fell_to_next_channel'
    from chosen d where m.ledger_month = d.ledger_month and m.message_key = d.message_key
    returning m.ledger_month, m.message_key
), woken as (
    update message s set due_at = now() from fallen f
    where s.ledger_month = f.ledger_month and s.state = 'standby' and {same_line("s.message_key", "f.message_key")}
)
select count(*) from fallen
"""  # noqa: S608 - the part is a function of constants

# --- Standby messages ---

_ASKED_FOR = f"""exists (
    select from suppression s left join team o on o.id = s.team_id
    where s.address_hash = e.address_hash and s.channel = e.channel and s.lifted_at is null and {IS_ASKED_FOR}
        and (o.id is null or d.team = o.path or starts_with(d.team, o.path || '.'))
        and (s.category is null or s.category = d.category))"""

# Judges standby messages that are due by what became of the contact's earlier channels (``seen``): an earlier channel
# reached the contact, was cancelled, was declined by the contact, is not handed off yet (``busy``), or waits for news
# since a moment. Verdicts: a state, ``later`` (wait for the earlier hand-off) or ``wait`` (look again at ``next_look``).
# One row for each verdict: how many messages, and of which campaigns.
DECIDE_STANDBY = f"""
with due as materialized (
    select m.ledger_month, m.message_key, m.step, c.settings, t.path as team, g.name as category
    from campaign c join team t on t.id = c.team_id join category g on g.id = c.category_id
        join message m on m.campaign_id = c.id and m.state = 'standby' and m.due_at <= now()
    where c.state in ('sending', 'paused') limit :chunk for update of m skip locked
), seen as materialized (
    select d.ledger_month, d.message_key, d.settings,
        bool_or(e.state = 'accepted' and e.delivery = any(:reached)) as reached,
        bool_or(e.step < d.step and e.state in ('standby', 'queued', 'handing_over')) as busy,
        bool_or(e.step < d.step and e.state = 'cancelled') as cancelled,
        max(case when e.state = 'held' and e.reason = any(:declined) then e.reason
                 when {_ASKED_FOR} then 'opted_out' end) filter (where e.step < d.step) as declined,
        max(coalesce(e.handed_off_at, e.changed_at)) filter (where e.step < d.step and (e.state = 'in_doubt'
            or e.state = 'accepted' and (e.delivery is null or not e.delivery = any(:not_reached)))) as waiting_since
    from due d join message e on e.ledger_month = d.ledger_month and e.message_key <> d.message_key
        and {same_line("e.message_key", "d.message_key")}
    group by d.ledger_month, d.message_key, d.settings
), judged as (
    select d.ledger_month, d.message_key, case
        when s.reached then 'not_needed'
        when s.cancelled then 'cancelled'
        when s.declined is not null then 'held'
        when s.busy then 'later'
        when s.waiting_since is null then 'queued'
        when d.settings ->> 'delivery' = 'escalation' then case
            when s.waiting_since + make_interval(
                secs => coalesce((d.settings ->> 'escalate_after_s')::float8, 900)) <= now() then 'queued' else 'wait' end
        when s.waiting_since + make_interval(secs => :fallback) <= now() then 'not_needed'
        else 'wait' end as verdict,
        s.waiting_since + make_interval(secs => case when d.settings ->> 'delivery' = 'escalation'
            then coalesce((d.settings ->> 'escalate_after_s')::float8, 900) else :fallback end) as next_look,
        s.declined
    from due d left join seen s using (ledger_month, message_key)
), changed as (
    update message m set
        state = case when j.verdict in ('later', 'wait') then m.state else j.verdict end,
        reason = case j.verdict when 'not_needed' then 'earlier_channel_delivered'
                                when 'cancelled' then 'campaign_cancelled'
                                when 'held' then j.declined end,
        due_at = case j.verdict when 'later' then timestamptz '2999-01-01 00:00:00+00'
                                when 'wait' then j.next_look else now() end
    from judged j where m.ledger_month = j.ledger_month and m.message_key = j.message_key
    returning j.verdict, m.campaign_id
)
select verdict, count(*) as messages, array_agg(distinct campaign_id) as campaigns from changed group by verdict
"""  # noqa: S608 - the part is a function of constants
