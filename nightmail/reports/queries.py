"""The queries of this room.

Those of a table's rows go by COPY: parameters are psycopg's, and each column has the name that the table's schema
(:mod:`nightmail.lake.schemas`) gives it, which :func:`nightmail.store.copying.copy_blocks` checks.
"""

from __future__ import annotations

from nightmail.consent.suppressions import IS_ASKED_FOR
from nightmail.message_ids import channel_code_in_sql, id_in_sql
from nightmail.reports.message_queries import COST as _COST
from nightmail.reports.message_queries import CURRENCY as _CURRENCY

_MESSAGE_ID = id_in_sql("r.message_key", "c.token", "h.name")
_CHANNEL_CODE = channel_code_in_sql("r.message_key")

# One campaign's rows of a day's delivery report: what was handed off on the day, and what was decided on it. The ledger
# keeps the time of the last status. Only where an opening, a click or a complaint followed the delivery, the receipts of
# that message are asked for the first one which says that it arrived.
DELIVERY_ROWS = """
    select
        m.line as line,
        m.contact_id as contact_id,
        encode(m.address_hash, 'hex') as address_hash,
        m.channel as channel,
        m.step as step,
        m.country as country,
        m.language as language,
        m.state as state,
        m.reason as reason,
        m.delivery as status,
        coalesce(m.delivery_error, m.error_code) as error_code,
        m.carrier_account_id as carrier_account_id,
        nullif(x.address, '') as sent_from,
        m.carrier_message_id as carrier_message_id,
        m.attempts as attempts,
        m.planned_at as planned_at,
        m.handed_off_at as handed_off_at,
        coalesce(m.handed_off_at, m.changed_at) as reported_at,
        case
            when m.delivery <> 'delivered' and m.delivery = any(%(reached)s) then coalesce((
                select min(coalesce(r.occurred_at, r.received_at))
                from receipt r
                where r.message_key = m.message_key and r.ledger_month = m.ledger_month
                    and r.received_month >= m.ledger_month and r.status = any(%(reached)s)
            ), least(m.delivery_at, m.opened_at))
        end as reached_at,
        m.opened_at as opened_at,
        m.clicked_at as clicked_at,
        m.delivery_at as status_at,
        m.replied_at is not null as replied,
        m.duration_s as duration_s,
        m.segments as segments,
        m.cost as cost_estimated,
        m.currency as cost_estimated_currency,
        m.cost_charged as cost_charged,
        m.cost_charged_currency as cost_charged_currency
    from message m
    left join sent_from x on x.id = m.sent_from_id
    where m.ledger_month = %(month)s
      and m.message_key between %(first)s and %(last)s
      and (
        (m.handed_off_at >= %(start)s and m.handed_off_at < %(end)s)
        or (m.handed_off_at is null and m.changed_at >= %(start)s and m.changed_at < %(end)s
            and m.state = any(%(never_handed_off)s))
      )
    order by m.message_key
"""

# What carriers said on a day. Of a message that is not ours, message, campaign and team are null.
RECEIPT_ROWS = f"""
    select
        r.received_at as received_at,
        r.occurred_at as occurred_at,
        {_MESSAGE_ID} as message_id,
        c.key as campaign,
        t.path as team,
        r.channel as channel,
        r.carrier as carrier,
        r.carrier_message_id as carrier_message_id,
        r.status as status,
        r.error_code as error_code,
        r.duration_s as duration_s
    from receipt r
    left join channel h on h.code = {_CHANNEL_CODE}
    left join campaign c on c.id = r.campaign_id
    left join team t on t.id = c.team_id
    where r.received_at >= %(start)s and r.received_at < %(end)s
    order by r.received_at
"""  # noqa: S608 - the parts are constants

# What recipients said on a day.
REPLY_ROWS = f"""
    select
        r.received_at as received_at,
        {_MESSAGE_ID} as message_id,
        c.key as campaign,
        t.path as team,
        m.contact_id as contact_id,
        r.channel as channel,
        encode(r.address_hash, 'hex') as address_hash,
        r.kind as kind,
        r.text as text
    from reply r
    left join channel h on h.code = {_CHANNEL_CODE}
    left join campaign c on c.id = r.campaign_id
    left join team t on t.id = r.team_id
    left join message m on m.ledger_month = r.ledger_month and m.message_key = r.message_key
    where r.received_at >= %(start)s and r.received_at < %(end)s
    order by r.received_at
"""  # noqa: S608 - the parts are constants

# The opt-outs and complaints of a day; what made one, without the person who did it by hand or the carrier's code.
OPT_OUT_ROWS = f"""
    select
        s.created_at as at,
        t.path as team,
        s.channel as channel,
        encode(s.address_hash, 'hex') as address_hash,
        s.category as category,
        s.reason as reason,
        case
            when s.source in ('reply', 'unsubscribe_link', 'preference_page') then s.source
            when s.source like 'receipt:%%' then 'receipt'
            when s.source like 'carrier:%%' then 'hand_off'
            else 'by_hand'
        end as how,
        s.message_id as message_id,
        c.key as campaign,
        f.name as feed,
        m.contact_id as contact_id
    from suppression s
    left join team t on t.id = s.team_id
    left join campaign c on c.token = split_part(s.message_id, '-', 1)
    left join feed f on f.id = c.feed_id
    left join lateral (
        select m.contact_id from message_recipient r join message m on m.ledger_month = r.ledger_month
            and m.message_key = r.message_key
        where r.ledger_month = c.ledger_month and r.address_key = address_key(s.address_hash)
            and m.address_hash = s.address_hash and m.campaign_id = c.id and m.handed_off_at is not null
        order by m.handed_off_at limit 1
    ) m on true
    where s.created_at >= %(start)s and s.created_at < %(end)s and {IS_ASKED_FOR}
    order by s.created_at, s.id
"""  # noqa: S608 - the part is a constant

# The keys that were pressed on a day, each with the question of its message's template as it was sent: in the message's
# language, in that without its region, or in the template's own.
QUESTION_ROWS = f"""
    select
        r.received_at as answered_at,
        {_MESSAGE_ID} as message_id,
        c.key as campaign,
        t.path as team,
        m.contact_id as contact_id,
        r.channel as channel,
        m.language as language,
        p.name as template,
        v.version as template_version,
        q.question ->> 'prompt' as question,
        r.text as answer,
        q.question #>> array['answers', r.text, 'means'] as means
    from reply r
    left join channel h on h.code = {_CHANNEL_CODE}
    left join campaign c on c.id = r.campaign_id
    left join team t on t.id = r.team_id
    left join message m on m.ledger_month = r.ledger_month and m.message_key = r.message_key
    left join template_version v on v.id = c.template_version_id
    left join template p on p.id = v.template_id
    left join lateral (
        select v.content #> array['languages', tag, r.channel, 'question'] as question
        from unnest(array[m.language, split_part(m.language, '-', 1), v.content ->> 'default_language'])
            with ordinality as tags(tag, place)
        where v.content #> array['languages', tag, r.channel, 'question'] is not null
        order by place limit 1
    ) q on true
    where r.received_at >= %(start)s and r.received_at < %(end)s and r.kind = 'key' and r.text is not null
    order by r.received_at, r.id
"""  # noqa: S608 - the parts are constants

# What each team used on a day, by feed, category, channel, country, carrier and currency.
USAGE_ROWS = f"""
    select
        t.path as team,
        f.name as feed,
        g.name as category,
        m.channel as channel,
        m.country as country,
        a.carrier as carrier,
        count(*) as messages,
        sum(m.segments) as segments,
        coalesce(sum(m.duration_s), 0) as call_seconds,
        count(*) filter (where m.delivery = any(%(reached)s)) as delivered,
        count(*) filter (where m.delivery = any(%(not_reached)s)) as undelivered,
        sum({_COST}) as cost,
        {_CURRENCY} as currency
    from message m
    join campaign c on c.id = m.campaign_id
    join team t on t.id = c.team_id
    left join feed f on f.id = c.feed_id
    join category g on g.id = c.category_id
    left join carrier_account a on a.id = m.carrier_account_id
    where m.handed_off_at >= %(start)s and m.handed_off_at < %(end)s and m.state = 'accepted'
    group by t.path, f.name, g.name, m.channel, m.country, a.carrier, {_CURRENCY}
    order by t.path, f.name, g.name, m.channel, m.country
"""  # noqa: S608 - the parts are constants

# As the index ``ix_message_decided`` has it: the planner uses it only where it sees the same words.
_DECIDED = "handed_off_at is null and state in ('failed', 'held', 'cancelled', 'expired', 'not_needed')"
# As the index ``ix_message_settled_late`` has it: messages in doubt that proved to be handed off.
_SETTLED_LATE = "changed_at > handed_off_at"

# The campaigns that a day's delivery report has rows of: handed off, decided, in doubt, or with contacts held on the
# day.
CAMPAIGNS_OF_DAY = f"""
    select c.id, c.key, c.loaded_at, c.ledger_month
    from campaign c
    where c.id in (
            select campaign_id from message where handed_off_at >= :start and handed_off_at < :end
            union
            select campaign_id from message where changed_at >= :start and changed_at < :end and {_DECIDED}
            union
            select campaign_id from message where changed_at >= :start and changed_at < :end and state = 'in_doubt'
        )
        or (c.loaded_at >= :start and c.loaded_at < :end)
    order by c.id
"""  # noqa: S608 - the parts are constants of this module

# What is the same in all rows of one campaign.
CAMPAIGN_FACTS = """
    select t.path as team, t.time_zone, f.name as feed, c.key as campaign, c.token, p.name as template, g.name as category
    from campaign c
    join team t on t.id = c.team_id
    left join feed f on f.id = c.feed_id
    join template_version v on v.id = c.template_version_id
    join template p on p.id = v.template_id
    join category g on g.id = c.category_id
    where c.id = :id
"""

# When anything that reports hold changed last: the ends of a few indexes, cheap at any size.
LATEST_CHANGE = f"""
    select greatest(
        (select max(handed_off_at) from message where handed_off_at is not null),
        (select max(changed_at) from message where {_DECIDED}),
        (select max(changed_at) from message where {_SETTLED_LATE}),
        (select max(changed_at) from message where state = 'in_doubt'),
        (select max(received_at) from receipt),
        (select max(received_at) from reply),
        (select max(created_at) from suppression),
        (select max(loaded_at) from campaign))
"""  # noqa: S608

_WITHIN = "{0} > :after and {0} <= :until"

# The days whose reports changed since a moment. A receipt that came on the day of its campaign's first hand-off is of
# a message of that day: its message is not looked up.
CHANGED_DAYS = f"""
    select distinct (at at time zone 'UTC')::date as day
    from (
        select handed_off_at as at from message where {_WITHIN.format("handed_off_at")}
        union all select changed_at from message where {_WITHIN.format("changed_at")} and {_DECIDED}
        union all select handed_off_at from message where {_WITHIN.format("changed_at")} and {_SETTLED_LATE}
        union all select coalesce(handed_off_at, changed_at) from message
            where {_WITHIN.format("changed_at")} and state = 'in_doubt'
        union all select received_at from receipt where {_WITHIN.format("received_at")}
        union all select m.handed_off_at from receipt r left join campaign c on c.id = r.campaign_id
            join message m on m.ledger_month = r.ledger_month and m.message_key = r.message_key
            where {_WITHIN.format("r.received_at")} and (c.first_hand_off_at at time zone 'UTC')::date
                is distinct from (r.received_at at time zone 'UTC')::date
        union all select received_at from reply where {_WITHIN.format("received_at")}
        union all select created_at from suppression where {_WITHIN.format("created_at")}
        union all select m.handed_off_at from reply r join message m on m.ledger_month = r.ledger_month
            and m.message_key = r.message_key where {_WITHIN.format("r.received_at")}
        union all select loaded_at from campaign where {_WITHIN.format("loaded_at")}
    ) changes
    where at is not null
    order by 1
"""  # noqa: S608

# The messages of one campaign, by state and by how they ended.
PROGRESS = """
    select state, case when delivery = any(:ends) then delivery end as ended, sum(messages)::bigint as messages
    from campaign_tally
    where campaign_id = :id
    group by state, ended having sum(messages) <> 0
"""

# The same of several campaigns at once.
PROGRESS_OF_MANY = """
    select campaign_id, state, case when delivery = any(:ends) then delivery end as ended, sum(messages)::bigint as messages
    from campaign_tally
    where campaign_id = any(cast(:ids as int[]))
    group by campaign_id, state, ended having sum(messages) <> 0
"""

# A page of what one campaign's recipients said.
REPLIES_OF_CAMPAIGN = """
    select id, received_at, channel, kind, text, message_key
    from reply
    where campaign_id = :campaign and (cast(:before as bigint) is null or id < :before)
    order by id desc
    limit :limit
"""

# One campaign's messages that went alike, counted.
LINES_OF_CAMPAIGN = """
    select channel, country, state, reason, delivery, sum(messages)::bigint as messages, sum(segments)::bigint as segments,
        case when sum(priced) > 0 then sum(cost) end as cost, currency, sum(replied)::bigint as replies
    from campaign_tally
    where campaign_id = :campaign
    group by channel, country, state, reason, delivery, currency having sum(messages) <> 0
    order by channel, country nulls last, state, delivery nulls last, reason nulls last
    limit 20000
"""

# The same said on a channel, counted over all replies that are kept.
FREQUENT_REPLIES = """
    select channel, kind, text, count(*) as times
    from reply
    group by channel, kind, text
    order by times desc, text
    limit :limit
"""

# What teams and feeds say about reports on a server, each with the last day that was dropped at its place.
REPORT_ORDERS = """
    with orders as (
        select t.path as team, null as feed, t.time_zone, t.settings -> 'report' as report
        from team t join sftp_server s on s.name = t.settings #>> '{report,sftp_server}'
        where s.id = :server
        union all
        select t.path, f.name, t.time_zone, f.settings -> 'report'
        from feed f join team t on t.id = f.team_id
            left join sftp_server s on s.name = f.settings #>> '{report,sftp_server}'
        where f.active and f.settings ? 'report' and coalesce(s.id, f.sftp_server_id) = :server
    )
    select o.team, o.feed, o.time_zone, o.report, (
        select max(d.day)
        from report_drop d
        where d.sftp_server_id = :server and d.folder = o.report ->> 'folder'
            and d.scope = concat_ws('/', o.team, o.feed)
    ) as last_day
    from orders o
    order by o.team, o.feed
"""

# Dropped twice by two processes at once, it is recorded once.
RECORD_DROPPED = """
    insert into report_drop (sftp_server_id, folder, scope, day)
    values (:server, :folder, :scope, :day)
    on conflict do nothing
"""
