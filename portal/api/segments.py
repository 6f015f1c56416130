"""Segments: the contacts of a team that meet a rule."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from nightmail.access.api_keys import Program
from nightmail.contacts.list_membership import count_members, rule_membership, segment_membership
from nightmail.contacts.list_names import LONGEST_DESCRIPTION, LONGEST_NAME
from nightmail.contacts.scopes import scope_of
from nightmail.contacts.segment_reading import read_rule
from nightmail.contacts.segment_sentences import rule_sentence
from nightmail.contacts.segments import (
    SegmentRow,
    change_segment,
    make_segment,
    remove_segment,
    rule_of,
    segment_of_id,
    segments,
)
from nightmail.errors import UsageError
from portal.api.authentication import ListEditor, ListReader
from portal.api.errors import errors
from portal.api.pages_of import Limit
from portal.api.strict_query import refuse_unknown_query
from portal.api.visibility import sees, visible_team
from portal.problems import RequestError
from portal.state import PortalState

router = APIRouter(prefix="/v1/segments", tags=["segments"], dependencies=[Depends(refuse_unknown_query)])

TEAM_PATTERN = r"^[a-z0-9_]+(\.[a-z0-9_]+)*$"
Team = Annotated[
    str | None,
    Query(max_length=200, pattern=TEAM_PATTERN, description="Your team or one below; your own by default"),
]
After = Annotated[
    str | None,
    Query(
        max_length=200, pattern=r"^[^\x00]+$", description="The name after which to go on: `next` of the page before"
    ),
]
Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="Its number", examples=[1])]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, pattern=r"^[^\x00]+$", examples=["Gold in Berlin"])]
Description = Annotated[str, Field(max_length=LONGEST_DESCRIPTION, pattern=r"^[^\x00]*$")]
OwnTeam = Annotated[
    str | None,
    Field(max_length=200, pattern=TEAM_PATTERN, description="Your team or one below; your own by default"),
]
_RULE = {"on": "field", "name": "country", "test": "is_one_of", "value": ["DE", "AT"]}
RuleDocument = Annotated[
    dict[str, Any],
    Field(description="`all`, `any`, `not`, or a condition: see the page on contacts", examples=[{"all": [_RULE]}]),
]
_RULE_ERRORS = ("segment_rule_invalid", "segment_name_unknown", "segment_zone_unknown")


class SegmentOrder(BaseModel):
    """A new segment."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    rule: RuleDocument
    description: Description = ""
    team: OwnTeam = None


class SegmentChange(BaseModel):
    """What is to be different about a segment; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    version: int = Field(ge=1, le=2**31 - 1, description="The version that you read: with another one nothing changes")
    name: Name | None = None
    rule: RuleDocument | None = None
    description: Description | None = None


class RuleToTry(BaseModel):
    """A rule that nobody has kept yet."""

    model_config = ConfigDict(extra="forbid")

    rule: RuleDocument
    team: OwnTeam = None


class SegmentOut(BaseModel):
    """A segment."""

    id: int
    team: str = Field(examples=["acme.billing"])
    name: str
    description: str
    rule: dict[str, Any]
    version: int = Field(description="Counts its changes")
    changed_at: dt.datetime
    changed_by: str


class Tried(BaseModel):
    """What a rule means, and how many contacts meet it now."""

    sentence: str = Field(examples=["the country is DE or AT"])
    contacts: int


class SegmentInFull(SegmentOut, Tried):
    """A segment, with what its rule means and how many contacts meet it now."""


class NamedPage(BaseModel):
    """What the pages of lists by name have in common."""

    next: str | None = Field(description="Give it as `after` for the next page; null on the last one")


class Segments(NamedPage):
    """One page of segments, by name."""

    items: list[SegmentOut]


def as_segment(row: SegmentRow) -> SegmentOut:
    """The segment as the API shows it."""
    return SegmentOut(
        id=row.id,
        team=row.team,
        name=row.name,
        description=row.description,
        rule=dict(row.rule),
        version=row.version,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
    )


def visible_segment(connection: Connection, program: Program, segment_id: int) -> SegmentRow:
    """A segment of the key's team or of one below. Raises :class:`RequestError` (``segment_unknown``)."""
    row = segment_of_id(connection, segment_id)
    if row is None or not sees(program, row.team):
        raise RequestError("segment_unknown", segment=segment_id, known="those of GET /v1/segments")
    return row


def link_after(request: Request, response: Response, name: str | None) -> None:
    """Say in the header Link, too, where the next page is."""
    if name is not None:
        response.headers["Link"] = f'<{request.url.include_query_params(after=name)}>; rel="next"'


@router.get("", summary="The segments that a team uses, by name", responses=errors("team_unknown"))
def list_all(
    *,
    request: Request,
    response: Response,
    program: ListReader,
    portal: PortalState,
    team: Team = None,
    after: After = None,
    limit: Limit = 50,
) -> Segments:
    """Its own, and those that a team above shares with it."""
    wanted = team or program.team_path
    with portal.engine.connect() as connection:
        visible_team(connection, program, wanted)
        rows = segments(connection, wanted, after=(after or "", 2**31 - 1), limit=limit + 1)
    following = rows[limit - 1].name if len(rows) > limit else None
    link_after(request, response, following)
    return Segments(items=[as_segment(row) for row in rows[:limit]], next=following)


@router.post(
    "",
    status_code=201,
    summary="Make a segment",
    responses=errors("team_unknown", "list_name_taken", "list_name_invalid", *_RULE_ERRORS),
)
def make(order: Annotated[SegmentOrder, Body()], program: ListEditor, portal: PortalState) -> SegmentOut:
    """Everybody who meets the rule is in it, whenever it is looked at."""
    team = order.team or program.team_path
    with portal.engine.begin() as connection:
        visible_team(connection, program, team)
        made = make_segment(
            connection,
            by=program.principal,
            team=team,
            name=order.name,
            rule=order.rule,
            description=order.description,
        )
    return as_segment(made)


@router.post("/count", summary="Try a rule", responses=errors("team_unknown", *_RULE_ERRORS))
def try_rule(order: Annotated[RuleToTry, Body()], program: ListReader, portal: PortalState) -> Tried:
    """How it reads as a sentence, and how many contacts meet it now. Nothing is kept."""
    team = order.team or program.team_path
    with portal.engine.connect() as connection:
        visible_team(connection, program, team)
        used = scope_of(connection, team)
        rule = read_rule(order.rule, used.vocabulary)
        count = count_members(connection, rule_membership(used, rule))
    return Tried(sentence=rule_sentence(rule), contacts=count)


@router.get("/{segment_id}", summary="A segment", responses=errors("segment_unknown", *_RULE_ERRORS))
def show(segment_id: Number, program: ListReader, portal: PortalState) -> SegmentInFull:
    """With its rule as a sentence, and how many contacts meet it now."""
    with portal.engine.connect() as connection:
        row = visible_segment(connection, program, segment_id)
        sentence = rule_sentence(rule_of(connection, row))
        count = count_members(connection, segment_membership(connection, row, row.team))
    return SegmentInFull(**as_segment(row).model_dump(), sentence=sentence, contacts=count)


@router.patch(
    "/{segment_id}",
    summary="Change a segment",
    responses=errors("segment_unknown", "list_changed_since", "list_name_taken", "list_name_invalid", *_RULE_ERRORS),
)
def change(
    segment_id: Number, order: Annotated[SegmentChange, Body()], program: ListEditor, portal: PortalState
) -> SegmentOut:
    """Its name, its rule, its description."""
    with portal.engine.begin() as connection:
        row = visible_segment(connection, program, segment_id)
        if row.version != order.version:
            raise UsageError("list_changed_since", name=row.name)
        changed = change_segment(
            connection,
            row,
            by=program.principal,
            name=order.name,
            rule=order.rule,
            description=order.description,
        )
    return as_segment(changed)


@router.delete("/{segment_id}", summary="Remove a segment", responses=errors("segment_unknown", "list_in_use"))
def remove(segment_id: Number, program: ListEditor, portal: PortalState) -> SegmentOut:
    """Its contacts stay; campaigns that were made of it keep what it was."""
    with portal.engine.begin() as connection:
        row = visible_segment(connection, program, segment_id)
        remove_segment(connection, row, by=program.principal)
    return as_segment(row)
