"""What is stopped when it is not known what was sent: after a restore, or when a server took over that may lack the last of it.

The deployment's *epoch* has been counted up. Senders take messages of the present epoch only; those of an earlier one that the
database has as unsent become *in doubt*, and receipts, the carrier's records or a person settle them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.reasons.problems import stated_problem

PROBLEM = stated_problem("restored_from_backup")
"""What campaigns are stopped for that were not loaded yet."""
# By SQL of this room's own, since the audit log's room stands above it. The entry is the first of the new epoch.
FENCED_ENTRY = """
    insert into audit (month, actor, action, object, detail)
    values (date_trunc('month', now() at time zone 'UTC')::date, :actor, :action, cast(:epoch as text),
        jsonb_build_object('paused', cast(:paused as int), 'stopped', cast(:stopped as int), 'in_doubt', cast(:doubt as int)))
"""


@dataclass(frozen=True, slots=True)
class Fenced:
    """What was stopped until a person decides."""

    epoch: int
    paused: tuple[str, ...]
    """Campaigns that were sending or scheduled: keys."""
    stopped: tuple[str, ...]
    """Campaigns that were not yet loaded: the lost database may have sent them."""
    in_doubt: int
    """The number of messages that the database has as unsent."""


def fence_unsent(connection: Connection, epoch: int, *, actor: str, action: str) -> Fenced:
    """Pause or stop every campaign that may have been sent further than the database knows; ``epoch`` is the new one.

    What is scheduled for later cannot have been sent, whether it was paused or not: nothing changes the time of a
    campaign, and none begins before. It keeps its messages, but is paused as well.
    """
    connection.execute(
        text(
            "update message m set epoch = :epoch from campaign c where c.id = m.campaign_id "
            "and m.state in ('queued', 'standby') and c.state in ('scheduled', 'paused') and c.scheduled_at > now()"
        ),
        {"epoch": epoch},
    )
    in_doubt = connection.execute(
        text(
            "update message set state = 'in_doubt', reason = 'restored_from_backup', epoch = :epoch "
            "where state in ('queued', 'handing_over') and epoch < :epoch"
        ),
        {"epoch": epoch},
    ).rowcount
    paused = connection.execute(
        text("update campaign set state = 'paused' where state in ('sending', 'scheduled') returning key")
    ).scalars()
    paused_keys = tuple(paused)
    stopped = connection.execute(
        text(
            "update campaign set state = 'stopped', problem = cast(:problem as jsonb) where state in "
            "('received', 'checking', 'awaiting_approval', 'ready') returning key"
        ),
        {"problem": json.dumps(PROBLEM)},
    ).scalars()
    stopped_keys = tuple(stopped)
    connection.execute(
        text(FENCED_ENTRY),
        {
            "actor": actor,
            "action": action,
            "epoch": epoch,
            "doubt": in_doubt,
            "paused": len(paused_keys),
            "stopped": len(stopped_keys),
        },
    )
    connection.execute(text("update sender_run set finished_at = now() where finished_at is null"))
    return Fenced(epoch, paused_keys, stopped_keys, in_doubt)
