"""A book of two teams below one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from nightmail.access.permissions import Permission
from nightmail.access.principals import Held, Principal
from nightmail.contacts.contact_changes import make_contact
from nightmail.contacts.contact_listing import ContactRow

KEY = b"k" * 32


def holder(team: str, *permissions: Permission) -> Principal:
    """A person who holds some permissions at a team; all that concern contacts by default."""
    held = permissions or (Permission.CONTACT_SEE, Permission.CONTACT_EDIT, Permission.CONTACT_EXPORT)
    return Principal("person", 7, "Ada", (Held(1, "contact_manager", team, frozenset(held)),))


@dataclass
class Book:
    """The teams ``acme``, ``acme.billing`` and ``acme.care``, and a person who may change contacts of all of them."""

    connection: Connection
    ada: Principal

    def add(self, team: str = "acme.billing", *, attributes: dict[str, Any] | None = None, **stated: Any) -> ContactRow:
        """Make a contact."""
        return make_contact(self.connection, by=self.ada, team=team, stated=stated, attributes=attributes, key=KEY)


@pytest.fixture
def book(database: Engine) -> Iterator[Book]:
    """See :class:`Book`; all in one transaction."""
    with database.connect() as connection:
        for path in ("acme", "acme.billing", "acme.care"):
            connection.execute(
                text(
                    "insert into team (parent_id, path, name, country) values ((select id from team where path = :above), "
                    ":path, :path, 'DE')"
                ),
                {"path": path, "above": path.rpartition(".")[0]},
            )
        yield Book(connection, holder("acme"))
