"""Campaigns whose source is a distribution list or a segment."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Connection

from nightmail.access.api_keys import Program
from nightmail.contacts.list_files import LIST, SEGMENT, ListFile
from nightmail.intake.list_sends import register_list_send, take_list
from nightmail.organisation.stored_templates import newest_version_named
from nightmail.organisation.teams import get_team
from nightmail.stated_times import SendIn, StatedStart, stated_start
from nightmail.store.clock import database_time
from portal.api.authentication import MessageSender
from portal.api.campaigns import Campaign, as_campaign
from portal.api.errors import errors
from portal.api.idempotency import Answer, IdempotencyKey, answer_once, request_hash
from portal.api.segments import OwnTeam
from portal.api.strict_query import refuse_unknown_query
from portal.api.upload_orders import SEND_IN_DESCRIPTION
from portal.api.visibility import visible_team
from portal.state import PortalState

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"], dependencies=[Depends(refuse_unknown_query)])

_Named = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]


class SeenAudience(BaseModel):
    """The contacts that somebody looked at."""

    model_config = ConfigDict(extra="forbid")

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="As an earlier answer had it")
    contacts: int = Field(ge=0, le=2**31 - 1)


class CampaignOrder(BaseModel):
    """A template and whom it goes to."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"template": "invoice_due", "list": "Customers"}]}
    )

    template: _Named = Field(description="A template's name: the team's own, else the nearest team's above")
    list: _Named | None = Field(None, description="The name of a distribution list", examples=["Customers"])
    segment: _Named | None = Field(None, description="The name of a segment, in the place of a list")
    team: OwnTeam = None
    at: dt.datetime | None = Field(
        None,
        description="When to send, by default at once; without an offset in the team's time zone, or with `send_in` "
        "`recipient` a time by each recipient's own clock",
        examples=["2026-12-01T08:00"],
    )
    send_in: SendIn = Field("team", description=SEND_IN_DESCRIPTION)
    again: bool = Field(False, description="Send the same contacts the same once more, on purpose")
    seen: SeenAudience | None = Field(
        None, description="Send only if these are still exactly the contacts, with the same values"
    )

    @model_validator(mode="after")
    def _one_source(self) -> CampaignOrder:
        if (self.list is None) == (self.segment is None):
            raise ValueError("give either list or segment")
        if self.at is None and self.send_in != "team":
            raise ValueError("send_in says whose time `at` is, which is not there")
        return self


class ListCampaign(BaseModel):
    """A campaign of a list or a segment, and whom it was made of."""

    campaign: Campaign
    state: str = Field(
        description="`taken`, or `repeated`: the same was sent before, as this campaign", examples=["taken"]
    )
    contacts: int = Field(description="How many were in the list or segment")
    sha256: str = Field(description="Over all of them with their values")


@router.post(
    "",
    status_code=202,
    summary="Send to a distribution list or a segment",
    response_model=ListCampaign,
    responses={
        200: {"model": ListCampaign, "description": "The same was sent before: nothing was made."},
        202: {
            "description": "Stored. `Location` is the campaign.",
            "headers": {
                "Location": {"description": "The campaign's address", "schema": {"type": "string"}},
                "Idempotency-Replayed": {
                    "description": "`true` when this is the answer to an earlier request with the same key",
                    "schema": {"type": "string"},
                },
            },
        },
        **errors(
            *("team_unknown", "list_unknown", "segment_unknown", "template_unknown", "time_invalid", "list_nobody"),
            *("list_audience_changed", "list_cycle", "segment_name_unknown", "segment_rule_invalid"),
            *("idempotency_in_progress", "idempotency_key_reused"),
        ),
    },
)
def send(
    *,
    order: Annotated[CampaignOrder, Body()],
    program: MessageSender,
    portal: PortalState,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Whoever is in it now gets the template: the campaign keeps them as they are, however the list changes later."""
    fingerprint = request_hash("campaigns", order.model_dump_json())
    taken: list[ListFile] = []

    def work(connection: Connection) -> Answer:
        return _send(connection, order, program, portal, taken)

    try:
        answer, repeated = answer_once(portal.engine, program, idempotency_key, fingerprint, work)
    except BaseException:
        for file in taken:
            file.path.unlink(missing_ok=True)
        raise
    return answer.response(repeated=repeated)


def _send(
    connection: Connection, order: CampaignOrder, program: Program, portal: PortalState, taken: list[ListFile]
) -> Answer:
    team = order.team or program.team_path
    visible_team(connection, program, team)
    version = newest_version_named(connection, team, order.template)
    kind, name = (LIST, order.list) if order.list is not None else (SEGMENT, order.segment)
    file = take_list(connection, team, kind, str(name), portal.settings.incoming_dir)
    taken.append(file)
    sent = register_list_send(
        connection,
        team,
        version,
        file,
        by=program.principal,
        start=_start(connection, team, order),
        again=order.again,
        seen=None if order.seen is None else (order.seen.sha256, order.seen.contacts),
    )
    answer = ListCampaign(
        campaign=as_campaign(sent.campaign), state=sent.state, contacts=file.contacts, sha256=file.sha256
    )
    if sent.state == "repeated":
        file.path.unlink()
    headers = {"Location": f"/v1/campaigns/{sent.campaign.key}"}
    return Answer(202 if sent.state == "taken" else 200, answer.model_dump(mode="json"), headers)


def _start(connection: Connection, team: str, order: CampaignOrder) -> StatedStart | None:
    if order.at is None:
        return None
    zone = get_team(connection, team).time_zone
    return stated_start(order.at, zone, database_time(connection), order.send_in)
