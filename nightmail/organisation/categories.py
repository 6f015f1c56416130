"""Categories of messages as an organisation has them: what a contact may opt out of, and what needs consent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightmail.errors import UsageError
from nightmail.reasons import remedy

if TYPE_CHECKING:
    from sqlalchemy import Connection

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
    """One category. ``kind`` is ``service`` or ``marketing``; ``id`` is ``None`` for one that no database was asked for."""

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
    """The category that a team means by a name: its own, else that of the nearest team above, else everybody's."""
    from sqlalchemy import text

    row = connection.execute(
        text(
            f"select {_COLUMNS} from category g left join team t on t.id = g.team_id where g.name = :name "  # noqa: S608
            "and (g.team_id is null or t.path = :team or starts_with(:team, t.path || '.')) "
            "order by length(t.path) desc nulls last limit 1"
        ),
        {"name": name, "team": team},
    ).first()
    return None if row is None else Category(**row._mapping)


def named_category(connection: Connection, team: str, name: str, *, by: str) -> Category:
    """The same. Raises :class:`UsageError` (``category_unknown``) without one, told of what it is named ``by``."""
    found = find_category(connection, team, name)
    if found is None:
        raise UsageError(
            "category_unknown", f"The team {team} has no category {name}, which {by} names.", remedy("category_unknown")
        )
    return found


def get_category(connection: Connection, category_id: int) -> Category:
    """The category of an id. Raises :class:`sqlalchemy.exc.NoResultFound` without one."""
    from sqlalchemy import text

    row = connection.execute(text(f"select {_COLUMNS} from category g where g.id = :id"), {"id": category_id})  # noqa: S608
    return Category(**row.one()._mapping)


def kind_of_category(category: str, stated: str | None = None) -> str:
    """``service`` or ``marketing``: as stated, else as predefined. Raises :class:`UsageError` for an unknown category."""
    if stated is not None:
        return stated
    if category not in PREDEFINED_CATEGORIES:
        raise UsageError(
            "template_invalid",
            f"The category {category} is not a predefined one, and the template does not say what kind it is.",
            f"Add category_kind: service or marketing, or use one of {', '.join(PREDEFINED_CATEGORIES)}.",
        )
    return PREDEFINED_CATEGORIES[category]
