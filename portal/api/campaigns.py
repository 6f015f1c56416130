"""Campaigns: what they are, how far they are, what became of each message; approved, paused, resumed, cancelled."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from nightmail.access.api_keys import Program
from nightmail.campaigns.approval import approve, waits_for_approval
from nightmail.campaigns.campaign_rows import CampaignRow, list_campaigns
from nightmail.campaigns.counts import message_counts
from nightmail.campaigns.held_channels import HeldChannel, held_channels
from nightmail.campaigns.transitions import cancel, pause, resume
from nightmail.forecasts.recorded_forecasts import present_forecast, recorded_forecast, renew_forecast
from nightmail.intake.list_sends import source_of_campaign
from nightmail.reasons import Surface
from nightmail.store.states import CampaignState
from portal.api.authentication import CampaignApprover, CampaignController, CampaignReader
from portal.api.errors import errors
from portal.api.pages_of import Cursor, Limit, Page, cursor_of, link_to_next, position_of
from portal.api.strict_query import refuse_unknown_query
from portal.api.suspensions import SuspensionOut, as_suspension
from portal.api.visibility import CampaignKey, sees, visible_campaign
from portal.state import PortalState

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"], dependencies=[Depends(refuse_unknown_query)])

_KEY_EXAMPLE = "2026-11-23.acme.billing.7f3a9c"
_BEING_PREPARED = (CampaignState.RECEIVED, CampaignState.CHECKING)


class LateWarning(BaseModel):
    """That a campaign ends after its cut-off."""

    reason: str = Field(examples=["cut_off_at_risk"])
    message: str
    remedy: str


class WaitsForApproval(BaseModel):
    """Why a campaign waits for a person."""

    reason: str = Field(examples=["approval_first_file", "start_long_past"])
    message: str
    remedy: str


class Ending(BaseModel):
    """When a campaign ends."""

    finishes_by: dt.datetime | None = Field(
        description="When the last message goes at the rates that the carriers allow. Until the messages are counted, "
        "an estimate by the file's rows; null while nothing is known, and of a campaign that is paused or over"
    )
    cut_off_at: dt.datetime | None = Field(description="When what is not handed off is dropped; null: never")
    late: bool = Field(description="Whether it ends after its cut-off")
    late_warning: LateWarning | None = Field(description="If it is late: what that means and what to do")


class Campaign(Ending):
    """A campaign: one send of one template to one audience."""

    id: str = Field(description="The campaign's key", examples=[_KEY_EXAMPLE])
    team: str = Field(examples=["acme.billing"])
    feed: str | None = Field(examples=["invoices"])
    category: str = Field(examples=["billing"])
    source: str = Field(
        description="`api`, `sftp`, `portal`, `command`, `single`, `contacts`, `list` or `segment`", examples=["api"]
    )
    state: CampaignState = Field(description="Messages are handed off in state `sending` only")
    problem: dict[str, Any] | None = Field(description="Why it was stopped: reason, message and remedy")
    waits_for_approval: WaitsForApproval | None = Field(description="In state `awaiting_approval`: why, and what to do")
    counts: dict[str, Any] = Field(
        description="Of distinct rows: rows = rejects + duplicates + contacts, contacts = planned + held",
        examples=[{"rows": 1000, "rejects": 12, "duplicates": 8, "contacts": 980, "planned": 950, "held": 30}],
    )
    scheduled_at: dt.datetime | None = Field(
        description="When it is released; with `local_start` that is when that time comes first anywhere"
    )
    local_start: dt.datetime | None = Field(
        description="A wall-clock time, without an offset, at which each recipient is sent to by their own clock",
        examples=["2026-12-01T08:00:00"],
    )
    held_until: dt.datetime | None = Field(
        description="A send by hand is held back until then, so that it can be undone; `null` for one that is not"
    )
    created_at: dt.datetime
    state_changed_at: dt.datetime
    first_hand_off_at: dt.datetime | None
    finished_at: dt.datetime | None


class HoldingSuspension(SuspensionOut):
    """A suspension that holds a campaign's messages of a channel."""

    usable: bool = Field(description="Whether another account or sender of the channel takes the messages meanwhile")
    falls: bool = Field(
        description="Whether due messages fall to the contact's next channel where none does (`when_suspended`)"
    )


class ListOfCampaign(BaseModel):
    """The distribution list or segment that a campaign was made of, as it was then."""

    kind: str = Field(description="`list` or `segment`", examples=["list"])
    id: int
    name: str = Field(examples=["Customers"])
    version: int
    contacts: int = Field(description="How many were in it")
    sha256: str = Field(description="Over all of them with their values")
    resolved_at: dt.datetime


class CampaignInFull(Campaign):
    """A campaign with the messages of its ledger by state, and what holds it. `finishes_by` is null while that is unknown."""

    suspensions: list[HoldingSuspension] = Field(
        description="Those that hold its messages. `DELETE /v1/suspensions/{id}` ends one of your team or of one below"
    )

    messages: dict[str, int] = Field(
        description="Messages by state; empty until they are rendered", examples=[{"accepted": 940, "queued": 10}]
    )
    made_of: ListOfCampaign | None = Field(
        description="The list or segment that it was made of; null: it was made of none"
    )


class Changed(BaseModel):
    """A campaign after an order, and what that left unsent."""

    campaign: Campaign
    not_sent: int | None = Field(description="Messages that wait (paused) or never will be sent (cancelled)")
    under_way: int | None = Field(description="Messages whose hand-off had begun; their outcome follows in seconds")


def as_campaign(row: CampaignRow) -> Campaign:
    """The campaign as the API shows it."""
    return Campaign(
        id=row.key,
        team=row.team,
        feed=row.feed,
        category=row.category,
        source=row.source,
        state=row.state,
        problem=row.problem,
        waits_for_approval=_waits_for_approval(row),
        counts=row.counts,
        scheduled_at=row.scheduled_at,
        local_start=row.local_start,
        held_until=row.held_until,
        **recorded_forecast(row).as_dict(),
        created_at=row.created_at,
        state_changed_at=row.state_changed_at,
        first_hand_off_at=row.first_hand_off_at,
        finished_at=row.finished_at,
    )


def _waits_for_approval(row: CampaignRow) -> WaitsForApproval | None:
    waits = waits_for_approval(row, Surface.API)
    return None if waits is None else WaitsForApproval(**waits)


def _holding(program: Program, held: Sequence[HeldChannel]) -> list[HoldingSuspension]:
    """The suspensions that hold a campaign; a team above the program's own is not named."""
    return [
        HoldingSuspension(
            **as_suspension(row, row.team if row.team is not None and sees(program, row.team) else None).model_dump(),
            usable=channel.usable,
            falls=channel.falls,
        )
        for channel in held
        for row in channel.suspensions
    ]


@router.get("", summary="Your campaigns, newest first", responses=errors())
def list_all(
    *,
    request: Request,
    response: Response,
    program: CampaignReader,
    portal: PortalState,
    state: Annotated[list[CampaignState] | None, Query(description="Only those in one of these states")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[Campaign]:
    """The campaigns of your team and of the teams below."""
    with portal.engine.connect() as connection:
        rows = list_campaigns(
            connection,
            team_path=program.team_path,
            states=state or (),
            before_id=_campaign_position(cursor),
            limit=limit + 1,
        )
    following = cursor_of(rows[limit - 1].id) if len(rows) > limit else None
    link_to_next(request, response, following)
    return Page(items=[as_campaign(row) for row in rows[:limit]], next=following)


def _campaign_position(cursor: str | None) -> int | None:
    position = position_of(cursor)
    return None if position is None else min(position, 2**31 - 1)


@router.get("/{campaign}", summary="A campaign", responses=errors("campaign_unknown"))
def show(campaign: CampaignKey, program: CampaignReader, portal: PortalState) -> CampaignInFull:
    """One campaign, with its messages counted by state."""
    with portal.engine.connect() as connection:
        row = visible_campaign(connection, program, campaign)
        counts = message_counts(connection, row.id)
        held = held_channels(connection, row)
        made_of = source_of_campaign(connection, row)
        ending = present_forecast(connection, row, held)
    shown = {**as_campaign(row).model_dump(), **ending.as_dict()}
    return CampaignInFull(
        **shown,
        messages=counts,
        suspensions=_holding(program, held),
        made_of=None if made_of is None else ListOfCampaign(**asdict(made_of)),
    )


@router.post(
    "/{campaign}/approve",
    summary="Let a waiting campaign go",
    responses=errors("campaign_unknown", "campaign_state", "approval_outdated", "approval_by_another"),
)
def approve_it(campaign: CampaignKey, program: CampaignApprover, portal: PortalState) -> Changed:
    """For a campaign in state `awaiting_approval`: it goes to its schedule, or straight to sending.

    The answer says when it ends from now, and whether that is after its cut-off.
    """
    row = approve(
        portal.engine, _visible(campaign, program, portal).id, actor=program.actor, principal=program.principal
    )
    row = renew_forecast(portal.engine, row)
    return Changed(campaign=as_campaign(row), not_sent=None, under_way=None)


@router.post("/{campaign}/pause", summary="Pause a campaign", responses=errors("campaign_unknown", "campaign_state"))
def pause_it(campaign: CampaignKey, program: CampaignController, portal: PortalState) -> Changed:
    """Senders stop handing off its messages within a second. The answer counts those that wait."""
    done = pause(portal.engine, _visible(campaign, program, portal).id, actor=program.actor)
    return Changed(campaign=as_campaign(done.campaign), not_sent=done.not_sent, under_way=done.under_way)


@router.post("/{campaign}/resume", summary="Resume a campaign", responses=errors("campaign_unknown", "campaign_state"))
def resume_it(campaign: CampaignKey, program: CampaignController, portal: PortalState) -> Changed:
    """A paused campaign goes on: back to its schedule, or to sending.

    The answer says when the rest ends from now, and whether that is after its cut-off.
    """
    row = resume(portal.engine, _visible(campaign, program, portal).id, actor=program.actor)
    row = renew_forecast(portal.engine, row)
    return Changed(campaign=as_campaign(row), not_sent=None, under_way=None)


@router.post("/{campaign}/cancel", summary="Cancel a campaign", responses=errors("campaign_unknown", "campaign_state"))
def cancel_it(campaign: CampaignKey, program: CampaignController, portal: PortalState) -> Changed:
    """For good: what was not handed off never will be. The answer counts the messages that were not sent."""
    done = cancel(portal.engine, _visible(campaign, program, portal).id, actor=program.actor)
    return Changed(campaign=as_campaign(done.campaign), not_sent=done.not_sent, under_way=done.under_way)


def _visible(campaign: str, program: Program, portal: PortalState) -> CampaignRow:
    with portal.engine.connect() as connection:
        return visible_campaign(connection, program, campaign)
