"""SQL of codes to addresses."""

from __future__ import annotations

# One at a time for an address: of two requests at once the second sees the first one's code.
LOCK_ADDRESS = "select pg_advisory_xact_lock(hashtext('nightmail.address_code'), hashtext(:hash))"

# What was sent of late: to the address for the team, to the address for anybody, and for the team to anybody.
SENT_OF_LATE = """
    select
        extract(epoch from clock_timestamp() - max(created_at) filter (where team_id = :team))::float8 as last_s,
        count(*) filter (where team_id = :team and created_at > now() - interval '1 hour') as hour,
        count(*) filter (where team_id = :team) as day,
        count(*) as day_of_all,
        (select count(*) from (
            select from address_code where team_id = :team and created_at > now() - interval '1 hour' limit :most_of_team
        ) of_team) as hour_of_team
    from address_code
    where address_hash = :hash and created_at > now() - interval '24 hours'
"""

KEEP_CODE = """
    insert into address_code (team_id, channel, address_hash, code_hash, expires_at)
    values (:team, :channel, :hash, :code, now() + :lasts)
    returning id
"""

# An earlier code is worth nothing any more.
END_EARLIER = """
    update address_code set expires_at = now()
    where team_id = :team and channel = :channel and address_hash = :hash and used_at is null and expires_at > now()
"""
KEEP_OUTCOME = "update address_code set outcome = :outcome where id = :id"

# Counted before it is judged, and only as often as a code may be tried. For a moment a used one may be typed again: of a form
# that is sent twice the browser keeps the second answer.
COUNT_TRY = """
    update address_code set tries = tries + 1
    where id = (
            select id from address_code
            where team_id = :team and channel = :channel and address_hash = :hash
            order by id desc limit 1
        )
        and tries < :most and expires_at > now() and (used_at is null or used_at > now() - interval '20 seconds')
    returning id, code_hash, tries
"""

NEWEST_CODE = """
    select id, tries, outcome, used_at is not null as used, expires_at <= now() as over
    from address_code
    where team_id = :team and channel = :channel and address_hash = :hash and created_at > now() - interval '24 hours'
    order by id desc limit 1
"""

USE_CODE = "update address_code set used_at = now(), proof_hash = :proof, proof_until = now() + :lasts where id = :id"

IS_PROVED = """
    select exists (
        select from address_code
        where proof_hash = :proof and team_id = :team and channel = :channel and address_hash = :hash
            and proof_until > now() and created_at > now() - interval '24 hours')
"""
END_PROOF = "update address_code set proof_until = now() where proof_hash = :proof and address_hash = :hash and proof_until > now()"

DELETE_OLD = "delete from address_code where created_at < now() - interval '25 hours'"
"""After a day a row counts for no limit, and its proof is long over."""
