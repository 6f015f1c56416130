"""What became of a campaign: message by message, what recipients answered, the rows that were not taken, the report."""

from __future__ import annotations

import datetime as dt
import tempfile
from decimal import Decimal
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from nightmail.audit import write_entry
from nightmail.carriers.protocol import ReceiptStatus
from nightmail.intake.answers import write_rejects
from nightmail.lake import Lake
from nightmail.message_ids import MAXIMUM_LINE
from nightmail.preparation.contact_decisions import contact_decisions
from nightmail.preparation.stage_tables import StageTables
from nightmail.privacy.masking import shown_body
from nightmail.reports.campaign_messages import list_messages, list_replies, report_lines
from nightmail.store.clock import database_time
from nightmail.store.states import CampaignState, MessageState
from portal.api.authentication import CampaignReader, MessageReader, RejectsReader, RepliesReader, ReportReader
from portal.api.errors import errors
from portal.api.looks import record_rejects_read, record_replies_read
from portal.api.pages_of import Cursor, Limit, Page, cursor_of, link_to_next, position_of
from portal.api.strict_query import refuse_unknown_query
from portal.api.visibility import CampaignKey, visible_campaign
from portal.csv_files import PRIVATE, csv_file_answer
from portal.problems import RequestError
from portal.state import PortalState

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"], dependencies=[Depends(refuse_unknown_query)])

_BEING_PREPARED = (CampaignState.RECEIVED, CampaignState.CHECKING)


class MessageOut(BaseModel):
    """What became of one message. It names no person: `line` is the row of the contact file."""

    model_config = ConfigDict(from_attributes=True)

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
    carrier_account: str | None = Field(description="The account that it went over last", examples=["sms-eu"])
    sent_from: str | None = Field(
        description="The number, sender id or mailbox that it went under last", examples=["+441632960001"]
    )
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

    model_config = ConfigDict(from_attributes=True)

    id: int
    received_at: dt.datetime
    channel: str = Field(examples=["sms"])
    kind: str = Field(description="`text`, or `key` for a key pressed in a call", examples=["text"])
    text: str | None = Field(
        description="What was said; null when retention deleted it, and without `personal.see`",
        examples=["Yes, please"],
    )
    message: str | None = Field(description="The message that it answers", examples=["c3f0a91b7d0-118-sms-0"])


class ChannelDecisionOut(BaseModel):
    """What was decided about a contact on one channel."""

    channel: str = Field(examples=["sms"])
    reason: str | None = Field(description="Why it cannot be used; null: it can", examples=["suppressed"])
    sentence: str | None = Field(description="The same in words")
    decided_by: str | None = Field(
        description="The place of a team's rule, or what else decided; null: nothing objected",
        examples=["suppression", "acme/countries/0"],
    )
    record: int | None = Field(
        description="The id of the suppression or the consent, or the line of the contact who has the address already",
        examples=[4711],
    )
    consent: int | None = Field(
        description="The id of the consent that let it through, whatever was decided after that"
    )
    rule: dict[str, Any] | None = Field(description="What the team's rule said then")
    looked_at: list[str] = Field(
        description="What was looked at, in this order", examples=[["row", "preference", "template", "suppression"]]
    )


class DecisionsOut(BaseModel):
    """All that was decided about one contact of a campaign. It names no person: `line` is the row of the contact file."""

    campaign: str = Field(examples=["2026-11-23.acme.billing.7f3a9c"])
    line: int = Field(examples=[118])
    channels: list[ChannelDecisionOut] = Field(description="In the order in which the contact would be written to")
    preferences: list[int] = Field(description="The ids of the statements that the contact's choices come to")
    budget: str | None = Field(
        description="Why the campaign waits for a decision about money", examples=["budget_campaign"]
    )
    rules: dict[str, Any] = Field(description="The rules of teams as they were, with their versions and the settings")


class ReportLine(BaseModel):
    """Messages that went alike."""

    model_config = ConfigDict(from_attributes=True)

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

    campaign: str = Field(examples=["2026-11-23.acme.billing.7f3a9c"])
    state: CampaignState
    as_of: dt.datetime
    counts: dict[str, Any]
    lines: list[ReportLine]


@router.get("/{campaign}/messages", summary="What became of each message", responses=errors("campaign_unknown"))
def messages(
    *,
    request: Request,
    response: Response,
    campaign: CampaignKey,
    program: MessageReader,
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
    with portal.engine.connect() as connection:
        row = visible_campaign(connection, program, campaign)
        found = list_messages(
            connection, row, state=state, delivery=delivery, line=line, after=position_of(cursor), limit=limit + 1
        )
    following = cursor_of(found[limit - 1].position) if len(found) > limit else None
    link_to_next(request, response, following)
    return Page(items=[MessageOut.model_validate(entry) for entry in found[:limit]], next=following)


@router.get(
    "/{campaign}/contacts/{line}",
    summary="Why a contact was, or was not, written to on each channel",
    responses=errors("campaign_unknown", "decisions_unknown", "not_ready_yet"),
)
def decisions(
    campaign: CampaignKey,
    line: Annotated[int, Path(ge=1, le=MAXIMUM_LINE, description="The row of the contact file", examples=[118])],
    program: CampaignReader,
    portal: PortalState,
) -> DecisionsOut:
    """For contacts that were planned as well as for those that were held: each channel with what decided, and by which record."""
    with portal.engine.connect() as connection:
        row = visible_campaign(connection, program, campaign)
    lake = Lake(portal.settings.lake)
    if row.state in _BEING_PREPARED and not lake.table("audience_decisions", row.key).exists():
        raise RequestError("not_ready_yet", what="audience of the campaign", headers={"Retry-After": "5"})
    found = contact_decisions(lake, row, line)
    return DecisionsOut.model_validate(found.as_dict())


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
    """Texts and pressed keys, newest first, each with the message that it answers. Without `personal.see`, `text` is null."""
    with portal.engine.begin() as connection:
        row = visible_campaign(connection, program, campaign)
        found = list_replies(connection, row, before_id=position_of(cursor), limit=limit + 1)
        record_replies_read(connection, program, found[:limit], team_id=row.team_id)
    following = cursor_of(found[limit - 1].id) if len(found) > limit else None
    link_to_next(request, response, following)
    items = [ReplyOut.model_validate(entry) for entry in found[:limit]]
    for item in items:
        item.text = shown_body(item.text, personal=program.sees_personal)
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
    """The reject file of a campaign. It holds personal data: `file.see` does not suffice, `personal.see` is needed too."""
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
        record_rejects_read(connection, program, row, tables.rejects)
    with tempfile.TemporaryDirectory(prefix="nightmail-rejects-") as folder:
        written = write_rejects(lake, row, FilePath(folder) / "rejects.csv")
        return csv_file_answer(written, f"{row.key}.rejects", PRIVATE)


@router.get("/{campaign}/report", summary="The delivery report", responses=errors("campaign_unknown"))
def report(campaign: CampaignKey, program: ReportReader, portal: PortalState) -> Report:
    """Messages by channel, country, state and delivery, with segments and cost, from the ledger as it is now."""
    with portal.engine.connect() as connection:
        row = visible_campaign(connection, program, campaign)
        now = database_time(connection)
        lines = report_lines(connection, row)
    return Report(
        campaign=row.key,
        state=row.state,
        as_of=now,
        counts=row.counts,
        lines=[ReportLine.model_validate(line) for line in lines],
    )
