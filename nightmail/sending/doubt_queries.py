"""The statements of lists of messages in doubt. Their index is by message key, whose first part is the campaign."""

from __future__ import annotations

from nightmail.message_ids import campaign_number_in_sql, first_key_in_sql, same_line
from nightmail.organisation.queries import AT_OR_BELOW, TEAMS_AT_OR_BELOW

# The columns of DoubtRow, of messages m of campaigns c; a where clause follows.
_DOUBTS = """
select m.message_key as key, c.token || '-' || m.line || '-' || m.channel || '-' || m.step as message_id,
    c.key as campaign, t.path as team, m.channel, a.name as carrier_account, m.changed_at as since, m.error_code, m.reason
from message m join campaign c on c.id = m.campaign_id join team t on t.id = c.team_id
left join carrier_account a on a.id = m.carrier_account_id
"""

LIST_DOUBTS = f"""
{_DOUBTS}
where m.state = 'in_doubt' and c.team_id in ({TEAMS_AT_OR_BELOW})
    and (cast(:team as text) is null or {AT_OR_BELOW.format(lower="t.path", upper="cast(:team as text)")})
    and (cast(:channel as text) is null or m.channel = :channel)
    and (cast(:after as bigint) is null or m.message_key > :after)
order by m.message_key limit :limit
"""

# Of one campaign the index is entered at its first key and left at its last.
LIST_DOUBTS_OF_CAMPAIGN = f"""
{_DOUBTS}
where m.state = 'in_doubt' and m.message_key between :first and :last and c.team_id in ({TEAMS_AT_OR_BELOW})
    and (cast(:channel as text) is null or m.channel = :channel)
    and (cast(:after as bigint) is null or m.message_key > :after)
order by m.message_key limit :limit
"""

# The index is entered once for each campaign that has any, at the first key after those of the campaign before.
_CAMPAIGNS_IN_DOUBT = f"""
with recursive found(campaign_id) as (
    (select {campaign_number_in_sql("message_key")} from message where state = 'in_doubt'
        order by message_key limit 1)
    union all
    select (select {campaign_number_in_sql("m.message_key")} from message m
        where m.state = 'in_doubt' and m.message_key >= {first_key_in_sql("f.campaign_id + 1")}
        order by m.message_key limit 1)
    from found f where f.campaign_id is not null
)
select c.id, c.key, t.path as team, c.state
from (select campaign_id from found where campaign_id is not null limit :visited) f
    join campaign c on c.id = f.campaign_id join team t on t.id = c.team_id
where c.team_id in ({TEAMS_AT_OR_BELOW})
"""  # noqa: S608 - the parts are constants

CAMPAIGNS_IN_DOUBT = f"""
select c.id, c.key, c.team, c.state, doubts.messages, doubts.since
from ({_CAMPAIGNS_IN_DOUBT} order by c.id limit :limit) c
    cross join lateral (
        select count(*) as messages, min(first.changed_at) as since from (
            select m.changed_at from message m where m.state = 'in_doubt'
                and m.message_key >= {first_key_in_sql("c.id")} and m.message_key < {first_key_in_sql("c.id + 1")}
            limit :most) first
    ) doubts
order by c.id
"""  # noqa: S608 - the parts are constants

COUNT_CAMPAIGNS_IN_DOUBT = f"select count(*) from ({_CAMPAIGNS_IN_DOUBT} limit :limit) c"  # noqa: S608

# The message as it is, with what is kept of its text, which retention deletes first.
DOUBTFUL_MESSAGE = f"""
select m.state, m.carrier_message_id, c.key as campaign, c.state as campaign_state, c.team_id, t.path as team, m.channel, m.line, a.name as carrier_account,
    a.carrier, m.changed_at as since, m.error_code, m.reason, m.address_hash, b.address, b.subject, b.body,
    exists (select from message s where s.ledger_month = m.ledger_month and s.state = 'standby'
        and {same_line("s.message_key", "m.message_key")}) as has_next
from message m join campaign c on c.id = m.campaign_id join team t on t.id = c.team_id
left join carrier_account a on a.id = m.carrier_account_id
left join message_content b on b.ledger_month = m.ledger_month and b.message_key = m.message_key
where m.ledger_month = :month and m.message_key = :key
"""  # noqa: S608 - the part is a function of constants

ATTEMPTS_OF_MESSAGE = """
select x.number, a.name as carrier_account, x.started_at, x.finished_at, x.outcome, x.error_code, x.error_class,
    x.carrier_message_id
from attempt x left join carrier_account a on a.id = x.carrier_account_id
where x.ledger_month = :month and x.message_key = :key order by x.number limit 50
"""
