"""Addresses that must not be used: why one is not, and taking that back where it may be."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from nightmail.access.api_keys import Program
from nightmail.channels.names import ChannelName
from nightmail.consent.addresses import Address, country_for, read_address
from nightmail.consent.suppressing import carriers_own_lists, lift_suppressions, suppress_by_hand
from nightmail.consent.suppressions import (
    BY_HAND,
    OPTED_OUT,
    SuppressionRow,
    find_suppression,
    suppression_unknown,
    suppressions_of,
)
from portal.api.authentication import SuppressionEditor, SuppressionReader
from portal.api.errors import errors
from portal.api.strict_query import refuse_unknown_query
from portal.api.visibility import sees, visible_team
from portal.problems import RequestError
from portal.state import PortalState

router = APIRouter(prefix="/v1/suppressions", tags=["suppressions"], dependencies=[Depends(refuse_unknown_query)])

_ADDRESS_ERRORS = ("phone_invalid", "phone_country_needed", "phone_damaged", "email_invalid")
_PLUS_READ_AS_SPACE = re.compile(r"^ (?=\d)")


class SuppressionOrder(BaseModel):
    """An address that is not to be used."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"address": "+49 170 1234567", "channel": "sms", "asked_for": True}]},
    )

    address: str = Field(
        min_length=1,
        max_length=320,
        pattern=r"^[^\x00]+$",
        description="A phone number or an email address, as a contact file may write it",
        examples=["+49 170 1234567"],
    )
    channel: ChannelName
    category: str | None = Field(
        None, min_length=1, max_length=200, pattern=r"^[^\x00]+$", description="Only messages of this category"
    )
    team: str | None = Field(
        None,
        max_length=200,
        pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$",
        description="Your team or one below, for which and below which it holds; your own by default",
        examples=["acme.billing"],
    )
    asked_for: bool = Field(
        False, description="Whether the person asked for it, by telephone perhaps: it is kept as an opt-out"
    )


class SuppressionOut(BaseModel):
    """A suppression in force."""

    id: int
    channel: str
    team: str | None = Field(
        description="The team that it holds for, with those below; null for all", examples=["acme.billing"]
    )
    category: str | None = Field(description="The category that it holds for; null for all")
    reason: str = Field(description="`opted_out`, `complaint`, `hard_bounce` or `by_hand`", examples=["hard_bounce"])
    asked_for: bool = Field(description="Whether it is the person's own choice")
    source: str = Field(
        description="What made it: a reply, a link, a carrier, or who did by hand", examples=["receipt:acme"]
    )
    campaign: str | None = Field(description="The campaign whose message led to it, where it is one that you may see")
    message_id: str | None = Field(description="That message")
    since: dt.datetime
    why: str | None = Field(description="What the person said who made it by hand")
    yours: bool = Field(description="Whether it was made for your team or one below, so that your key may lift it")


class Lifted(BaseModel):
    """A suppression that was just lifted, and what stays in force."""

    lifted: SuppressionOut
    in_force: list[SuppressionOut] = Field(description="What else holds for the address, on any channel")
    carriers_own_lists: list[str] = Field(description="What the carrier goes on refusing, for people")


def _out(row: SuppressionRow, program: Program) -> SuppressionOut:
    values = row.as_dict()
    if row.campaign_team is None or not sees(program, row.campaign_team):
        values |= {"campaign": None, "message_id": None}
    return SuppressionOut(**values, yours=row.is_of(program.team_path))


def _read(connection: Connection, portal: PortalState, written: str, team: str) -> Address:
    country = country_for(connection, team, portal.settings.default_country)
    return read_address(written, country=country, hash_key=portal.settings.key())


@router.get("", summary="Why an address is not used", responses=errors(*_ADDRESS_ERRORS))
def list_all(
    *,
    program: SuppressionReader,
    portal: PortalState,
    address: Annotated[
        str,
        Query(
            min_length=1,
            max_length=320,
            pattern=r"^[^\x00]+$",
            description="A phone number, its plus sign as `%2B`, or an email address",
            examples=["+491701234567"],
        ),
    ],
    channel: Annotated[ChannelName | None, Query(description="Only on this channel")] = None,
) -> list[SuppressionOut]:
    """What holds for your team and the teams below: their own suppressions, those of teams above, those for all."""
    # A plus sign that was not escaped comes as a space; read as a national number, it would be somebody else's.
    written = _PLUS_READ_AS_SPACE.sub("+", address)
    with portal.engine.connect() as connection:
        found = _read(connection, portal, written, program.team_path)
        rows = suppressions_of(connection, found.hash, team=program.team_path, channel=channel)
    return [_out(row, program) for row in rows]


@router.post(
    "",
    status_code=201,
    summary="Suppress an address",
    responses={
        201: {"headers": {"Location": {"description": "The suppression's address", "schema": {"type": "string"}}}},
        **errors(*_ADDRESS_ERRORS, "address_not_of_channel", "category_unknown", "team_unknown", "busy"),
    },
)
def suppress(
    order: Annotated[SuppressionOrder, Body()], program: SuppressionEditor, portal: PortalState, response: Response
) -> SuppressionOut:
    """It holds from the next hand-off on. To suppress what is suppressed changes nothing, and is answered alike."""
    team = order.team or program.team_path
    reason = OPTED_OUT if order.asked_for else BY_HAND
    with portal.engine.begin() as connection:
        team_id = visible_team(connection, program, team)
        address = _read(connection, portal, order.address, team)
        suppress_by_hand(
            connection,
            [address],
            actor=program.actor,
            team_id=team_id,
            channel=order.channel,
            category=order.category,
            asked_for=order.asked_for,
        )
        rows = suppressions_of(connection, address.hash, team=team, channel=order.channel)
    wanted = (team, order.category, reason)
    row = next((row for row in rows if (row.team, row.category, row.reason) == wanted), None)
    if row is None:  # it was lifted at this moment
        raise RequestError("busy", headers={"Retry-After": "1"})
    response.headers["Location"] = f"/v1/suppressions/{row.id}"
    return _out(row, program)


@router.delete(
    "/{suppression_id}",
    summary="Use an address again",
    responses=errors("suppression_unknown", "suppression_above_team", "suppression_asked_for"),
)
def lift(
    *,
    suppression_id: Annotated[int, Path(ge=1, le=2**63 - 1, description="The suppression's number", examples=[1])],
    program: SuppressionEditor,
    portal: PortalState,
    although_asked_for: Annotated[
        bool,
        Query(description="Lift it although the person asked for it: they have agreed again, and you can prove it"),
    ] = False,
) -> Lifted:
    """Lift a hard bounce that was none, or what was suppressed by hand. What a person asked for (STOP, a link, a
    complaint) is only lifted with `although_asked_for=true`. Lists of the carrier's own are not touched.
    """
    with portal.engine.begin() as connection:
        row = find_suppression(connection, suppression_id, team=program.team_path)
        lifted = lift_suppressions(
            connection, [row], actor=program.actor, team=program.team_path, although_asked_for=although_asked_for
        )
        left = suppressions_of(connection, row.address_hash, team=program.team_path)
    if not lifted:
        raise suppression_unknown(suppression_id)
    return Lifted(
        lifted=_out(row, program),
        in_force=[_out(other, program) for other in left],
        carriers_own_lists=carriers_own_lists([row.channel]),
    )
