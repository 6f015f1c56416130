"""The room's SQL."""

from __future__ import annotations

# One row when the key is new, or its days are over; none while an earlier request holds it.
CLAIM_KEY = """
    insert into idempotency_key as i (team_id, key, request_hash)
    values (:team, :key, :hash)
    on conflict (team_id, key) do update
        set request_hash = excluded.request_hash, status = null, response = null, created_at = now()
        where i.created_at < now() - make_interval(days => :days)
    returning true
"""

# What the first request with the key was answered: status and response are null until it has ended.
EARLIER_ANSWER = "select request_hash, status, response from idempotency_key where team_id = :team and key = :key"

STORE_ANSWER = """
    update idempotency_key set status = :status, response = cast(:response as jsonb)
    where team_id = :team and key = :key
"""

DELETE_OLD_KEYS = "delete from idempotency_key where created_at < now() - make_interval(days => :days)"

PERSON_NAME = "select name from person where id = :person"

# What a person holds now, the oldest first; nothing of who is not active. A grant without a team holds everywhere.
GRANTS_IN_FORCE = """
    select g.id, r.name as role, coalesce(t.path, '') as team, r.permissions
    from role_grant g join person p on p.id = g.person_id join role r on r.id = g.role_id
        left join team t on t.id = g.team_id
    where g.person_id = :person and p.state = 'active' and (g.expires_at is null or g.expires_at > now())
    order by g.id
"""
