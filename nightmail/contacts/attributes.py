"""Attributes: the further values, each of one type, that a team keeps of its contacts and of those below it.

:func:`~nightmail.contacts.contact_changes.define_attribute` makes one; here they are listed, renamed for people, and removed.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.access.decisions import allowed, require
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.audit import write_entry
from nightmail.contacts import attribute_queries as queries
from nightmail.contacts.contact_fields import plain_text
from nightmail.errors import UsageError


@dataclass(frozen=True, slots=True)
class AttributeRow:
    """An attribute, and the team that defined it."""

    id: int
    team_id: int
    team: str
    name: str
    type: str
    label: str
    created_at: dt.datetime
    created_by: str


def list_attributes(connection: Connection, team: str) -> list[AttributeRow]:
    """The attributes that contacts of a team may have: those of the teams above first."""
    rows = connection.execute(text(queries.ATTRIBUTES), {"team": team})
    return [AttributeRow(**row._mapping) for row in rows]


def find_attribute(
    connection: Connection, by: Principal, number: int, permission: Permission = Permission.CONTACT_SEE
) -> AttributeRow:
    """An attribute of a team at which ``by`` holds the permission. Raises :class:`UsageError` (``contact_attribute_unknown``)."""
    row = connection.execute(text(queries.ATTRIBUTE), {"id": number}).first()
    found = AttributeRow(**row._mapping) if row else None
    if found is None or not allowed(by, permission, found.team).yes:
        raise UsageError("contact_attribute_unknown", attribute=number)
    return found


def label_attribute(connection: Connection, found: AttributeRow, label: str, *, by: Principal) -> AttributeRow:
    """Change how people read an attribute; its name and its type stay, for values and rules are kept by them."""
    require(by, Permission.CONTACT_EDIT, found.team)
    called = plain_text("label", label)
    connection.execute(
        text("update contact_attribute set label = :label where id = :id"), {"id": found.id, "label": called}
    )
    _record(connection, by, found, "contact_attribute.labelled")
    return find_attribute(connection, by, found.id)


def remove_attribute(connection: Connection, found: AttributeRow, *, by: Principal, with_values: bool = False) -> int:
    """Remove an attribute; of how many contacts a value went.

    Raises :class:`UsageError` (``contact_attribute_in_use``) while a segment asks for it, or while contacts have a value and
    ``with_values`` does not say that these go too; what they were is in the contacts' histories. Values stay where a team above or
    below defines an attribute of the same name.
    """
    require(by, Permission.CONTACT_EDIT, found.team)
    values = {"id": found.id, "team": found.team, "name": found.name, "by": by.actor}
    segment = connection.scalar(text(queries.USED_BY), values)
    if segment is not None:
        raise UsageError("contact_attribute_in_use", problem=f"the segment {segment} asks for it")
    cleared = 0
    if not connection.scalar(text(queries.SAME_NAME), values) and connection.scalar(text(queries.HAS_VALUES), values):
        if not with_values:
            raise UsageError("contact_attribute_in_use", problem="contacts have a value, which was not said to go too")
        cleared = connection.execute(text(queries.CLEAR_VALUES), values).rowcount
    connection.execute(text("delete from contact_attribute where id = :id"), {"id": found.id})
    _record(connection, by, found, "contact_attribute.removed", cleared)
    return cleared


def _record(connection: Connection, by: Principal, found: AttributeRow, action: str, cleared: int = 0) -> None:
    write_entry(
        connection,
        actor=by.actor,
        action=action,
        subject=f"contact_attribute:{found.name}",
        team_id=found.team_id,
        detail={"type": found.type, "values_removed": cleared},
    )
