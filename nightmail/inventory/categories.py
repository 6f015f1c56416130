"""Categories as administrators see them: what each kind of message needs, and what it is exempt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.inventory import price_queries as queries
from nightmail.organisation.categories import MARKETING, PREDEFINED_CATEGORIES


@dataclass(frozen=True, slots=True)
class CategoryEntry:
    """One category; ``team`` ``None`` is one for all teams. ``templates`` counts those that are seen."""

    id: int
    name: str
    team: str | None
    kind: str
    needs_consent: bool
    urgent: bool
    resend_if_absent: bool
    templates: int

    @property
    def predefined(self) -> bool:
        """Whether every organisation has it."""
        return self.team is None and PREDEFINED_CATEGORIES.get(self.name) == self.kind

    @property
    def is_marketing(self) -> bool:
        """Whether it is marketing: bound by consent, and by one message an address."""
        return self.kind == MARKETING


def categories(
    connection: Connection,
    seen: Sequence[str],
    *,
    kind: str | None = None,
    after: tuple[str, int] | None = None,
    limit: int = 100,
) -> list[CategoryEntry]:
    """The categories of the teams that are seen and those for all, by name; ``after`` is a name and a number."""
    values = {
        "seen": list(seen),
        "kind": kind,
        "after_name": after[0] if after else None,
        "after_id": after[1] if after else 0,
        "limit": limit,
    }
    return [CategoryEntry(**row._mapping) for row in connection.execute(text(queries.CATEGORIES), values)]
