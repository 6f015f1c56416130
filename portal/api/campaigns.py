"""Campaigns: what they are, how far they are, what became of each message; approved, paused, resumed, cancelled."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy import text

from nightmail.audit import write_entry
from nightmail.campaigns.approval import approve
from nightmail.campaigns.campaign_rows import CampaignRow, list_campaigns
from nightmail.campaigns.counts import message_counts
from nightmail.campaigns.transitions import cancel, pause, resume
from nightmail.carriers.protocol import ReceiptStatus
from nightmail.forecasts.recorded_forecasts import recorded_forecast, renew_forecast
from nightmail.intake.answers import write_rejects
from nightmail.lake import Lake
from nightmail.message_ids import MAXIMUM_LINE, campaign_keys, from_key, line_keys
from nightmail.preparation.stage_tables import StageTables
from nightmail.store.states import CampaignState, MessageState
from portal.api.authentication import CampaignReader, CampaignWriter, RejectsReader, RepliesReader, ReportReader
from portal.api.errors import errors
from portal.api.pages_of import Cursor, Limit, Page, cursor_of, link_to_next, position_of
from portal.api.strict_query import refuse_unknown_query
from portal.api.visibility import CampaignKey, visible_campaign
from portal.problems import RequestError
from portal.state import PortalState

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"], dependencies=[Depends(refuse_unknown_query)])

_KEY_EXAMPLE = "2026-11-23.acme.billing.7f3a9c"
_BEING_PREPARED = (CampaignState.RECEIVED, CampaignState.CHECKING)


class LateWarning(BaseModel):
    """That a campaign ends after its cut-off."""

    reason: str = Field(examples=["cut_off_at_risk"])
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
    source: str = Field(description="`api`, `sftp`, `portal`, `command` or `single`", examples=["api"])
    state: CampaignState = Field(description="Messages are handed off in state `sending` only")
    problem: dict[str, Any] | None = Field(description="Why it was stopped: reason, message and remedy")
    counts: dict[str, Any] = Field(
        description="Of distinct rows: rows = rejects + duplicates + contacts, contacts = planned + held",
        examples=[{"rows": 1000, "rejects": 12, "duplicates": 8, "contacts": 980, "planned": 950, "held": 30}],
    )
    scheduled_at: dt.datetime | None
    created_at: dt.datetime
    state_changed_at: dt.datetime
    first_hand_off_at: dt.datetime | None
    finished_at: dt.datetime | None


class CampaignInFull(Campaign):
    """A campaign with the messages of its ledger by state."""

    messages: dict[str, int] = Field(
        description="Messages by state; empty until they are rendered", examples=[{"accepted": 940, "queued": 10}]
    )


class Changed(BaseModel):
    """A campaign after an order, and what that left unsent."""

    campaign: Campaign
    not_sent: int | None = Field(description="Messages that wait (paused) or never will be sent (cancelled)")
    under_way: int | None = Field(description="Messages whose hand-off had begun; their outcome follows in seconds")


class MessageOut(BaseModel):
    """What became of one message. It names no person: `line` is the row of the contact file."""

    id: str = Field(examples=["c3f0a91b7d0-118-sms-0"])
    line: int = Field(description="The row of the contact file, the header being 1", examples=[118])
    channel: str = Field(examples=["sms"])
    step: int = Field(description="0 is the first; fallbacks and follow-ups count up", examples=[0])
    state: MessageState
    reason: str | None = Field(description="Why it failed, was held or was not needed", examples=["address_refused"])
    country: str | None = Field(examples=["DE"])
    language: str | None = Field(examples=["de"])
    segments: int
    cost: Decimal | None = Field(examples=["0.075000"])
    currency: str | None = Field(examples=["EUR"])
    attempts: int
    carrier_message_id: str | None
    error_code: str | None = Field(description="The carrier's code")
    due_at: dt.datetime | None
    handed_off_at: dt.datetime | None
    delivery: str | None = Field(description="The best that receipts said", examples=["delivered"])
    delivery_at: dt.datetime | None
    delivery_error: str | None
    opened_at: dt.datetime | None
    clicked_at: dt.datetime | None
    replied_at: dt.datetime | None
    duration_s: int | None = Field(description="Of a call")


class ReplyOut(BaseModel):
    """What a recipient said."""

    id: int
    received_at: dt.datetime
    channel: str = Field(examples=["sms"])
    kind: str = Field(description="`text`, or `key` for a key pressed in a call", examples=["text"])
    text: str | None = Field(description="What was said; null when retention deleted it", examples=["Yes, please"])
    message: str | None = Field(description="The message that it answers", examples=["c3f0a91b7d0-118-sms-0"])


class ReportLine(BaseModel):
    """Messages that went alike."""

    channel: str = Field(examples=["sms"])
    country: str | None = Field(examples=["DE"])
    state: MessageState
    reason: str | None
    delivery: str | None = Field(examples=["delivered"])
    messages: int = Field(examples=[940])
    segments: int = Field(examples=[951])
    cost: Decimal | None = Field(examples=["70.500000"])
    currency: str | None = Field(examples=["EUR"])
    replies: int = Field(examples=[3])


class Report(BaseModel):
    """What became of a campaign's messages, as of now."""

    campaign: str = Field(examples=[_KEY_EXAMPLE])
    state: CampaignState
    as_of: dt.datetime
    counts: dict[str, Any]
    lines: list[ReportLine]


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
        counts=row.counts,
        scheduled_at=row.scheduled_at,
        **recorded_forecast(row).as_dict(),
        created_at=row.created_at,
        state_changed_at=row.state_changed_at,
        first_hand_off_at=row.first_hand_off_at,
        finished_at=row.finished_at,
    )


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
    return CampaignInFull(**as_campaign(row).model_dump(), messages=counts)


@router.get("/{campaign}/messages", summary="What became of each message", responses=errors("campaign_unknown"))
def messages(
    *,
    request: Request,
    response: Response,
    campaign: CampaignKey,
    program: CampaignReader,
    portal: PortalState,
    state: Annotated[MessageState | None, Query(description="Only those in this state")] = None,
    delivery: Annotated[ReceiptStatus | None, Query(description="Only those with this delivery")] = None,
    line: Annotated[
        int | None, Query(ge=1, le=MAXIMUM_LINE, description="Only those of this row of the file", examples=[118])
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[MessageOut]:
    """The messages of a campaign in the order of the file's rows. Empty until they are rendered."""
    after = position_of(cursor)
    with portal.engine.connect() as connection:
        row = visible_campaign(connection, program, campaign)
        if row.ledger_month is None:
            return Page(items=[], next=None)
        first, last = campaign_keys(row.id) if line is None else line_keys(row.id, line)
        found = connection.execute(
            text(
                "select message_key, line, channel, step, state, reason, country, language, segments, cost, currency,"
                " attempts, carrier_message_id, error_code, due_at, handed_off_at, delivery, delivery_at,"
                " delivery_error, opened_at, clicked_at, replied_at, duration_s from message"
                " where ledger_month = :month and message_key between :first and :last"
                " and message_key > :after and (cast(:state as text) is null or state = :state)"
                " and (cast(:delivery as text) is null or delivery = :delivery)"
                " order by message_key limit :limit"
            ),
            {
                "month": row.ledger_month,
                "first": first,
                "last": last,
                "after": -1 if after is None else after,
                "state": state and str(state),
                "delivery": delivery and str(delivery),
                "limit": limit + 1,
            },
        ).all()
    following = cursor_of(found[limit - 1].message_key) if len(found) > limit else None
    link_to_next(request, response, following)
    items = []
    for entry in found[:limit]:
        values = dict(entry._mapping)
        values["id"] = str(from_key(values.pop("message_key"), row.token))
        if values["state"] != MessageState.QUEUED:
            values["due_at"] = None
        items.append(MessageOut(**values))
    return Page(items=items, next=following)


@router.get("/{campaign}/replies", summary="What recipients answered", responses=errors("campaign_unknown"))
def replies(
    *,
    request: Request,
    response: Response,
    campaign: CampaignKey,
    program: RepliesReader,
    portal: PortalState,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[ReplyOut]:
    """Texts and pressed keys, newest first, each with the message that it answers. A scope of its own: personal data."""
    with portal.engine.connect() as connection:
        row = visible_campaign(connection, program, campaign)
        found = connection.execute(
            text(
                "select id, received_at, channel, kind, text, message_key from reply where campaign_id = :campaign"
                " and (cast(:before as bigint) is null or id < :before) order by id desc limit :limit"
            ),
            {"campaign": row.id, "before": position_of(cursor), "limit": limit + 1},
        ).all()
    following = cursor_of(found[limit - 1].id) if len(found) > limit else None
    link_to_next(request, response, following)
    items = [
        ReplyOut(
            id=entry.id,
            received_at=entry.received_at,
            channel=entry.channel,
            kind=entry.kind,
            text=entry.text,
            message=None if entry.message_key is None else str(from_key(entry.message_key, row.token)),
        )
        for entry in found[:limit]
    ]
    return Page(items=items, next=following)


@router.get(
    "/{campaign}/rejects.csv",
    summary="The rows that were not taken",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The original columns, then line, reason and message. Correct it and upload it again.",
            "content": {
                "text/csv": {
                    "schema": {"type": "string"},
                    "example": "external_id,phone,nightmail_line,nightmail_reason,nightmail_message\n"
                    "1002,12345,3,phone_invalid,12345 is not a valid phone number.\n",
                }
            },
        },
        **errors("campaign_unknown", "not_ready_yet"),
    },
)
def rejects(campaign: CampaignKey, program: RejectsReader, portal: PortalState) -> Response:
    """The reject file of a campaign. It holds personal data, and needs a scope of its own."""
    with portal.engine.connect() as connection:
        row = visible_campaign(connection, program, campaign)
    lake = Lake(portal.settings.lake)
    tables = StageTables.of_campaign(lake, row.key)
    if not (tables.contact_file.exists() and tables.rejects.exists()):
        if row.state in _BEING_PREPARED:
            raise RequestError("not_ready_yet", what="reject file of the campaign", headers={"Retry-After": "5"})
        raise RequestError("not_found", what="reject file of the campaign")
    with portal.engine.begin() as connection:
        write_entry(connection, actor=program.actor, action="rejects.downloaded", subject=row.key, team_id=row.team_id)
    with tempfile.TemporaryDirectory(prefix="nightmail-rejects-") as folder:
        # Removed while open: the rows are gone when the answer is sent, however that ends.
        file = write_rejects(lake, row, Path(folder) / "rejects.csv").open("rb")
    headers = {
        "Content-Disposition": f'attachment; filename="{row.key}.rejects.csv"',
        "Content-Length": str(os.fstat(file.fileno()).st_size),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(_pieces(file), media_type="text/csv; charset=utf-8", headers=headers)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(256 * 1024):
            yield piece


@router.get("/{campaign}/report", summary="The delivery report", responses=errors("campaign_unknown"))
def report(campaign: CampaignKey, program: ReportReader, portal: PortalState) -> Report:
    """Messages by channel, country, state and delivery, with segments and cost, from the ledger as it is now."""
    with portal.engine.connect() as connection:
        row = visible_campaign(connection, program, campaign)
        now = connection.scalar(text("select now()"))
        first, last = campaign_keys(row.id)
        lines = connection.execute(
            text(
                "select channel, country, state, reason, delivery, count(*) as messages, sum(segments) as segments,"
                " sum(cost) as cost, currency, count(replied_at) as replies from message"
                " where ledger_month = :month and message_key between :first and :last"
                " group by channel, country, state, reason, delivery, currency"
                " order by channel, country nulls last, state, delivery nulls last, reason nulls last limit 20000"
            ),
            {"month": row.ledger_month, "first": first, "last": last},
        ).all()
    assert now is not None
    return Report(
        campaign=row.key,
        state=row.state,
        as_of=now,
        counts=row.counts,
        lines=[ReportLine(**line._mapping) for line in lines],
    )


@router.post(
    "/{campaign}/approve", summary="Let a waiting campaign go", responses=errors("campaign_unknown", "campaign_state")
)
def approve_it(campaign: CampaignKey, program: CampaignWriter, portal: PortalState) -> Changed:
    """For a campaign in state `awaiting_approval`: it goes to its schedule, or straight to sending.

    The answer says when it ends from now, and whether that is after its cut-off.
    """
    row = approve(portal.engine, _visible(campaign, program, portal).id, actor=program.actor)
    row = renew_forecast(portal.engine, row)
    return Changed(campaign=as_campaign(row), not_sent=None, under_way=None)


@router.post("/{campaign}/pause", summary="Pause a campaign", responses=errors("campaign_unknown", "campaign_state"))
def pause_it(campaign: CampaignKey, program: CampaignWriter, portal: PortalState) -> Changed:
    """Senders stop handing off its messages within a second. What waits is told."""
    done = pause(portal.engine, _visible(campaign, program, portal).id, actor=program.actor)
    return Changed(campaign=as_campaign(done.campaign), not_sent=done.not_sent, under_way=done.under_way)


@router.post("/{campaign}/resume", summary="Resume a campaign", responses=errors("campaign_unknown", "campaign_state"))
def resume_it(campaign: CampaignKey, program: CampaignWriter, portal: PortalState) -> Changed:
    """A paused campaign goes on: back to its schedule, or to sending.

    The answer says when the rest ends from now, and whether that is after its cut-off.
    """
    row = resume(portal.engine, _visible(campaign, program, portal).id, actor=program.actor)
    row = renew_forecast(portal.engine, row)
    return Changed(campaign=as_campaign(row), not_sent=None, under_way=None)


@router.post("/{campaign}/cancel", summary="Cancel a campaign", responses=errors("campaign_unknown", "campaign_state"))
def cancel_it(campaign: CampaignKey, program: CampaignWriter, portal: PortalState) -> Changed:
    """For good: what was not handed off never will be. What was not sent is told."""
    done = cancel(portal.engine, _visible(campaign, program, portal).id, actor=program.actor)
    return Changed(campaign=as_campaign(done.campaign), not_sent=done.not_sent, under_way=done.under_way)


def _visible(campaign: str, program: CampaignReader, portal: PortalState) -> CampaignRow:
    with portal.engine.connect() as connection:
        return visible_campaign(connection, program, campaign)
