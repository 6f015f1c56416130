"""Contacts as the API takes and shows them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from nightmail.access.api_keys import Program
from nightmail.audit import record_look
from nightmail.contacts.contact_fields import KINDS
from nightmail.contacts.contact_listing import ContactRow, addresses_of, further_of, sees_contact_personal, tags_of
from nightmail.privacy.masking import shown_address, shown_birth_date, shown_identifier, shown_name, shown_values

TEAM_PATTERN = r"^[a-z0-9_]+(\.[a-z0-9_]+)*$"

Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="The contact's number", examples=[1])]
NoteNumber = Annotated[int, Path(ge=1, le=2**63 - 1, description="The note's number", examples=[1])]
OwnTeam = Annotated[str | None, Query(max_length=200, pattern=TEAM_PATTERN, description="Your team or one below")]
Written = Annotated[str, Field(max_length=1_000, pattern=r"^[^\x00]*$")]
Tag = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00,]+$")]


class ContactFields(BaseModel):
    """The fields of a contact, each as a contact file may write it; an empty one takes a value away."""

    model_config = ConfigDict(extra="forbid")

    name: Written | None = Field(None, examples=["Zoë Müller"])
    phone: Written | None = Field(None, examples=["+49 170 1234567"])
    phone_2: Written | None = None
    landline: Written | None = None
    email: Written | None = Field(None, examples=["zoe@example.com"])
    language: Written | None = Field(None, examples=["de"])
    time_zone: Written | None = Field(None, examples=["Europe/Berlin"])
    country: Written | None = Field(None, examples=["DE"])
    birth_date: Written | None = Field(None, examples=["1990-05-17"])


class ContactOrder(ContactFields):
    """A new contact."""

    external_id: Written | None = Field(
        None, description="The team's own id; by default the first address stands for it", examples=["C-1"]
    )
    team: str | None = Field(
        None, max_length=200, pattern=TEAM_PATTERN, description="Your team, by default, or one below"
    )
    attributes: dict[Annotated[str, Field(max_length=60)], Any] = Field(default_factory=dict, max_length=100)
    tags: list[Tag] = Field(default_factory=list, max_length=50)


class ContactChange(ContactFields):
    """What is to be different about a contact; what is left out stays."""

    version: int = Field(ge=1, le=2**31 - 1, description="The version that you read: with another one nothing changes")
    attributes: dict[Annotated[str, Field(max_length=60)], Any] = Field(default_factory=dict, max_length=100)
    tags: list[Tag] | None = Field(None, max_length=50, description="In the place of all that it has")
    addresses: dict[Literal["phone", "landline", "email"], list[Written]] = Field(
        default_factory=dict,
        max_length=3,
        description="By kind, in the order in which they are tried, in the place of all of that kind",
    )


class ContactVersion(BaseModel):
    """The contact as you read it."""

    model_config = ConfigDict(extra="forbid")

    version: int = Field(ge=1, le=2**31 - 1, description="The version that you read: with another one nothing changes")


class NoteOrder(BaseModel):
    """A note."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=2_000, pattern=r"^[^\x00]+$")


class ContactOut(BaseModel):
    """A contact. What is personal is masked or left out without `personal.see`."""

    id: int
    contact_id: str = Field(description="As reports, preferences and consents have it")
    team: str = Field(examples=["acme.billing"])
    external_id: str = Field(examples=["C-1"])
    name: str | None = Field(examples=["Zoë Müller"])
    addresses: dict[str, list[str]] = Field(description="By kind, in the order in which they are tried")
    language: str | None
    time_zone: str | None
    country: str | None
    birth_date: dt.date | None
    attributes: dict[str, Any]
    tags: list[str]
    source: str = Field(description="Where it is from: a person, an import, the API")
    version: int
    created_at: dt.datetime
    updated_at: dt.datetime
    removed_at: dt.datetime | None


class ChangeOut(BaseModel):
    """One change of a contact."""

    id: int
    at: dt.datetime
    by: str
    source: str
    action: str
    changes: dict[str, Any] = Field(
        description="By field the value before and the one after; masked without `personal.see`"
    )


class NoteOut(BaseModel):
    """A note that was made."""

    id: int


class NoteShown(BaseModel):
    """A note about a contact."""

    id: int
    text: str | None = Field(description="Null without `personal.see`")
    at: dt.datetime
    by: str


def shown_contacts(connection: Connection, program: Program, rows: Sequence[ContactRow]) -> list[ContactOut]:
    """Contacts as the program may see them; that it saw what is personal is recorded."""
    numbers = [row.id for row in rows]
    tags, further = tags_of(connection, numbers), further_of(connection, numbers)
    seen = {row.id for row in rows if sees_contact_personal(program.principal, row)}
    record_contacts_read(connection, program, [row for row in rows if row.id in seen])
    return [_out(row, further.get(row.id, {}), tags.get(row.id, []), personal=row.id in seen) for row in rows]


def record_contacts_read(connection: Connection, program: Program, rows: Sequence[ContactRow]) -> None:
    """Record that a program is shown what is personal of contacts."""
    if rows:
        record_look(
            connection,
            actor=program.actor,
            subject=f"contact:{rows[0].id}" if len(rows) == 1 else "contacts",
            team_id=rows[0].team_id if len(rows) == 1 else program.team_id,
            shown=("address", "name"),
            count=len(rows),
        )


def _out(row: ContactRow, further: dict[str, list[str]], tags: list[str], *, personal: bool) -> ContactOut:
    return ContactOut(
        id=row.id,
        contact_id=row.contact_id,
        team=row.team,
        external_id=shown_identifier(row.external_id, personal=personal),
        name=shown_name(row.name, personal=personal) or None,
        addresses={
            kind: [shown_address(each, personal=personal) for each in listed]
            for kind, listed in addresses_of(row, further).items()
            if listed and kind in KINDS
        },
        language=row.language,
        time_zone=row.time_zone,
        country=row.country,
        birth_date=shown_birth_date(row.birth_date, personal=personal),
        attributes=shown_values(row.attributes, personal=personal),
        tags=tags,
        source=row.source,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        removed_at=row.removed_at,
    )
