"""Two contacts of the address book made one, by hand; kept apart; and the way back from a merge.

A contact stays its team's: two of two teams are never one. What the two chose and consented to is joined by
:mod:`nightmail.consent.merges`, which is what pages, API and commands call: a merge without it would lose what somebody refused.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightmail.access.decisions import allowed, require
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.audit import write_entry
from nightmail.contacts import merge_queries as queries
from nightmail.contacts.contact_changes import (
    MOST_ADDRESSES,
    change_contact,
    keep_change,
    set_addresses,
    set_removed,
    without_repeats,
)
from nightmail.contacts.contact_fields import ADDRESSES, FIELDS, KINDS
from nightmail.contacts.contact_listing import (
    ContactRow,
    addresses_of,
    find_contact,
    further_of,
    tags_of,
)
from nightmail.errors import UsageError

_PLAIN = tuple(name for name in FIELDS if name != "external_id" and name not in ADDRESSES)


@dataclass(frozen=True, slots=True)
class MergeRow:
    """What was decided about two contacts; without ``merged_at`` they are two people."""

    id: int
    team_id: int
    team: str
    kept_id: int
    other_id: int
    before: dict[str, Any]
    decided_at: dt.datetime
    decided_by: str
    merged_at: dt.datetime | None
    undone_at: dt.datetime | None
    undone_by: str | None


def join_contacts(
    connection: Connection, kept: ContactRow, other: ContactRow, *, by: Principal, key: bytes
) -> tuple[ContactRow, int]:
    """Join what the address book has of two contacts, both as they were read: ``other`` goes. The one that stays, and the merge's number.

    The one that stays keeps its values, and gets what it has not: values, addresses, tags, groups, notes. Raises
    :class:`UsageError`: ``merge_of_two_teams``, ``merge_of_one``, ``contact_changed_since``.
    """
    refuse_pair(by, kept, other)
    tags, further = tags_of(connection, [kept.id, other.id]), further_of(connection, [kept.id, other.id])
    mine, theirs = addresses_of(kept, further.get(kept.id, {})), addresses_of(other, further.get(other.id, {}))
    moved = {
        "groups": list(
            connection.scalars(text(queries.JOIN_GROUPS), {"kept": kept.id, "other": other.id, "by": by.actor})
        ),
        "tags": sorted(set(tags.get(other.id, [])) - set(tags.get(kept.id, []))),
        "notes": list(connection.scalars(text(queries.MOVE_NOTES), {"kept": kept.id, "other": other.id})),
    }
    before = {
        "addresses": mine,
        "fields": _missing(kept, other),
        "attributes": _missing_attributes(kept, other),
        **moved,
    }
    after = change_contact(
        connection,
        kept,
        by=by,
        stated={name: getattr(other, name) for name in before["fields"]},
        attributes={name: other.attributes[name] for name in before["attributes"]},
        source="merge",
        key=key,
    )
    for kind in KINDS:
        joined = without_repeats((*mine[kind], *theirs[kind]))
        if joined != mine[kind]:
            after = set_addresses(connection, after, kind, joined[:MOST_ADDRESSES], by=by, key=key)
    connection.execute(text(queries.ADD_TAGS), {"id": kept.id, "tags": moved["tags"]})
    gone = set_removed(connection, other, by=by, removed=True)
    state = {
        **before,
        "kept_version": after.version,
        "other_version": gone.version,
        "kept_was": kept.version,
        "other_was": other.version,
    }
    number = _keep(connection, kept, other, by, state, merged=True)
    keep_change(connection, by, kept.id, kept.team_id, f"merge:{number}", "merged", {})
    return after, number


def keep_apart(connection: Connection, first: ContactRow, second: ContactRow, *, by: Principal) -> int:
    """Say that two contacts are two people: they are not proposed again. The number of what was said."""
    refuse_pair(by, first, second)
    return _keep(connection, first, second, by, {}, merged=False)


def part_contacts(
    connection: Connection, found: MergeRow, *, by: Principal, key: bytes
) -> tuple[ContactRow, ContactRow]:
    """Give both contacts of a merge what the address book had of them: the one that stayed, and the other.

    Raises :class:`UsageError` (``merge_not_undone``) once one of them was changed.
    """
    require(by, Permission.CONTACT_EDIT, found.team)
    kept = find_contact(connection, by, found.kept_id, Permission.CONTACT_EDIT)
    other = find_contact(connection, by, found.other_id, Permission.CONTACT_EDIT)
    before = found.before
    if found.merged_at is None or found.undone_at is not None:
        raise UsageError("merge_not_undone", problem="it is taken back already, or was none")
    if kept.version != before["kept_version"] or other.version != before["other_version"]:
        raise UsageError("merge_not_undone", problem="one of the contacts was changed since")
    statement = text("update contact_merge set undone_at = now(), undone_by = :by where id = :id and undone_at is null")
    connection.execute(statement, {"id": found.id, "by": by.actor})
    back = set_removed(connection, other, by=by, removed=False)
    after = change_contact(
        connection,
        kept,
        by=by,
        stated=dict.fromkeys(before["fields"]),
        attributes=dict.fromkeys(before["attributes"]),
        source=f"merge:{found.id}",
        key=key,
    )
    for kind in KINDS:
        after = set_addresses(connection, after, kind, before["addresses"][kind], by=by, key=key)
    connection.execute(text(queries.DROP_TAGS), {"id": kept.id, "tags": before["tags"]})
    connection.execute(text(queries.LEAVE_GROUPS), {"id": kept.id, "groups": before["groups"]})
    connection.execute(text(queries.NOTES_BACK), {"other": other.id, "notes": before["notes"]})
    # An earlier merge of one of them can be taken back as it could before this one.
    for each, was in ((after, "kept_was"), (back, "other_was")):
        values = {"id": each.id, "was": before.get(was), "version": find_contact(connection, by, each.id).version}
        connection.execute(text(queries.FOLLOW_VERSION), values)
    _record(connection, by, found.team_id, found.id, "contact.merge_undone", (found.kept_id, found.other_id))
    return after, back


def find_merge(connection: Connection, by: Principal, number: int) -> MergeRow:
    """What was decided about two contacts. Raises :class:`UsageError` (``merge_unknown``)."""
    row = connection.execute(text(queries.MERGE), {"id": number}).first()
    found = MergeRow(**row._mapping) if row else None
    if found is None or not allowed(by, Permission.CONTACT_SEE, found.team).yes:
        raise UsageError("merge_unknown", number=number)
    return found


def list_merges(connection: Connection, teams: Sequence[str], *, limit: int = 50) -> list[MergeRow]:
    """What was decided last about contacts of teams and those below, the newest first."""
    rows = connection.execute(text(queries.MERGES), {"teams": list(teams), "limit": limit})
    return [MergeRow(**row._mapping) for row in rows]


def refuse_pair(by: Principal, one: ContactRow, other: ContactRow) -> None:
    """Raise :class:`UsageError` for two contacts of which nothing can be decided."""
    require(by, Permission.CONTACT_EDIT, one.team)
    if one.team_id != other.team_id:
        raise UsageError("merge_of_two_teams")
    if one.id == other.id:
        raise UsageError("merge_of_one")
    if one.removed_at is not None or other.removed_at is not None:
        raise UsageError("contact_removed")


def _missing(kept: ContactRow, other: ContactRow) -> list[str]:
    return [name for name in _PLAIN if getattr(kept, name) is None and getattr(other, name) is not None]


def _missing_attributes(kept: ContactRow, other: ContactRow) -> list[str]:
    return sorted(set(other.attributes) - set(kept.attributes))


def _keep(
    connection: Connection, kept: ContactRow, other: ContactRow, by: Principal, before: dict[str, Any], *, merged: bool
) -> int:
    values = {"team": kept.team_id, "kept": kept.id, "other": other.id, "by": by.actor, "merged": merged}
    number = int(connection.execute(text(queries.KEEP_MERGE), {**values, "before": json.dumps(before)}).scalar_one())
    action = "contact.merged" if merged else "contact.kept_apart"
    _record(connection, by, kept.team_id, number, action, (kept.id, other.id))
    return number


def _record(
    connection: Connection, by: Principal, team_id: int, number: int, action: str, pair: tuple[int, int]
) -> None:
    write_entry(
        connection,
        actor=by.actor,
        action=action,
        subject=f"contact_merge:{number}",
        team_id=team_id,
        detail={"contacts": list(pair)},
    )
