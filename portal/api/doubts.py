"""Messages in doubt: listed, and decided by people."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from nightmail.campaigns.campaign_rows import campaign_of_token
from nightmail.message_ids import parse_message_id
from nightmail.sending.doubt_decisions import Decision, decide, decide_campaign
from nightmail.sending.doubt_lists import count_in_doubt, list_in_doubt
from portal.api.authentication import DoubtDecider, MessageReader
from portal.api.errors import errors
from portal.api.pages_of import Cursor, Limit, Page, cursor_of, link_to_next, position_of
from portal.api.strict_query import refuse_unknown_query
from portal.api.visibility import CampaignKey, sees, visible_campaign
from portal.problems import RequestError
from portal.state import PortalState

router = APIRouter(prefix="/v1", tags=["doubts"], dependencies=[Depends(refuse_unknown_query)])

AT_ONCE = 1000
"""Messages that one request decides at the most: each is a transaction of its own."""


class DoubtOut(BaseModel):
    """A message of which it is not known whether the carrier took it. It names no person."""

    message: str = Field(examples=["c3f0a91b7d0-118-sms-0"])
    campaign: str = Field(examples=["2026-11-23.acme.billing.7f3a9c"])
    team: str = Field(examples=["acme.billing"])
    channel: str = Field(examples=["sms"])
    carrier_account: str | None = Field(description="The account that it was handed off over", examples=["acme-sms"])
    since: dt.datetime
    error_code: str | None = Field(description="What came instead of an answer", examples=["timeout"])
    reason: str | None = Field(examples=["in_doubt"])


class DecisionOrder(BaseModel):
    """What a person decided."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"decision": "accepted"}]})

    decision: Decision = Field(
        description="`accepted`: the carrier has it; `failed`: it was not sent, and will not be; "
        "`resend`: send it again, which may be a second time"
    )


class Decided(BaseModel):
    """What a decision did."""

    decision: Decision
    decided: int = Field(description="Messages that were decided")
    left: int = Field(description="Messages of the campaign that are still in doubt")


@router.get("/doubts", summary="Messages in doubt", responses=errors("campaign_unknown"))
def list_all(
    *,
    request: Request,
    response: Response,
    program: MessageReader,
    portal: PortalState,
    campaign: Annotated[
        str | None,
        Query(
            max_length=250,
            pattern=r"^[0-9a-z_.\-]+$",
            description="Only of this campaign",
            examples=["2026-11-23.acme.billing.7f3a9c"],
        ),
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[DoubtOut]:
    """Of your team and of the teams below, the oldest campaign first. Most are settled without you within minutes."""
    with portal.engine.connect() as connection:
        if campaign is not None:
            visible_campaign(connection, program, campaign)
        rows = list_in_doubt(
            connection,
            team_path=program.team_path,
            campaign=campaign,
            after_key=position_of(cursor),
            limit=limit + 1,
        )
    following = cursor_of(rows[limit - 1].key) if len(rows) > limit else None
    link_to_next(request, response, following)
    items = [
        DoubtOut(
            message=row.message_id,
            campaign=row.campaign,
            team=row.team,
            channel=row.channel,
            carrier_account=row.carrier_account,
            since=row.since,
            error_code=row.error_code,
            reason=row.reason,
        )
        for row in rows[:limit]
    ]
    return Page(items=items, next=following)


@router.post(
    "/doubts/{message}",
    summary="Decide about a message in doubt",
    responses=errors("message_unknown", "message_not_in_doubt", "campaign_state"),
)
def decide_one(
    message: Annotated[
        str,
        Path(max_length=100, description="The message's id", examples=["c3f0a91b7d0-118-sms-0"]),
    ],
    order: Annotated[DecisionOrder, Body()],
    program: DoubtDecider,
    portal: PortalState,
) -> Decided:
    """After a look at the carrier's own pages. It is kept in the audit log with your key."""
    unknown = RequestError("message_unknown", value=message)
    try:
        token = parse_message_id(message).token
    except ValueError:
        raise unknown from None
    with portal.engine.connect() as connection:
        campaign = campaign_of_token(connection, token)
    if campaign is None or not sees(program, campaign.team):
        raise unknown
    decide(portal.engine, message, order.decision, actor=program.actor)
    with portal.engine.connect() as connection:
        return Decided(decision=order.decision, decided=1, left=count_in_doubt(connection, campaign.id))


@router.post(
    "/campaigns/{campaign}/doubts",
    summary="Decide about a campaign's messages in doubt",
    responses=errors("campaign_unknown", "campaign_state"),
)
def decide_all(
    campaign: CampaignKey, order: Annotated[DecisionOrder, Body()], program: DoubtDecider, portal: PortalState
) -> Decided:
    """The same decision about every message in doubt, 1,000 a request: ask again while some are `left`."""
    with portal.engine.connect() as connection:
        row = visible_campaign(connection, program, campaign)
    decided = decide_campaign(portal.engine, row.id, order.decision, actor=program.actor, limit=AT_ONCE)
    with portal.engine.connect() as connection:
        return Decided(decision=order.decision, decided=decided, left=count_in_doubt(connection, row.id))
