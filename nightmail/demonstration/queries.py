"""The statements of this room: rows as the pipeline would have left them some days ago."""

from __future__ import annotations

# Campaigns that are neither seeded nor the demo's own.
CAMPAIGNS_OF_OTHERS = """
select count(*) from campaign where not counts ? 'seeded' and not key = any(:own)
"""

# An account of a real carrier, whether it is used now or not.
REAL_ACCOUNT_EVER = """
select exists (select from carrier_account where not coalesce((settings ->> 'sandbox')::boolean, false))
"""

# Rows that are taken back again: the numbers that they had are not given twice.
TAKE_CAMPAIGNS = """
insert into campaign (key, token, team_id, template_version_id, category_id, source)
select 'reserved.' || place, 'reserved.' || place, t.id, v.id, g.id, 'reserved'
from (select id from team order by id limit 1) t, (select id from template_version order by id limit 1) v,
    (select id from category order by id limit 1) g, generate_series(1, :count) place
returning id
"""

TAKE_REPLIES = """
insert into reply (event_key, channel, kind, address_hash)
select 'reserved.' || place, 'reserved', 'text', '' from generate_series(1, :count) place returning id
"""

# Its state is of the present until it is what it is to be: one that is checked since days is taken for one whose run died.
INSERT_CAMPAIGN = """
insert into campaign (id, key, token, team_id, feed_id, template_version_id, category_id, state, source, priority, settings,
    counts, scheduled_at, local_start, cut_off_at, created_at)
values (:id, :key, :token, :team, :feed, :version, :category, 'checking', :source, :priority, cast(:settings as jsonb),
    cast(:counts as jsonb), :scheduled, :local_start, :cut_off, :at)
"""

FILE_CAME = """
update received_file
set received_at = :at, modified_at = :at, state = 'judged', answered_at = :answered, archived_at = :answered,
    archived_path = case when source = 'sftp' then :archived end
where id = :id
"""

INSERT_CONSENTS = """
insert into consent (team_id, contact_id, category, captured_at, captured_how)
select :team, agreed.contact, :category, :at, 'web form' from unnest(cast(:contacts as text[])) as agreed(contact)
where not exists (
    select from consent c where c.team_id = :team and c.contact_id = agreed.contact and c.category = :category)
"""

INSERT_SENDER_RUN = """
insert into sender_run (host, process_id, started_at, finished_at, handed_off)
values ('demonstration', 0, :started, :finished, :handed_off) returning id
"""

# States are written as the rows come in; everything that carriers and recipients did follows.
MESSAGES_WENT = """
update message m set
    planned_at = :planned, changed_at = r.changed_at, handed_off_at = r.handed_off_at, attempts = r.attempts,
    carrier_account_id = r.account, sent_from_id = r.sent_from, sender_run_id = r.run,
    carrier_message_id = r.carrier_message_id, reason = r.reason, error_code = r.error_code, delivery = r.delivery,
    delivery_at = r.delivery_at, delivery_error = r.delivery_error, opened_at = r.opened_at, clicked_at = r.clicked_at,
    replied_at = r.replied_at, duration_s = r.duration_s
from unnest(cast(:keys as bigint[]), cast(:changed as timestamptz[]), cast(:handed_off as timestamptz[]),
    cast(:attempts as smallint[]), cast(:accounts as integer[]), cast(:sent_from as integer[]), cast(:runs as bigint[]),
    cast(:carrier_ids as text[]), cast(:reasons as text[]), cast(:errors as text[]), cast(:deliveries as text[]),
    cast(:delivered as timestamptz[]), cast(:delivery_errors as text[]), cast(:opened as timestamptz[]),
    cast(:clicked as timestamptz[]), cast(:replied as timestamptz[]), cast(:durations as integer[]))
    as r(key, changed_at, handed_off_at, attempts, account, sent_from, run, carrier_message_id, reason, error_code, delivery,
        delivery_at, delivery_error, opened_at, clicked_at, replied_at, duration_s)
where m.ledger_month = :month and m.message_key = r.key
"""

INSERT_ATTEMPTS = """
insert into attempt (ledger_month, message_key, number, sender_run_id, carrier_account_id, started_at, outcome, finished_at,
    error_code, error_class, sent_from_id)
select :month, r.key, 1, :run, r.account, r.at, r.outcome, r.at, r.error_code, r.error_class, r.sent_from
from unnest(cast(:keys as bigint[]), cast(:accounts as integer[]), cast(:times as timestamptz[]), cast(:outcomes as text[]),
    cast(:errors as text[]), cast(:classes as text[]), cast(:sent_from as integer[]))
    as r(key, account, at, outcome, error_code, error_class, sent_from)
"""

INSERT_RECEIPTS = """
insert into receipt (received_month, event_key, received_at, occurred_at, carrier, channel, carrier_message_id, ledger_month,
    message_key, campaign_id, status, error_code, duration_s)
select date_trunc('month', r.at at time zone 'UTC')::date, r.event, r.at, r.at, r.carrier, r.channel, r.carrier_id, :month,
    r.key, :campaign, r.status, r.error_code, r.duration_s
from unnest(cast(:events as bytea[]), cast(:times as timestamptz[]), cast(:carriers as text[]), cast(:channels as text[]),
    cast(:carrier_ids as text[]), cast(:keys as bigint[]), cast(:statuses as text[]), cast(:errors as text[]),
    cast(:durations as integer[]))
    as r(event, at, carrier, channel, carrier_id, key, status, error_code, duration_s)
"""

INSERT_REPLY = """
insert into reply (id, event_key, received_at, team_id, channel, kind, address, address_hash, text, ledger_month, message_key,
    campaign_id, sent_to, using_teams, decision, decided_by, decided_at)
select :id, :event, :at, :team, :channel, :kind, :address, m.address_hash, :text, m.ledger_month, m.message_key, m.campaign_id,
    :sent_to, cast(:using as jsonb), :decision, :decided_by, :decided_at
from message m where m.ledger_month = :month and m.message_key = :key returning address_hash
"""

# The message's own address, as the ledger knows it.
SUPPRESS = """
insert into suppression (team_id, channel, address_hash, reason, source, message_id, created_at)
select :team, m.channel, m.address_hash, :reason, :source, :message, :at
from message m where m.ledger_month = :month and m.message_key = :key
on conflict do nothing returning id
"""

HOLDS_WERE_MADE = """
update suppression set created_at = :at, lifted_at = :lifted where message_id = :message and reason = 'probable_opt_out'
"""

ALERT_WAS_RAISED = """
update alert set at = :at, last_at = :last, resolved_at = :resolved, told_at = :at where reason = :reason and subject = :subject
"""

APPROVAL_WAS_ASKED = """
update approval
set asked_at = :asked, told_at = :asked, approved_by = :by, approved_at = cast(:given as timestamptz)
where campaign_id = :id and void_at is null
"""

MOVE = "update campaign set state = :state where id = :id"

# After the last change of state: a trigger stamps each with the present.
CAMPAIGN_WAS = """
update campaign
set problem = cast(:problem as jsonb), ledger_month = :month, loaded_at = :loaded, loaded_messages = :messages,
    first_hand_off_at = :first, finished_at = :finished, state_changed_at = :changed, ledger_changed_at = :changed
where id = :id
"""

SUSPENSION_WAS = """
update suspension set since = :since, lifted_at = :lifted where id = :id
"""
