"""Groups: contacts of a team that were put together by hand."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from nightmail.access.api_keys import Program
from nightmail.access.permissions import Permission
from nightmail.contacts.groups import (
    GroupRow,
    add_members,
    change_group,
    find_group,
    list_groups,
    make_group,
    members_of,
    remove_group,
    remove_members,
    whom_lines_mean,
)
from nightmail.errors import UsageError
from portal.api.authentication import ContactEditor, ContactReader
from portal.api.contact_models import TEAM_PATTERN, ContactOut, ContactVersion, OwnTeam, shown_contacts
from portal.api.errors import errors
from portal.api.pages_of import Cursor, Limit, Page, cursor_of, link_to_next, position_of
from portal.api.strict_query import refuse_unknown_query
from portal.api.visibility import visible_team
from portal.state import PortalState

router = APIRouter(prefix="/v1/groups", tags=["contacts"], dependencies=[Depends(refuse_unknown_query)])

_LISTED = 1_000
Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="The group's number", examples=[1])]


class GroupOrder(BaseModel):
    """A new group."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00]+$", examples=["Board"])
    description: str = Field("", max_length=500, pattern=r"^[^\x00]*$")
    team: str | None = Field(
        None, max_length=200, pattern=TEAM_PATTERN, description="Your team, by default, or one below"
    )


class GroupChange(BaseModel):
    """What changes of a group; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    version: int = Field(ge=1, le=2**31 - 1, description="The version that you read: another one is refused")
    name: str | None = Field(None, min_length=1, max_length=100, pattern=r"^[^\x00]+$", examples=["Board"])
    description: str | None = Field(None, max_length=500, pattern=r"^[^\x00]*$")


class MembersOrder(BaseModel):
    """Contacts of the group's team, each by its external id or one of its addresses."""

    model_config = ConfigDict(extra="forbid")

    members: list[Annotated[str, Field(min_length=1, max_length=320, pattern=r"^[^\x00]+$")]] = Field(
        min_length=1, max_length=5_000, examples=[["C-1", "+49 170 1234567"]]
    )


class GroupOut(BaseModel):
    """A group."""

    id: int
    team: str = Field(examples=["acme.billing"])
    name: str = Field(examples=["Board"])
    description: str
    version: int
    members: int = Field(description="Those that are not removed")
    changed_at: dt.datetime
    changed_by: str


class MembersChanged(BaseModel):
    """What became of those that were named."""

    changed: int = Field(description="How many came in, or went")
    nobody: list[str] = Field(description="What means no contact of the group's team")
    several: list[str] = Field(description="What means several contacts: nothing was done about them")


@router.get("", summary="Groups, by name", responses=errors("team_unknown"))
def list_all(program: ContactReader, portal: PortalState, team: OwnTeam = None) -> list[GroupOut]:
    """Of your team and of those below it; at most 1,000."""
    with portal.engine.connect() as connection:
        if team is not None:
            visible_team(connection, program, team)
        return [_out(row) for row in list_groups(connection, (program.team_path,), team=team, limit=_LISTED)]


@router.post(
    "",
    status_code=201,
    summary="Make a group",
    responses=errors("team_unknown", "group_name_taken", "contact_field_invalid"),
)
def make(order: Annotated[GroupOrder, Body()], program: ContactEditor, portal: PortalState) -> GroupOut:
    """It is empty at first."""
    team = order.team or program.team_path
    with portal.engine.begin() as connection:
        visible_team(connection, program, team)
        return _out(
            make_group(connection, by=program.principal, team=team, name=order.name, description=order.description)
        )


@router.patch(
    "/{group}",
    summary="Rename or describe a group",
    responses=errors("group_unknown", "group_changed_since", "group_name_taken", "contact_field_invalid"),
)
def change(
    group: Number, order: Annotated[GroupChange, Body()], program: ContactEditor, portal: PortalState
) -> GroupOut:
    """Lists and segments that have it keep it: they know it by its number."""
    with portal.engine.begin() as connection:
        row = _read(connection, program, group)
        if row.version != order.version:
            raise UsageError("group_changed_since")
        name = row.name if order.name is None else order.name
        description = row.description if order.description is None else order.description
        return _out(change_group(connection, row, by=program.principal, name=name, description=description))


@router.get("/{group}/members", summary="The members of a group", responses=errors("group_unknown"))
def show_members(
    *,
    request: Request,
    response: Response,
    group: Number,
    program: ContactReader,
    portal: PortalState,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[ContactOut]:
    """In the order of their making. With `personal.see` the look is in the audit log."""
    with portal.engine.begin() as connection:
        row = find_group(connection, program.principal, group)
        found = members_of(connection, row, after=position_of(cursor) or 0, limit=limit + 1)
        items = shown_contacts(connection, program, found[:limit])
    following = cursor_of(found[limit - 1].id) if len(found) > limit else None
    link_to_next(request, response, following)
    return Page(items=items, next=following)


@router.post("/{group}/members", summary="Put contacts into a group", responses=errors("group_unknown"))
def add(
    group: Number, order: Annotated[MembersOrder, Body()], program: ContactEditor, portal: PortalState
) -> MembersChanged:
    """Who is in it already stays."""
    return _change(group, order, program, portal, add=True)


@router.post("/{group}/members/remove", summary="Take contacts out of a group", responses=errors("group_unknown"))
def take_out(
    group: Number, order: Annotated[MembersOrder, Body()], program: ContactEditor, portal: PortalState
) -> MembersChanged:
    """They stay in the address book."""
    return _change(group, order, program, portal, add=False)


@router.post(
    "/{group}/remove",
    status_code=204,
    summary="Remove a group",
    responses=errors("group_unknown", "group_changed_since"),
)
def remove(
    group: Number, order: Annotated[ContactVersion, Body()], program: ContactEditor, portal: PortalState
) -> None:
    """Its contacts stay in the address book."""
    with portal.engine.begin() as connection:
        row = _read(connection, program, group)
        if row.version != order.version:
            raise UsageError("group_changed_since")
        remove_group(connection, row, by=program.principal)


def _change(group: int, order: MembersOrder, program: Program, portal: PortalState, *, add: bool) -> MembersChanged:
    with portal.engine.begin() as connection:
        row = _read(connection, program, group)
        meant = whom_lines_mean(connection, row, order.members, key=portal.settings.key())
        change = add_members if add else remove_members
        changed = change(connection, row, meant.contacts, by=program.principal)
    return MembersChanged(changed=changed, nobody=list(meant.nobody), several=list(meant.several))


def _read(connection: Connection, program: Program, group: int) -> GroupRow:
    return find_group(connection, program.principal, group, Permission.CONTACT_EDIT)


def _out(row: GroupRow) -> GroupOut:
    return GroupOut(
        id=row.id,
        team=row.team,
        name=row.name,
        description=row.description,
        version=row.version,
        members=row.members,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
    )
