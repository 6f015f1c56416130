"""The statements that a sender runs for every batch, in the driver's own form.

Each is one round trip. They find each message by its key: a ledger changes faster than its statistics, so that the planner
must be left no choice (see :data:`BY_INDEX`).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product

from nightmail.consent.consent_queries import LATEST_FIRST
from nightmail.consent.queries import UNLESS_STATED
from nightmail.consent.suppressions import IS_ASKED_FOR
from nightmail.message_ids import same_line
from nightmail.sending.cap_queries import NOT_THE_FIRST, REACHED

BY_INDEX = "-c enable_seqscan=off -c enable_bitmapscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off"
"""Options of a connection that runs these statements: some thousand rows, each found by an index.

A ledger changes faster than its statistics. Left alone, the planner takes a month that filled up a minute ago for empty
and reads all of it for every batch. For the same reason texts are looked up behind ``offset 0``, which it does not
rearrange.
"""

# --- Sender runs ---

BEGIN_RUN = """
insert into sender_run (dagster_run_id, host, process_id, epoch)
values (%s, %s, %s, (select epoch from deployment)) returning id, epoch, server_timeline() as timeline
"""

# --- What may be sent now ---

# The database's time and epoch, campaigns that send, suspensions, blocked paces and the suppressions of half a minute (a
# transaction may become visible that long after its time).
MOST_STATED = 5_000
"""Withdrawals, and choices, of half a minute that a look brings at the most."""

WATCH = f"""
select extract(epoch from now())::float8 as database_time,
    (select epoch from deployment) as epoch, may_hand_off(%(timeline)s) as may_hand_off,
    coalesce((select array_agg(id) from campaign where state = 'sending' and (cut_off_at is null or cut_off_at > now())),
             '{{}}') as campaigns,
    coalesce((select json_agg(s) from (
              select team_id, channel, carrier_account_id, sender from suspension where lifted_at is null) s),
             '[]') as suspensions,
    coalesce((select json_agg(b) from (
              select carrier_account_id, sender, channel, extract(epoch from blocked_until - now()) as left_s
              from pace where blocked_until > now()) b), '[]') as blocked,
    coalesce((select json_agg(f) from (
              select carrier_account_id, moved_percent, probes_failed,
                  extract(epoch from now() - greatest(probed_at, stepped_at)) as rested_s
              from failover where moved_percent > 0 or answers <> '[]') f), '[]') as failovers,
    coalesce((select json_agg(r) from (
              select channel, encode(address_hash, 'hex') as address_hash, team_id, category from suppression
              where created_at > now() - interval '30 s' and lifted_at is null
              order by created_at desc limit 50000) r), '[]') as suppressed,
    coalesce((select json_agg(r) from (
              (select team_id, category, extract(epoch from ended_at)::float8 as at, contact_id
              from consent where ended_at > now() - interval '30 s' order by ended_at desc limit {MOST_STATED})
              union all
              (select team_id, null, extract(epoch from recorded_at)::float8, contact_id
              from preference_statement where recorded_at > now() - interval '30 s'
              order by recorded_at desc limit {MOST_STATED})) r), '[]') as stated
"""  # noqa: S608 - the part is a number of ours

# Campaigns and channels with due messages. Limit and order keep the planner to one look into the index of due messages
# for each campaign and channel. With exists() it prefers to read every queued message there is, once a second: with a
# million of them, senders did little else.
#
# Campaigns of one team and choice of senders go the same way, and wait together where it is suspended or slow. So these
# groups take turns for the places in the plan of each channel: hundreds of campaigns that wait keep out no others.
PLAN = """
select campaign_id, priority, channel from (
    select *, row_number() over (partition by channel order by turn, priority, random()) as place from (
        select c.id as campaign_id, c.priority, ch.name as channel, row_number() over (
            partition by ch.name, c.team_id, c.settings -> 'senders' order by c.priority, random()) as turn
        from campaign c cross join channel ch
            cross join lateral (select from message m where m.ledger_month = c.ledger_month and m.campaign_id = c.id
                and m.channel = ch.name and m.state = 'queued' and m.due_at <= now() and m.epoch = %s
                order by m.due_at limit 1) due
        where c.state = 'sending' and c.ledger_month is not null and (c.cut_off_at is null or c.cut_off_at > now())
    ) due_campaigns
) placed where place <= 200
"""

FIRST_HAND_OFF = "update campaign set first_hand_off_at = now() where id = %s and first_hand_off_at is null"

ACCEPTS_AGAIN = """
update alert set resolved_at = now()
where resolved_at is null and subject = any(%s) and reason in ('carrier_unavailable', 'no_carrier')
"""

# --- The pace ---

# The account's bucket first, here and when it is settled: two processes that wait for each other would be a deadlock.
# Not waited for on disk: a server that crashed and came back has filled its buckets meanwhile, whatever was taken.
TAKE_PACE = """
select granted as of_account, wait_s as account_wait_s, granted as of_sender, wait_s as sender_wait_s
from take_pace(%(account)s, '', %(channel)s, %(account_rate)s, %(wanted)s)
cross join set_config('synchronous_commit', 'off', true)
"""
TAKE_PACE_UNDER_SENDER = """
select a.granted as of_account, a.wait_s as account_wait_s, s.granted as of_sender, s.wait_s as sender_wait_s
from take_pace(%(account)s, '', %(channel)s, %(account_rate)s, %(wanted)s) a
cross join lateral take_pace(%(account)s, %(sender)s, %(channel)s, %(rate)s, a.granted) s
cross join set_config('synchronous_commit', 'off', true)
"""
SETTLE_PACE = """
with locked as materialized (
    select sender from pace where carrier_account_id = %(account)s and channel = %(channel)s
    and sender in ('', %(sender)s) order by sender for update
)
update pace p set tokens = p.tokens - case p.sender when '' then %(of_account)s else %(of_sender)s end
from locked where p.carrier_account_id = %(account)s and p.channel = %(channel)s and p.sender = locked.sender
"""

# A third slower, once a second at most, and never below a share of the ceiling or one unit in ten seconds.
SLOW_PACE = """
update pace set blocked_until = greatest(blocked_until, now() + make_interval(secs => %(seconds)s)),
    rate_per_s = case when slowed_at > now() - interval '1 s' then rate_per_s
        else greatest(rate_per_s * 0.67, ceiling_per_s * %(slowest)s, least(rate_per_s, 0.1)) end,
    slowed_at = case when slowed_at > now() - interval '1 s' then slowed_at else now() end
where carrier_account_id = %(account)s and sender = %(sender)s and channel = %(channel)s
"""
BLOCK_PACE = """
update pace set blocked_until = greatest(blocked_until, now() + make_interval(secs => %(seconds)s))
where carrier_account_id = %(account)s and sender = %(sender)s and channel = %(channel)s
"""

TAKE_PROBE = """
update failover set probed_at = now()
where carrier_account_id = %(account)s and moved_percent = 100
    and greatest(probed_at, stepped_at) <= now() - make_interval(secs => %(wait)s)
"""

# --- Intents ---

# Locks due messages that no other sender holds, judges each once more (``hold``: why it may not go), holds some, wakes
# the next channels of their contacts, and commits the rest as handed over. A row for each intent with its text; when
# there is none, one row of nulls with the number of messages held.
_CLAIM = """
with due as materialized (
    select m.ledger_month, m.message_key, m.contact_id, m.address_hash, m.step
    from message m
    where m.ledger_month = %(month)s and m.campaign_id = %(campaign)s and m.channel = %(channel)s
      and m.state = 'queued' and m.due_at <= now() and m.epoch = %(epoch)s and (select may_hand_off(%(timeline)s)) {portion}
      and exists (select from campaign c where c.id = %(campaign)s and c.state = 'sending'
                  and (c.cut_off_at is null or c.cut_off_at > now()))
    order by m.due_at limit %(limit)s
    for update of m skip locked
), judged as materialized (
    select d.ledger_month, d.message_key, {quiet} {later} as later, coalesce(case
        {earlier}
        {consent}
        {chosen}
        else (select case when {asked_for} then 'opted_out' when s.reason = 'probable_opt_out' then s.reason
                     else 'suppressed' end from suppression s
              where s.address_hash = d.address_hash and s.channel = %(channel)s and s.lifted_at is null
                and (s.team_id is null or s.team_id = any(%(teams)s)) and (s.category is null or s.category = %(category)s)
              order by {asked_for} desc limit 1)
        end, {cap}) as hold
    from due d {preference} {consents}
), held as (
    update message m set state = case j.hold when 'earlier_channel_delivered' then 'not_needed' else 'held' end,
        reason = j.hold
    from judged j
    where j.hold is not null and not j.later and m.ledger_month = %(month)s and m.message_key = j.message_key
    returning 1
), woken as (
    update message s set due_at = now() from judged j
    where j.hold is not null and not j.later and s.ledger_month = %(month)s and s.state = 'standby'
      and {of_contact}
), taken as (
    update message m set state = 'handing_over', reason = null, attempts = m.attempts + 1, sender_run_id = %(run)s,
        carrier_account_id = %(account)s, sent_from_id = %(sent_from)s, changed_at = now()
    from judged j
    where j.hold is null and not j.later and m.ledger_month = %(month)s and m.message_key = j.message_key
    returning m.message_key, m.line, m.step, m.attempts, m.segments, m.language, m.address_hash, m.contact_id, m.time_zone,
        m.country
)
select t.message_key, t.line, t.step, t.attempts as number, t.segments, t.language, t.address_hash, t.contact_id, t.time_zone, t.country,
       c.address, c.subject, c.body, c.html, {quiet_columns}, (select count(*) from held) as held
from taken t
left join lateral (select * from message_content c where c.ledger_month = %(month)s
                   and c.message_key = t.message_key offset 0) c on true {quiet_join}
union all
select null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, (select count(*) from held)
where not exists (select from taken)
"""
# The latest that was stated of the contact's consent, on the channel or on all.
_CONSENTS = f"""left join lateral (
        select k.withdrawn_at is not null as withdrawn, k.expires_at <= now() as expired, true as stated from consent k
        where k.contact_id = d.contact_id and k.category = %(category)s and k.team_id = any(%(teams)s)
          and (k.channel is null or k.channel = %(channel)s)
        order by {LATEST_FIRST.format("k")} limit 1) k on true"""  # noqa: S608 - the part is a constant
_CONSENT = """when k.withdrawn then 'consent_withdrawn'
        when %(needs_consent)s and k.expired then 'consent_expired'
        when %(needs_consent)s and k.stated is null then 'consent_missing'"""
_CHOSEN = """when p.topic_out then 'category_opted_out'
        when p.paused_until > now() and not %(urgent)s then 'paused_by_contact'"""
# Where a channel follows another, it may have waited since it was its turn: for quiet hours, a suspension, its pace.
_EARLIER = f"""when d.step > 0 and exists (
            select from message e where e.ledger_month = %(month)s and {same_line("e.message_key", "d.message_key")}
              and e.step < d.step and e.state = 'accepted' and e.delivery = any(%(reached)s)) then 'earlier_channel_delivered'
        when d.step > 0 and exists (
            select from message e join suppression s on s.address_hash = e.address_hash and s.channel = e.channel
            where e.ledger_month = %(month)s and {same_line("e.message_key", "d.message_key")} and e.step < d.step
              and s.lifted_at is null and {IS_ASKED_FOR} and (s.team_id is null or s.team_id = any(%(teams)s))
              and (s.category is null or s.category = %(category)s)) then 'opted_out'"""  # noqa: S608
# One row for each message, though a contact may have stated something to several teams: a second one would be sent twice.
_PREFERENCE = """left join lateral (
        select bool_or(%(category)s = any(n.categories_out)
                or %(needs_consent)s and not %(category)s = any(n.categories_in)) as topic_out,
            max(n.paused_until) as paused_until,
            (array_agg(n.quiet_from order by n.team_id = %(team)s desc) filter (where n.quiet_from is not null))[1] as quiet_from,
            (array_agg(n.quiet_until order by n.team_id = %(team)s desc) filter (where n.quiet_from is not null))[1] as quiet_until,
            (array_agg(n.time_zone order by n.team_id = %(team)s desc) filter (where n.time_zone is not null))[1] as time_zone
        from preference n where n.team_id = any(%(teams)s) and n.contact_id = d.contact_id) p on true"""


# Which of a hundred messages: the same for every sender, so that no two accounts are given the same ones.
_PORTION = "and mod(abs(hashint8(m.message_key)::bigint), 100) between %(portion_from)s and %(portion_to)s - 1"


def _claim_query(*, asks_consent: bool, has_preferences: bool, has_standby: bool, portion: bool, capped: bool) -> str:
    quiet = "p.quiet_from, p.quiet_until, p.time_zone as own_zone," if has_preferences else ""
    return _CLAIM.format(
        asked_for=IS_ASKED_FOR,
        of_contact=same_line("s.message_key", "j.message_key"),
        portion=_PORTION if portion else "",
        quiet=quiet,
        quiet_columns="j.quiet_from, j.quiet_until, j.own_zone"
        if has_preferences
        else "null as quiet_from, null as quiet_until, null as own_zone",
        quiet_join="join judged j on j.message_key = t.message_key" if has_preferences else "",
        preference=_PREFERENCE if has_preferences else "",
        earlier=_EARLIER if has_standby else "",
        consents=_CONSENTS if asks_consent else "",
        consent=_CONSENT if asks_consent else "",
        chosen=_CHOSEN if has_preferences else "when false then null",
        cap=REACHED if capped else "null",
        later=f"({NOT_THE_FIRST})" if capped else "false",
    )


CLAIMS = {
    choice: _claim_query(
        asks_consent=choice[0], has_preferences=choice[1], has_standby=choice[2], portion=choice[3], capped=choice[4]
    )
    for choice in product((False, True), repeat=5)
}
"""The statement by whether consents are looked at, the campaign has preferences, has standby messages, gives a portion to this
route, and is under a frequency cap."""

# What is to be looked at for each message of a campaign.
CHOICES_OF_CAMPAIGN = """
select g.urgent, exists (select from preference where team_id = any(:teams)) as has_preferences,
    exists (select from consent where team_id = any(:teams) and category = g.name and withdrawn_at is not null) as has_withdrawals
from category g where g.id = :category
"""

# Retention deletes texts of campaigns that have ended; a message of such a campaign may be queued once more.
FAIL_WITHOUT_TEXT = f"""
with failed as (
    update message set state = 'failed', reason = 'text_deleted', attempts = attempts - 1
    where ledger_month = %(month)s and message_key = any(%(keys)s) and sender_run_id + 0 = %(run)s
      and state = any(array['handing_over'])
    returning message_key
)
update message s set due_at = now() from failed f
where s.ledger_month = %(month)s and s.state = 'standby' and {same_line("s.message_key", "f.message_key")}
"""  # noqa: S608 - the part is a function of constants

# Attempts that failed for what a person had to mend: no fault of the message's.
ATTEMPTS_NOT_COUNTED = """
select message_key, count(*) as attempts from attempt
where ledger_month = %(month)s and message_key = any(%(keys)s) and error_class = 'stop_and_alert' group by message_key
"""

# Only the sender itself may say so: it knows that it handed none of them off. Messages in doubt stay so.
RELEASE_UNKNOWN = """
update message set state = 'queued', attempts = attempts - 1, reason = null
where sender_run_id = %s and state = 'handing_over' and not (message_key = any(%s))
"""

# --- Outcomes ---

# A receipt that has come proves that the carrier has the message, whatever became of this attempt. An attempt is written
# for what was changed here and was not accepted, nor in doubt until that receipt: the row of an accepted message says all
# of it, and an attempt that was not made has none.
#
# Each message is to be found by its key. States that last for seconds are in no statistics: were they constants here,
# the planner would take the open messages for few and read all of them, or the whole month, for every batch.
_STORE = """
with o as materialized (
    select *, array[{before}] as before{joined}
    from unnest(%(message_key)s::bigint[]{arrays}) as each_one(message_key{names})
), changed as (
    update message m set state = case when m.delivery is null then {state} else 'accepted' end,
        reason = case when m.delivery is null then {reason} end, changed_at = now(),
        carrier_message_id = coalesce({carrier_message_id}, m.carrier_message_id),
        error_code = case when m.delivery is null then {error_code} end,
        attempts = case when {outcome} is null then m.attempts - 1 else m.attempts end,
        handed_off_at = case when {state} = 'accepted' or m.delivery is not null
                             then coalesce(m.handed_off_at, now()) else m.handed_off_at end,
        due_at = case when {state} = 'queued' then coalesce({due_at}, now() + make_interval(secs => {delay_s}))
                      else m.due_at end,
        segments = coalesce({segments}, m.segments), cost_charged = coalesce({cost}, m.cost_charged),
        cost_charged_currency = coalesce({currency}, m.cost_charged_currency)
    from o
    where m.ledger_month = %(month)s and m.message_key = o.message_key and m.sender_run_id + 0 = o.sender_run_id
      and m.attempts = o.number and m.state = any(o.before)
    returning {returned}, m.delivery is not null as proven
), attempts as (
    insert into attempt (ledger_month, message_key, number, sender_run_id, carrier_account_id, sent_from_id, started_at,
        outcome, finished_at, carrier_message_id, error_code, error_class)
    select %(month)s, o.message_key, {number}, {sender_run_id}, {carrier_account_id}, {sent_from_id},
        now() - make_interval(secs => {age_s}), {outcome}, now(), {carrier_message_id}, {error_code}, {error_class}
    from changed o where {outcome} <> 'accepted' and not ({outcome} = 'in_doubt' and o.proven)
    on conflict (ledger_month, message_key, number) do update set outcome = excluded.outcome,
        finished_at = excluded.finished_at, carrier_message_id = excluded.carrier_message_id,
        error_code = excluded.error_code, error_class = excluded.error_class
){late}
select count(*) as changed from changed
"""
# The attempts of what was in doubt: an accepted one is so after all, and one that was not made is none.
_LATE = """, accepted as (
    update attempt a set outcome = {outcome}, finished_at = now(), carrier_message_id = {carrier_message_id},
        error_code = {error_code}, error_class = {error_class}
    from changed o where a.ledger_month = %(month)s and a.message_key = o.message_key and a.number = o.number
        and {outcome} = 'accepted'
), not_tried as (
    delete from attempt a using changed o where a.ledger_month = %(month)s and a.message_key = o.message_key
        and a.number = o.number and {outcome} is null
)"""
_STORED_TYPES = {
    "number": "smallint",
    "state": "text",
    "outcome": "text",
    "reason": "text",
    "carrier_message_id": "text",
    "error_code": "text",
    "error_class": "text",
    "delay_s": "float8",
    "due_at": "timestamptz",
    "age_s": "float8",
    "carrier_account_id": "integer",
    "sent_from_id": "integer",
    "segments": "integer",
    "cost": "numeric",
    "currency": "text",
    "sender_run_id": "bigint",
}
_JOINED = ("number", "sender_run_id")


@lru_cache(maxsize=64)
def store_query(varying: tuple[str, ...], *, late: bool) -> str:
    """The statement that writes outcomes which differ in the columns ``varying`` and are alike in all others.

    ``late`` takes messages that another process has put in doubt meanwhile as well.
    """
    expressions = {
        name: f"o.{name}" if name in varying else f"%({name})s::{kind}" for name, kind in _STORED_TYPES.items()
    }
    joined = "".join(f", {expressions[name]} as {name}" for name in _JOINED if name not in varying)
    expressions |= {name: f"o.{name}" for name in _JOINED}
    return _STORE.format(
        before="'handing_over', 'in_doubt'" if late else "'handing_over'",
        joined=joined,
        arrays="".join(f", %({name})s::{_STORED_TYPES[name]}[]" for name in varying),
        names="".join(f", {name}" for name in varying),
        returned=", ".join(f"o.{name}" for name in dict.fromkeys(("message_key", *_JOINED, *varying))),
        late=_LATE.format(**expressions) if late else "",
        **expressions,
    )


# A message that was decided to be sent again, and waits for it, was accepted the first time: it goes the way of an open
# hand-off.
TAKE_BACK = """
update message m set state = 'handing_over'
from unnest(%(keys)s::bigint[], %(numbers)s::smallint[], %(runs)s::bigint[]) as o(message_key, number, sender_run_id)
where m.ledger_month = %(month)s and m.message_key = o.message_key and m.sender_run_id + 0 = o.sender_run_id
  and m.attempts = o.number and m.state = any(array['queued'])
"""

# Ten minutes in doubt do not keep a campaign open; a message that comes back after that would wait in it for ever.
REOPEN = """
update campaign c set state = 'sending', finished_at = null, ledger_changed_at = now()
where c.id = any(%(campaigns)s) and c.state = 'finished' and exists (
    select from message m where m.ledger_month = %(month)s and m.message_key = any(%(keys)s)
        and m.campaign_id = c.id and m.state = 'queued')
returning c.key, c.team_id
"""

# When the next channels of the contacts are looked at.
WAKE_STANDBY = f"""
update message s set due_at = now() + make_interval(secs => o.delay_s)
from unnest(%(keys)s::bigint[], %(delays)s::float8[]) as o(message_key, delay_s)
where s.ledger_month = %(month)s and s.state = 'standby' and {same_line("s.message_key", "o.message_key")}
"""  # noqa: S608 - the part is a function of constants

SUPPRESS = f"""
insert into suppression (team_id, channel, address_hash, reason, source, message_id)
values (%s, %s, %s, %s, %s, %s) {UNLESS_STATED}
"""  # noqa: S608 - the part is a constant
