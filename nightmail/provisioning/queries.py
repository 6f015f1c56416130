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

# Campaigns that have not ended, with the channels on which they have messages that are not handed off; without a ledger
# yet, what says which channels they may use.
OPEN_CAMPAIGNS = """
    select c.id, c.key, t.path as team, c.feed_id, c.settings -> 'channels' as channels, c.settings -> 'senders' as senders,
        case when c.loaded_at is null then v.content end as content,
        array(select n.name from channel n where exists (
            select from message m
            where m.campaign_id = c.id and m.channel = n.name and m.state in ('queued', 'standby', 'handing_over'))) as open
    from campaign c join team t on t.id = c.team_id join template_version v on v.id = c.template_version_id
    where c.state in ('received', 'checking', 'awaiting_approval', 'ready', 'scheduled', 'sending', 'paused')
    order by c.id
"""

# Feeds of which files wait for their further parts.
FEEDS_WITH_PARTS = "select distinct feed_id from received_file where state = 'part' and campaign_id is null"

# Servers on which files of campaigns that have not ended are to be answered.
SERVERS_TO_ANSWER_ON = """
    select r.sftp_server_id as server, min(c.key) as campaign
    from received_file r join campaign c on c.id = r.campaign_id
    where r.source = 'sftp' and r.answered_at is null
        and c.state in ('received', 'checking', 'awaiting_approval', 'ready', 'scheduled', 'sending', 'paused')
    group by r.sftp_server_id
"""

# What still names a server: active feeds whose folder is there, and feeds and teams that have reports dropped on it.
USERS_OF_SERVER = """
    select 'the feed ' || t.path || '/' || f.name
    from feed f join team t on t.id = f.team_id
    where f.active and (f.sftp_server_id = :server or f.settings #>> '{report,sftp_server}' = :name)
    union
    select 'the report of ' || path from team where settings #>> '{report,sftp_server}' = :name
    order by 1
    limit 5
"""

# What still sends over an account.
USERS_OF_ACCOUNT = """
    select 'the sender ' || t.path || ' ' || n.channel || ' ' || n.name
    from sender n join team t on t.id = n.team_id
    where n.carrier_account_id = :account and n.retired_at is null
    order by 1
    limit 5
"""
