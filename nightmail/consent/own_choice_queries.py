"""SQL of what a recipient chooses on their own page."""

from __future__ import annotations

from nightmail.channels import ADDRESS_FIELDS
from nightmail.organisation.queries import AT_OR_BELOW

# The topics of a team: categories of templates that it may use, and those that are named; of a name the nearest team's.
TOPICS = f"""
    select distinct on (g.name) g.name, g.kind, g.needs_consent
    from category g left join team t on t.id = g.team_id
    where (t.id is null or {AT_OR_BELOW.format(lower="cast(:team as text)", upper="t.path")})
        and (g.name = any(:named) or exists (
            select from template p join category used on used.id = p.category_id
            where p.team_id = any(:teams) and used.name = g.name))
    order by g.name, length(t.path) desc nulls last
    limit :limit
"""  # noqa: S608

# The languages that the newest versions of a team's templates are written in.
LANGUAGES = """
    select distinct language
    from template p
        join lateral (
            select content from template_version where template_id = p.id order by version desc limit 1
        ) v on true
        cross join lateral jsonb_object_keys(v.content -> 'languages') as language
    where p.team_id = any(:teams) and jsonb_typeof(v.content -> 'languages') = 'object'
    order by language
    limit 60
"""

LOCK = "select pg_advisory_xact_lock(hashtext('nightmail.own_choices'), hashtext(:contact))"
"""One change of a contact's at a time: of a form that is sent twice the second sees what the first one did."""

CHOSEN = """
    select channels, categories_in, categories_out, quiet_from, quiet_until, time_zone, language
    from preference where team_id = :team and contact_id = :contact
"""

# What is chosen, and the statement that it was: whatever is recorded later is taken together with it.
CHOOSE = """
    with stated as (
        insert into preference_statement (team_id, contact_id, stated_at, changes, source, set_by)
        values (:team, :contact, now(), jsonb_build_object('channels', cast(:channels as text[]),
            'topics_in', cast(:topics_in as text[]), 'topics_out', cast(:topics_out as text[]),
            'quiet_from', cast(:quiet_from as text), 'quiet_until', cast(:quiet_until as text),
            'time_zone', cast(:time_zone as text), 'language', cast(:language as text)), 'preference_page', 'recipient')
    )
    insert into preference (team_id, contact_id, channels, categories_in, categories_out, quiet_from, quiet_until, time_zone,
        language, stated_at, source, set_by)
    values (:team, :contact, :channels, :topics_in, :topics_out, :quiet_from, :quiet_until, :time_zone, :language, now(),
        'preference_page', 'recipient')
    on conflict (team_id, contact_id) do update set channels = excluded.channels, categories_in = excluded.categories_in,
        categories_out = excluded.categories_out, quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until,
        time_zone = excluded.time_zone, language = excluded.language, stated_at = excluded.stated_at, source = excluded.source,
        set_by = excluded.set_by, updated_at = now()
"""

CONSENTED = "select distinct category from consent where team_id = any(:teams) and contact_id = :contact and withdrawn_at is null"
CONSENT = """
    insert into consent (team_id, contact_id, category, captured_at, captured_how)
    select :team, :contact, name, now(), :how from unnest(cast(:categories as text[])) as name
"""
WITHDRAW = """
    update consent set withdrawn_at = now()
    where team_id = any(:teams) and contact_id = :contact and category = any(:categories) and withdrawn_at is null
"""

# A contact's row of the nearest team that has it, with the addresses that stand in it; and its further ones.
IN_THE_BOOK = f"""
    select id, {", ".join(ADDRESS_FIELDS)}
    from contact
    where contact_id = :contact and team_id = any(:teams) and removed_at is null
    order by array_position(cast(:teams as integer[]), team_id)
    limit 1
"""  # noqa: S608
FURTHER_ADDRESSES = "select kind, address from contact_address where contact_id = :contact order by id limit 200"
