"""All that stands around a contact, in one question: further addresses, tags, notes, groups, and the attributes that its team knows."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from nightmail.contacts.contact_fields import Attribute
from nightmail.contacts.contact_listing import ContactRow, Note, addresses_of
from nightmail.contacts.contact_overview_queries import OVERVIEW


@dataclass(frozen=True)
class ContactOverview:
    """What stands around a contact."""

    addresses: dict[str, list[str]] = field(repr=False)
    """All of them, by kind, in the order in which they are tried."""
    tags: list[str]
    notes: list[Note] = field(repr=False)
    groups: list[tuple[int, str]]
    """Number and name."""
    attributes: list[Attribute]
    preference: dict[str, Any] | None = field(repr=False)
    """What it chose, as it is stored."""


def overview_of(connection: Connection, contact: ContactRow) -> ContactOverview:
    """What stands around a contact."""
    values = {"id": contact.id, "team_id": contact.team_id, "contact_id": contact.contact_id}
    row = connection.execute(text(OVERVIEW), values).one()
    further: dict[str, list[str]] = {}
    for each in row.further:
        further.setdefault(each["kind"], []).append(each["address"])
    return ContactOverview(
        addresses=addresses_of(contact, further),
        tags=row.tags,
        notes=[Note(**each | {"created_at": dt.datetime.fromisoformat(each["created_at"])}) for each in row.notes],
        groups=[(each["id"], each["name"]) for each in row.groups],
        attributes=[Attribute(each["name"], each["type"], each["label"]) for each in row.attributes],
        preference=row.preference,
    )
