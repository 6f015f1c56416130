"""The statements of approvals: the one that stands, who may give it, and what waits for it."""

from __future__ import annotations

STANDING_APPROVAL = """
select id, campaign_id, asked_at, because, four_eyes, bound, hash, approved_by, approved_for, approved_at, same_person
from approval where campaign_id = :id and void_at is null
"""

ASK_FOR_APPROVAL = """
insert into approval (campaign_id, because, four_eyes, bound, hash)
values (:id, cast(:because as jsonb), :four_eyes, cast(:bound as jsonb), :hash)
"""

# People who are away and have named a deputy: whose permission the deputy may use meanwhile.
AWAY_FOR_DEPUTY = """
select id from person where deputy_id = :person and deputy_until > now() and state = 'active' order by id
"""

# The teams at which people who are away and named a deputy may approve, by their grants in force.
_TEAMS_OF_THE_AWAY = """
select coalesce(o.path, '') as path from person p
join role_grant g on g.person_id = p.id and (g.expires_at is null or g.expires_at > now())
join role r on r.id = g.role_id left join team o on o.id = g.team_id
where p.deputy_id = :deputy and p.deputy_until > now() and p.state = 'active' and 'campaign.approve' = any(r.permissions)
"""
APPROVING_TEAMS = f"select unnest(cast(:teams as text[])) as path union {_TEAMS_OF_THE_AWAY} order by path"

# Campaigns that wait, of the teams at or below those whose campaigns somebody may approve, the oldest first.
WAITING_APPROVALS = f"""
select a.id, a.campaign_id, c.key, t.path as team, f.name as feed, a.asked_at, a.because, a.four_eyes, a.bound, a.hash,
    tp.name as template, tv.version, tv.content as template_content
from approval a join campaign c on c.id = a.campaign_id join team t on t.id = c.team_id
left join feed f on f.id = c.feed_id
join template_version tv on tv.id = c.template_version_id join template tp on tp.id = tv.template_id
where a.void_at is null and a.approved_at is null and c.state = 'awaiting_approval'
  and exists (
    select from ({APPROVING_TEAMS}) upper_team
    where upper_team.path = '' or t.path = upper_team.path or starts_with(t.path, upper_team.path || '.'))
order by a.asked_at, a.id limit :limit
"""  # noqa: S608 - the part is a constant
