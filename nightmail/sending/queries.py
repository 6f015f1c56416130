"""The statements of this room."""

from __future__ import annotations

from nightmail.organisation.routes import USABLE_ACCOUNTS

# Campaigns with due messages and those messages, over the channels whose accounts are neither suspended nor left alone
# for longer than a sender would wait.
DUE_WORK = f"""
select count(*) filter (where n > 0) as campaigns, coalesce(sum(n), 0) as messages from (
    select (select count(*) from (
        select from message m where m.campaign_id = c.id and m.state = 'queued' and m.due_at <= now()
        and m.channel = any(usable.channels) limit :limit) due) as n
    from campaign c join team t on t.id = c.team_id cross join lateral (
        select array_agg(distinct a.channel) as channels from {USABLE_ACCOUNTS}
        and not exists (
            select from suspension s left join team st on st.id = s.team_id
            where s.lifted_at is null and s.channel = a.channel
            and (st.id is null or t.path = st.path or starts_with(t.path, st.path || '.'))
            and (s.carrier_account_id is null or s.carrier_account_id = a.id)
            and (s.sender is null or s.sender = own.address))
        and not exists (
            select from pace p where p.carrier_account_id = a.id and p.blocked_until > now() + interval '30 s'
            and (p.sender = '' or p.sender = own.address))
    ) usable
    where c.state = 'sending' and (c.cut_off_at is null or c.cut_off_at > now())
) counted
"""  # noqa: S608 - the part is a constant
