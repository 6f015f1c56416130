"""SQL of what contacts stated when they are merged, and when a merge is taken back."""

from __future__ import annotations

from nightmail.consent.suppressions import IS_ASKED_FOR

_LOCK = "hashtext('nightmail.merges')"
KEEP_LINKS = f"select pg_advisory_xact_lock_shared({_LOCK})"
CHANGE_LINKS = f"select pg_advisory_xact_lock({_LOCK})"

_IN_FORCE = "m.merged_at is not null and m.undone_at is null and jsonb_exists(m.before, 'choices')"
ANY_LINKS = f"select exists (select from contact_merge m where {_IN_FORCE})"  # noqa: S608 - the part is a constant
LINKS = f"""
    with recursive linked(origin, id) as (
        select c.contact_id, c.id from contact c where c.contact_id = any(cast(:contacts as text[]))
        union
        select l.origin, case when m.kept_id = l.id then m.other_id else m.kept_id end
        from linked l join contact_merge m on l.id in (m.kept_id, m.other_id) and {_IN_FORCE}
    )
    select distinct l.origin, c.contact_id as other from linked l join contact c on c.id = l.id where c.contact_id <> l.origin
    order by 1, 2
"""  # noqa: S608 - the part is a constant

# What was chosen before statements were kept becomes one.
ADOPT = """
    insert into preference_statement (team_id, contact_id, stated_at, changes, source, set_by)
    select p.team_id, p.contact_id, coalesce(p.stated_at, p.updated_at), jsonb_strip_nulls(jsonb_build_object(
        'channels', to_jsonb(p.channels), 'topics_in', to_jsonb(p.categories_in), 'topics_out', to_jsonb(p.categories_out),
        'quiet_from', p.quiet_from, 'quiet_until', p.quiet_until, 'time_zone', p.time_zone, 'language', p.language,
        'paused_until', p.paused_until)), coalesce(p.source, 'earlier'), coalesce(p.set_by, 'earlier')
    from preference p
    where p.contact_id = any(cast(:contacts as text[])) and not exists (
        select from preference_statement e where e.team_id = p.team_id and e.contact_id = p.contact_id)
"""

# The teams to which something was stated of some contacts.
TEAMS = """
    select team_id from preference_statement where contact_id = any(cast(:contacts as text[]))
    union select team_id from consent where contact_id = any(cast(:contacts as text[])) order by 1
"""

# Senders find what was recorded in the last moments by its time: copies have that of the merge.
COPY_CONSENTS = """
    insert into consent (team_id, contact_id, category, channel, captured_at, captured_how, withdrawn_at, source, proof, recorded_by,
        withdrawn_how, withdrawn_by, text_id, expires_at, confirmed_at, ended_at, recorded_at, of_contact)
    select k.team_id, x.id, k.category, k.channel, k.captured_at, k.captured_how, k.withdrawn_at, k.source, k.proof, k.recorded_by,
        k.withdrawn_how, k.withdrawn_by, k.text_id, k.expires_at, k.confirmed_at, case when k.withdrawn_at is not null then now() end,
        k.recorded_at, k.contact_id
    from consent k cross join unnest(cast(:to as text[])) as x(id)
    where k.contact_id = any(cast(:of as text[])) and k.of_contact is null
"""
COPY_STATEMENTS = """
    insert into preference_statement (team_id, contact_id, stated_at, changes, source, set_by, of_contact)
    select s.team_id, x.id, s.stated_at, s.changes, s.source, s.set_by, s.contact_id
    from preference_statement s cross join unnest(cast(:to as text[])) as x(id)
    where s.contact_id = any(cast(:of as text[])) and s.of_contact is null
"""

# Something that is held because of a merge: a withdrawal where both times are the same, else a consent that ends.
HOLD_CONSENT = """
    insert into consent (team_id, contact_id, category, channel, captured_at, captured_how, source, recorded_by, expires_at,
        withdrawn_at, withdrawn_how, withdrawn_by, ended_at, of_contact)
    values (:team, :contact, :category, :channel, :at, :how, :source, :by, :expires_at, :withdrawn_at,
        case when cast(:withdrawn_at as timestamptz) is not null then :how end,
        case when cast(:withdrawn_at as timestamptz) is not null then :by end, now(), :of_contact)
"""

NEWEST = """
    select coalesce((select max(id) from consent), 0) as consents,
        coalesce((select max(id) from preference_statement), 0) as statements
"""

# What came over from the other contact, and what was held because of the merge.
_CAME_OVER = (
    """contact_id = any(cast(:contacts as text[])) and (of_contact = any(cast(:of as text[])) or of_contact = :merge)"""
)
DROP_CONSENTS = f"delete from consent where {_CAME_OVER}"  # noqa: S608 - the part is a constant
DROP_STATEMENTS = f"delete from preference_statement where {_CAME_OVER}"  # noqa: S608
DROP_PREFERENCES = """
    delete from preference p where p.contact_id = any(cast(:contacts as text[])) and not exists (
        select from preference_statement e where e.team_id = p.team_id and e.contact_id = p.contact_id)
"""

KEEP_CHOICES = (
    "update contact_merge set before = before || jsonb_build_object('choices', cast(:choices as jsonb)) where id = :id"
)

# An opt-out that another merge needs too goes on for that one; the rest are lifted.
HAND_ON_OPT_OUTS = f"""
    update suppression s set source = 'merge:' || m.id
    from contact_merge m
    where s.source = :source and s.lifted_at is null and {IS_ASKED_FOR} and m.id <> :merge and m.team_id = :team and {_IN_FORCE}
        and m.before -> 'choices' -> 'opted_out' @> jsonb_build_array(jsonb_build_object(
            'team', s.team_id, 'channel', s.channel, 'category', s.category, 'hash', encode(s.address_hash, 'hex')))
"""  # noqa: S608 - the parts are constants
LIFT_OPT_OUTS = """
    update suppression set lifted_at = now(), lifted_by = :by, lifted_why = :why where source = :source and lifted_at is null
"""
