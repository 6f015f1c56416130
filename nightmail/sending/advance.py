"""Moving the ledger on: what time and receipts have decided about senders, standby messages and campaigns.

Every statement takes messages from a state that it names, so that it may run beside senders and be killed at any point:
the next call goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, text

from nightmail.campaigns.alerts import review_alerts
from nightmail.campaigns.transitions import release_scheduled
from nightmail.sending.campaign_endings import expire, finish_campaigns, finish_cancelling
from nightmail.sending.dead_senders import end_dead_senders
from nightmail.sending.restored_ledgers import fence_earlier_epochs
from nightmail.sending.servers import note_server
from nightmail.sending.standby import decide_standby
from nightmail.sending.suspended_channels import fall_from_suspended
from nightmail.store.clock import database_time
from nightmail.store.partitions import ensure_partitions, month_of


@dataclass(frozen=True, slots=True)
class Advanced:
    """What one advance did."""

    released: int = 0
    """Scheduled campaigns that began."""
    in_doubt: int = 0
    """Messages whose sender died between intent and outcome."""
    expired: int = 0
    fallen: int = 0
    """Messages of suspended channels that ended for the next channel."""
    promoted: int = 0
    not_needed: int = 0
    finished: tuple[str, ...] = ()
    """Keys of campaigns that finished."""


def advance_ledger(engine: Engine) -> Advanced:
    """Move on everything that time or receipts have decided. One process at a time works; the others return at once.

    Cheap when there is nothing. Sensors call it at every tick (it also releases scheduled campaigns), and senders while
    they run.
    """
    with engine.connect() as lock:
        alone = lock.scalar(text("select pg_try_advisory_lock(hashtext('nightmail.advance'))"))
        lock.commit()
        if not alone:
            return Advanced()
        try:
            return _advance(engine)
        finally:
            lock.execute(text("select pg_advisory_unlock(hashtext('nightmail.advance'))"))
            lock.commit()


def _advance(engine: Engine) -> Advanced:
    # First of all: what the row says of the server decides what may be handed off.
    note_server(engine)
    with engine.begin() as connection:
        now = database_time(connection)
        ensure_partitions(connection, month_of(now))
    released = release_scheduled(engine)
    in_doubt = end_dead_senders(engine)
    finish_cancelling(engine)
    expired = expire(engine)
    fallen = fall_from_suspended(engine)
    standby = decide_standby(engine)
    if standby.promoted:
        # All else of an earlier epoch was fenced by the restore itself.
        fence_earlier_epochs(engine)
    finished = finish_campaigns(engine)
    with engine.begin() as connection:
        review_alerts(connection)
    return Advanced(len(released), in_doubt, expired, fallen, standby.promoted, standby.not_needed, tuple(finished))
