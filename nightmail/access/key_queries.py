"""Statements about API keys."""

from __future__ import annotations

from nightmail.organisation.queries import TEAMS_AT_OR_BELOW

_KEY = """
    select k.id, t.path as team, k.team_id, k.name, k.prefix, k.permissions, k.created_at, k.created_by, k.expires_at,
        k.revoked_at, k.last_used_at, k.allowed_networks, n.prefix as replaced_by,
        case when k.revoked_at is not null then 'revoked' when k.expires_at <= now() then 'expired'
            when k.replaced_by is not null then 'replaced' else 'active' end as state
    from api_key k join team t on t.id = k.team_id left join api_key n on n.id = k.replaced_by
"""

KEY_BY_ID = f"{_KEY} where k.id = :id"

KEY_BY_PREFIX = f"{_KEY} where k.prefix = :prefix"

# The key of a name that is in use and was not replaced: the newest, should there be several from before.
KEY_OF_NAME = f"""
    {_KEY} where k.team_id = :team and k.name = :name and k.revoked_at is null and k.replaced_by is null
    order by (k.expires_at is null or k.expires_at > now()) desc, k.id desc limit 1
"""

LIST_KEYS = f"""
    {_KEY}
    where k.team_id in ({TEAMS_AT_OR_BELOW})
        and (cast(:team as text) is null or t.path = :team or starts_with(t.path, :team || '.'))
        and (:over or (k.revoked_at is null and (k.expires_at is null or k.expires_at > now())))
        and (cast(:before as int) is null or k.id < :before)
    order by k.id desc limit :limit
"""

# A key that is being replaced ends when the overlap is over, or earlier where it would have.
REPLACE_KEY = """
    update api_key set replaced_by = :new, expires_at = least(expires_at, now() + cast(:overlap as interval))
    where id = :id
"""

# What a file made stays the file's when it is rotated.
KEEP_PROVISIONER = """
    update api_key n set provisioned_by = o.provisioned_by from api_key o where o.id = :id and n.id = :new
"""

REVOKE_KEY = "update api_key set revoked_at = now() where id = :id and revoked_at is null returning id"

CHANGE_KEY = """
    update api_key set permissions = :permissions, allowed_networks = :networks, expires_at = :expires where id = :id
"""
