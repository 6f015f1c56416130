"""The statements of this room."""

from __future__ import annotations

# What a loaded campaign has left, by channel and time; times to the second, as messages that a carrier put off have a
# time each. ``due_at`` is null for messages that are due already.
WORK_OF_LEDGER = """
select channel, state, case when state = 'queued' and due_at > now() then date_trunc('second', due_at) end as due_at,
    case when channel = any(:by_segments) then sum(segments) else count(*) end as units, max(step) as last_step
from message
where campaign_id = :id and ledger_month = :month and state in ('queued', 'standby')
group by 1, 2, 3
"""

# Campaigns that may be in the way of one that begins: loaded, as urgent or more, and beginning before it ends.
CAMPAIGNS_BESIDE = """
select c.id, c.ledger_month, t.path as team, c.settings, c.priority, greatest(c.scheduled_at, now()) as starts_at
from campaign c join team t on t.id = c.team_id
where c.state in ('sending', 'scheduled') and c.ledger_month is not null and c.priority <= :priority
    and c.id is distinct from :self and (c.scheduled_at is null or c.scheduled_at < :until)
    and (c.cut_off_at is null or c.cut_off_at > now())
"""

# The units of a campaign's messages of a channel that are due by a time; no more messages are counted than ``most``.
UNITS_DUE = """
select case when :by_segments then sum(segments) else count(*) end
from (
    select segments from message
    where campaign_id = :id and ledger_month = :month and channel = :channel and state = 'queued' and due_at <= :until
    limit :most
) due
"""

# Units by channel and rows of the feed's last campaign that was loaded.
UNITS_OF_LAST = """
select counts -> 'units' as units, (counts ->> 'rows')::bigint as rows from campaign
where feed_id = :feed and id < :id and loaded_at is not null and counts -> 'units' <> '{}'::jsonb
    and (counts ->> 'rows')::bigint > 0
order by id desc limit 1
"""

# Campaigns that send and have messages waiting on a channel, the most urgent first.
CAMPAIGNS_WAITING = """
select c.id from campaign c
where c.state = 'sending' and c.ledger_month is not null
    and (select true from message m where m.ledger_month = c.ledger_month and m.campaign_id = c.id
        and m.channel = :channel and m.state = 'queued' order by m.due_at limit 1)
order by c.priority, c.id limit :limit
"""
