"""Segments: made, changed and removed; who is in one now.

>>> with engine.begin() as connection:
...     made = make_segment(connection, by=principal, team="acme.billing", name="Gold in Berlin", rule=written)
...     used = scope_of(connection, "acme.billing")
...     count_members(connection, rule_membership(used, read_rule(written, used.vocabulary)))
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightmail.access.decisions import require
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.audit import write_entry
from nightmail.contacts import list_queries as queries
from nightmail.contacts.list_names import checked_description, checked_name
from nightmail.contacts.scopes import find_used, visible_teams, vocabulary_of
from nightmail.contacts.segment_reading import read_rule
from nightmail.contacts.segment_rules import Rule, as_json
from nightmail.errors import UsageError
from nightmail.organisation.teams import get_team, team_id_of

MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """A segment. ``rule`` is as JSON has it; :func:`rule_of` reads it."""

    id: int
    team_id: int
    team: str
    name: str
    description: str
    rule: Mapping[str, Any]
    version: int
    changed_at: dt.datetime
    changed_by: str


def segments(
    connection: Connection, team: str, *, after: tuple[str, int] = ("", 0), limit: int = 100
) -> list[SegmentRow]:
    """The segments that a team uses: its own, and those of teams above that share them; by name, after one of them."""
    values = {"teams": visible_teams(connection, team_id_of(connection, team)), "limit": limit}
    rows = connection.execute(text(queries.SEGMENTS), {**values, "after_name": after[0].lower(), "after_id": after[1]})
    return [SegmentRow(**row._mapping) for row in rows]


def find_segment(connection: Connection, team: str, which: str | int) -> SegmentRow:
    """A segment that a team uses, by its name or number; of two of one name the team's own.

    Raises :class:`UsageError` (``segment_unknown``).
    """
    teams = visible_teams(connection, team_id_of(connection, team))
    found = find_used(connection, queries.SEGMENT, SegmentRow, teams, which)
    if found is None:
        known = ", ".join(row.name for row in segments(connection, team, limit=MOST_NAMED)) or "(none)"
        raise UsageError("segment_unknown", segment=which, known=known)
    return found


def segment_of_id(connection: Connection, segment_id: int) -> SegmentRow | None:
    """The segment of a number, whosever it is; ``None`` where there is none."""
    row = connection.execute(text(queries.SEGMENT), {"teams": None, "id": segment_id, "name": None, "limit": 1}).first()
    return None if row is None else SegmentRow(**row._mapping)


def rule_of(connection: Connection, segment: SegmentRow) -> Rule:
    """The rule of a segment, read by what its team knows now.

    Raises what :func:`nightmail.contacts.segment_reading.read_rule` does: an attribute may be gone since the rule was made.
    """
    return read_rule(segment.rule, vocabulary_of(connection, segment.team))


def make_segment(
    connection: Connection, *, by: Principal, team: str, name: str, rule: Any, description: str = ""
) -> SegmentRow:
    """Make a segment of a team, in the caller's transaction.

    Raises :class:`UsageError` (``team_unknown``, ``list_name_invalid``, ``list_name_taken``, what :func:`read_rule` raises) and
    :class:`NightmailError` (``not_permitted``).
    """
    require(by, Permission.LIST_EDIT, team)
    owner = get_team(connection, team)
    read = read_rule(rule, vocabulary_of(connection, owner.path))
    plain = checked_name(name)
    values = {"team": owner.id, "name": plain, "description": checked_description(description), "by": by.actor}
    number = connection.scalar(text(queries.MAKE_SEGMENT), {**values, "rule": json.dumps(as_json(read))})
    if number is None:
        raise UsageError("list_name_taken", team=team, what="segment", name=plain)
    made = find_segment(connection, team, int(number))
    _record(connection, by, "segment.made", made, after=_facts(made))
    return made


def change_segment(
    connection: Connection,
    segment: SegmentRow,
    *,
    by: Principal,
    name: str | None = None,
    rule: Any = None,
    description: str | None = None,
) -> SegmentRow:
    """Change a segment as it was read: what is not given stays.

    Raises what :func:`make_segment` does, and :class:`UsageError` (``list_changed_since``) when it was changed meanwhile.
    """
    require(by, Permission.LIST_EDIT, segment.team)
    plain = segment.name if name is None else checked_name(name)
    written = segment.rule
    if rule is not None:
        written = as_json(read_rule(rule, vocabulary_of(connection, segment.team)))
    _refuse_taken(connection, segment, plain)
    values = {
        "id": segment.id,
        "version": segment.version,
        "name": plain,
        "description": segment.description if description is None else checked_description(description),
        "rule": json.dumps(dict(written)),
        "by": by.actor,
    }
    if connection.scalar(text(queries.CHANGE_SEGMENT), values) is None:
        raise UsageError("list_changed_since", name=segment.name)
    changed = find_segment(connection, segment.team, segment.id)
    _record(connection, by, "segment.changed", changed, before=_facts(segment), after=_facts(changed))
    return changed


def remove_segment(connection: Connection, segment: SegmentRow, *, by: Principal) -> None:
    """Remove a segment; campaigns that were made of it keep what it was.

    Raises :class:`UsageError` (``list_in_use``) while a list holds it, and :class:`NightmailError` (``not_permitted``).
    """
    require(by, Permission.LIST_EDIT, segment.team)
    connection.execute(text(queries.LOCK))
    refuse_in_use(connection, "segment", segment.id, segment.name)
    connection.execute(text("update segment set removed_at = now() where id = :id"), {"id": segment.id})
    _record(connection, by, "segment.removed", segment, before=_facts(segment))


def refuse_in_use(connection: Connection, kind: str, target: int, name: str) -> None:
    """Raise :class:`UsageError` (``list_in_use``) when lists hold a thing."""
    holding = connection.scalars(text(queries.LISTS_THAT_HOLD), {"kind": kind, "target": target}).all()
    if holding:
        raise UsageError("list_in_use", name=name, lists=", ".join(holding))


def _refuse_taken(connection: Connection, segment: SegmentRow, name: str) -> None:
    if name.lower() == segment.name.lower():
        return
    statement = (
        "select exists (select from segment where team_id = :team and lower(name) = lower(:name) "
        "and id <> :id and removed_at is null)"
    )
    if connection.scalar(text(statement), {"team": segment.team_id, "name": name, "id": segment.id}):
        raise UsageError("list_name_taken", team=segment.team, what="segment", name=name)


def _facts(segment: SegmentRow) -> dict[str, Any]:
    return {
        "name": segment.name,
        "description": segment.description,
        "rule": dict(segment.rule),
        "version": segment.version,
    }


def _record(connection: Connection, by: Principal, action: str, segment: SegmentRow, **change: Any) -> None:
    write_entry(
        connection,
        actor=by.actor,
        action=action,
        subject=f"segment {segment.id}",
        team_id=segment.team_id,
        **change,
    )
