"""The statements of lists of suspensions."""

from __future__ import annotations

from nightmail.organisation.queries import AT_OR_BELOW, TEAMS_AT_OR_BELOW

# The columns of SuspensionRow; a where clause follows.
_SUSPENSIONS = """
select s.id, s.channel, s.team_id, s.carrier_account_id, s.sender, s.reason, s.by, s.since,
    t.path as team, a.name as carrier_account, s.lifted_at, s.lifted_by, s.lifted_why
from suspension s left join team t on t.id = s.team_id left join carrier_account a on a.id = s.carrier_account_id
"""

# Those for all, those of teams that somebody sees, and those of teams above these: all hold their messages back.
_SEEN = f"""(s.team_id is null or s.team_id in ({TEAMS_AT_OR_BELOW}) or exists (
    select from unnest(cast(:teams as text[])) as own(path) where starts_with(own.path, t.path || '.')))"""

_CONCERNS_TEAM = "({})".format(
    " or ".join(
        (
            "s.team_id is null",
            AT_OR_BELOW.format(lower="t.path", upper="cast(:team as text)"),
            AT_OR_BELOW.format(lower="cast(:team as text)", upper="t.path"),
        )
    )
)

SEEN_SUSPENSION = f"{_SUSPENSIONS} where s.id = :id and {_SEEN}"

SEEN_SUSPENSIONS = f"""
{_SUSPENSIONS}
where (s.lifted_at is not null) = cast(:over as boolean) and {_SEEN}
    and (cast(:team as text) is null or {_CONCERNS_TEAM})
    and (cast(:channel as text) is null or s.channel = :channel)
    and (cast(:before as bigint) is null or s.id < :before)
order by s.id desc limit :limit
"""

# Each count ends at its bound; campaigns under way are few beside those that are over.
WAITING_CAMPAIGNS = f"""
select c.key, t.path as team, c.state, waiting.messages
from campaign c join team t on t.id = c.team_id left join team o on o.id = :team
    cross join lateral (
        select count(*) as messages from (
            select from message m where m.ledger_month = c.ledger_month and m.campaign_id = c.id
                and m.state = 'queued' and m.channel = :channel limit :most) queued
    ) waiting
where c.state in ('sending', 'scheduled', 'paused') and waiting.messages > 0
    and (o.id is null or {AT_OR_BELOW.format(lower="t.path", upper="o.path")})
    and c.team_id in ({TEAMS_AT_OR_BELOW})
order by c.id limit :limit
"""  # noqa: S608 - the parts are constants
