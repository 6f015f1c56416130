"""Channels that a team does not use for a while: its queued messages wait, or fall to the next channel; none is lost."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from nightmail.campaigns.suspensions import (
    SuspensionRow,
    lift_suspension,
    list_suspensions,
    messages_waiting,
    suspend_channel,
)
from nightmail.channels.names import ChannelName
from nightmail.forecasts.recorded_forecasts import renew_forecasts
from portal.api.authentication import ChannelSuspender
from portal.api.errors import errors
from portal.api.strict_query import refuse_unknown_query
from portal.api.visibility import sees, visible_team
from portal.problems import RequestError
from portal.state import PortalState

router = APIRouter(prefix="/v1/suspensions", tags=["suspensions"], dependencies=[Depends(refuse_unknown_query)])


class SuspensionOrder(BaseModel):
    """A channel that is not to be used."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"channel": "sms", "reason": "wrong price in the texts"}]}
    )

    channel: ChannelName
    reason: str = Field(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00]*[^\s\x00][^\x00]*$",
        description="Why, for the people who see it",
        examples=["wrong price in the texts"],
    )
    team: str | None = Field(
        None,
        max_length=200,
        pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$",
        description="Your team or one below; your own by default",
        examples=["acme.billing"],
    )


class SuspensionOut(BaseModel):
    """A channel that is not used for now."""

    id: int
    channel: str
    team: str | None = Field(description="The team that does not use it; null for all", examples=["acme.billing"])
    account: bool = Field(description="Whether only one carrier account or sender of the channel is suspended")
    reason: str
    by: str = Field(description="Who suspended it: a key, a person, or the senders themselves", examples=["key:7"])
    since: dt.datetime


class Suspended(SuspensionOut):
    """A suspension that was just made, and what that leaves unsent."""

    waiting: int = Field(description="Messages of campaigns under way that wait for the channel")


def as_suspension(row: SuspensionRow, team: str | None) -> SuspensionOut:
    """A suspension as the API shows it; ``team`` is the one that it is shown for."""
    return SuspensionOut(
        id=row.id,
        channel=row.channel,
        team=team,
        account=row.carrier_account_id is not None or row.sender is not None,
        reason=row.reason,
        by=row.by,
        since=row.since,
    )


@router.get("", summary="Suspensions in force", responses=errors())
def list_all(program: ChannelSuspender, portal: PortalState) -> list[SuspensionOut]:
    """Those of your team, of the teams below, and those that hold for all."""
    with portal.engine.connect() as connection:
        rows = list_suspensions(connection)
    return [as_suspension(row, row.team) for row in rows if row.team is None or sees(program, row.team)]


@router.post(
    "",
    status_code=201,
    summary="Suspend a channel",
    responses={
        201: {"headers": {"Location": {"description": "The suspension's address", "schema": {"type": "string"}}}},
        **errors("team_unknown"),
    },
)
def suspend(
    order: Annotated[SuspensionOrder, Body()], program: ChannelSuspender, portal: PortalState, response: Response
) -> Suspended:
    """Senders stop using the channel for the team within a second. To suspend what is suspended changes nothing."""
    team = order.team or program.team_path
    with portal.engine.connect() as connection:
        team_id = visible_team(connection, program, team)
    row = suspend_channel(portal.engine, order.channel, reason=order.reason, by=program.actor, team_id=team_id)
    response.headers["Location"] = f"/v1/suspensions/{row.id}"
    with portal.engine.connect() as connection:
        waiting = messages_waiting(connection, order.channel, team_id)
    return Suspended(**as_suspension(row, team).model_dump(), waiting=waiting)


@router.delete(
    "/{suspension_id}", status_code=204, summary="Use a channel again", responses=errors("suspension_unknown")
)
def lift(
    suspension_id: Annotated[int, Path(ge=1, le=2**31 - 1, description="The suspension's number", examples=[1])],
    program: ChannelSuspender,
    portal: PortalState,
) -> None:
    """What waited is handed off again. A suspension that holds for all teams is an operator's to lift."""
    with portal.engine.connect() as connection:
        found = {row.id: row.team for row in list_suspensions(connection)}
    team = found.get(suspension_id)
    if team is None or not sees(program, team):
        raise RequestError("suspension_unknown", suspension=suspension_id)
    renew_forecasts(portal.engine, lift_suspension(portal.engine, suspension_id, by=program.actor))
