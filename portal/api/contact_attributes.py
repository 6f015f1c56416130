"""Attributes: the further values that a team keeps of its contacts. Values are set with the contacts themselves."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from nightmail.access.permissions import Permission
from nightmail.contacts.attributes import (
    AttributeRow,
    find_attribute,
    label_attribute,
    list_attributes,
    remove_attribute,
)
from nightmail.contacts.contact_changes import define_attribute
from portal.api.authentication import ContactEditor, ContactReader
from portal.api.contact_models import TEAM_PATTERN, OwnTeam
from portal.api.errors import errors
from portal.api.strict_query import refuse_unknown_query
from portal.api.visibility import visible_team
from portal.state import PortalState

router = APIRouter(prefix="/v1/contacts/attributes", tags=["contacts"], dependencies=[Depends(refuse_unknown_query)])

Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="The attribute's number", examples=[1])]
Label = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$", description="How people read it")]


class AttributeOrder(BaseModel):
    """A further value of contacts."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=60, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", examples=["tariff"])
    type: Literal["text", "number", "date", "boolean"] = "text"
    label: Label = ""
    team: str | None = Field(
        None, max_length=200, pattern=TEAM_PATTERN, description="Your team, by default, or one below"
    )


class AttributeLabel(BaseModel):
    """What is to be different about an attribute."""

    model_config = ConfigDict(extra="forbid")

    label: Label


class AttributeRemoval(BaseModel):
    """How an attribute is removed."""

    model_config = ConfigDict(extra="forbid")

    with_values: bool = Field(False, description="Whether the values that contacts have go too")


class AttributeOut(BaseModel):
    """An attribute."""

    id: int
    team: str = Field(description="The team that defined it", examples=["acme.billing"])
    name: str = Field(examples=["tariff"])
    type: str = Field(examples=["text"])
    label: str
    created_at: dt.datetime
    created_by: str


class AttributeRemoved(BaseModel):
    """What went with an attribute."""

    values_removed: int = Field(description="Of how many contacts")


@router.get("", summary="Attributes of a team's contacts", responses=errors("team_unknown"))
def list_all(program: ContactReader, portal: PortalState, team: OwnTeam = None) -> list[AttributeOut]:
    """Those of the teams above first, which its contacts may have too; at most 200."""
    path = team or program.team_path
    with portal.engine.connect() as connection:
        visible_team(connection, program, path)
        return [_out(row) for row in list_attributes(connection, path)]


@router.post(
    "",
    status_code=201,
    summary="Define an attribute",
    responses=errors("team_unknown", "contact_field_invalid"),
)
def define(order: Annotated[AttributeOrder, Body()], program: ContactEditor, portal: PortalState) -> AttributeOut:
    """For contacts of the team and of those below it. One that is there gets the label; its type stays."""
    path = order.team or program.team_path
    with portal.engine.begin() as connection:
        visible_team(connection, program, path)
        define_attribute(
            connection, by=program.principal, team=path, name=order.name, type_=order.type, label=order.label
        )
        found = [row for row in list_attributes(connection, path) if (row.team, row.name) == (path, order.name)]
        return _out(found[0])


@router.patch(
    "/{attribute}",
    summary="Change how people read an attribute",
    responses=errors("contact_attribute_unknown", "contact_field_invalid"),
)
def label(
    attribute: Number, order: Annotated[AttributeLabel, Body()], program: ContactEditor, portal: PortalState
) -> AttributeOut:
    """Name and type stay: values, files and rules are kept by them."""
    by = program.principal
    with portal.engine.begin() as connection:
        row = find_attribute(connection, by, attribute, Permission.CONTACT_EDIT)
        return _out(label_attribute(connection, row, order.label, by=by))


@router.post(
    "/{attribute}/remove",
    summary="Remove an attribute",
    responses=errors("contact_attribute_unknown", "contact_attribute_in_use"),
)
def remove(
    attribute: Number, order: Annotated[AttributeRemoval, Body()], program: ContactEditor, portal: PortalState
) -> AttributeRemoved:
    """Refused while a segment asks for it, or while contacts have a value and you do not say that it goes too."""
    by = program.principal
    with portal.engine.begin() as connection:
        row = find_attribute(connection, by, attribute, Permission.CONTACT_EDIT)
        cleared = remove_attribute(connection, row, by=by, with_values=order.with_values)
    return AttributeRemoved(values_removed=cleared)


def _out(row: AttributeRow) -> AttributeOut:
    return AttributeOut(
        id=row.id,
        team=row.team,
        name=row.name,
        type=row.type,
        label=row.label,
        created_at=row.created_at,
        created_by=row.created_by,
    )
