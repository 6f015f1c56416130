"""The room's SQL.

The ledger's rows of one recipient are found by ``message_recipient``, so that the rows read do not grow with the ledger.
"""

from __future__ import annotations

from nightmail.organisation.queries import AT_OR_BELOW, TEAMS_AT_OR_BELOW
from nightmail.store.recipient_keys import EACH_MESSAGE, messages_of

_ADDRESSES, _CONTACTS = "cast(:addresses as bytea[])", "cast(:contacts as text[])"
_SEEN = f"c.team_id in ({TEAMS_AT_OR_BELOW})"
MESSAGES_OF = f"{messages_of(_ADDRESSES, _CONTACTS)} k cross join {EACH_MESSAGE} {{0}}"
IS_RECIPIENT = f"({{0}}.address_hash = any({_ADDRESSES}) or {{0}}.contact_id = any({_CONTACTS}))"
"""The messages that the first halves of the hashes find, and whether one is the recipient's; ``{0}`` is the message's alias."""
_COST = "coalesce(m.cost_charged, m.cost)"
_CURRENCY = "case when m.cost_charged is null then m.currency else m.cost_charged_currency end"

# --- Who is meant ---

COUNTRIES = f"""
    select distinct t.country from team t
    where t.country is not null and t.id in ({TEAMS_AT_OR_BELOW})
    order by t.country limit :limit
"""  # noqa: S608 - the parts are constants

# Teams that have a campaign: an external id is looked for in these.
TEAMS_THAT_SEND = f"""
    select t.path from team t
    where t.id in ({TEAMS_AT_OR_BELOW}) and exists (select from campaign c where c.team_id = t.id)
    order by t.path limit :limit
"""  # noqa: S608

# Those of some hashes of which the ledger has a message that the reader may see.
KNOWN = f"""
    select 'address' as kind, encode(h.digest, 'hex') as digest from unnest(cast(:addresses as bytea[])) as h(digest)
    where exists (
        select from {messages_of("array[h.digest]")} k cross join {EACH_MESSAGE} m
            join campaign c on c.id = m.campaign_id
        where m.address_hash = h.digest and {_SEEN})
    union all
    select 'contact', h.digest from unnest(cast(:contacts as text[])) as h(digest)
    where exists (
        select from {messages_of(contacts="array[h.digest]")} k cross join {EACH_MESSAGE} m where m.contact_id = h.digest)
"""  # noqa: S608

# The contacts whose messages went to an address; a household has several.
CONTACTS_OF_ADDRESS = f"""
    select distinct m.contact_id
    from {messages_of(_ADDRESSES)} k cross join {EACH_MESSAGE} m join campaign c on c.id = m.campaign_id
    where m.address_hash = any({_ADDRESSES}) and {_SEEN}
    limit :limit
"""  # noqa: S608

# --- Messages ---

# What is shown of a message: the ledger's row with the names of what it refers to.
MESSAGE_FACTS = f"""
    m.ledger_month, m.message_key, m.campaign_id, m.line, m.channel, m.step, m.state, m.reason, m.due_at, m.contact_id,
    encode(m.address_hash, 'hex') as address_hash, m.country, m.language, m.time_zone, m.segments, {_COST} as cost, {_CURRENCY} as currency, m.attempts,
    m.carrier_account_id, m.carrier_message_id, m.error_code, m.planned_at, m.handed_off_at, m.changed_at, m.delivery,
    m.delivery_at, m.delivery_error, m.opened_at, m.clicked_at, m.replied_at, m.duration_s,
    c.key as campaign, c.token, c.state as campaign_state, c.team_id, c.scheduled_at, c.local_start, c.cut_off_at,
    c.settings ->> 'quiet_hours' as quiet_hours, c.settings ->> 'default_time_zone' as default_time_zone,
    t.path as team, f.name as feed, p.name as template, v.version as template_version, g.name as category,
    a.name as carrier_account, a.carrier, nullif(x.address, '') as sent_from
"""

NAMES = """
    join campaign c on c.id = m.campaign_id
    join team t on t.id = c.team_id
    left join feed f on f.id = c.feed_id
    join template_version v on v.id = c.template_version_id
    join template p on p.id = v.template_id
    join category g on g.id = c.category_id
    left join carrier_account a on a.id = m.carrier_account_id
    left join sent_from x on x.id = m.sent_from_id
"""

# A message counts for the days from when it was planned to the last that is known of it, or on, as long as it waits.
MESSAGES_OF_RECIPIENT = f"""
    select {MESSAGE_FACTS}, b.address
    from {MESSAGES_OF.format("m")}
    {NAMES}
    left join message_content b on b.ledger_month = m.ledger_month and b.message_key = m.message_key
    where {IS_RECIPIENT.format("m")} and {_SEEN}
        and (cast(:until as timestamptz) is null or m.planned_at < :until)
        and (cast(:since as timestamptz) is null or m.state in ('queued', 'standby', 'in_doubt')
            or greatest(m.planned_at, m.changed_at, m.handed_off_at, m.delivery_at, m.replied_at) >= :since)
        and (cast(:before as bigint) is null or m.message_key < :before)
    order by m.message_key desc
    limit :limit
"""  # noqa: S608

# One message, if the reader may see it, with what was sent.
MESSAGE = f"""
    select {MESSAGE_FACTS}, b.address, b.subject, b.body, b.html
    from message m
    {NAMES}
    left join message_content b on b.ledger_month = m.ledger_month and b.message_key = m.message_key
    where m.ledger_month = (select ledger_month from campaign where token = :token)
        and c.token = :token and m.message_key = :key and {_SEEN}
"""  # noqa: S608

# What happened to some messages: attempts that were not plainly accepted, what carriers said, what people answered.
HAPPENINGS = """
    select 'attempt' as kind, e.message_key, e.started_at as at, e.number, e.outcome as word, e.error_code as code,
        a.name as account, nullif(x.address, '') as sent_from, null::text as body, null::bigint as id
    from attempt e
        left join carrier_account a on a.id = e.carrier_account_id
        left join sent_from x on x.id = e.sent_from_id
    where e.ledger_month = any(cast(:months as date[])) and e.message_key = any(cast(:keys as bigint[]))
    union all
    select 'receipt', r.message_key, coalesce(r.occurred_at, r.received_at), null, r.status, r.error_code,
        null, null, null, null
    from receipt r
    where r.received_month >= :first_month and r.message_key = any(cast(:keys as bigint[]))
    union all
    select 'reply', r.message_key, r.received_at, null, r.kind, r.decision, null, null, r.text, r.id
    from reply r
    where r.message_key = any(cast(:keys as bigint[]))
    order by at
    limit :limit
"""

# --- What somebody chose ---

# What was said of a recipient beside messages, each kind of row at most as often as the limit says:
# - suppressions of an address, those that were lifted too: for all teams, for those that the reader sees, and for teams above;
# - what contacts agreed to and chose, and took back;
# - replies of an address that answer none of some messages: to a team that the reader sees.
SAID = f"""
    (select 'suppression' as what, s.id, t.path as team, s.team_id, s.channel, s.category, s.reason as word, s.source as how,
        s.created_at as at, s.lifted_at as ended_at, case when {_SEEN} then s.message_id end as message_id, null::text as body
    from suppression s left join team t on t.id = s.team_id
        left join campaign c on c.token = split_part(s.message_id, '-', 1)
    where s.address_hash = any(cast(:addresses as bytea[]))
        and (s.team_id is null or s.team_id in ({TEAMS_AT_OR_BELOW}) or exists (
            select from unnest(cast(:teams as text[])) as seen(path)
            where {AT_OR_BELOW.format(lower="seen.path", upper="t.path")}))
        and (cast(:until as timestamptz) is null or s.created_at < :until)
        and (cast(:since as timestamptz) is null or s.lifted_at is null or s.lifted_at >= :since)
    order by s.created_at desc, s.id desc limit :limit)
    union all
    (select 'consent', n.id, t.path, n.team_id, n.channel, n.category, null, n.captured_how, n.captured_at, n.withdrawn_at, null, null
    from consent n join team t on t.id = n.team_id
    where n.contact_id = any(cast(:contacts as text[])) and n.team_id in ({TEAMS_AT_OR_BELOW})
    order by n.captured_at desc limit :limit)
    union all
    (select 'preference', n.id, t.path, n.team_id, null, null, n.source, n.set_by, n.stated_at, null, null, n.changes::text
    from preference_statement n join team t on t.id = n.team_id
    where n.contact_id = any(cast(:contacts as text[])) and n.team_id in ({TEAMS_AT_OR_BELOW})
    order by n.stated_at desc, n.id desc limit :limit)
    union all
    (select 'reply', r.id, t.path, r.team_id, r.channel, null, r.kind, r.decision, r.received_at, null, null, r.text
    from reply r join team t on t.id = r.team_id
    where r.address_hash = any(cast(:addresses as bytea[])) and r.team_id in ({TEAMS_AT_OR_BELOW})
        and (r.message_key is null or r.message_key <> all(cast(:keys as bigint[])))
        and (cast(:until as timestamptz) is null or r.received_at < :until)
        and (cast(:since as timestamptz) is null or r.received_at >= :since)
    order by r.id desc limit :limit)
    order by what, at desc, id desc
"""  # noqa: S608

# --- What held campaigns ---

# What held campaigns in a span of time, each kind of row at most as often as the limit says:
# - suspensions of channels; those of a team hold for it and below;
# - who paused, resumed or approved campaigns, and who lifted suppressions: what the audit log keeps of it;
# - campaigns that waited for approval, and those that have it.
HOLDS = """
    (select 'suspension' as what, s.id, t.path as team, s.channel, s.carrier_account_id, s.sender, s.reason, s.by, s.since, s.lifted_at,
        null::text as action, null::text as object, null::jsonb as detail
    from suspension s left join team t on t.id = s.team_id
    where s.channel = any(cast(:channels as text[])) and s.since <= cast(:last as timestamptz)
        and (s.lifted_at is null or s.lifted_at >= cast(:first as timestamptz))
    order by s.since desc limit :limit)
    union all
    (select 'decision', null, null, null, null, null, null, u.actor, u.at, null, u.action, u.object, u.detail
    from audit u
    where u.object = any(cast(:objects as text[])) and u.action = any(cast(:actions as text[]))
    order by u.at limit :limit)
    union all
    (select 'approval', a.campaign_id, null, null, null, null, a.because ->> 'reason', a.approved_by, a.asked_at, a.approved_at,
        null, null, null
    from approval a
    where a.campaign_id = any(cast(:campaigns as integer[])) and a.void_at is null
    limit :limit)
    order by what, since
"""

# --- Rows that became no message ---

# Campaigns whose contact files are looked through: made or due in a span of time, the newest first.
CAMPAIGNS_OF_DAYS = f"""
    select c.id, c.key, c.team_id, t.path as team, c.state, c.created_at, c.loaded_at,
        (c.counts ->> 'rejects')::bigint as rejects, (c.counts ->> 'duplicates')::bigint as duplicates,
        (c.counts ->> 'held')::bigint as held, (c.counts ->> 'rows')::bigint as rows,
        coalesce(f.default_country, t.country, cast(:country as text)) as country
    from campaign c join team t on t.id = c.team_id left join feed f on f.id = c.feed_id
    where {_SEEN} and c.created_at < :until and c.created_at >= cast(:since as timestamptz) - interval '45 days'
        and greatest(c.created_at, c.loaded_at, c.scheduled_at, c.first_hand_off_at) >= :since
    order by c.created_at desc
    limit :limit
"""  # noqa: S608
