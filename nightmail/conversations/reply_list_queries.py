"""The statements of lists of replies."""

from __future__ import annotations

from nightmail.organisation.queries import AT_OR_BELOW, COVERS_DEPLOYMENT, TEAMS_AT_OR_BELOW

_COLUMNS = """
    r.id, r.received_at, t.path as team, r.team_id, r.channel, r.kind, r.address, r.address_hash, r.sent_to, r.text, r.media,
    c.key as campaign, ct.path as campaign_team, c.token, r.ledger_month, r.message_key, r.decision, r.decided_by, r.decided_at
"""
_NAMES = """
    left join team t on t.id = r.team_id
    left join campaign c on c.id = r.campaign_id left join team ct on ct.id = c.team_id
"""
_CHOSEN = """
    (cast(:campaign as integer) is null or r.campaign_id = :campaign)
    and (cast(:channel as text) is null or r.channel = :channel)
    and (cast(:kind as text) is null or r.kind = :kind)
    and (cast(:since as timestamptz) is null or r.received_at >= :since)
    and (cast(:until as timestamptz) is null or r.received_at < :until)
    and (cast(:at as timestamptz) is null or (r.received_at, r.id) < (:at, :after))
"""
_NEWEST_FIRST = "order by r.received_at desc, r.id desc limit :limit"

# To all teams, and to none: the index by time is followed from the newest on.
LIST_OF_ALL = f"""
select {_COLUMNS}
from (select * from reply r where {_CHOSEN} {_NEWEST_FIRST}) r {_NAMES}
order by r.received_at desc, r.id desc
"""  # noqa: S608 - the parts are constants

# To some teams: the newest of each by its own index, then the newest of these.
LIST_OF_TEAMS = f"""
select {_COLUMNS}
from (
    select n.* from (
        select o.id from team o where o.id in ({TEAMS_AT_OR_BELOW})
            and (cast(:team as text) is null or {AT_OR_BELOW.format(lower="o.path", upper="cast(:team as text)")})
    ) u cross join lateral (select * from reply r where r.team_id = u.id and {_CHOSEN} {_NEWEST_FIRST}) n
    union all
    (select * from reply r where r.team_id is null and :and_of_all and {_CHOSEN} {_NEWEST_FIRST})
    order by received_at desc, id desc limit :limit
) r {_NAMES}
order by r.received_at desc, r.id desc
"""  # noqa: S608 - the parts are constants

_SEEN = f"(r.team_id in ({TEAMS_AT_OR_BELOW}) or r.team_id is null and :and_of_all)"
_UNDECIDED = "r.kind = 'probable_stop' and r.decided_at is null"

# Those that wait for a decision are few and have an index of their own; the oldest waits longest.
LIST_UNDECIDED = f"""
select {_COLUMNS}
from reply r {_NAMES}
where {_UNDECIDED} and {_SEEN}
    and (cast(:team as text) is null or {AT_OR_BELOW.format(lower="t.path", upper="cast(:team as text)")})
    and (cast(:channel as text) is null or r.channel = :channel)
    and (cast(:after as bigint) is null or r.id > :after)
order by r.id limit :limit
"""  # noqa: S608 - the parts are constants

COUNT_UNDECIDED = f"""
select count(*) from (
    select from reply r where {_UNDECIDED}
        and (r.team_id in ({TEAMS_AT_OR_BELOW}) or r.team_id is null and {COVERS_DEPLOYMENT})
    limit :limit) waiting
"""  # noqa: S608 - the parts are constants

SEEN_REPLY = f"select {_COLUMNS} from reply r {_NAMES} where r.id = :id and {_SEEN}"  # noqa: S608

# What was written to the people who answered; retention deletes texts before messages.
ANSWERED_TEXTS = """
select b.message_key, b.subject, b.body
from unnest(cast(:months as date[]), cast(:keys as bigint[])) as w(month, key)
    join message_content b on b.ledger_month = w.month and b.message_key = w.key
"""
