"""Keep the server's timeline with the deployment, so that a server that took over is known

A standby that is made the server begins a timeline. If it was not synchronous it may lack the last intents, and would send
again what they handed off. So senders commit intents only on the timeline that the deployment's row has, and the row takes a new
one only after it is clear what may have been lost.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

# The first eight digits of a log file's name. Services that do not have it count as one timeline for ever.
_SERVER_TIMELINE = """
    create function server_timeline() returns integer language plpgsql set search_path = pg_catalog as $$
    begin
        return ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer;
    exception when feature_not_supported or insufficient_privilege or undefined_function
            or object_not_in_prerequisite_state then
        return 0;
    end $$
"""

# Whether a commit of this session waits until a standby has it.
_SERVER_IS_SYNCHRONOUS = """
    create function server_is_synchronous() returns boolean language sql set search_path = pg_catalog as $$
        select current_setting('synchronous_standby_names') <> ''
            and current_setting('synchronous_commit') in ('on', 'remote_apply')
    $$
"""

# Asked in the statement that commits intents: not on another timeline than the sender's and the deployment's, and not where
# commits have just ceased to wait for the standby.
_MAY_HAND_OFF = """
    create function may_hand_off(known integer) returns boolean language sql set search_path = public, pg_temp as $$
        select coalesce(d.timeline, known) = known and server_timeline() = known
            and (not d.synchronous or server_is_synchronous())
        from deployment d
    $$
"""

# What the row says of the server is brought up to the server; returns what was found. A new timeline keeps its epoch only if
# commits waited for the standby until lately: what a standby lacks that was behind for longer, nobody knows. Where commits
# cease to wait, nothing is handed off for three minutes: a standby that has not heard of it is behind for longer than the two
# in which it would be believed to have everything.
_NOTE_SERVER = """
    create function note_server() returns text
    language plpgsql security definer set search_path = public, pg_temp as $$
    declare
        d deployment%rowtype;
        t integer := server_timeline();
        s boolean := server_is_synchronous();
        whole boolean;
    begin
        select * into d from deployment;
        if d.timeline = t and not d.synchronous and not s then
            return 'same';
        end if;
        select * into d from deployment for update;
        if d.timeline is null then
            update deployment set timeline = t, synchronous = s, server_seen_at = now();
            return 'same';
        end if;
        if d.timeline <> t then
            whole := d.synchronous and now() - d.server_seen_at between interval '-1 minute' and interval '2 minutes';
            update deployment set timeline = t, timeline_at = now(), synchronous = s, server_seen_at = now(),
                unsynchronised_at = null, epoch = epoch + case when whole then 0 else 1 end,
                restored_at = case when whole then restored_at else now() end;
            return case when whole then 'taken_over' else 'fenced' end;
        end if;
        if d.synchronous and not s then
            if d.unsynchronised_at is null then
                update deployment set unsynchronised_at = now();
                return 'held';
            elsif now() - d.unsynchronised_at < interval '3 minutes' then
                return 'holds';
            end if;
            update deployment set synchronous = false, unsynchronised_at = null;
            return 'asynchronous';
        end if;
        if not d.synchronous then
            update deployment set synchronous = true, server_seen_at = now();
            return 'synchronous';
        end if;
        if d.unsynchronised_at is not null or now() - d.server_seen_at > interval '2 seconds' then
            update deployment set server_seen_at = now(), unsynchronised_at = null;
        end if;
        return case when d.unsynchronised_at is null then 'same' else 'synchronous' end;
    end $$
"""


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("deployment", sa.Column("timeline", sa.Integer()))
    op.add_column("deployment", sa.Column("timeline_at", moment))
    op.add_column("deployment", sa.Column("synchronous", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("deployment", sa.Column("server_seen_at", moment))
    op.add_column("deployment", sa.Column("unsynchronised_at", moment))
    for function in (_SERVER_TIMELINE, _SERVER_IS_SYNCHRONOUS, _MAY_HAND_OFF, _NOTE_SERVER):
        op.execute(function)
