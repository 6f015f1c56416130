"""The statements of this room."""

from __future__ import annotations

from nightmail.carriers.protocol import STATUS_RANK
from nightmail.message_ids import same_line
from nightmail.organisation.queries import AT_OR_BELOW
from nightmail.store.carrier_ids import HAS_CARRIER_ID
from nightmail.store.recipient_keys import EACH_MESSAGE, messages_of

# --- Places in the ledger ---

CAMPAIGNS_OF_TOKENS = """
select id, token, ledger_month from campaign where token = any(:tokens) and ledger_month is not null
"""

# A carrier's own id counts only where it names one message: all emails of one request may share one.
MESSAGES_OF_CARRIER_IDS = f"""
select carrier_message_id, min(ledger_month) as month, min(message_key) as key, min(campaign_id) as campaign_id
from message where {HAS_CARRIER_ID}
group by carrier_message_id having count(*) = 1
"""  # noqa: S608 - the part is a constant

_TO_ADDRESS = f"{messages_of('array[cast(:hash as bytea)]')} k cross join {EACH_MESSAGE} m"

LATEST_TO_ADDRESS = f"""
select m.ledger_month as month, m.message_key as key, m.campaign_id from {_TO_ADDRESS}
where m.address_hash = :hash and m.handed_off_at is not null and m.channel = :channel
    and (cast(:accounts as integer[]) is null or m.carrier_account_id = any(:accounts))
order by m.handed_off_at desc limit 1
"""  # noqa: S608 - the part is a function of constants

# What a message came from stands with it. Of one that was handed off before that was noted, it is what the routes of its
# team say today (:mod:`nightmail.organisation.routes`): the nearest team's sender on its account, unless its campaign names
# another, else what the account itself states.
LATEST_OF_SENDER_TO_ADDRESS = f"""
select m.ledger_month as month, m.message_key as key, m.campaign_id
from {_TO_ADDRESS} join campaign c on c.id = m.campaign_id join team t on t.id = c.team_id
    join carrier_account a on a.id = m.carrier_account_id
    left join sent_from x on x.id = m.sent_from_id
    left join lateral (
        select n.address, n.reply_to from sender n join team nt on nt.id = n.team_id
        where x.id is null and n.carrier_account_id = a.id and n.channel = a.channel
            and {AT_OR_BELOW.format(lower="t.path", upper="nt.path")}
        order by (n.retired_at is null or n.retired_at > m.handed_off_at) desc,
            (n.name is not distinct from c.settings #>> array['senders', a.channel]) desc, length(nt.path) desc, n.id
        limit 1
    ) own on true
where m.address_hash = :hash and m.handed_off_at is not null and m.channel = :channel
    and (cast(:accounts as integer[]) is null or a.id = any(:accounts))
    and case when x.id is not null then lower(x.address) = any(:senders) or lower(x.reply_to) = any(:senders)
        else lower(coalesce(own.address, a.settings ->> 'sender')) = any(:senders) or lower(own.reply_to) = any(:senders)
        end
order by m.handed_off_at desc limit 1
"""  # noqa: S608 - the part is a function of constants

# Messages that none of some accounts took. An attempt over an account counts as well: the message may have gone another
# way since.
_IS_FOREIGN = f"""not case
    when m.carrier_account_id is null then exists (
        select from carrier_account a left join team o on o.id = a.team_id join campaign c on c.id = m.campaign_id
            join team t on t.id = c.team_id
        where a.id = any(cast(:accounts as integer[])) and a.channel = m.channel
            and (o.id is null or {AT_OR_BELOW.format(lower="t.path", upper="o.path")}))
    else m.carrier_account_id = any(cast(:accounts as integer[])) or exists (
        select from attempt x where x.ledger_month = m.ledger_month and x.message_key = m.message_key
            and x.carrier_account_id = any(cast(:accounts as integer[])))
    end"""  # noqa: S608 - the part is a function of constants

FOREIGN_MESSAGES = f"""
select m.message_key from message m
where m.ledger_month = :month and m.message_key = any(:keys) and {_IS_FOREIGN}
"""  # noqa: S608 - the part is made of constants

# --- Receipts ---

# Which of some messages there are, locked in the order of their keys: two transactions that wait for each other would be a
# deadlock. Of each whether it is unsettled, and whether none of the accounts that a receipt is proved to come from took it;
# of all whether any message of their campaigns stands by for another channel's.
LOCK_MESSAGES = f"""
select m.message_key, m.state = 'in_doubt' or m.state = 'queued' and m.attempts > 0 as unsettled,
    cast(:accounts as integer[]) is not null and {_IS_FOREIGN} as is_foreign,
    exists (select from message s where s.ledger_month = :month and s.campaign_id = any(cast(:campaigns as integer[]))
        and s.state = 'standby') as has_standby
from message m where m.ledger_month = :month and m.message_key = any(cast(:keys as bigint[]))
order by m.message_key for update
"""  # noqa: S608 - the part is made of constants

_RANKS = "case {0} " + " ".join(f"when '{s}' then {r}" for s, r in STATUS_RANK.items()) + " else 0 end"

# Receipts by their event key, once, and what they change: one statement, as each costs as much as some ten receipts. The
# month before is asked as well, since a carrier repeats some for days. The status of the highest rank stays, in whatever
# order receipts come. Of one message there is one receipt, as a statement changes a row once; those without a message have
# a place in any statement.
STORE_RECEIPTS = f"""
with r as (
    select u.*, case when u.status in ('opened', 'clicked') then coalesce(u.occurred_at, now()) end as opened_at,
        case when u.status = 'clicked' then coalesce(u.occurred_at, now()) end as clicked_at,
        {_RANKS.format("u.status")} as rank
    from unnest(cast(:keys as bytea[]), cast(:occurred as timestamptz[]), cast(:carriers as text[]),
        cast(:channels as text[]), cast(:carrier_ids as text[]), cast(:message_keys as bigint[]),
        cast(:campaigns as integer[]), cast(:statuses as text[]), cast(:codes as text[]), cast(:durations as integer[]),
        cast(:costs as numeric[]), cast(:currencies as text[]))
    as u(event_key, occurred_at, carrier, channel, carrier_message_id, message_key, campaign_id, status, error_code,
        duration_s, cost, currency)
), stored as (
    insert into receipt (received_month, event_key, occurred_at, carrier, channel, carrier_message_id, ledger_month,
        message_key, campaign_id, status, error_code, duration_s)
    select date_trunc('month', now() at time zone 'UTC')::date, r.event_key, r.occurred_at, r.carrier, r.channel,
        r.carrier_message_id, case when r.message_key is not null then cast(:month as date) end, r.message_key,
        r.campaign_id, r.status, r.error_code, r.duration_s
    from r where not exists (
        select from receipt e where e.event_key = r.event_key
        and e.received_month = (date_trunc('month', now() at time zone 'UTC') - interval '1 month')::date)
    on conflict do nothing returning event_key
), applied as (
    update message m set
        delivery = case when r.rank > {_RANKS.format("m.delivery")} then r.status else m.delivery end,
        delivery_at = case when r.rank > {_RANKS.format("m.delivery")} then coalesce(r.occurred_at, now())
            else m.delivery_at end,
        delivery_error = case when r.rank > {_RANKS.format("m.delivery")} then r.error_code else m.delivery_error end,
        carrier_message_id = coalesce(m.carrier_message_id, r.carrier_message_id),
        opened_at = least(m.opened_at, r.opened_at), clicked_at = least(m.clicked_at, r.clicked_at),
        duration_s = coalesce(r.duration_s, m.duration_s), cost_charged = coalesce(r.cost, m.cost_charged),
        cost_charged_currency = case when r.cost is null then m.cost_charged_currency else r.currency end
    from r join stored using (event_key)
    where m.ledger_month = cast(:month as date) and m.message_key = r.message_key
)
select event_key from stored
"""  # noqa: S608 - the parts are made of constants

# The channels that stand by for contacts whose earlier channel was delivered or failed.
WAKE_STANDBY = f"""
update message s set due_at = now() from unnest(cast(:keys as bigint[])) as o(message_key)
where s.ledger_month = :month and s.state = 'standby' and s.due_at > now()
    and {same_line("s.message_key", "o.message_key")}
"""  # noqa: S608 - the part is a function of constants

# A message that waits for another attempt goes the way of an open hand-off: the ledger knows no other to ``accepted``.
RETRIES_AS_OPEN = """
update message set state = 'handing_over', attempts = greatest(attempts, 1)
where ledger_month = :month and message_key = any(:keys) and state = 'queued' and attempts > 0 returning message_key
"""

ACCEPT_PROVEN = """
update message set state = 'accepted', reason = null,
    handed_off_at = coalesce(handed_off_at, least(changed_at, now()))
where ledger_month = :month and (message_key = any(:keys) and state = 'in_doubt'
    or message_key = any(:waiting) and state = 'handing_over')
returning message_key, attempts, carrier_message_id, campaign_id
"""

ACCEPT_ATTEMPTS = """
update attempt a set outcome = 'accepted', finished_at = now(), carrier_message_id = p.carrier_message_id
from unnest(cast(:keys as bigint[]), cast(:numbers as smallint[]), cast(:ids as text[]))
    as p(message_key, number, carrier_message_id)
where a.ledger_month = :month and a.message_key = p.message_key and a.number = p.number
"""

ADDRESS_OF_MESSAGE = """
select c.team_id, m.channel, m.address_hash from message m join campaign c on c.id = m.campaign_id
where m.ledger_month = :month and m.message_key = :key
"""

# Accepted messages without a final receipt, a page at a time: the oldest hand-off first, and by key within a moment.
PENDING_MESSAGES = """
select m.message_key, c.token, m.carrier_message_id, m.handed_off_at
from message m join campaign c on c.id = m.campaign_id
where m.carrier_account_id = :account and m.state = 'accepted' and m.handed_off_at > :since
    and (m.handed_off_at, m.message_key) > (:at, :key) and m.carrier_message_id is not null
    and (m.delivery is null or m.delivery <> all(:final))
order by m.handed_off_at, m.message_key limit :limit
"""

# --- Replies ---

INSERT_REPLY = """
insert into reply (event_key, team_id, channel, kind, address, address_hash, text, ledger_month, message_key, campaign_id,
    sent_to, media, using_teams)
values (:event, :team, :channel, :kind, :address, :hash, :text, :month, :key, :campaign, :sent_to, cast(:media as jsonb),
    cast(:using as jsonb))
on conflict (event_key) do nothing returning id
"""

MARK_REPLIED = """
update message set replied_at = coalesce(replied_at, now()) where ledger_month = :month and message_key = :key
"""

# The team and language of a message, and its campaign's token, for its id.
ANSWERED_MESSAGE = """
select c.team_id, t.path as team, c.token, m.language
from campaign c join team t on t.id = c.team_id
    left join message m on m.ledger_month = :month and m.message_key = :key
where c.id = :campaign
"""

# START lifts what the recipient opted out of, for the teams that send from the number; bounces and complaints stay.
LIFT_OWN_OPT_OUT = """
update suppression set lifted_at = now()
where address_hash = :hash and channel = :channel and reason = :reason and lifted_at is null
    and team_id = any(:teams)
returning team_id
"""

# Whether no other reply of a person asked a team for the same on this UTC day.
IS_FIRST_OF_DAY = """
select not exists (
    select from reply where received_at >= date_trunc('day', now() at time zone 'UTC') at time zone 'UTC'
        and address_hash = :hash and channel = :channel and kind = :kind and team_id = :team and id <> :id)
"""

SETTLE_UNDECIDED = """
update reply set decision = :decision, decided_by = :actor, decided_at = now()
where address_hash = :hash and channel = :channel and sent_to is not distinct from :sent_to
    and kind = 'probable_stop' and decided_at is null
returning id, using_teams
"""

# What held marketing back until somebody had read the reply; without a known team it is that for all.
LIFT_HOLDS = """
update suppression set lifted_at = now()
where address_hash = :hash and channel = :channel and reason = :reason and lifted_at is null
    and (team_id = any(:teams) or team_id is null and cardinality(cast(:teams as integer[])) = 0)
"""

CLOSE_REPLY_ALERTS = """
update alert set resolved_at = now()
where reason = 'probable_opt_out' and subject = any(:subjects) and resolved_at is null
"""

# --- Refused webhooks ---

# One open alert for each reason and path: an attacker cannot fill the table.
COUNT_REFUSED_WEBHOOKS = """
insert into alert (reason, subject, times, message)
select r.reason, r.path, r.times, r.message
from unnest(cast(:reasons as text[]), cast(:paths as text[]), cast(:counts as integer[]), cast(:messages as text[]))
    as r(reason, path, times, message)
on conflict (reason, subject) where resolved_at is null
do update set times = alert.times + excluded.times, last_at = now()
"""
