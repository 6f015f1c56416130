"""Teams' webhooks: addresses that are called at events."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from nightmail.access.api_keys import Program
from nightmail.audit import write_entry
from nightmail.events.webhook_calls import TEST_EVENT, call_name, calls_of, create_test_call
from nightmail.events.webhooks import (
    EVENTS,
    MAXIMUM_WEBHOOKS,
    WebhookRow,
    count_webhooks,
    create_webhook,
    end_webhook,
    refuse_unknown_events,
    webhooks_of,
)
from portal.api.authentication import WebhookEditor
from portal.api.errors import errors
from portal.api.pages_of import Cursor, Limit, Page, cursor_of, link_to_next, position_of
from portal.api.strict_query import refuse_unknown_query
from portal.problems import RequestError
from portal.state import PortalState
from portal.webhook_calls import check_address

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], dependencies=[Depends(refuse_unknown_query)])

WebhookNumber = Annotated[int, Path(ge=1, le=2**31 - 1, description="The webhook's number", examples=[1])]


class WebhookOrder(BaseModel):
    """An address, and the events at which it is to be called."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"url": "https://hooks.example.com/nightmail", "events": ["campaign.finished"]}]
        },
    )

    url: str = Field(
        min_length=8,
        max_length=2_000,
        pattern=r"^https?://[^\s\x00-\x20]+$",
        description="A public https:// address",
        examples=["https://hooks.example.com/nightmail"],
    )
    events: list[str] = Field(
        min_length=1, max_length=len(EVENTS), description=f"Some of: {', '.join(f'`{name}`' for name in EVENTS)}"
    )


class WebhookOut(BaseModel):
    """An address that is called at events."""

    id: int
    team: str = Field(examples=["acme.billing"])
    url: str
    events: list[str]
    created_at: dt.datetime


class NewWebhook(WebhookOut):
    """A webhook that was just registered."""

    secret: str = Field(
        description="Signs the calls (Standard Webhooks). It is shown once.", examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZ"]
    )


class WebhookCallOut(BaseModel):
    """One event for one webhook."""

    id: str = Field(description="The header `webhook-id`, the same at each try", examples=["call_118"])
    event: str = Field(examples=["campaign.finished"])
    created_at: dt.datetime
    attempts: int
    delivered_at: dt.datetime | None
    given_up_at: dt.datetime | None
    next_try_at: dt.datetime | None
    last_status: int | None = Field(description="The HTTP status that the address answered last; null for none")


def _out(row: WebhookRow) -> WebhookOut:
    return WebhookOut(id=row.id, team=row.team, url=row.url, events=row.events, created_at=row.created_at)


def _visible(connection: Connection, program: Program, webhook_id: int) -> WebhookRow:
    found = webhooks_of(connection, team_path=program.team_path, ids=[webhook_id])
    if not found:
        raise RequestError("webhook_unknown", webhook=webhook_id)
    return found[0]


@router.post(
    "",
    status_code=201,
    summary="Register a webhook",
    responses={
        201: {"headers": {"Location": {"description": "The webhook's address here", "schema": {"type": "string"}}}},
        **errors("event_unknown", "webhook_address", "too_many_webhooks"),
    },
)
def register(
    order: Annotated[WebhookOrder, Body()], program: WebhookEditor, portal: PortalState, response: Response
) -> NewWebhook:
    """Have an address called at events of your team and the teams below. The answer has the secret that signs the calls.

    What recipients wrote is in the calls only if the key has `personal.see` when it registers the address.
    """
    check_address(order.url, private=portal.settings.webhook_private_addresses)
    refuse_unknown_events(order.events)
    with portal.engine.begin() as connection:
        if count_webhooks(connection, program.team_id) >= MAXIMUM_WEBHOOKS:
            raise RequestError("too_many_webhooks", limit=MAXIMUM_WEBHOOKS)
        row, secret = create_webhook(
            connection,
            team_id=program.team_id,
            url=order.url,
            events=order.events,
            key=portal.settings.key(),
            personal=program.sees_personal,
        )
        write_entry(
            connection,
            actor=program.actor,
            action="webhook.registered",
            subject=f"webhook:{row.id}",
            team_id=program.team_id,
            detail={"events": row.events},
        )
    response.headers["Location"] = f"/v1/webhooks/{row.id}"
    return NewWebhook(**_out(row).model_dump(), secret=secret)


@router.get("", summary="Your webhooks, newest first", responses=errors())
def list_all(
    *,
    request: Request,
    response: Response,
    program: WebhookEditor,
    portal: PortalState,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[WebhookOut]:
    """The webhooks of your team and of the teams below."""
    position = position_of(cursor)
    with portal.engine.connect() as connection:
        rows = webhooks_of(
            connection,
            team_path=program.team_path,
            before_id=None if position is None else min(position, 2**31 - 1),
            limit=limit + 1,
        )
    following = cursor_of(rows[limit - 1].id) if len(rows) > limit else None
    link_to_next(request, response, following)
    return Page(items=[_out(row) for row in rows[:limit]], next=following)


@router.get("/{webhook_id}", summary="A webhook", responses=errors("webhook_unknown"))
def show(webhook_id: WebhookNumber, program: WebhookEditor, portal: PortalState) -> WebhookOut:
    """One webhook, without its secret."""
    with portal.engine.connect() as connection:
        return _out(_visible(connection, program, webhook_id))


@router.delete("/{webhook_id}", status_code=204, summary="End a webhook", responses=errors("webhook_unknown"))
def end(webhook_id: WebhookNumber, program: WebhookEditor, portal: PortalState) -> None:
    """The address is called no more; calls that wait are given up."""
    with portal.engine.begin() as connection:
        row = _visible(connection, program, webhook_id)
        end_webhook(connection, row.id)
        write_entry(
            connection,
            actor=program.actor,
            action="webhook.ended",
            subject=f"webhook:{row.id}",
            team_id=row.team_id,
        )


@router.post(
    "/{webhook_id}/test", status_code=202, summary="Call a webhook for a test", responses=errors("webhook_unknown")
)
def test(webhook_id: WebhookNumber, program: WebhookEditor, portal: PortalState) -> WebhookCallOut:
    """Make a call with the event `webhook.test`, signed and tried like every other."""
    with portal.engine.begin() as connection:
        row = _visible(connection, program, webhook_id)
        number = create_test_call(connection, row)
    now = dt.datetime.now(dt.UTC)
    return WebhookCallOut(
        id=call_name(number),
        event=TEST_EVENT,
        created_at=now,
        attempts=0,
        delivered_at=None,
        given_up_at=None,
        next_try_at=now,
        last_status=None,
    )


@router.get("/{webhook_id}/calls", summary="A webhook's calls, newest first", responses=errors("webhook_unknown"))
def calls(
    *,
    request: Request,
    response: Response,
    webhook_id: WebhookNumber,
    program: WebhookEditor,
    portal: PortalState,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[WebhookCallOut]:
    """Calls that were made or wait, and what the address answered: for seven days."""
    position = position_of(cursor)
    with portal.engine.connect() as connection:
        row = _visible(connection, program, webhook_id)
        found = calls_of(connection, row.id, before_id=position, limit=limit + 1)
    following = cursor_of(found[limit - 1].id) if len(found) > limit else None
    link_to_next(request, response, following)
    items = [
        WebhookCallOut(
            id=call_name(entry.id),
            event=entry.event,
            created_at=entry.created_at,
            attempts=entry.attempts,
            delivered_at=entry.delivered_at,
            given_up_at=entry.given_up_at,
            next_try_at=entry.next_attempt_at,
            last_status=entry.last_status,
        )
        for entry in found[:limit]
    ]
    return Page(items=items, next=following)
