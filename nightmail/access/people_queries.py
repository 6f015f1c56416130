"""Statements about people."""

from __future__ import annotations

from nightmail.organisation.queries import TEAMS_AT_OR_BELOW

_PERSON = """
    select p.id, p.email, p.name, lower(p.name) as name_in_order, p.language, p.time_zone, p.state, p.created_at, p.created_by, p.last_login_at,
        p.age_attested_by, p.age_attested_at, p.age_country, p.deputy_id, p.deputy_until,
        (p.password_hash is not null or exists (select from passkey k where k.person_id = p.id)
            or exists (select from person_identity i where i.person_id = p.id)) as has_factor
    from person p
"""

PERSON_BY_ID = f"{_PERSON} where p.id = :id"

PERSON_BY_EMAIL = f"{_PERSON} where p.email = :email"

INSERT_PERSON = """
    insert into person (email, name, language, time_zone, state, age_attested_by, age_attested_at, age_country, created_by)
    values (:email, :name, :language, :time_zone, :state, :by, now(), :country, :by)
    on conflict (email) do nothing
    returning id
"""

# Those with a grant at the teams or below, those that the asker invited, and the asker; everybody for the empty path.
_VISIBLE = f"""
    ('' = any(cast(:teams as text[])) or p.created_by = :actor or p.id = :oneself or exists (
        select from role_grant g where g.person_id = p.id and g.team_id in ({TEAMS_AT_OR_BELOW})))
"""

VISIBLE_PERSON = f"select exists (select from person p where p.id = :id and {_VISIBLE})"  # noqa: S608

LIST_PEOPLE = f"""
    {_PERSON}
    where {_VISIBLE}
        and (cast(:state as text) is null or p.state = :state)
        and (cast(:search as text) is null or strpos(lower(p.name), :search) > 0 or strpos(p.email, :search) > 0)
        and (cast(:team as text) is null or exists (
            select from role_grant g left join team t on t.id = g.team_id
            where g.person_id = p.id and (t.path = :team or starts_with(t.path, :team || '.'))
                and g.team_id in ({TEAMS_AT_OR_BELOW})))
        and (lower(p.name), p.id) > (cast(:name as text), cast(:after as int))
    order by lower(p.name), p.id
    limit :limit
"""

COUNT_PEOPLE = "select state, count(*) as people from person group by state"

SET_STATE = """
    update person set state = :state where id = :id and state <> :state returning id
"""

CHANGE_ONESELF = """
    update person set name = :name, language = :language, time_zone = :time_zone where id = :id returning id
"""

END_LINKS_OF_PURPOSE = "update access_link set used_at = now() where purpose = :purpose and used_at is null"

END_LINKS_OF_PERSON = "update access_link set used_at = now() where person_id = :person and used_at is null"

DEPUTY_OF = """
    select d.id as person_id, d.name, d.email, p.deputy_until as until
    from person p join person d on d.id = p.deputy_id
    where p.id = :person and p.deputy_until > now()
"""

SET_DEPUTY = "update person set deputy_id = :deputy, deputy_until = :until where id = :person"

# By which a person logs in; each statement is one of the tables that hold something of it.
FORGET_FACTORS = (
    "delete from passkey where person_id = :person",
    "delete from recovery_code where person_id = :person",
    "delete from person_identity where person_id = :person",
    "delete from pending_login where person_id = :person",
    """
    update person set state = 'invited', password_hash = null, password_changed_at = null, totp_secret = null,
        totp_confirmed_at = null, totp_last_step = null
    where id = :person
    """,
)
