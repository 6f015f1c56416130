"""What contacts chose: channels in order, topics, quiet hours, language, a pause."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from nightmail.channels.names import ChannelName
from nightmail.consent.preference_statements import taken_together
from nightmail.consent.preferences import preference_history, read_changes, record_preferences
from portal.api.authentication import ConsentEditor, ListReader
from portal.api.consents import At, ContactField, ContactQuery, Said, TeamField, TeamQuery, contact_of
from portal.api.errors import errors
from portal.api.strict_query import refuse_unknown_query
from portal.state import PortalState

router = APIRouter(prefix="/v1/preferences", tags=["preferences"], dependencies=[Depends(refuse_unknown_query)])

_Word = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]+$")]
_Topics = Annotated[list[_Word], Field(max_length=100)]


class Changes(BaseModel):
    """What a contact chose; what is left out stays as it is, and null clears a choice."""

    model_config = ConfigDict(extra="forbid")

    channels: Annotated[list[ChannelName], Field(max_length=20)] | None = Field(None, description="In order")
    topics_in: _Topics | None = Field(None, description="Of the categories that need consent, these alone")
    topics_out: _Topics | None = Field(None, description="Not these categories")
    topics: Annotated[dict[_Word, bool], Field(max_length=100)] | None = Field(
        None, description="Single categories, wanted or not; the others stay", examples=[{"offers": False}]
    )
    quiet_from: _Word | None = Field(None, examples=["21:00"])
    quiet_until: _Word | None = Field(None, examples=["08:00"])
    time_zone: _Word | None = Field(None, examples=["Europe/Berlin"])
    language: _Word | None = Field(None, examples=["en"])
    paused_until: AwareDatetime | None = Field(None, description="Until then nothing comes but what is urgent")


class PreferenceOrder(BaseModel):
    """A statement of what a contact chose."""

    model_config = ConfigDict(extra="forbid")

    contact: ContactField
    changes: Changes
    at: At = None
    source: Said = Field("api", description="From where it comes", examples=["call"])
    team: TeamField = None


class Chosen(BaseModel):
    """What all statements of a contact come to."""

    channels: list[str] | None
    topics_in: list[str] | None
    topics_out: list[str]
    quiet_from: str | None
    quiet_until: str | None
    time_zone: str | None
    language: str | None
    paused_until: dt.datetime | None
    stated_at: dt.datetime | None = Field(description="When the latest statement was made")
    source: str | None
    set_by: str | None


class StatedChanges(BaseModel):
    """One statement."""

    stated_at: dt.datetime
    changes: dict[str, Any]
    source: str
    set_by: str


class PreferencesOut(BaseModel):
    """What a contact chose, and each statement that it is made of."""

    chosen: Chosen
    history: list[StatedChanges] = Field(description="The oldest first")


@router.get("", summary="What a contact chose", responses=errors("team_unknown"))
def show(*, program: ListReader, portal: PortalState, contact: ContactQuery, team: TeamQuery = None) -> PreferencesOut:
    """With the team and those above it."""
    with portal.engine.connect() as connection:
        _, path, contact_id = contact_of(connection, program, portal, contact, team)
        history = preference_history(connection, path, contact_id)
    return PreferencesOut(
        chosen=Chosen(**taken_together(history).as_dict()),
        history=[
            StatedChanges(stated_at=one.stated_at, changes=dict(one.changes), source=one.source, set_by=one.set_by)
            for one in history
        ],
    )


@router.post(
    "",
    status_code=201,
    summary="Record what a contact chose",
    responses=errors(
        *("team_unknown", "category_unknown", "preference_empty", "preference_time_zone_unknown", "busy"),
        *("preference_language_unknown", "preference_pause_invalid", "quiet_hours_invalid", "consent_time_future"),
    ),
)
def record(order: Annotated[PreferenceOrder, Body()], program: ConsentEditor, portal: PortalState) -> PreferencesOut:
    """Of all statements the latest counts for each field, by the time at which it was made."""
    written = order.changes.model_dump(exclude_unset=True)
    with portal.engine.begin() as connection:
        team_id, path, contact_id = contact_of(connection, program, portal, order.contact, order.team)
        stated = [(contact_id, order.at or dt.datetime.now(dt.UTC), read_changes(connection, path, written))]
        record_preferences(connection, team_id, stated, source=order.source, actor=program.actor)
    return show(program=program, portal=portal, contact=order.contact, team=order.team)
