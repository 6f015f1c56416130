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
