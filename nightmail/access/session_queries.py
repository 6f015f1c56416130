"""Statements about sessions."""

from __future__ import annotations

START_SESSION = """
    insert into person_session (family_hash, token_hash, person_id, created_at, last_seen_at, rotated_at, token_seen_at,
        idle_until, expires_at, authenticated_at, factors, address, user_agent, csrf_secret, recent_s)
    values (:family, :token, :person, :now, :now, :now, null, :idle_until, :expires_at, :now, :factors, :address,
        :user_agent, :csrf, :recent_s)
    returning id
"""

# The session of a family of tokens, whatever became of it, with its person. An ended one says by whom.
SESSION_OF_FAMILY = """
    select s.id, s.person_id, s.token_hash, s.previous_token_hash, s.created_at, s.last_seen_at, s.rotated_at,
        s.rotation_due, s.token_seen_at, s.idle_until, s.expires_at, s.authenticated_at, s.factors, s.address,
        s.user_agent, s.ended_at, s.ended_by, s.csrf_secret, s.recent_s, p.state as person_state, p.name, p.email,
        p.language, p.time_zone, now() as asked_at
    from person_session s
    join person p on p.id = s.person_id
    where s.family_hash = :family
"""

# No row where another request has rotated it in the meantime, or somebody has ended it.
ROTATE_SESSION = """
    update person_session
    set token_hash = :new, previous_token_hash = :came, rotated_at = :now, rotation_due = false, token_seen_at = null
    where id = :id and token_hash = :current and ended_at is null
    returning id
"""

SESSION_SEEN = """
    update person_session
    set last_seen_at = :now, token_seen_at = coalesce(token_seen_at, case when :current then cast(:now as timestamptz) end),
        idle_until = least(cast(:idle_until as timestamptz), expires_at), recent_s = :recent_s
    where id = :id and ended_at is null
"""

PROVED_AGAIN = """
    update person_session
    set authenticated_at = :now, rotation_due = true,
        factors = (select array_agg(distinct f order by f) from unnest(factors || cast(:factors as text[])) f)
    where id = :id and ended_at is null
    returning id
"""

END_SESSION = """
    update person_session set ended_at = :now, ended_by = :by
    where id = :id and ended_at is null
    returning person_id
"""

END_SESSIONS_OF_PERSON = """
    update person_session set ended_at = :now, ended_by = :by
    where person_id = :person and ended_at is null and id is distinct from cast(:but as bigint)
    returning id
"""

SESSIONS_OF_PERSON = """
    select id, person_id, created_at, last_seen_at, expires_at, authenticated_at, factors, address, user_agent
    from person_session
    where person_id = :person and ended_at is null and idle_until > coalesce(cast(:now as timestamptz), now())
        and expires_at > coalesce(cast(:now as timestamptz), now())
    order by last_seen_at desc, id desc
    limit 200
"""

DELETE_OLD_SESSIONS = """
    delete from person_session
    where coalesce(ended_at, least(idle_until, expires_at)) < now() - make_interval(days => :days)
"""
