"""Categories of messages as an organisation has them: what a contact may opt out of, and what needs consent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.errors import UsageError
from nightmail.organisation.queries import CATEGORY_NAMES, FIND_CATEGORY

MARKETING = "marketing"

PREDEFINED_CATEGORIES: Mapping[str, str] = {
    "billing": "service",
    "appointment": "service",
    "outage": "service",
    "delivery": "service",
    "security": "service",
    "account": "service",
    "emergency": "service",
    "service": "service",
    "marketing": "marketing",
    "newsletter": "marketing",
    "offers": "marketing",
    "survey": "marketing",
}
"""Categories that every organisation has, and their kinds; an own category states ``category_kind`` in the file."""

_COLUMNS = "g.id, g.name, g.kind, g.needs_consent, g.urgent"


@dataclass(frozen=True, slots=True)
class Category:
    """One category. ``kind`` is ``service`` or ``marketing``; ``id`` is ``None`` without a database."""

    id: int | None
    name: str
    kind: str
    needs_consent: bool
    urgent: bool = False

    @classmethod
    def of_kind(cls, name: str, kind: str) -> Category:
        """A category of which only name and kind are known: marketing needs consent."""
        return cls(None, name, kind, kind == MARKETING)


def find_category(connection: Connection, team: str, name: str) -> Category | None:
    """The category that a team means by a name: its own, else that of the nearest team above, else the one for all."""
    row = connection.execute(text(FIND_CATEGORY), {"name": name, "team": team}).first()
    return None if row is None else Category(**row._mapping)


def named_category(connection: Connection, team: str, name: str, *, by: str) -> Category:
    """:func:`find_category`. Raises :class:`UsageError` (``category_unknown``) that says what names the category: ``by``."""
    found = find_category(connection, team, name)
    if found is None:
        known = ", ".join(category_names(connection, team)) or "(none)"
        raise UsageError("category_unknown", category=name, by=by, known=known)
    return found


def category_names(connection: Connection, team: str | None) -> list[str]:
    """The names of the categories that ``team`` (a path), a team above it or one below it may use; ``None``: of all teams.

    Sorted, at most 500.
    """
    return list(connection.scalars(text(CATEGORY_NAMES), {"team": team}))


def get_category(connection: Connection, category_id: int) -> Category:
    """The category of an id. Raises :class:`sqlalchemy.exc.NoResultFound` without one."""
    row = connection.execute(text(f"select {_COLUMNS} from category g where g.id = :id"), {"id": category_id})  # noqa: S608
    return Category(**row.one()._mapping)


def kind_of_category(category: str, stated: str | None = None) -> str | None:
    """``service`` or ``marketing``: as stated, else as predefined; ``None`` for a category that is neither."""
    return stated or PREDEFINED_CATEGORIES.get(category)
