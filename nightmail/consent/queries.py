"""The room's SQL."""

from __future__ import annotations

from nightmail.organisation.queries import AT_OR_BELOW

# Suppressions in force with the campaign whose message led to each; further conditions on s and t follow.
IN_FORCE = """
    select s.id, t.path as team, s.channel, s.category, s.reason, s.source, s.message_id, c.key as campaign,
        ct.path as campaign_team, s.created_at, s.address_hash, s.why
    from suppression s left join team t on t.id = s.team_id
        left join campaign c on c.token = split_part(s.message_id, '-', 1) left join team ct on ct.id = c.team_id
    where s.lifted_at is null
"""

# Those that concern a team: its own, those of teams above and below it, and those for all.
_CONCERNS_TEAM = (
    "(s.team_id is null"
    f" or {AT_OR_BELOW.format(lower='cast(:team as text)', upper='t.path')}"
    f" or {AT_OR_BELOW.format(lower='t.path', upper='cast(:team as text)')})"
)
_NEWEST_FIRST = "order by s.created_at desc, s.id desc limit :limit"

IN_FORCE_OF_ADDRESS = f"""
    {IN_FORCE}
        and s.address_hash = :hash
        and (cast(:team as text) is null or {_CONCERNS_TEAM})
        and (cast(:channel as text) is null or s.channel = :channel)
    {_NEWEST_FIRST}
"""

IN_FORCE_BY_ID = f"{IN_FORCE} and s.id = :id and {_CONCERNS_TEAM} {_NEWEST_FIRST}"

# What is there already stays as it is. But what somebody asks for takes the place of what a merge of contacts made of it: it stays when
# the merge is taken back.
UNLESS_STATED = """
    on conflict (team_id, channel, address_hash, category, reason) where lifted_at is null
    do update set source = excluded.source, message_id = excluded.message_id, why = excluded.why, created_at = now()
    where starts_with(suppression.source, 'merge:') and not starts_with(excluded.source, 'merge:')
"""

# One row for each pair of channel and address hash.
ADD = f"""
    insert into suppression (team_id, channel, address_hash, category, reason, source, message_id, why)
    select :team, a.channel, a.hash, :category, :reason, :source, :message, :why
    from unnest(cast(:channels as text[]), cast(:hashes as bytea[])) as a(channel, hash)
    {UNLESS_STATED}
    returning id
"""  # noqa: S608 - the part is a constant

# One row for each marketing category that a team, those above it or those below it have; all categories without a team.
HOLD_MARKETING = f"""
    insert into suppression (team_id, channel, address_hash, category, reason, source, message_id)
    select distinct cast(:team as integer), :channel, :hash, g.name, :reason, :source, :message
    from category g left join team o on o.id = g.team_id left join team t on t.id = :team
    where g.kind = 'marketing' and (t.id is null or o.id is null
        or {AT_OR_BELOW.format(lower="t.path", upper="o.path")}
        or {AT_OR_BELOW.format(lower="o.path", upper="t.path")})
    on conflict do nothing
"""  # noqa: S608

LIFT = """
    update suppression set lifted_at = now(), lifted_by = :by, lifted_why = :why
    where id = any(:ids) and lifted_at is null returning id
"""

# What the audit log keeps of suppressions.
FACTS = "select id, address_hash, team_id, channel, category, reason from suppression where id = any(:ids)"

# The campaign that a message's id names, and what its recipient can opt out of.
CAMPAIGN_OF_LINK = """
    select c.id, c.key, c.ledger_month, c.team_id, t.path, t.name as team, g.name as category
    from campaign c join team t on t.id = c.team_id join category g on g.id = c.category_id
    where c.token = :token
"""

MESSAGE_OF_LINK = """
    select m.address_hash, m.contact_id, m.language, c.address
    from message m left join message_content c on c.ledger_month = m.ledger_month and c.message_key = m.message_key
    where m.ledger_month = :month and m.message_key = :key
"""

# Opt-outs that were made by a link of late; those of any other source stay.
LIFT_LINK_OPT_OUTS = """
    update suppression set lifted_at = now()
    where team_id = :team and channel = :channel and address_hash = :hash and source = :source and lifted_at is null
        and created_at > now() - :within
"""
HAS_LINK_OPT_OUTS = """
    select exists (
        select from suppression
        where team_id = :team and channel = :channel and address_hash = :hash and source = :source and lifted_at is null)
"""
