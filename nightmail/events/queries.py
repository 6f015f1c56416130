"""The queries of this room."""

from __future__ import annotations

from nightmail.organisation.queries import TEAMS_AT_OR_BELOW

# Active webhooks of a team and of the teams below it, newest first; each condition may be left out.
WEBHOOKS = """
    select w.id, w.team_id, t.path as team, w.url, w.events, w.active, w.created_at
    from webhook w join team t on t.id = w.team_id
    where w.active
      and (cast(:team as text) is null or t.path = :team or starts_with(t.path, :team || '.'))
      and (cast(:ids as integer[]) is null or w.id = any(:ids))
      and (cast(:before as integer) is null or w.id < :before)
    order by w.id desc
    limit :limit
"""

# The webhooks of some teams and those below, newest first, each with its newest call; conditions may be left out.
TEAM_WEBHOOKS = f"""
    select w.id, w.team_id, t.path as team, w.url, w.events, w.secret, w.personal, w.active, w.created_at, w.provisioned_by,
        c.created_at as called_at, c.attempts as call_attempts, c.delivered_at as call_delivered_at,
        c.given_up_at as call_given_up_at, c.last_status as call_status
    from webhook w join team t on t.id = w.team_id
        left join lateral (select * from webhook_call where webhook_id = w.id order by id desc limit 1) c on true
    where w.team_id in ({TEAMS_AT_OR_BELOW})
      and (:ended or w.active)
      and (cast(:team as text) is null or t.path = :team or starts_with(t.path, :team || '.'))
      and (cast(:id as integer) is null or w.id = :id)
      and (cast(:before as integer) is null or w.id < :before)
    order by w.id desc
    limit :limit
"""  # noqa: S608

# The calls of one webhook, newest first.
CALLS = """
    select id, event, created_at, attempts, delivered_at, given_up_at, due_at, last_status
    from webhook_call
    where webhook_id = :webhook and (cast(:before as bigint) is null or id < :before)
    order by id desc
    limit :limit
"""

# Take due calls that no other process takes, and put them off by the lease: a claim whose process died runs out.
CLAIM_CALLS = """
    with due as (
        select id from webhook_call
        where delivered_at is null and given_up_at is null and due_at <= now()
        order by due_at
        limit :limit
        for update skip locked
    )
    update webhook_call c
    set attempts = attempts + 1, due_at = now() + make_interval(secs => :lease)
    from due, webhook w
    where c.id = due.id and w.id = c.webhook_id
    returning c.id, c.webhook_id, w.url, c.event, c.attempts, w.secret, c.body
"""
