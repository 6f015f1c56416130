"""What recipients answered: listed, and decided about where they probably ask for an end."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from nightmail.conversations.team_replies import ReplyRow, decide_reply, list_replies
from nightmail.privacy.masking import shown_body, shown_list
from nightmail.receipts.undecided import ReplyDecision
from portal.api.authentication import RepliesReader, ReplyDecider
from portal.api.errors import errors
from portal.api.looks import record_replies_read
from portal.api.pages_of import Cursor, Limit, Page, cursor_of, link_to_next, position_of
from portal.api.strict_query import refuse_unknown_query
from portal.state import PortalState

router = APIRouter(prefix="/v1/replies", tags=["replies"], dependencies=[Depends(refuse_unknown_query)])


class MediaOut(BaseModel):
    """A file that came with a reply. It stays at the carrier: the link asks for its credentials."""

    url: str = Field(examples=["https://api.carrier.example/media/ME0"])
    content_type: str = Field(examples=["image/jpeg"])
    size: int | None = Field(description="Bytes, where the carrier says so", examples=[48211])


class ReplyOut(BaseModel):
    """Something that a recipient said. Text and media are personal data."""

    model_config = ConfigDict(populate_by_name=True)

    id: int
    received_at: dt.datetime
    team: str | None = Field(examples=["acme.billing"])
    channel: str = Field(examples=["sms"])
    kind: str = Field(
        description="`text`, `key`, `stop`, `start`, `help`, or `probable_stop`, which waits for a decision",
        examples=["probable_stop"],
    )
    from_: str = Field(alias="from", description="The writer's address, masked", examples=["+49170****567"])
    sent_to: str | None = Field(description="Your number or mailbox", examples=["+15005550006"])
    campaign: str | None = Field(examples=["2026-11-23.acme.billing.7f3a9c"])
    message_id: str | None = Field(description="The message that it answers", examples=["c3f0a91b7d0-118-sms-0"])
    text: str | None = Field(
        description="What was said; null without `personal.see`", examples=["please stop texting me"]
    )
    media: list[MediaOut]
    decision: ReplyDecision | None
    decided_by: str | None
    decided_at: dt.datetime | None


class ReplyDecisionOrder(BaseModel):
    """What a person found who read the reply."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"decision": "opt_out"}]})

    decision: ReplyDecision = Field(
        description="`opt_out`: nothing more is sent, by any team that sends from the number; `no_opt_out`: go on"
    )


class RepliesDecided(BaseModel):
    """What a decision settled."""

    decision: ReplyDecision
    replies: list[int] = Field(description="The reply and others of its writer to the same number; none if repeated")


@router.get("", summary="What recipients answered, newest first", responses=errors())
def list_all(
    *,
    request: Request,
    response: Response,
    program: RepliesReader,
    portal: PortalState,
    undecided: Annotated[bool, Query(description="Only those that wait for a decision")] = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[ReplyOut]:
    """To your team and to the teams below. Without `personal.see`, `text` is null and `media` empty.

    That texts were read is kept in the audit log, without what they say.
    """
    with portal.engine.begin() as connection:
        rows = list_replies(
            connection,
            team=program.team_path,
            undecided=undecided,
            before_id=position_of(cursor),
            limit=limit + 1,
        )
        record_replies_read(connection, program, rows[:limit], team_id=program.team_id)
    following = cursor_of(rows[limit - 1].id) if len(rows) > limit else None
    link_to_next(request, response, following)
    return Page(items=[_out(row, personal=program.sees_personal) for row in rows[:limit]], next=following)


def _out(row: ReplyRow, *, personal: bool) -> ReplyOut:
    said = {"text": shown_body(row.text, personal=personal), "media": shown_list(row.media, personal=personal)}
    return ReplyOut.model_validate(row.as_dict() | said)


@router.post(
    "/{reply_id}/decision",
    summary="Decide about a reply that probably asks for an end",
    responses=errors("reply_unknown", "reply_not_undecided"),
)
def decide(
    reply_id: Annotated[int, Path(ge=1, le=2**63 - 1, description="The reply's number", examples=[1])],
    order: Annotated[ReplyDecisionOrder, Body()],
    program: ReplyDecider,
    portal: PortalState,
) -> RepliesDecided:
    """Until then nothing of marketing is sent to its writer. It is kept in the audit log with your key."""
    with portal.engine.begin() as connection:
        settled = decide_reply(connection, reply_id, order.decision, actor=program.actor, team=program.team_path)
    return RepliesDecided(decision=order.decision, replies=list(settled))
