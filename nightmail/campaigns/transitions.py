"""Moving a campaign from state to state. The campaign's state is the gate of sending.

Every change leaves an audit entry, and the database refuses a change that :mod:`nightmail.store.states` does not allow.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.audit import write_entry
from nightmail.campaigns.approval_records import ask_for_approval, changed_since_approval
from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.campaigns.late_starts import late_start, record_waiting
from nightmail.campaigns.queries import SCHEDULED_AND_DUE, SET_STATE
from nightmail.campaigns.unsent_messages import count_unsent, end_unsent
from nightmail.errors import UsageError
from nightmail.reasons.problems import stated_problem
from nightmail.settings import settings
from nightmail.store.clock import database_time
from nightmail.store.states import CAMPAIGN_TRANSITIONS, CampaignState, MessageState


@dataclass(frozen=True, slots=True)
class Stopped:
    """What pausing or cancelling a campaign left unsent."""

    campaign: CampaignRow
    not_sent: int
    """Messages that will not be handed off (cancelled) or wait (paused)."""
    under_way: int
    """Messages whose hand-off had begun; their outcome follows within seconds."""


def wrong_state(key: str, state: CampaignState, problem: str) -> UsageError:
    """The error ``campaign_state`` about a campaign; ``problem`` is a clause such as ``it cannot become paused``."""
    return UsageError(
        "campaign_state",
        campaign=key,
        state=state.replace("_", " "),
        problem=problem,
        facts={"state": str(state)},
    )


def move_campaign(
    connection: Connection,
    campaign_id: int,
    to: CampaignState,
    *,
    actor: str,
    problem: Mapping[str, Any] | None = None,
    detail: Mapping[str, Any] | None = None,
) -> CampaignRow:
    """Move a campaign to another state, with an audit entry; returns the campaign as it is now.

    Nothing happens when it is in that state already. Raises :class:`UsageError` (``campaign_unknown``, and
    ``campaign_state`` for a move that is not allowed). ``problem`` (``reason, message, remedy``) is kept with the campaign
    and shown to its owners; ``detail`` goes into the entry.
    """
    row = connection.execute(
        text("select key, team_id, state from campaign where id = :id for update"), {"id": campaign_id}
    ).first()
    if row is None:
        raise UsageError("campaign_unknown", campaign=campaign_id)
    before = CampaignState(row.state)
    if before != to:
        if to not in CAMPAIGN_TRANSITIONS[before]:
            raise wrong_state(row.key, before, f"it cannot become {to.replace('_', ' ')}")
        if to in _LET_GO and before in _BEFORE_SENDING:
            _refuse_unapproved(connection, campaign_id)
        connection.execute(
            text(SET_STATE),
            {"id": campaign_id, "to": str(to), "problem": json.dumps(dict(problem)) if problem else None},
        )
        write_entry(
            connection,
            actor=actor,
            action=f"campaign.{to}",
            subject=row.key,
            team_id=row.team_id,
            detail={"from": str(before), **(detail or {}), **({"reason": problem.get("reason")} if problem else {})},
        )
    return get_campaign(connection, campaign_id)


_LET_GO = (CampaignState.SCHEDULED, CampaignState.SENDING)
_BEFORE_SENDING = (
    CampaignState.CHECKING,
    CampaignState.AWAITING_APPROVAL,
    CampaignState.READY,
    CampaignState.SCHEDULED,
    CampaignState.PAUSED,
)


def _refuse_unapproved(connection: Connection, campaign_id: int) -> None:
    """The gate: whatever lets a campaign go, it goes as it was approved, or not at all."""
    campaign = get_campaign(connection, campaign_id)
    changed = changed_since_approval(connection, campaign)
    if changed is not None:
        raise UsageError("approval_void", campaign=campaign.key, parts=", ".join(changed) or "no approval is given")


def ask_again(connection: Connection, campaign: CampaignRow, changed: tuple[str, ...], *, actor: str) -> None:
    """Void the approval of a campaign that is not as it was approved, say so, and have it wait for another one."""
    void = "changed after it was approved: " + ", ".join(changed) if changed else "not approved"
    waits = stated_problem(
        "approval_changed", parts=", ".join(changed) or "another person is demanded", campaign=campaign.key
    )
    ask_for_approval(connection, campaign, waits, actor=actor, void=void)
    record_waiting(connection, campaign, waits)
    move_campaign(
        connection, campaign.id, CampaignState.AWAITING_APPROVAL, actor=actor, detail={"because": waits["reason"]}
    )


def begin_preparing(connection: Connection, campaign_id: int, run_id: str) -> CampaignRow:
    """Take a received campaign (or one whose run crashed) for a preparing run: state ``checking``, one more attempt."""
    campaign = move_campaign(connection, campaign_id, CampaignState.CHECKING, actor=f"run:{run_id}")
    connection.execute(
        text("update campaign set run_id = :run, prepare_attempts = prepare_attempts + 1 where id = :id"),
        {"run": run_id, "id": campaign.id},
    )
    return get_campaign(connection, campaign.id)


def state_after_loading(campaign: CampaignRow, now: dt.datetime, *, needs_approval: bool = False) -> CampaignState:
    """Where a prepared campaign goes: to approval, to its schedule, or straight to sending.

    One that is held back (:func:`nightmail.campaigns.holding_back.hold_back`) waits as one with a schedule does.
    """
    if needs_approval:
        return CampaignState.AWAITING_APPROVAL
    if any(moment is not None and moment > now for moment in (campaign.scheduled_at, campaign.held_until)):
        return CampaignState.SCHEDULED
    return CampaignState.SENDING


def release_scheduled(engine: Engine, *, actor: str = "schedule", asks_after_s: float | None = None) -> list[str]:
    """Move scheduled campaigns whose time has come to ``sending``; returns their keys.

    One whose time is over by more than ``asks_after_s`` (by default ``late_start_asks_after_s`` of the settings) goes to
    ``awaiting_approval`` instead, with an alert: nothing released it in time.
    """
    if asks_after_s is None:
        asks_after_s = settings().late_start_asks_after_s
    released = []
    with engine.begin() as connection:
        now = database_time(connection)
        for row in connection.execute(text(SCHEDULED_AND_DUE)).all():
            campaign = get_campaign(connection, row.id)
            waits = late_start(connection, campaign, row.began_at, now, asks_after_s)
            if waits is None and (changed := changed_since_approval(connection, campaign)) is not None:
                ask_again(connection, campaign, changed, actor=actor)
                continue
            if waits is None:
                move_campaign(connection, row.id, CampaignState.SENDING, actor=actor)
                released.append(campaign.key)
                continue
            move_campaign(
                connection,
                row.id,
                CampaignState.AWAITING_APPROVAL,
                actor=actor,
                detail={"because": waits["reason"], "began_at": f"{row.began_at:%Y-%m-%dT%H:%M:%SZ}"},
            )
            record_waiting(connection, campaign, waits)
            ask_for_approval(connection, campaign, waits, actor=actor, void=waits["reason"])
    return released


def locked_as_seen(connection: Connection, campaign: str | int, seen: str | None) -> CampaignRow:
    """The campaign, locked until the transaction ends.

    ``seen`` is the ``version`` that who gives an order looked at. Raises :class:`UsageError` (``campaign_unknown``, and
    ``campaign_changed`` where it is another one now).
    """
    found = get_campaign(connection, campaign)
    connection.execute(text("select from campaign where id = :id for update"), {"id": found.id})
    found = get_campaign(connection, found.id)
    if seen is not None and seen != found.version:
        raise UsageError("campaign_changed", campaign=found.key, state=found.state.replace("_", " "))
    return found


def _because(reason: str | None) -> dict[str, str]:
    return {"because": reason} if reason else {}


def pause(
    engine: Engine, campaign: str | int, *, actor: str, reason: str | None = None, seen: str | None = None
) -> Stopped:
    """Pause a scheduled or sending campaign; senders stop handing off its messages within a second.

    ``reason`` is kept in the audit log. Raises what :func:`locked_as_seen` does, and ``campaign_state``.
    """
    with engine.begin() as connection:
        found = locked_as_seen(connection, campaign, seen)
        moved = move_campaign(connection, found.id, CampaignState.PAUSED, actor=actor, detail=_because(reason))
    with engine.connect() as connection:
        unsent = count_unsent(connection, moved.id)
    return Stopped(moved, unsent.waiting, unsent.under_way)


def resume(
    engine: Engine, campaign: str | int, *, actor: str, reason: str | None = None, seen: str | None = None
) -> CampaignRow:
    """Let a paused campaign go on: back to its schedule, or to sending.

    It ends later than was forecast: :func:`nightmail.forecasts.recorded_forecasts.renew_forecast` says when. One that is not
    as it was approved waits for approval again. Raises :class:`UsageError` (``approval_void``) then.
    """
    with engine.begin() as connection:
        found = locked_as_seen(connection, campaign, seen)
        if found.state != CampaignState.PAUSED:
            raise wrong_state(found.key, found.state, "only a paused campaign can be resumed")
        changed = changed_since_approval(connection, found)
        if changed is None:
            now = database_time(connection)
            after = state_after_loading(found, now)
            return move_campaign(connection, found.id, after, actor=actor, detail=_because(reason))
        ask_again(connection, found, changed, actor=actor)
    raise UsageError("approval_void", campaign=found.key, parts=", ".join(changed) or "no approval is given")


def cancel(
    engine: Engine, campaign: str | int, *, actor: str, reason: str | None = None, seen: str | None = None
) -> Stopped:
    """Cancel a campaign for good: messages that were not handed off never will be.

    The campaign's state is committed first, which stops the senders within a second; its messages follow in chunks. After
    a crash in between :func:`nightmail.sending.advance.advance_ledger` goes on.
    """
    with engine.begin() as connection:
        found = locked_as_seen(connection, campaign, seen)
        moved = move_campaign(connection, found.id, CampaignState.CANCELLED, actor=actor, detail=_because(reason))
    end_unsent(engine, moved.id, MessageState.CANCELLED, "campaign_cancelled")
    with engine.connect() as connection:
        under_way = count_unsent(connection, moved.id).under_way
        cancelled = connection.scalar(
            text("select count(*) from message where campaign_id = :id and state = 'cancelled'"), {"id": moved.id}
        )
    return Stopped(moved, int(cancelled or 0), under_way)
