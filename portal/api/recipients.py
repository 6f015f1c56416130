"""What somebody got or did not get, and why."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from nightmail.recipients.asked import Asked
from nightmail.recipients.events import EventKind
from nightmail.recipients.history import History, history_of
from nightmail.recipients.lookup import Recipient, RecipientKind, readings_of
from nightmail.recipients.outcomes import Outcome
from portal.api.authentication import MessageReader
from portal.api.errors import errors
from portal.api.pages_of import Cursor, position_of
from portal.api.strict_query import refuse_unknown_query
from portal.recipient_surroundings import surroundings_of
from portal.state import PortalState

router = APIRouter(prefix="/v1/recipients", tags=["recipients"], dependencies=[Depends(refuse_unknown_query)])

MOST_READINGS = 5
_PLUS_READ_AS_SPACE = re.compile(r"^ (?=\d)")


class KnownAddressOut(BaseModel):
    """An address that messages went to."""

    address: str = Field(description="Masked without `personal.see`", examples=["+44•••••••89"])
    address_hash: str = Field(description="As reports have it")
    channels: list[str] = Field(examples=[["sms"]])


class KnownContactOut(BaseModel):
    """A contact of a team."""

    contact_id: str = Field(description="As reports have it")
    team: str = Field(examples=["acme.billing"])


class RecipientOut(BaseModel):
    """Who it is: an address over all of your teams, or a contact of one of them."""

    kind: RecipientKind
    digest: str = Field(description="The keyed hash of the address, or the contact's id")
    team: str | None = Field(description="Of a contact", examples=["acme.billing"])
    countries: list[str] = Field(
        description="By whose rules a national number was read like this; empty where it says its country itself",
        examples=[["GB"]],
    )
    contacts: list[KnownContactOut]
    addresses: list[KnownAddressOut]


class CampaignOutcomeOut(BaseModel):
    """How one campaign went for the recipient."""

    at: dt.datetime
    campaign: str = Field(examples=["2026-11-23.acme.billing.7f3a9c"])
    team: str = Field(examples=["acme.billing"])
    outcome: Outcome
    channels: list[str] = Field(examples=[["sms", "email"]])
    because: str | None = Field(description="What decided", examples=["Held: The contact opted out."])
    messages: list[str] = Field(examples=[["c3f0a91b7d0-118-sms-0"]])


class EventOut(BaseModel):
    """Something that happened, or is due; beside these fields it has the facts of its kind."""

    model_config = ConfigDict(extra="allow")

    at: dt.datetime
    kind: EventKind
    sentence: str = Field(examples=["Handed off over sms-eu from +441632960001, attempt 1"])
    campaign: str | None
    team: str | None
    channel: str | None
    message_id: str | None
    due: bool = Field(description="Whether it is still to come")


class ContactFilesOut(BaseModel):
    """How far contact files were looked through for rows that became no message."""

    campaigns: int = Field(description="Campaigns that were looked at")
    left_out: list[str] = Field(description="Campaigns with too many rows for one look")
    gone: list[str] = Field(description="Campaigns of which retention deleted what is needed, or some of it")


class RecipientHistory(BaseModel):
    """What one recipient got or did not get."""

    recipient: RecipientOut
    campaigns: list[CampaignOutcomeOut] = Field(description="In short: the newest first")
    events: list[EventOut] = Field(description="In order of time")
    contact_files: ContactFilesOut | None = Field(description="Null where no days were asked for, or more than 31")
    next: str | None = Field(description="The cursor of earlier messages")


class Recipients(BaseModel):
    """All that was written can mean: one recipient, or several, each with its own history."""

    recipients: list[RecipientHistory]


@router.get(
    "",
    summary="What somebody got or did not get, and why",
    responses=errors("recipient_unknown", "recipient_team_needed", "team_unknown"),
)
def find(
    *,
    program: MessageReader,
    portal: PortalState,
    who: Annotated[
        str,
        Query(
            min_length=1,
            max_length=320,
            pattern=r"^[^\x00]+$",
            description="A phone number (its plus sign as `%2B`) or an email address in any spelling, or an external id",
            examples=["+491701234567"],
        ),
    ],
    team: Annotated[
        str | None,
        Query(max_length=200, pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$", description="Your team or one below"),
    ] = None,
    since: Annotated[dt.date | None, Query(description="The first day (UTC)", examples=["2026-11-24"])] = None,
    until: Annotated[dt.date | None, Query(description="The last day (UTC); by default that of `since`")] = None,
    cursor: Cursor = None,
) -> Recipients:
    """From ledger, receipts, replies, suppressions and consents; with days, at most 31, from contact files too.

    A number without its country's code is read by the rules of your teams' countries; what has two readings comes as two
    recipients. Without `personal.see` addresses are masked and texts left out; with it, the look is kept in the audit log.
    """
    # A plus sign that was not escaped comes as a space; read as a national number, it would be somebody else's.
    written = _PLUS_READ_AS_SPACE.sub("+", who)
    around = surroundings_of(portal)
    first, last = since, until or since
    asked = Asked(
        None if first is None else _begin(first),
        None if last is None else _begin(last) + dt.timedelta(days=1),
        team,
        position_of(cursor),
    )
    with portal.engine.begin() as connection:
        readings = readings_of(
            connection,
            program.principal,
            written,
            hash_key=around.hash_key,
            default_country=around.default_country,
            team=team,
        )
        found = [
            (each, history_of(connection, program.principal, each, asked, around)) for each in readings[:MOST_READINGS]
        ]
    return Recipients(recipients=[_out(reading, history) for reading, history in found])


def _begin(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)


def _out(reading: Recipient, history: History) -> RecipientHistory:
    values: dict[str, Any] = history.as_dict()
    values["recipient"] |= {"countries": list(reading.countries)}
    values["next"] = None if history.next is None else str(history.next)
    return RecipientHistory.model_validate(values)
