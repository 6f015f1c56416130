"""Contacts as pages show them: masked to who may not see personal data of their team."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from nightmail.audit import record_look
from nightmail.contacts.contact_listing import (
    Change,
    ContactRow,
    addresses_of,
    further_of,
    sees_contact_personal,
    tags_of,
)
from nightmail.privacy.masking import HIDDEN, shown_address, shown_identifier, shown_name
from portal.web.contacts.words import ADDRESS_FIELDS, action_label, field_label, kind_choices, source_label
from portal.web.signed_in import SignedIn
from portal.web.translating import gettext

MOST_SHOWN = 120
_OPEN = frozenset({"language", "time_zone", "country", "tags"})
"""Fields that tell nothing of who somebody is."""


@dataclass(frozen=True)
class ShownContact:
    """A contact of a list."""

    number: int
    title: str
    external_id: str
    team: str
    addresses: tuple[tuple[str, str], ...]
    """Kind and address."""
    tags: tuple[str, ...]
    language: str | None
    updated_at: dt.datetime


@dataclass(frozen=True)
class ShownChange:
    """A change of a contact."""

    what: str
    lines: tuple[tuple[str, str, str], ...]
    at: dt.datetime
    by: str
    source: str


def shown_contacts(connection: Connection, me: SignedIn, contacts: Sequence[ContactRow]) -> list[ShownContact]:
    """Contacts of a list; that personal data were shown is recorded."""
    numbers = [contact.id for contact in contacts]
    further, tags = further_of(connection, numbers), tags_of(connection, numbers) if numbers else {}
    kinds = dict(kind_choices())
    shown, seen = [], 0
    for contact in contacts:
        personal = sees_contact_personal(me.principal, contact)
        seen += personal
        listed = addresses_of(contact, further.get(contact.id, {}))
        shown.append(
            ShownContact(
                contact.id,
                title_of(contact, personal=personal),
                shown_identifier(contact.external_id, personal=personal),
                contact.team,
                tuple(
                    (kinds[kind], shown_address(address, personal=personal))
                    for kind, addresses in listed.items()
                    for address in addresses
                ),
                tuple(tags.get(contact.id, ())),
                contact.language,
                contact.updated_at,
            )
        )
    if seen:
        record_look(
            connection,
            actor=me.principal.actor,
            subject="contacts",
            team_id=contacts[0].team_id,
            shown=("address", "name"),
            count=seen,
        )
    return shown


def title_of(contact: ContactRow, *, personal: bool) -> str:
    """What a contact is called: its name, else its external id."""
    return shown_name(contact.name, personal=personal) or shown_identifier(contact.external_id, personal=personal)


def shown_changes(changes: Sequence[Change], names: Mapping[str, str], *, personal: bool) -> list[ShownChange]:
    """The history of a contact."""
    return [
        ShownChange(
            action_label(change.action),
            tuple(_line(name, values, personal=personal) for name, values in change.changes.items()),
            change.changed_at,
            names.get(change.changed_by, change.changed_by),
            source_label(change.source),
        )
        for change in changes
    ]


def _line(name: str, values: Any, *, personal: bool) -> tuple[str, str, str]:
    pair = values if isinstance(values, list) and len(values) == 2 else [None, values]
    before, after = (_value(name, value, personal=personal) for value in pair)
    return field_label(name), before, after


def _value(name: str, value: Any, *, personal: bool) -> str:
    if value is None:
        return ""
    listed = value if isinstance(value, list) else [value]
    if not personal and name not in _OPEN:
        listed = [shown_address(str(each), personal=False) if name in ADDRESS_FIELDS else HIDDEN for each in listed]
    words = [
        {True: gettext("yes"), False: gettext("no")}[each] if isinstance(each, bool) else str(each) for each in listed
    ]
    joined = ", ".join(words)
    return joined if len(joined) <= MOST_SHOWN else f"{joined[:MOST_SHOWN]}…"
