"""Keep a start by each recipient's own clock, which schedule made a campaign, since when a schedule holds, and restores"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("campaign", sa.Column("local_start", sa.DateTime(timezone=False)))
    op.add_column("campaign", sa.Column("start_stated", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("campaign", sa.Column("schedule_time", sa.DateTime(timezone=True)))
    op.add_column("feed", sa.Column("schedule_set_at", sa.DateTime(timezone=True)))
    op.add_column("deployment", sa.Column("restored_at", sa.DateTime(timezone=True)))
    # Whatever changes a schedule, times before the change are none of it: they were not missed.
    op.execute(
        """
        create function feed_schedule_set() returns trigger language plpgsql as $$
        begin
            if new.schedule is distinct from old.schedule or (new.active and not old.active) then
                new.schedule_set_at = now();
            end if;
            return new;
        end $$
        """
    )
    op.execute(
        "create trigger feed_schedule_set before update of schedule, active on feed "
        "for each row execute function feed_schedule_set()"
    )
    # Until now the feed's time of day said it, on the day that the earliest zone has when the campaign is released.
    op.execute(
        """
        update campaign
        set local_start = (scheduled_at at time zone 'Pacific/Kiritimati')::date + (settings ->> 'send_at')::time
        where settings ->> 'send_in' = 'recipient' and settings ? 'send_at' and scheduled_at is not null
        """
    )
    # Until now a campaign of the contact book was scheduled for the very time that made it.
    op.execute("update campaign set schedule_time = scheduled_at where source = 'contacts'")
