"""Distribution lists: whom a team writes to under one name."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from nightmail.access.api_keys import Program
from nightmail.access.decisions import sees_personal
from nightmail.audit import record_look
from nightmail.contacts.distribution_lists import (
    Entry,
    EntryRow,
    ListRow,
    entries_of,
    list_of_id,
    lists,
    make_list,
    remove_list,
    rename_list,
    set_entries,
)
from nightmail.contacts.list_membership import count_members, list_membership
from nightmail.errors import UsageError
from nightmail.privacy.masking import shown_identifier
from portal.api.authentication import ListEditor, ListReader
from portal.api.errors import errors
from portal.api.pages_of import Cursor, Limit, Page, cursor_of, link_to_next, position_of
from portal.api.segments import After, Description, Name, NamedPage, Number, OwnTeam, Team, link_after
from portal.api.strict_query import refuse_unknown_query
from portal.api.visibility import sees, visible_team
from portal.problems import RequestError
from portal.state import PortalState

router = APIRouter(prefix="/v1/lists", tags=["lists"], dependencies=[Depends(refuse_unknown_query)])

_ENTRY_ERRORS = ("list_entry_invalid", "list_cycle", "list_too_deep")
_MOST_AT_ONCE = 10_000


class EntryOrder(BaseModel):
    """One entry: whom it names, and whether they are in the list or kept out of it."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["contact", "group", "segment", "list"]
    id: int = Field(ge=1, le=2**63 - 1, description="The number of that thing", examples=[1])
    excluded: bool = Field(False, description="Keeps out whom it names, whatever else includes them")

    def entry(self) -> Entry:
        """The entry as the domain has it."""
        return Entry(self.kind, self.id, self.excluded)


Entries = Annotated[list[EntryOrder], Field(max_length=_MOST_AT_ONCE)]


class ListOrder(BaseModel):
    """A new distribution list."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    description: Description = ""
    team: OwnTeam = None
    entries: Entries = Field(default_factory=list)


class ListChange(BaseModel):
    """What is to be different about a list; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    version: int = Field(ge=1, le=2**31 - 1, description="The version that you read: with another one nothing changes")
    name: Name | None = None
    description: Description | None = None
    entries: Entries | None = Field(None, description="In the place of all that it has")


class ListOut(BaseModel):
    """A distribution list."""

    id: int
    team: str = Field(examples=["acme.billing"])
    name: str = Field(examples=["Customers"])
    description: str
    version: int = Field(description="Counts its changes")
    changed_at: dt.datetime
    changed_by: str


class ListInFull(ListOut):
    """A distribution list, and how many are in it now."""

    contacts: int


class EntryOut(EntryOrder):
    """An entry of a list."""

    name: str | None = Field(description="The thing's name; a contact's is its external id; null: it is gone")


class Lists(NamedPage):
    """One page of distribution lists, by name."""

    items: list[ListOut]


def as_list(row: ListRow) -> ListOut:
    """The list as the API shows it."""
    return ListOut(
        id=row.id,
        team=row.team,
        name=row.name,
        description=row.description,
        version=row.version,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
    )


def _visible(connection: Connection, program: Program, list_id: int) -> ListRow:
    row = list_of_id(connection, list_id)
    if row is None or not sees(program, row.team):
        raise RequestError("list_unknown", list=list_id, known="those of GET /v1/lists")
    return row


@router.get("", summary="The distribution lists that a team uses, by name", responses=errors("team_unknown"))
def list_all(
    *,
    request: Request,
    response: Response,
    program: ListReader,
    portal: PortalState,
    team: Team = None,
    after: After = None,
    limit: Limit = 50,
) -> Lists:
    """Its own, and those that a team above shares with it."""
    wanted = team or program.team_path
    with portal.engine.connect() as connection:
        visible_team(connection, program, wanted)
        rows = lists(connection, wanted, after=(after or "", 2**31 - 1), limit=limit + 1)
    following = rows[limit - 1].name if len(rows) > limit else None
    link_after(request, response, following)
    return Lists(items=[as_list(row) for row in rows[:limit]], next=following)


@router.post(
    "",
    status_code=201,
    summary="Make a distribution list",
    responses=errors("team_unknown", "list_name_taken", "list_name_invalid", *_ENTRY_ERRORS),
)
def make(order: Annotated[ListOrder, Body()], program: ListEditor, portal: PortalState) -> ListOut:
    """Of contacts, groups, segments and other lists. What an entry excludes is out, whatever includes it."""
    team = order.team or program.team_path
    with portal.engine.begin() as connection:
        visible_team(connection, program, team)
        made = make_list(
            connection,
            by=program.principal,
            team=team,
            name=order.name,
            description=order.description,
            entries=[entry.entry() for entry in order.entries],
        )
    return as_list(made)


@router.get("/{list_id}", summary="A distribution list", responses=errors("list_unknown"))
def show(list_id: Number, program: ListReader, portal: PortalState) -> ListInFull:
    """With how many contacts are in it now."""
    with portal.engine.connect() as connection:
        row = _visible(connection, program, list_id)
        count = count_members(connection, list_membership(connection, row.id, row.team))
    return ListInFull(**as_list(row).model_dump(), contacts=count)


@router.get("/{list_id}/entries", summary="The entries of a distribution list", responses=errors("list_unknown"))
def show_entries(
    *,
    request: Request,
    response: Response,
    list_id: Number,
    program: ListReader,
    portal: PortalState,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[EntryOut]:
    """In the order in which they were made. Without `personal.see` the external ids of contacts are masked."""
    with portal.engine.begin() as connection:
        row = _visible(connection, program, list_id)
        found = entries_of(connection, row, after=position_of(cursor) or 0, limit=limit + 1)
        personal = sees_personal(program.principal, row.team)
        people = sum(entry.kind == "contact" for entry in found[:limit])
        record_look(
            connection,
            actor=program.actor,
            subject=f"list {row.id}",
            team_id=row.team_id,
            shown=["external_id"] if personal else [],
            count=people,
        )
    following = cursor_of(found[limit - 1].id) if len(found) > limit else None
    link_to_next(request, response, following)
    return Page(items=[_entry(entry, personal=personal) for entry in found[:limit]], next=following)


def _entry(row: EntryRow, *, personal: bool) -> EntryOut:
    name = row.name
    if row.kind == "contact" and name is not None:
        name = shown_identifier(name, personal=personal)
    return EntryOut.model_validate({"kind": row.kind, "id": row.target_id, "excluded": row.excluded, "name": name})


@router.patch(
    "/{list_id}",
    summary="Change a distribution list",
    responses=errors("list_unknown", "list_changed_since", "list_name_taken", "list_name_invalid", *_ENTRY_ERRORS),
)
def change(list_id: Number, order: Annotated[ListChange, Body()], program: ListEditor, portal: PortalState) -> ListOut:
    """Its name, its description, its entries."""
    with portal.engine.begin() as connection:
        row = _visible(connection, program, list_id)
        if row.version != order.version:
            raise UsageError("list_changed_since", name=row.name)
        if order.name is not None or order.description is not None:
            row = rename_list(connection, row, by=program.principal, name=order.name, description=order.description)
        if order.entries is not None:
            row = set_entries(connection, row, [entry.entry() for entry in order.entries], by=program.principal)
    return as_list(row)


@router.delete("/{list_id}", summary="Remove a distribution list", responses=errors("list_unknown", "list_in_use"))
def remove(list_id: Number, program: ListEditor, portal: PortalState) -> ListOut:
    """Its contacts stay; campaigns that were made of it keep what it was."""
    with portal.engine.begin() as connection:
        row = _visible(connection, program, list_id)
        remove_list(connection, row, by=program.principal)
    return as_list(row)
