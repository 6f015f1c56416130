"""Statements about who is told of what."""

from __future__ import annotations

from nightmail.organisation.queries import AT_OR_BELOW

# One portal at a time decides who is told what: two would each send an email of their own.
ALONE = "select pg_try_advisory_xact_lock(hashtext('nightmail.notices'))"

# Requests that nobody was told of, of campaigns that wait. One that is older than a day was seen otherwise, or is past.
NEW_REQUESTS = """
    select a.id, a.campaign_id, a.four_eyes, t.path as team
    from approval a join campaign c on c.id = a.campaign_id join team t on t.id = c.team_id
    where a.told_at is null and a.void_at is null and a.approved_at is null and c.state = 'awaiting_approval'
        and a.asked_at > now() - interval '1 day'
    order by a.id limit :most
"""

# The empty path is the deployment as a whole.
NEW_ALERTS = """
    select a.id, coalesce(t.path, '') as team
    from alert a left join team t on t.id = a.team_id
    where a.told_at is null and a.resolved_at is null and a.at > now() - interval '1 day'
    order by a.id limit :most
"""

# Who has a permission at a team, and who is their deputy now.
HOLDERS = f"""
    select distinct p.id, d.id as deputy
    from role_grant g join person p on p.id = g.person_id join role r on r.id = g.role_id
        left join team t on t.id = g.team_id
        left join person d on d.id = p.deputy_id and p.deputy_until > now() and d.state = 'active'
    where p.state = 'active' and (g.expires_at is null or g.expires_at > now())
        and cast(:permission as text) = any(r.permissions)
        and (g.team_id is null or {AT_OR_BELOW.format(lower="cast(:team as text)", upper="t.path")})
    order by p.id limit :most
"""  # noqa: S608

TELL = """
    insert into notice (person_id, approval_id, alert_id)
    select person, :approval, :alert from unnest(cast(:people as integer[])) as person
    on conflict do nothing
"""

# What is due to people who are there still, about what waits still. A person's alerts are claimed together, and then none
# for a while; so is what was claimed and not sent.
CLAIM_NOTICES = """
    with due as (
        select n.id
        from notice n join person p on p.id = n.person_id
            left join approval a on a.id = n.approval_id left join campaign c on c.id = a.campaign_id
            left join alert l on l.id = n.alert_id
        where n.sent_at is null and n.attempts < :attempts and p.state = 'active'
            and (n.claimed_at is null or n.claimed_at < now() - make_interval(secs => :pause))
            and (n.approval_id is null
                or a.void_at is null and a.approved_at is null and c.state = 'awaiting_approval')
            and (n.alert_id is null or l.resolved_at is null and not exists (
                select from notice o where o.person_id = n.person_id and o.alert_id is not null
                    and o.claimed_at > now() - make_interval(secs => :pause)))
        order by n.id limit :most),
    claimed as (
        update notice n set claimed_at = now(), attempts = attempts + 1 from due where n.id = due.id
        returning n.id, n.person_id, n.approval_id, n.alert_id)
    select n.id, n.person_id, p.email, p.name, p.language, c.key as campaign, t.path as team, l.message as alert
    from claimed n join person p on p.id = n.person_id
        left join approval a on a.id = n.approval_id left join alert l on l.id = n.alert_id
        left join campaign c on c.id = a.campaign_id left join team t on t.id = coalesce(c.team_id, l.team_id)
    order by n.person_id, n.id
"""

DELETE_OLD_NOTICES = "delete from notice where at < now() - make_interval(days => :days)"
