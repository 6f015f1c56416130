"""Out of office: who may act meanwhile with the permission of somebody who is away."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.access.people import find_person
from nightmail.access.people_queries import DEPUTY_OF, SET_DEPUTY
from nightmail.audit import write_entry
from nightmail.errors import UsageError
from nightmail.store.clock import database_time

LONGEST = dt.timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Deputy:
    """Who stands in for a person, until when."""

    person_id: int
    name: str
    email: str
    until: dt.datetime


def deputy_of(connection: Connection, person_id: int) -> Deputy | None:
    """The deputy that a person has named and whose time is not over; ``None`` where there is none."""
    row = connection.execute(text(DEPUTY_OF), {"person": person_id}).first()
    return None if row is None else Deputy(**row._mapping)


def name_deputy(connection: Connection, person_id: int, email: str, until: dt.datetime) -> Deputy:
    """Name who stands in for a person until a time, in the place of who was named before.

    Raises :class:`UsageError`: ``person_unknown`` for who has no active account, ``deputy_is_you``, ``deputy_time`` for a time that
    is over or more than a year away.
    """
    deputy = find_person(connection, email)
    if deputy.id == person_id:
        raise UsageError("deputy_is_you")
    if deputy.state != "active":
        raise UsageError("person_unknown", value=email[:80])
    now = database_time(connection)
    if not now < until <= now + LONGEST:
        raise UsageError("deputy_time")
    connection.execute(text(SET_DEPUTY), {"person": person_id, "deputy": deputy.id, "until": until})
    _write(connection, person_id, "person.deputy_named", {"deputy": f"person:{deputy.id}", "until": until.isoformat()})
    return Deputy(deputy.id, deputy.name, deputy.email, until)


def end_deputy(connection: Connection, person_id: int) -> None:
    """Nobody stands in for a person any longer."""
    connection.execute(text(SET_DEPUTY), {"person": person_id, "deputy": None, "until": None})
    _write(connection, person_id, "person.deputy_ended", {})


def _write(connection: Connection, person_id: int, action: str, detail: dict[str, str]) -> None:
    write_entry(connection, actor=f"person:{person_id}", action=action, subject=f"person:{person_id}", detail=detail)
