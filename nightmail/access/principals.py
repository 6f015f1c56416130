"""Who acts: a person by their grants, a program by its key, the product or the machine's user with all rights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, text

from nightmail.access.permissions import Permission, known_permissions
from nightmail.access.queries import GRANTS_IN_FORCE, PERSON_NAME
from nightmail.errors import UsageError

EVERYWHERE = ""
"""The path that stands for the deployment as a whole: what is held there is held at every team."""

_WORD_OF_KIND = {"person": "person", "program": "key"}


@dataclass(frozen=True, slots=True)
class Held:
    """Permissions held at the team of a path and below, by a role; ``grant_id`` is the grant's, of a person."""

    grant_id: int | None
    role: str
    team: str
    permissions: frozenset[Permission]


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody or something that acts, with all that it holds. ``name`` is shown to people; :attr:`actor` is kept."""

    kind: Literal["person", "program", "system"]
    id: int
    name: str
    held: tuple[Held, ...]

    @property
    def actor(self) -> str:
        """How the audit log names it: ``person:17``, ``key:3``, ``user:root``."""
        return self.name if self.kind == "system" else f"{_WORD_OF_KIND[self.kind]}:{self.id}"


def person_principal(connection: Connection, person_id: int, name: str | None = None) -> Principal:
    """A person with the grants that are in force now. Who is not active holds nothing.

    ``name`` is for who has just read it. Raises :class:`UsageError` (``person_unknown``).
    """
    name = name or connection.scalar(text(PERSON_NAME), {"person": person_id})
    if name is None:
        raise UsageError("person_unknown", value=person_id)
    rows = connection.execute(text(GRANTS_IN_FORCE), {"person": person_id}).all()
    held = tuple(Held(row.id, row.role, row.team, known_permissions(row.permissions)) for row in rows)
    return Principal("person", person_id, name, held)


def system_principal(user: str) -> Principal:
    """The operating system's user ``user`` at the machine itself, who holds everything everywhere."""
    return product_principal(f"user:{user}")


def product_principal(actor: str) -> Principal:
    """A part of the product that acts by what was set up before: ``provider:okta``, ``file:organisation``."""
    return Principal("system", 0, actor, (Held(None, "machine", EVERYWHERE, frozenset(Permission)),))
