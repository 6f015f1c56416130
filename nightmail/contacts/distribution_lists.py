"""Distribution lists: made, changed and removed. Their entries name contacts, groups, segments and other lists.

>>> made = make_list(connection, by=principal, team="acme.billing", name="Customers")
>>> set_entries(connection, made, [Entry("segment", 4), Entry("contact", 17, excluded=True)], by=principal)
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightmail.access.decisions import require
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.audit import write_entry
from nightmail.contacts import list_queries as queries
from nightmail.contacts.list_membership import ListGraph
from nightmail.contacts.list_names import checked_description, checked_name
from nightmail.contacts.scopes import find_used, groups_of, visible_teams
from nightmail.contacts.segment_queries import IS_THERE
from nightmail.contacts.segments import MOST_NAMED, find_segment, refuse_in_use
from nightmail.errors import UsageError
from nightmail.organisation.teams import get_team, team_id_of

MOST_ENTRIES = 100_000
KINDS = ("contact", "group", "segment", "list")


@dataclass(frozen=True, slots=True)
class ListRow:
    """A distribution list."""

    id: int
    team_id: int
    team: str
    name: str
    description: str
    version: int
    changed_at: dt.datetime
    changed_by: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: ``kind`` is one of :data:`KINDS`, ``target_id`` the number of that thing."""

    kind: str
    target_id: int
    excluded: bool = False


@dataclass(frozen=True, slots=True)
class EntryRow:
    """An entry as it is stored. ``name`` is the thing's, ``None`` where it is gone; a contact's is its external id."""

    id: int
    excluded: bool
    kind: str
    target_id: int
    name: str | None
    contact_id: str | None


def lists(connection: Connection, team: str, *, after: tuple[str, int] = ("", 0), limit: int = 100) -> list[ListRow]:
    """The lists that a team uses: its own, and those of teams above that share them; by name, after one of them."""
    values = {"teams": visible_teams(connection, team_id_of(connection, team)), "limit": limit}
    rows = connection.execute(text(queries.LISTS), {**values, "after_name": after[0].lower(), "after_id": after[1]})
    return [ListRow(**row._mapping) for row in rows]


def find_list(connection: Connection, team: str, which: str | int) -> ListRow:
    """A list that a team uses, by its name or number; of two of one name the team's own.

    Raises :class:`UsageError` (``list_unknown``).
    """
    teams = visible_teams(connection, team_id_of(connection, team))
    found = find_used(connection, queries.LIST, ListRow, teams, which)
    if found is None:
        known = ", ".join(row.name for row in lists(connection, team, limit=MOST_NAMED)) or "(none)"
        raise UsageError("list_unknown", list=which, known=known)
    return found


def list_of_id(connection: Connection, list_id: int) -> ListRow | None:
    """The list of a number, whosever it is; ``None`` where there is none."""
    row = connection.execute(text(queries.LIST), {"teams": None, "id": list_id, "name": None, "limit": 1}).first()
    return None if row is None else ListRow(**row._mapping)


def entries_of(connection: Connection, found: ListRow, *, after: int = 0, limit: int = 200) -> list[EntryRow]:
    """The entries of a list in their order, after one of them. The names of contacts are personal data."""
    values = {"id": found.id, "after": after, "limit": limit}
    return [EntryRow(**row._mapping) for row in connection.execute(text(queries.DIRECT_ENTRIES), values)]


def entry_named(connection: Connection, team: str, kind: str, name: str, *, excluded: bool = False) -> Entry:
    """The entry that a person names: a group, a segment or a list by its name, a contact by its external id.

    Raises :class:`UsageError` (``list_unknown``, ``segment_unknown``, ``list_entry_unknown``: there is none of that name, or two).
    """
    if kind == "list":
        return Entry(kind, find_list(connection, team, name).id, excluded)
    if kind == "segment":
        return Entry(kind, find_segment(connection, team, name).id, excluded)
    teams = visible_teams(connection, team_id_of(connection, team))
    if kind == "group":
        found = [number for known, number in groups_of(connection, teams).items() if known.lower() == name.lower()]
    elif kind == "contact":
        statement = queries.CONTACTS_NAMED.format(there=IS_THERE)
        found = list(connection.scalars(text(statement), {"teams": teams, "name": name}))
    else:
        raise UsageError("list_entry_invalid", number=1, problem=f"{kind[:40]} is none of {', '.join(KINDS)}")
    if len(found) != 1:
        raise UsageError(
            "list_entry_unknown", kind=kind, name=name, count="two or more" if found else "none", team=team
        )
    return Entry(kind, int(found[0]), excluded)


def make_list(
    connection: Connection,
    *,
    by: Principal,
    team: str,
    name: str,
    description: str = "",
    entries: Iterable[Entry] = (),
) -> ListRow:
    """Make a list of a team with its entries, in the caller's transaction.

    Raises :class:`UsageError` (``team_unknown``, ``list_name_invalid``, ``list_name_taken``, what :func:`set_entries` raises) and
    :class:`NightmailError` (``not_permitted``).
    """
    require(by, Permission.LIST_EDIT, team)
    owner = get_team(connection, team)
    plain = checked_name(name)
    values = {"team": owner.id, "name": plain, "description": checked_description(description), "by": by.actor}
    number = connection.scalar(text(queries.MAKE_LIST), values)
    if number is None:
        raise UsageError("list_name_taken", team=team, what="list", name=plain)
    made = find_list(connection, team, int(number))
    _record(connection, by, "list.made", made, after={"name": made.name, "description": made.description})
    wanted = list(entries)
    return set_entries(connection, made, wanted, by=by) if wanted else made


def rename_list(
    connection: Connection, found: ListRow, *, by: Principal, name: str | None = None, description: str | None = None
) -> ListRow:
    """Change a list's name or description; what is not given stays.

    Raises :class:`UsageError` (``list_name_invalid``, ``list_name_taken``, ``list_changed_since``).
    """
    require(by, Permission.LIST_EDIT, found.team)
    plain = found.name if name is None else checked_name(name)
    if plain.lower() != found.name.lower():
        statement = (
            "select exists (select from distribution_list where team_id = :team and lower(name) = lower(:name) "
            "and id <> :id and removed_at is null)"
        )
        if connection.scalar(text(statement), {"team": found.team_id, "name": plain, "id": found.id}):
            raise UsageError("list_name_taken", team=found.team, what="list", name=plain)
    described = found.description if description is None else checked_description(description)
    _step(connection, found, by, plain, described)
    changed = find_list(connection, found.team, found.id)
    before = {"name": found.name, "description": found.description}
    after = {"name": changed.name, "description": changed.description}
    _record(connection, by, "list.changed", changed, before=before, after=after)
    return changed


def set_entries(connection: Connection, found: ListRow, wanted: Sequence[Entry], *, by: Principal) -> ListRow:
    """Give a list these entries in the place of those that it has. :func:`change_entries` says what is raised."""
    stored = connection.execute(
        text("select kind, target_id, excluded from list_entry where list_id = :id"), {"id": found.id}
    )
    before = {Entry(row.kind, row.target_id, row.excluded) for row in stored}
    after = set(wanted)
    add = [entry for entry in dict.fromkeys(wanted) if entry not in before]
    return change_entries(connection, found, add=add, remove=[entry for entry in before if entry not in after], by=by)


def change_entries(
    connection: Connection, found: ListRow, *, add: Sequence[Entry] = (), remove: Sequence[Entry] = (), by: Principal
) -> ListRow:
    """Add entries to a list and remove others; who holds the list as ``found`` must have read it last.

    Raises :class:`UsageError`: ``list_entry_invalid`` for what is no entry, or names what the team does not see; ``list_cycle``
    when the list would contain itself, with the path; ``list_too_deep``; ``list_changed_since``.
    """
    require(by, Permission.LIST_EDIT, found.team)
    # One change at a time: two that are right by themselves could close a circle together.
    connection.execute(text(queries.LOCK))
    _step(connection, found, by, found.name, found.description)
    _check(connection, found, add)
    statement = (
        "delete from list_entry where list_id = :list and kind = :kind and target_id = :target and excluded = :excluded"
    )
    for entry in remove:
        connection.execute(text(statement), _values(found, entry))
    if add:
        columns = {
            "list": found.id,
            "kinds": [entry.kind for entry in add],
            "targets": [entry.target_id for entry in add],
            "excluded": [entry.excluded for entry in add],
        }
        connection.execute(text(queries.ADD_ENTRIES), columns)
    count = connection.scalar(text("select count(*) from list_entry where list_id = :id"), {"id": found.id})
    if int(count or 0) > MOST_ENTRIES:
        problem = f"a list has {MOST_ENTRIES:,} entries at the most: put the contacts into a group"
        raise UsageError("list_entry_invalid", number=int(count or 0), problem=problem)
    ListGraph.below(connection, found.id).refuse_cycles(found.id)
    _refuse_cycles_above(connection, found)
    changed = find_list(connection, found.team, found.id)
    _record(connection, by, "list.entries_changed", changed, detail=_summary(add, remove))
    return changed


def remove_list(connection: Connection, found: ListRow, *, by: Principal) -> None:
    """Remove a list; campaigns that were made of it keep what it was.

    Raises :class:`UsageError` (``list_in_use``) while another list holds it, and :class:`NightmailError` (``not_permitted``).
    """
    require(by, Permission.LIST_EDIT, found.team)
    connection.execute(text(queries.LOCK))
    refuse_in_use(connection, "list", found.id, found.name)
    connection.execute(text("update distribution_list set removed_at = now() where id = :id"), {"id": found.id})
    _record(connection, by, "list.removed", found, before={"name": found.name})


def _step(connection: Connection, found: ListRow, by: Principal, name: str, description: str) -> None:
    values = {"id": found.id, "version": found.version, "name": name, "description": description, "by": by.actor}
    if connection.scalar(text(queries.CHANGE_LIST), values) is None:
        raise UsageError("list_changed_since", name=found.name)


def _values(found: ListRow, entry: Entry) -> dict[str, Any]:
    return {"list": found.id, "kind": entry.kind, "target": entry.target_id, "excluded": entry.excluded}


def _check(connection: Connection, found: ListRow, entries: Sequence[Entry]) -> None:
    """Raise :class:`UsageError` (``list_entry_invalid``) for an entry that names what the list's team does not see."""
    teams = visible_teams(connection, found.team_id)
    asked = {kind: [entry.target_id for entry in entries if entry.kind == kind] for kind in KINDS}
    if asked["list"] and found.id in asked["list"]:
        raise UsageError("list_cycle", path=f"{found.name} > {found.name}")
    seen: dict[str, set[int]] = {"group": set(groups_of(connection, teams).values()) if asked["group"] else set()}
    for kind, statement in (
        ("contact", queries.CONTACTS_SEEN.format(there=IS_THERE)),
        ("segment", queries.SEGMENTS_SEEN),
        ("list", queries.LISTS_SEEN),
    ):
        values = {"ids": asked[kind], "teams": teams}
        seen[kind] = set(connection.scalars(text(statement), values)) if asked[kind] else set()
    for number, entry in enumerate(entries, start=1):
        if entry.kind not in KINDS:
            problem = f"{str(entry.kind)[:40]} is none of {', '.join(KINDS)}"
            raise UsageError("list_entry_invalid", number=number, problem=problem)
        if entry.target_id not in seen[entry.kind]:
            problem = f"the team {found.team} sees no {entry.kind} with the number {entry.target_id}"
            raise UsageError("list_entry_invalid", number=number, problem=problem)


def _refuse_cycles_above(connection: Connection, found: ListRow) -> None:
    """Refuse what makes a list that holds this one too deep."""
    for above in connection.scalars(text(queries.TOPMOST_LISTS), {"id": found.id}):
        ListGraph.below(connection, above).refuse_cycles(above)


def _summary(add: Sequence[Entry], remove: Sequence[Entry]) -> dict[str, Any]:
    """What changed, for the audit log: how many of each kind, and which groups, segments and lists."""
    found: dict[str, Any] = {}
    for word, entries in (("added", add), ("removed", remove)):
        for entry in entries:
            key = f"{word}_{'excluded' if entry.excluded else 'included'}"
            of = found.setdefault(key, {}).setdefault(entry.kind, [])
            of.append(entry.target_id)
    return {
        key: {kind: len(ids) if kind == "contact" else ids[:50] for kind, ids in kinds.items()}
        for key, kinds in found.items()
    }


def _record(connection: Connection, by: Principal, action: str, found: ListRow, **change: Any) -> None:
    write_entry(
        connection,
        actor=by.actor,
        action=action,
        subject=f"list {found.id}",
        team_id=found.team_id,
        **change,
    )
