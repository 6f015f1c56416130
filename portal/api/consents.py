"""What contacts agreed to and what they took back."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from nightmail.access.api_keys import Program
from nightmail.channels import CHANNELS
from nightmail.channels.names import ChannelName
from nightmail.consent.consent_requests import ConsentAsked, requests_of
from nightmail.consent.consents import (
    ConsentGiven,
    ConsentState,
    ConsentWithdrawn,
    Recorded,
    consent_state,
    consents_of,
    find_text,
    record_consents,
    withdraw_consents,
)
from nightmail.privacy.hashes import contact_ids
from portal.api.authentication import ConsentEditor, ListReader
from portal.api.consent_models import RequestOut
from portal.api.errors import errors
from portal.api.strict_query import refuse_unknown_query
from portal.api.visibility import visible_team
from portal.recipient_pages.asking import ask
from portal.state import Portal, PortalState

router = APIRouter(prefix="/v1/consents", tags=["consents"], dependencies=[Depends(refuse_unknown_query)])

TEAM_PATTERN = r"^[a-z0-9_]+(\.[a-z0-9_]+)*$"
_TEXT = r"^[^\x00]+$"
_CONTACT = "The contact's `external_id`, or its address where it has none"
_TEAM = "The team whose contact it is: yours or one below; your own by default"
ContactQuery = Annotated[
    str, Query(min_length=1, max_length=320, pattern=_TEXT, description=_CONTACT, examples=["C-1001"])
]
TeamQuery = Annotated[str | None, Query(max_length=200, pattern=TEAM_PATTERN, description=_TEAM)]
ContactField = Annotated[
    str, Field(min_length=1, max_length=320, pattern=_TEXT, description=_CONTACT, examples=["C-1001"])
]
TeamField = Annotated[str | None, Field(max_length=200, pattern=TEAM_PATTERN, description=_TEAM)]
Said = Annotated[str, Field(min_length=1, max_length=200, pattern=_TEXT)]
At = Annotated[
    AwareDatetime | None,
    Field(description="When it was stated; now by default", examples=["2026-11-23T10:30:00Z"]),
]


class Withdrawal(BaseModel):
    """A consent that a contact took back."""

    model_config = ConfigDict(extra="forbid")

    contact: ContactField
    category: Said = Field(description="What for: a category", examples=["newsletter"])
    how: Said = Field(description="How it was said", examples=["web form"])
    channel: ChannelName | None = Field(None, description="On this channel; on all by default")
    at: At = None
    source: Said | None = Field(None, description="From where", examples=["shop.example/join"])
    proof: Said | None = Field(None, description="What proves it: a file, a reference", examples=["form 4711"])
    team: TeamField = None


class Given(Withdrawal):
    """A consent that a contact gave, or is asked for."""

    state: Literal["given", "requested"] = Field(
        "given",
        description="`requested`: the contact gets a message with a link, and the consent holds once they confirm",
    )

    expires_at: AwareDatetime | None = Field(None, description="When it ends")
    text: Said | None = Field(None, description="The name of the text that was shown", examples=["newsletter-form"])
    text_version: int | None = Field(None, ge=1, le=2**31 - 1, description="Its version; the newest by default")


class RecordedOut(BaseModel):
    """Whether it was new."""

    added: int = Field(description="1 where it was new")
    already: int = Field(description="1 where it was recorded before")
    request: RequestOut | None = Field(None, description="Where the contact is asked")


class Stated(BaseModel):
    """One statement that was recorded."""

    category: str
    channel: str | None = Field(description="Null for all")
    captured_at: dt.datetime = Field(description="When it was given; where it was asked for first, when that was")
    captured_how: str
    confirmed_at: dt.datetime | None = Field(description="When it was confirmed, where it was asked for first")
    expires_at: dt.datetime | None
    withdrawn_at: dt.datetime | None
    withdrawn_how: str | None
    never_given: bool = Field(description="Whether it is a withdrawal of what is not known to have been given")
    text_name: str | None = Field(description="The text that was shown")
    text_version: int | None
    recorded_at: dt.datetime
    recorded_by: str | None


class Holding(BaseModel):
    """What holds now."""

    category: str
    channel: str
    state: ConsentState


class ConsentsOut(BaseModel):
    """What a contact agreed to."""

    holds_now: list[Holding] = Field(description="Of what anything was stated about")
    stated: list[Stated] = Field(description="The latest first")
    requests: list[RequestOut] = Field(description="What the contact was asked for, the latest first")


@router.get("", summary="What a contact agreed to", responses=errors("team_unknown"))
def show(*, program: ListReader, portal: PortalState, contact: ContactQuery, team: TeamQuery = None) -> ConsentsOut:
    """All that was stated, and what holds now; to the team and to those above it. Source and proof are left out."""
    now = dt.datetime.now(dt.UTC)
    with portal.engine.connect() as connection:
        _, path, contact_id = contact_of(connection, program, portal, contact, team)
        rows = consents_of(connection, path, contact_id)
        requests = requests_of(connection, path, contact_id)
    states = [
        Holding(category=category, channel=channel, state=state)
        for category in sorted({row.category for row in rows} | {request.category for request in requests})
        for channel in CHANNELS
        if (state := consent_state(rows, category, channel, now, requests)) is not ConsentState.MISSING
    ]
    stated = [Stated.model_validate({name: row.as_dict()[name] for name in Stated.model_fields}) for row in rows]
    asked = [RequestOut.of(request) for request in requests]
    return ConsentsOut(holds_now=states, stated=stated, requests=asked)


_ASK_ERRORS = (
    *("consent_ask_no_address", "consent_ask_suppressed", "consent_ask_withdrawn", "consent_ask_not_now"),
    *("consent_ask_too_often", "consent_ask_no_link"),
)
_ERRORS = ("team_unknown", "category_unknown", "consent_time_future", "busy")


@router.post(
    "",
    status_code=201,
    summary="Record a consent, or ask for one",
    responses=errors(*_ERRORS, "consent_expires_before", "consent_text_unknown", *_ASK_ERRORS),
)
def give(order: Annotated[Given, Body()], program: ConsentEditor, portal: PortalState) -> RecordedOut:
    """The same once more changes nothing. What was withdrawn at a later time stays withdrawn.

    With `state` `requested` the contact, who stands in the address book, gets one message, and nothing holds before they
    confirm. Asked again within the hour, the answer is the request that there is.
    """
    if order.state == "requested":
        return _ask(order, program, portal)
    with portal.engine.begin() as connection:
        team_id, path, contact_id = contact_of(connection, program, portal, order.contact, order.team)
        given = ConsentGiven(
            contact_id,
            order.category,
            order.at or dt.datetime.now(dt.UTC),
            order.how,
            channel=order.channel,
            source=order.source,
            proof=order.proof,
            text_id=None if order.text is None else find_text(connection, path, order.text, order.text_version),
            expires_at=order.expires_at,
        )
        return _out(record_consents(connection, team_id, [given], actor=program.actor))


def _ask(order: Given, program: Program, portal: Portal) -> RecordedOut:
    with portal.engine.connect() as connection:
        team_id, path, contact_id = contact_of(connection, program, portal, order.contact, order.team)
        asked = ConsentAsked(
            contact_id,
            order.category,
            order.at or dt.datetime.now(dt.UTC),
            order.how,
            channel=order.channel,
            source=order.source,
            proof=order.proof,
            text_id=None if order.text is None else find_text(connection, path, order.text, order.text_version),
            expires_at=order.expires_at,
        )
    done = ask(
        portal.engine,
        portal.codes,
        team_id,
        asked,
        base_url=portal.base_url,
        key=portal.settings.key(),
        actor=program.actor,
    )
    request = None if done.request is None else RequestOut.of(done.request)
    return RecordedOut(added=int(done.is_new), already=int(not done.is_new), request=request)


@router.post("/withdrawals", status_code=201, summary="Record a withdrawal", responses=errors(*_ERRORS))
def withdraw(order: Annotated[Withdrawal, Body()], program: ConsentEditor, portal: PortalState) -> RecordedOut:
    """It holds from the next hand-off on, also where no consent is known."""
    with portal.engine.begin() as connection:
        team_id, _, contact_id = contact_of(connection, program, portal, order.contact, order.team)
        withdrawn = ConsentWithdrawn(
            contact_id,
            order.category,
            order.at or dt.datetime.now(dt.UTC),
            order.how,
            channel=order.channel,
            source=order.source,
            proof=order.proof,
        )
        return _out(withdraw_consents(connection, team_id, [withdrawn], actor=program.actor))


def contact_of(
    connection: Connection, program: Program, portal: PortalState, contact: str, team: str | None
) -> tuple[int, str, str]:
    """Id and path of the team that is meant, and the id that its contact has in every table."""
    path = team or program.team_path
    return visible_team(connection, program, path), path, contact_ids(path, [contact], portal.settings.key())[0]


def _out(done: Recorded) -> RecordedOut:
    return RecordedOut(added=done.added, already=done.already)
