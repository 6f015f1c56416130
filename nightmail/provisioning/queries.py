"""The room's SQL."""

from __future__ import annotations

# Campaigns that go on by themselves and have, or may come to have, messages of a channel: of those whose messages are not
# loaded yet, what says which channels they use.
CAMPAIGNS_GOING_ON = """
    select c.id, c.key, c.state, c.settings -> 'channels' as channels,
        case when c.loaded_at is null then v.content end as content
    from campaign c join template_version v on v.id = c.template_version_id
    where c.state in ('received', 'checking') or c.state in ('scheduled', 'sending') and exists (
        select from message m
        where m.campaign_id = c.id and m.channel = :channel and m.state in ('queued', 'standby', 'handing_over'))
    order by c.id
"""

# What an account took lately and has not reported the end of.
UNREPORTED = """
    select count(*)
    from message m
    where m.carrier_account_id = :account and m.state = 'accepted' and m.handed_off_at > now() - interval '3 days'
        and (m.delivery is null or m.delivery <> all(:final))
"""
