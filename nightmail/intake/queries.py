"""SQL of the intake."""

from __future__ import annotations

LOCK_FEED = "select pg_advisory_xact_lock(hashtext(:feed))"
"""One file of a feed is registered at a time, so that the same content is never taken twice at once."""

RECORD_ARCHIVED = """
update received_file set archived_at = now(), archived_path = :path,
    archived_size = coalesce(cast(:size as bigint), size),
    archived_modified_at = coalesce(cast(:modified_at as timestamptz), modified_at)
where id = :id
"""

ARCHIVED_LATELY = """
select r.id, r.team_id, r.feed_id, r.campaign_id, r.path, r.name, r.sha256, r.archived_path, r.archived_size,
    r.archived_modified_at
from received_file r
where r.source = 'sftp' and r.sftp_server_id = :server and r.archived_at > now() - cast(:within as interval)
    and r.archived_path is not null and r.archived_size is not null and r.sha256 is not null and r.feed_id is not null
    and (cast(:only as bigint[]) is null or r.id = any(cast(:only as bigint[])))
order by r.id desc limit :limit
"""
"""By the index of files archived on SFTP."""

RECORD_COMPARED = """
update received_file set archived_size = :size, archived_modified_at = :modified_at where id = :id
"""

ADD_GROWN_FILE = """
insert into received_file (team_id, feed_id, source, sftp_server_id, path, name, size, modified_at, sha256, stored_path,
    archived_at)
values (:team, :feed, 'sftp', :server, :path, :name, :size, :modified, :sha256, :stored, now())
on conflict do nothing returning id
"""
"""A file as it is now in the archive: it need not be archived again."""

CONTINUE_CAMPAIGN = """
with campaign_of_file as (update received_file set campaign_id = :id where id = :file)
update campaign set continues_id = :continues where id = :id
"""

# A file with the names of its team and feed; what Nightmail wrote beside an upload is no contact file.
RECEIVED_FILE = """
    select r.id, r.name, t.path as team, f.name as feed, r.source, r.size, r.sha256, r.state, r.campaign_id,
        r.received_at, r.problem
    from received_file r join team t on t.id = r.team_id left join feed f on f.id = r.feed_id
    where r.id = :id and r.state <> 'answer'
"""

# The lock and the state in one: a preparing run moves the campaign on only before or after the transaction.
LOCK_OPEN_CAMPAIGN = """
    select id from campaign
    where feed_id = :feed and source = 'single' and state = 'received' and accepts_until > clock_timestamp()
    order by id desc
    limit 1
    for update
"""

LAST_SINGLE_MESSAGE = "select max(line) from single_message where campaign_id = :campaign"

ADD_SINGLE_MESSAGE = """
    insert into single_message (campaign_id, line, row) values (:campaign, :line, cast(:row as jsonb))
"""
