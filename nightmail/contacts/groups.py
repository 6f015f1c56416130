"""Groups: contacts of a team that were put together by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightmail.access.decisions import allowed, require
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.audit import write_entry
from nightmail.contacts import contact_queries as queries
from nightmail.contacts import list_queries
from nightmail.contacts.contact_fields import plain_text, read_contact_address
from nightmail.contacts.contact_listing import ContactRow
from nightmail.errors import NightmailError, UsageError
from nightmail.organisation.teams import get_team
from nightmail.privacy.hashes import address_hash

LONGEST_NAME = 100
LONGEST_DESCRIPTION = 500
MOST_LINES = 5_000
"""Lines that are added at once by hand: for more, an import."""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group; ``members`` are those that are not removed."""

    id: int
    team_id: int
    team: str
    name: str
    description: str
    version: int
    changed_at: dt.datetime
    changed_by: str
    members: int


@dataclass(frozen=True)
class Meant:
    """Whom lines mean: the contacts, the lines that mean nobody, and those that mean several."""

    contacts: tuple[int, ...]
    nobody: tuple[str, ...]
    several: tuple[str, ...]


def find_group(connection: Connection, by: Principal, number: int, permission: Permission | None = None) -> GroupRow:
    """A group that ``by`` may see, or holds ``permission`` for. Raises :class:`UsageError` (``group_unknown``)."""
    row = connection.execute(text(queries.GROUP), {"id": number}).first()
    found = GroupRow(**row._mapping) if row else None
    if found is None or not allowed(by, permission or Permission.CONTACT_SEE, found.team).yes:
        raise UsageError("group_unknown", group=number)
    return found


def list_groups(
    connection: Connection,
    teams: Sequence[str],
    *,
    team: str | None = None,
    words: str | None = None,
    after: tuple[str, int] | None = None,
    limit: int = 100,
) -> list[GroupRow]:
    """The groups of teams and those below, by name."""
    name, number = after or ("", 0)
    values = {"teams": list(teams), "team": team, "words": words, "limit": limit}
    rows = connection.execute(text(queries.GROUPS), {**values, "after_name": name.lower(), "after_id": number})
    return [GroupRow(**row._mapping) for row in rows]


def make_group(connection: Connection, *, by: Principal, team: str, name: str, description: str = "") -> GroupRow:
    """Make a group. Raises :class:`UsageError` (``team_unknown``, ``group_name_taken``, ``contact_field_invalid``)."""
    require(by, Permission.CONTACT_EDIT, team)
    owner = get_team(connection, team)
    values = {"team_id": owner.id, "by": by.actor, **_named(name, description)}
    number = connection.scalar(text(queries.MAKE_GROUP), values)
    if number is None:
        raise UsageError("group_name_taken", team=team, name=values["name"])
    made = find_group(connection, by, int(number), Permission.CONTACT_EDIT)
    _record(connection, by, made, "made", after={"name": made.name, "description": made.description})
    return made


def change_group(connection: Connection, group: GroupRow, *, by: Principal, name: str, description: str) -> GroupRow:
    """Rename a group as it was read. Raises what :func:`make_group` does, and ``group_changed_since``."""
    require(by, Permission.CONTACT_EDIT, group.team)
    values = {"id": group.id, "version": group.version, "by": by.actor, **_named(name, description)}
    taken = {"team_id": group.team_id, "name": values["name"], "id": group.id}
    if connection.scalar(text(queries.GROUP_NAME_TAKEN), taken):
        raise UsageError("group_name_taken", team=group.team, name=values["name"])
    if connection.scalar(text(queries.CHANGE_GROUP), values) is None:
        raise UsageError("group_changed_since")
    changed = find_group(connection, by, group.id, Permission.CONTACT_EDIT)
    before = {"name": group.name, "description": group.description}
    _record(
        connection,
        by,
        changed,
        "changed",
        before=before,
        after={"name": changed.name, "description": changed.description},
    )
    return changed


def remove_group(connection: Connection, group: GroupRow, *, by: Principal) -> None:
    """Remove a group: its contacts stay.

    Raises :class:`UsageError`: ``group_changed_since``, and ``group_in_use`` while a list or the rule of a segment has it, since a
    list that leaves a group out would go to its members.
    """
    require(by, Permission.CONTACT_EDIT, group.team)
    connection.execute(text(list_queries.LOCK))
    if names := connection.scalars(text(list_queries.USERS_OF_GROUP), {"id": group.id}).all():
        raise UsageError("group_in_use", names=", ".join(names))
    statement = text(
        "update contact_group set removed_at = now() where id = :id and version = :version and removed_at is null "
        "returning id"
    )
    if connection.scalar(statement, {"id": group.id, "version": group.version}) is None:
        raise UsageError("group_changed_since")
    _record(connection, by, group, "removed", before={"name": group.name, "members": group.members})


def members_of(connection: Connection, group: GroupRow, *, after: int = 0, limit: int = 50) -> list[ContactRow]:
    """The members of a group that are not removed, after the one with a number."""
    rows = connection.execute(text(queries.MEMBERS), {"group": group.id, "after": after, "limit": limit})
    return [ContactRow(**row._mapping) for row in rows]


def whom_lines_mean(connection: Connection, group: GroupRow, lines: Iterable[str], *, key: bytes) -> Meant:
    """Whom external ids and addresses, one a line, mean among the contacts of the group's team."""
    wanted = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if len(wanted) > MOST_LINES:
        raise UsageError(
            "contact_field_invalid", field="members", problem=f"more than {MOST_LINES:,} lines are brought by an import"
        )
    country = get_team(connection, group.team).country
    hashes = {line: hashed for line in wanted if (hashed := _hash(line, country, key))}
    values = {"team_id": group.team_id, "ids": wanted, "hashes": list(hashes.values())}
    by_id: dict[str, int] = {}
    by_hash: dict[bytes, set[int]] = {}
    for row in connection.execute(text(queries.MEANT), values):
        by_id[row.external_id] = row.id
        for each in row.address_hashes:
            by_hash.setdefault(bytes(each), set()).add(row.id)
    contacts: list[int] = []
    nobody: list[str] = []
    several: list[str] = []
    for line in wanted:
        found = {by_id[line]} if line in by_id else by_hash.get(hashes.get(line, b""), set())
        if len(found) == 1:
            contacts.extend(found)
        else:
            (several if found else nobody).append(line)
    return Meant(tuple(dict.fromkeys(contacts)), tuple(nobody), tuple(several))


def add_members(connection: Connection, group: GroupRow, contacts: Sequence[int], *, by: Principal) -> int:
    """Put contacts of the group's team into it; how many were not there before."""
    require(by, Permission.CONTACT_EDIT, group.team)
    values = {"group": group.id, "contacts": list(contacts), "team_id": group.team_id, "by": by.actor}
    added = len(connection.scalars(text(queries.ADD_MEMBERS), values).all())
    if added:
        _record(connection, by, group, "members_added", detail={"members": added})
    return added


def remove_members(connection: Connection, group: GroupRow, contacts: Sequence[int], *, by: Principal) -> int:
    """Take contacts out of a group; how many were in it."""
    require(by, Permission.CONTACT_EDIT, group.team)
    values = {"group": group.id, "contacts": list(contacts)}
    gone = len(connection.scalars(text(queries.REMOVE_MEMBERS), values).all())
    if gone:
        _record(connection, by, group, "members_removed", detail={"members": gone})
    return gone


def _hash(line: str, country: str | None, key: bytes) -> bytes | None:
    try:
        return address_hash(read_contact_address("email" if "@" in line else "phone", line, country), key)
    except NightmailError:
        return None


def _named(name: str, description: str) -> dict[str, str]:
    plain = plain_text("name", name, LONGEST_NAME)
    if not plain or plain.isdecimal():
        raise UsageError("contact_field_invalid", field="name", problem="it is empty, or a number alone")
    return {"name": plain, "description": plain_text("description", description, LONGEST_DESCRIPTION, lines=True)}


def _record(connection: Connection, by: Principal, group: GroupRow, action: str, **change: Any) -> None:
    write_entry(
        connection,
        actor=by.actor,
        action=f"group.{action}",
        subject=f"group:{group.id}",
        team_id=group.team_id,
        **change,
    )
