"""Statements about logging in: wrong attempts, what stands between two steps, links, factors, who is at which provider."""

from __future__ import annotations

# A row that is not there cannot be locked.
BE_THERE = """
    insert into login_throttle (subject, failures, window_started_at)
    select subject, 0, :now from unnest(cast(:subjects as text[])) subject order by subject
    on conflict (subject) do nothing
"""

THROTTLED_UNTIL = """
    select max(blocked_until) from (
        select blocked_until from login_throttle where subject = any(:subjects) order by subject for update
    ) locked
"""

# The attempt counts before it is judged. Beyond the free ones each doubles the wait of the one before.
COUNT_ATTEMPT = """
    insert into login_throttle as t (subject, failures, window_started_at, blocked_until)
    values (:subject, 1, :now, null)
    on conflict (subject) do update
    set failures = case when t.window_started_at < :forgotten then 1 else t.failures + 1 end,
        window_started_at = case when :shared and t.window_started_at >= :forgotten then t.window_started_at else :now end,
        blocked_until = case
            when t.window_started_at < :forgotten or t.failures + 1 < :free then null
            else cast(:now as timestamptz)
                + least(cast(:longest as interval), interval '1 second' * power(2, least(t.failures + 1 - :free, 20)))
        end
"""

# What is shared stays blocked: else who has one account of their own would wipe what they did to others.
FORGET_ATTEMPT = """
    update login_throttle
    set failures = case when :shared then greatest(failures - 1, 0) else 0 end,
        blocked_until = case when :shared then blocked_until end
    where subject = :subject
"""

LOGGED_IN_FROM = """
    select exists (
        select from person_session
        where person_id = :person and address = :address and created_at > now() - make_interval(days => :days)
    )
"""

DELETE_OLD_THROTTLES = "delete from login_throttle where window_started_at < now() - cast(:age as interval)"

KEEP_STEP = """
    insert into pending_login (token_hash, kind, person_id, payload, created_at, expires_at)
    values (:token, :kind, :person, cast(:payload as jsonb), :now, :expires)
"""

READ_STEP = """
    select id, person_id, payload from pending_login
    where token_hash = :token and kind = :kind and expires_at > :now
"""

# Taken once: of two requests with one token the second finds nothing.
TAKE_STEP = """
    delete from pending_login
    where token_hash = :token and kind = :kind and expires_at > :now
    returning id, person_id, payload
"""

DELETE_OLD_STEPS = "delete from pending_login where expires_at < now() - interval '1 hour'"

KEEP_LINK = """
    insert into access_link (token_hash, purpose, person_id, created_by, created_at, expires_at)
    values (:token, :purpose, :person, :by, :now, :expires)
    returning id
"""

LINK_BY_HASH = """
    select l.id, l.purpose, l.person_id, l.created_by, l.expires_at, l.used_at, p.state as person_state
    from access_link l
    left join person p on p.id = l.person_id
    where l.token_hash = :token
"""

USE_LINK = """
    update access_link set used_at = :now
    where id = :id and used_at is null and expires_at > :now
    returning id
"""

END_LINKS = """
    update access_link set used_at = :now
    where person_id = :person and purpose = :purpose and used_at is null
"""

# Who logs in with an address, or nobody.
PERSON_TO_LOG_IN = """
    select id, email, name, language, state, password_hash, totp_confirmed_at from person where email = :email
"""

FACTORS_OF_PERSON = """
    select p.id, p.email, p.name, p.language, p.time_zone, p.state, p.password_hash is not null as has_password,
        p.password_changed_at, p.totp_confirmed_at,
        (select count(*) from passkey k where k.person_id = p.id) as passkeys,
        (select count(*) from recovery_code c where c.person_id = p.id and c.used_at is null) as recovery_codes
    from person p
    where p.id = :person
"""

# A step is used once: the code of a step at or before the last one is refused.
USE_TOTP_STEP = """
    update person set totp_last_step = :step
    where id = :person and totp_confirmed_at is not null and (totp_last_step is null or totp_last_step < :step)
    returning id
"""

SET_TOTP = """
    update person set totp_secret = :secret, totp_confirmed_at = :now, totp_last_step = :step where id = :person
"""

USE_RECOVERY_CODE = """
    update recovery_code set used_at = :now
    where person_id = :person and code_hash = :hash and used_at is null
    returning id
"""

INSERT_PASSKEY = """
    insert into passkey (person_id, credential_id, public_key, sign_count, name, transports, created_at)
    values (:person, :credential, :public_key, :sign_count, :name, :transports, :now)
    on conflict (credential_id) do nothing
    returning id
"""

PASSKEY_OF_CREDENTIAL = """
    select k.id, k.person_id, k.public_key, k.sign_count, k.name, p.state as person_state
    from passkey k
    join person p on p.id = k.person_id
    where k.credential_id = :credential
    for update of k
"""

PASSKEYS_OF_PERSON = """
    select id, name, credential_id, transports, created_at, last_used_at
    from passkey where person_id = :person order by created_at, id
"""

# What the teams at which a person has a grant, and those above them, demand of a login.
POLICIES_OF_PERSON = """
    select distinct t.path, t.settings -> 'login' as stated
    from role_grant g
    join team own on own.id = g.team_id
    join team t on own.path = t.path or starts_with(own.path, t.path || '.')
    where g.person_id = :person and (g.expires_at is null or g.expires_at > now())
        and t.settings ->> 'login' is not null
    union
    select t.path, t.settings -> 'login'
    from team t
    where t.settings ->> 'login' is not null and exists (
        select from role_grant g
        where g.person_id = :person and g.team_id is null and (g.expires_at is null or g.expires_at > now())
    )
"""

PROVIDERS = """
    select id, name, issuer, client_id, client_secret, group_claim, scopes, link_by_email, active, mappings
    from identity_provider order by name
"""

SAVE_PROVIDER = """
    insert into identity_provider as p
        (name, issuer, client_id, client_secret, group_claim, scopes, mappings, link_by_email, active)
    values (:name, :issuer, :client_id, :client_secret, :group_claim, :scopes, cast(:mappings as jsonb), :link_by_email,
        :active)
    on conflict (name) do update
    set issuer = excluded.issuer, client_id = excluded.client_id, client_secret = excluded.client_secret,
        group_claim = excluded.group_claim, scopes = excluded.scopes, mappings = excluded.mappings,
        link_by_email = excluded.link_by_email, active = excluded.active
    returning id
"""

IDENTITY = "select person_id from person_identity where provider_id = :provider and subject = :subject"

# Gives whose it is, also where that is another person.
LINK_IDENTITY = """
    insert into person_identity as i (provider_id, subject, person_id) values (:provider, :subject, :person)
    on conflict (provider_id, subject) do update set person_id = i.person_id
    returning person_id
"""

FORGET_IDENTITIES = """
    delete from person_identity i using identity_provider p
    where p.id = i.provider_id and p.name = :name and p.issuer <> :issuer
"""
