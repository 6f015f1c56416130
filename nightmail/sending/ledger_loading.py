"""Loading a campaign's ledger from its messages, once, and moving the campaign on in the same transaction."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from nightmail.campaigns.approval_records import ask_for_approval, void_approval
from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.campaigns.counts import message_counts, record_counts
from nightmail.campaigns.holding_back import hold_back
from nightmail.campaigns.transitions import move_campaign, state_after_loading, wrong_state
from nightmail.forecasts.recorded_forecasts import forecast_loaded
from nightmail.lake import TableFile
from nightmail.message_ids import campaign_keys
from nightmail.reasons.problems import stated_problem
from nightmail.sending.ledger_blocks import AudienceTimeZones, LedgerBlocks, count_states
from nightmail.sending.queries import LEDGER_LOADED
from nightmail.store.clock import database_time
from nightmail.store.partitions import ensure_partitions, month_of, partition_name, refresh_statistics
from nightmail.store.states import CampaignState, MessageState

LOADED_AT_ONCE = 10_000
"""Rows in memory at once: emails of some kilobytes each fit into memory that is used again."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading a ledger did."""

    campaign: str
    state: CampaignState
    messages: int
    queued: int
    standby: int
    already_loaded: bool
    """The ledger was there (a rerun): nothing was changed."""
    finishes_by: dt.datetime | None
    """When the last queued message goes at the rates that the carriers allow; none when a channel has no carrier."""
    late: bool
    """Whether that is after the campaign's cut-off."""


def load_ledger(
    engine: Engine,
    campaign: str | int,
    messages: TableFile,
    audience: TableFile,
    *,
    actor: str,
    needs_approval: bool = False,
) -> Loaded:
    """Load ``messages`` into the ledger and move the campaign on from ``checking``, in one transaction.

    Loading again changes nothing once the campaign moved on; a campaign that was stopped before its first hand-off and
    prepared again gets its ledger replaced. ``audience`` gives time zones, for quiet hours at hand-off.

    Raises :class:`UsageError` (``campaign_state``) for a campaign that is not being checked and has no ledger, and
    :class:`LedgerError` for messages of another campaign; nothing is loaded then.
    """
    with engine.begin() as connection:
        found = get_campaign(connection, campaign)
        now = database_time(connection)
        month = month_of(now)
        ensure_partitions(connection, month)
    if found.state != CampaignState.CHECKING or found.frozen:
        return _already_loaded(engine, found)
    with engine.begin() as connection:
        # The campaign's row stays free while rows are copied, so that it can be cancelled at once.
        connection.execute(text("select pg_advisory_xact_lock(hashtext('nightmail.load'), :id)"), {"id": found.id})
        found = get_campaign(connection, found.id)
        if found.state == CampaignState.CHECKING and not found.frozen:
            if found.loaded_at is not None:
                _remove(connection, found)
            epoch = int(connection.scalar(text("select epoch from deployment")) or 1)
            blocks = LedgerBlocks(campaign=found, zones=AudienceTimeZones(audience), month=month, now=now, epoch=epoch)
            counts: Counter[str] = Counter()
            for block in messages.blocks(rows=LOADED_AT_ONCE):
                blocks.copy_in(connection, block)
                count_states(counts, block)
            _refresh_statistics(connection, month, counts.total())
            connection.execute(text(LEDGER_LOADED), {"month": month, "messages": counts.total(), "id": found.id})
            record_counts(connection, found.id, {"messages": counts.total(), "standby": counts[MessageState.STANDBY]})
            forecast = forecast_loaded(connection, found.id, now)
            _bind_approval(connection, found.id, actor, needed=needs_approval)
            if not needs_approval:
                # By now: copying a large ledger takes longer than the time that is held back.
                found = hold_back(connection, found, _now(connection))
            # A cancel that came meanwhile makes this move fail, which takes the rows back.
            moved = move_campaign(
                connection,
                found.id,
                state_after_loading(found, now, needs_approval=needs_approval),
                actor=actor,
                detail={"messages": counts.total()},
            )
            return Loaded(
                campaign=found.key,
                state=moved.state,
                messages=counts.total(),
                queued=counts[MessageState.QUEUED],
                standby=counts[MessageState.STANDBY],
                already_loaded=False,
                finishes_by=forecast.finishes_by,
                late=forecast.late,
            )
    return _already_loaded(engine, found)


def _now(connection: Connection) -> dt.datetime:
    """The database's time, which goes on within a transaction."""
    moment: dt.datetime = connection.scalars(text("select clock_timestamp()")).one()
    return moment


def _bind_approval(connection: Connection, campaign_id: int, actor: str, *, needed: bool) -> None:
    """Ask for the approval of what was loaded; that of an earlier loading is void in any case."""
    campaign = get_campaign(connection, campaign_id)
    if needed:
        because = campaign.counts.get("waits_for_approval") or stated_problem("approval_always", campaign=campaign.key)
        ask_for_approval(connection, campaign, because, actor=actor, void="prepared again")
    else:
        void_approval(connection, campaign, "prepared again", actor=actor)


def _already_loaded(engine: Engine, campaign: CampaignRow) -> Loaded:
    if campaign.loaded_at is None:
        raise wrong_state(campaign.key, campaign.state, "only a campaign that is being checked is loaded")
    with engine.connect() as connection:
        counts = message_counts(connection, campaign.id)
    return Loaded(
        campaign=campaign.key,
        state=campaign.state,
        messages=sum(counts.values()),
        queued=counts.get(MessageState.QUEUED, 0),
        standby=counts.get(MessageState.STANDBY, 0),
        already_loaded=True,
        finishes_by=None,
        late=bool(campaign.counts.get("late")),
    )


def _remove(connection: Connection, campaign: CampaignRow) -> None:
    first, last = campaign_keys(campaign.id)
    for table in ("message_content", "attempt", "message"):
        connection.execute(
            text(f"delete from {table} where ledger_month = :month and message_key between :first and :last"),  # noqa: S608
            {"month": campaign.ledger_month, "first": first, "last": last},
        )


def _refresh_statistics(connection: Connection, month: dt.date, loaded: int) -> None:
    """Let the planner know of what was loaded, where that is much of the month.

    Senders begin at once, and receipts come by the thousand a second, long before autovacuum would look: planned for the
    table of before, each batch would read the whole ledger.
    """
    for table in ("message", "message_content", "message_recipient"):
        partition = partition_name(table, month)
        known = connection.scalar(text("select reltuples from pg_class where relname = :name"), {"name": partition})
        if loaded > 50 + 0.1 * max(0.0, known or 0.0):
            refresh_statistics(connection, table, month)
