"""Events for teams' webhooks: written by the database, in the transaction in which they happen

A campaign's changes of state, replies and receipts become rows of webhook_call where an active webhook of the team, or
of a team above it, asks for them. Receipts are told by the batch in which they were stored, one call per campaign.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_reply_campaign", "reply", ["campaign_id", "id"])
    op.execute("""
        create function webhooks_for(team integer, event text) returns setof integer language sql stable as $$
            select w.id from webhook w join team above on above.id = w.team_id join team t on t.id = team
            where w.active and event = any(w.events) and (t.path = above.path or starts_with(t.path, above.path || '.'))
        $$
    """)
    op.execute("""
        create function tell_campaign_state() returns trigger language plpgsql as $$
        begin
            insert into webhook_call (webhook_id, event, body)
            select w, 'campaign.' || new.state, jsonb_build_object(
                'happened_at', now(), 'team', t.path,
                'data', jsonb_build_object('campaign', new.key, 'state', new.state, 'before',
                    case when tg_op = 'UPDATE' then old.state end,
                    'counts', new.counts, 'problem', new.problem))
            from team t, webhooks_for(new.team_id, 'campaign.' || new.state) w where t.id = new.team_id;
            return null;
        end $$
    """)
    op.execute("""
        create trigger campaign_state_told after update of state on campaign
        for each row when (old.state is distinct from new.state) execute function tell_campaign_state()
    """)
    op.execute("""
        create trigger campaign_told after insert on campaign for each row execute function tell_campaign_state()
    """)
    op.execute("""
        create function message_id_of(message_key bigint, token text) returns text language sql immutable as $$
            select token || '-' || ((message_key >> 7) & 2147483647) || '-'
                || (array['sms', 'email', 'voice', 'chat'])[((message_key >> 4) & 7) + 1] || '-' || (message_key & 15)
        $$
    """)
    op.execute("""
        create function tell_reply() returns trigger language plpgsql as $$
        begin
            insert into webhook_call (webhook_id, event, body)
            select w, 'reply.received', jsonb_build_object(
                'happened_at', new.received_at, 'team', t.path,
                'data', jsonb_build_object('reply', new.id, 'channel', new.channel, 'kind', new.kind, 'text', new.text,
                    'campaign', c.key, 'message', message_id_of(new.message_key, c.token)))
            from team t join webhooks_for(new.team_id, 'reply.received') w on true
            left join campaign c on c.id = new.campaign_id
            where t.id = new.team_id;
            return null;
        end $$
    """)
    op.execute("create trigger reply_told after insert on reply for each row execute function tell_reply()")
    op.execute("""
        create function tell_receipts() returns trigger language plpgsql as $$
        begin
            if not exists (select from webhook where active and 'message.receipts' = any(events)) then
                return null;
            end if;
            insert into webhook_call (webhook_id, event, body)
            select w, 'message.receipts', jsonb_build_object(
                'happened_at', now(), 'team', told.path,
                'data', jsonb_build_object('campaign', told.key, 'receipts', told.receipts))
            from (
                select c.team_id, t.path, c.key, jsonb_agg(jsonb_build_object(
                    'message', message_id_of(r.message_key, c.token), 'channel', r.channel, 'status', r.status,
                    'error_code', r.error_code, 'duration_s', r.duration_s,
                    'at', coalesce(r.occurred_at, r.received_at))) as receipts
                from stored r join campaign c on c.id = r.campaign_id join team t on t.id = c.team_id
                where r.message_key is not null
                group by c.id, t.id
            ) told cross join lateral webhooks_for(told.team_id, 'message.receipts') w;
            return null;
        end $$
    """)
    op.execute("""
        create trigger receipts_told after insert on receipt referencing new table as stored
        for each statement execute function tell_receipts()
    """)


def downgrade() -> None:
    op.drop_index("ix_reply_campaign", "reply")
    op.execute("drop trigger receipts_told on receipt")
    op.execute("drop trigger reply_told on reply")
    op.execute("drop trigger campaign_told on campaign")
    op.execute("drop trigger campaign_state_told on campaign")
    for function in (
        "tell_receipts()",
        "tell_reply()",
        "tell_campaign_state()",
        "message_id_of(bigint, text)",
        "webhooks_for(integer, text)",
    ):
        op.execute(f"drop function {function}")
