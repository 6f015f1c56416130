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

# Whose a contact is: preferences and consents of one that a team above shares are its owner's.
OWNER = """
    select team_id from contact where contact_id = :contact and team_id = any(:teams)
    order by array_position(cast(:teams as integer[]), team_id) limit 1
"""

# The text that was shown, if it was kept before in just these words.
TEXT_AS_SHOWN = """
    select id from consent_text where team_id = :team and name = :name and text = :text order by version desc limit 1
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
