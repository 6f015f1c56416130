"""Contacts as they are read: one, a list of them in order of their making, and those that some words find."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from nightmail.access.decisions import allowed
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.contacts import contact_queries as queries
from nightmail.contacts.contact_fields import ADDRESSES, KINDS, Attribute
from nightmail.contacts.search_hashes import has_words, team_key, wanted_hashes, wanted_words
from nightmail.errors import UsageError
from nightmail.organisation.teams import is_at_or_below

LOOKED_AT = 100
"""Contacts that a search reads at once to look for its words in them."""
MOST_LOOKS = 40


@dataclass(frozen=True, slots=True)
class ContactRow:
    """A contact of a team. ``version`` counts its changes; one with ``removed_at`` is nobody that a list holds."""

    id: int
    team_id: int
    team: str
    contact_id: str
    external_id: str
    name: str | None = field(repr=False)
    phone: str | None = field(repr=False)
    phone_2: str | None = field(repr=False)
    landline: str | None = field(repr=False)
    email: str | None = field(repr=False)
    language: str | None
    time_zone: str | None
    country: str | None
    birth_date: dt.date | None = field(repr=False)
    attributes: dict[str, Any] = field(repr=False)
    source: str
    version: int
    created_at: dt.datetime
    updated_at: dt.datetime
    removed_at: dt.datetime | None
    shared: bool = False
    """Whether the teams below the contact's own use it too."""

    def texts(self) -> list[str | None]:
        """What it is found by, without its further addresses."""
        return [self.name, self.external_id, self.phone, self.phone_2, self.landline, self.email]

    def fields(self) -> dict[str, Any]:
        """The standard fields by their names."""
        names = ("external_id", "name", *ADDRESSES, "language", "time_zone", "country", "birth_date")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class ContactFilter:
    """Which contacts are wanted: of ``teams`` and those below, as a permission is held; ``group`` is a number."""

    teams: Sequence[str]
    team: str | None = None
    tag: str | None = None
    group: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a contact: by field the value before and the one after."""

    id: int
    changed_at: dt.datetime
    changed_by: str
    source: str
    action: str
    changes: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Note:
    """What a colleague noted of a contact."""

    id: int
    text: str = field(repr=False)
    created_at: dt.datetime
    created_by: str


def find_contact(
    connection: Connection, by: Principal, number: int, permission: Permission | None = None
) -> ContactRow:
    """A contact, also a removed one, that ``by`` may see, or holds ``permission`` for.

    Raises :class:`UsageError` (``contact_unknown``), the same for one that is not there and one that may not be seen.
    """
    row = connection.execute(text(queries.CONTACT), {"id": number}).first()
    found = ContactRow(**row._mapping) if row else None
    wanted = permission or Permission.CONTACT_SEE
    if found is None or not _holds(by, wanted, found, also_shared=wanted == Permission.CONTACT_SEE):
        raise UsageError("contact_unknown", contact=number)
    return found


def contacts_by_number(connection: Connection, by: Principal, numbers: Sequence[int]) -> dict[int, ContactRow]:
    """The contacts with these numbers that ``by`` may see."""
    rows = connection.execute(text(queries.CONTACTS_BY_NUMBER), {"ids": list(numbers)}) if numbers else ()
    found = [ContactRow(**row._mapping) for row in rows]
    return {each.id: each for each in found if _holds(by, Permission.CONTACT_SEE, each, also_shared=True)}


def contacts_by_id(connection: Connection, by: Principal, ids: Sequence[str], *, limit: int = 200) -> list[ContactRow]:
    """The contacts of these ids, as the lake and the ledger have them, that are in the book and that ``by`` may see."""
    rows = connection.execute(text(queries.CONTACTS_BY_ID), {"ids": list(ids), "limit": limit}) if ids else ()
    found = [ContactRow(**row._mapping) for row in rows]
    return [each for each in found if _holds(by, Permission.CONTACT_SEE, each, also_shared=True)]


def sees_contact_personal(by: Principal, contact: ContactRow) -> bool:
    """Whether ``by`` may see what is personal of a contact: at its team, or at one below it with which it is shared."""
    return _holds(by, Permission.PERSONAL_SEE, contact, also_shared=True)


def list_contacts(
    connection: Connection, wanted: ContactFilter, *, before: int | None = None, limit: int
) -> list[ContactRow]:
    """The contacts that fit, the newest first, made before the one with the number ``before``."""
    statement = queries.contacts_statement(tagged=wanted.tag is not None, grouped=wanted.group is not None)
    rows = connection.execute(text(statement), {**_values(wanted), "before": before, "limit": limit})
    return [ContactRow(**row._mapping) for row in rows]


def search_contacts(
    connection: Connection,
    wanted: ContactFilter,
    words: str,
    *,
    key: bytes,
    before: int | None = None,
    limit: int,
) -> list[ContactRow]:
    """The contacts that have all the words in name, external id or addresses, as any part of them; the newest first."""
    looked_for = wanted_words(words)
    if not looked_for:
        return []
    values = _values(wanted)
    teams = connection.execute(text(queries.TEAMS_TO_SEARCH), {"teams": values["teams"], "team": wanted.team}).all()
    found: list[ContactRow] = []
    for team in teams:
        hashes = wanted_hashes(looked_for, team_key(key, team.id))
        asked = {**values, "team_id": team.id, "hashes": hashes, "limit": max(LOOKED_AT, limit)}
        found += _of_team(connection, wanted, asked, looked_for, before, limit)
    return sorted(found, key=lambda row: -row.id)[:limit]


def _of_team(
    connection: Connection,
    wanted: ContactFilter,
    asked: dict[str, Any],
    looked_for: list[str],
    before: int | None,
    limit: int,
) -> list[ContactRow]:
    """The newest contacts of one team that have the words: of the newest of all, or else by the index."""
    found: list[ContactRow] = []
    for newest in (True, False):
        statement = text(
            queries.search_statement(newest=newest, tagged=wanted.tag is not None, grouped=wanted.group is not None)
        )
        found, place = [], before
        for _look in range(1 if newest else MOST_LOOKS):
            rows = [ContactRow(**row._mapping) for row in connection.execute(statement, {**asked, "before": place})]
            further = further_of(connection, [row.id for row in rows])
            found += [row for row in rows if has_words([*row.texts(), *_plain(further.get(row.id, {}))], looked_for)]
            if len(rows) < asked["limit"] or len(found) >= limit:
                break
            place = rows[-1].id
        if len(found) >= limit:
            break
    return found


def tags_of(connection: Connection, numbers: Sequence[int]) -> dict[int, list[str]]:
    """The tags of contacts."""
    found: dict[int, list[str]] = {}
    for row in connection.execute(text(queries.TAGS_OF), {"ids": list(numbers)}):
        found.setdefault(row.contact_id, []).append(row.tag)
    return found


def further_of(connection: Connection, numbers: Sequence[int]) -> dict[int, dict[str, list[str]]]:
    """The further addresses of contacts, by kind, in their order."""
    found: dict[int, dict[str, list[str]]] = {}
    if numbers:
        for row in connection.execute(text(queries.FURTHER_OF), {"ids": list(numbers)}):
            found.setdefault(row.contact_id, {}).setdefault(row.kind, []).append(row.address)
    return found


def addresses_of(contact: ContactRow, further: dict[str, list[str]]) -> dict[str, list[str]]:
    """All addresses of a contact, by kind, in the order in which they are tried."""
    return {
        kind: [address for name in names if (address := getattr(contact, name))] + further.get(kind, [])
        for kind, names in KINDS.items()
    }


def changes_of(connection: Connection, number: int, *, before: int | None = None, limit: int = 20) -> list[Change]:
    """What changed of a contact, the newest first."""
    rows = connection.execute(text(queries.CHANGES), {"id": number, "before": before, "limit": limit})
    return [Change(**row._mapping) for row in rows]


def notes_of(connection: Connection, number: int) -> list[Note]:
    """The notes about a contact, the newest first."""
    return [Note(**row._mapping) for row in connection.execute(text(queries.NOTES), {"id": number})]


def groups_of_contact(connection: Connection, number: int) -> list[tuple[int, str]]:
    """The groups that a contact is in: number and name."""
    return [(row.id, row.name) for row in connection.execute(text(queries.GROUPS_OF), {"id": number})]


def attributes_known(connection: Connection, team_id: int) -> dict[str, Attribute]:
    """The attributes that a team's contacts may have: its own, and those that a team above gave all below it."""
    rows = connection.execute(text(queries.ATTRIBUTES), {"team_id": team_id})
    return {row.name: Attribute(row.name, row.type, row.label) for row in rows}


def attributes_below(connection: Connection, team: str) -> list[str]:
    """The names of the attributes that contacts of a team, and of those below it, may have."""
    return list(connection.scalars(text(queries.ATTRIBUTES_BELOW), {"team": team}))


def _holds(by: Principal, permission: Permission, contact: ContactRow, *, also_shared: bool) -> bool:
    below = also_shared and contact.shared
    return allowed(by, permission, contact.team).yes or (
        below and any(permission in held.permissions and is_at_or_below(held.team, contact.team) for held in by.held)
    )


def _plain(further: dict[str, list[str]]) -> list[str]:
    return [address for addresses in further.values() for address in addresses]


def _values(wanted: ContactFilter) -> dict[str, Any]:
    return {"teams": list(wanted.teams), "team": wanted.team, "tag": wanted.tag, "group": wanted.group}
