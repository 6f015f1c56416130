"""The people of a demonstration: they can log in without having been sent an invitation."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from nightmail.access.demonstration import refuse_outside_sandbox
from nightmail.access.logins import set_password
from nightmail.access.people import activate, find_person
from nightmail.demonstration import ACTOR


def let_people_in(connection: Connection, emails: Iterable[str], password_hash: str) -> dict[str, int]:
    """Make invited people active, with one password for all; gives their numbers by address.

    Raises :class:`nightmail.errors.UsageError`: ``demonstration_refused``, ``person_unknown``.
    """
    refuse_outside_sandbox(connection)
    numbers = {}
    for email in emails:
        person = find_person(connection, email)
        if person.state == "invited":
            activate(connection, person.id)
        set_password(connection, person.id, password_hash, actor=ACTOR)
        numbers[email] = person.id
    return numbers
